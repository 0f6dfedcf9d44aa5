/** Sessions: access and refresh tokens, logging out here and everywhere, tokens that are not ours. */
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { eventsOf, invite, login, openSession, refreshed, refusal, restarted, signUp, startSystem, verifySignup, withSystem, type Answer, type Customer, type Started } from './system.ts';
import { day, minute, second, type Instant } from '../../src/domain/instant.ts';
import { ManualClock } from '../../src/adapters/system/clock.ts';

const ada = 'ada@example.com';
const refresh = (started: Started, refreshToken: string): Promise<Answer> => started.call('POST', '/sessions/refresh', { body: { refreshToken } });
const whoami = (started: Started, token: string): Promise<Answer> => started.call('GET', '/sessions/whoami', { token });
const close = (started: Started, token: string, body: object = {}): Promise<Answer> => started.call('POST', '/sessions/close', { token, body });
const standing = () => ({ clock: new ManualClock('2026-11-21T12:00:00.000Z' as Instant) });

test('whoami says who: account, address, namespace, level', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  assert.deepEqual((await whoami(started, customer.access)).json, { account: customer.account, email: ada, namespace: customer.namespace, level: 'full' });
  assert.deepEqual((await whoami(started, customer.signupToken)).json, { account: null, email: ada, namespace: null, level: 'unpaid' });
  assert.partialDeepStrictEqual((await whoami(started, started.operator)).json, { account: null, email: null, namespace: null });
  refusal(await started.call('GET', '/sessions/whoami'), 401, 'NotSignedIn');
}));

test('a refresh token is traded for the next one; each works once', () => withSystem(async (started) => {
  let customer = await signUp(started, ada);
  const seen = new Set([customer.refresh]);
  for (let n = 0; n < 5; n += 1) {
    const next = await refreshed(started, customer);
    assert.ok(!seen.has(next.refresh));
    seen.add(next.refresh);
    assert.equal((await whoami(started, next.access)).status, 200);
    customer = next;
  }
  const { json } = await refresh(started, customer.refresh);
  assert.partialDeepStrictEqual(json, { account: customer.account, email: ada, namespace: customer.namespace, namespaces: [customer.namespace] });
}));

test('a lost answer: the same refresh token gives the same next one again, and nothing is recorded', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const [first, again] = [await refreshed(started, customer), await refreshed(started, customer)];
  assert.equal(first.refresh, again.refresh);
  assert.equal((await eventsOf(started, 'SessionRefreshed')).length, 1);
  assert.equal((await refresh(started, first.refresh)).status, 200, 'and it goes on from there');
}));

test('a refresh token older than the last used one ends the session as stolen, for thief and owner', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const next = await refreshed(started, customer);
  const newest = await refreshed(started, next);
  assert.match(refusal(await refresh(started, customer.refresh), 401).detail, /stolen/);
  assert.deepEqual((await eventsOf(started, 'SessionClosed')).map(({ reason }) => reason), ['stolen']);
  for (const token of [newest.refresh, next.refresh]) refusal(await refresh(started, token), 401, 'SessionEnded');
  for (const token of [customer.access, newest.access]) refusal(await whoami(started, token), 401, 'NotSignedIn');
  const other = await openSession(started, ada, customer.signupToken);
  assert.equal((await whoami(started, other.access)).status, 200, 'another session of hers is untouched');
}));

test('two refreshes at once with one token agree on the next', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const both = await Promise.all(Array.from({ length: 6 }, () => refresh(started, customer.refresh)));
  assert.deepEqual(both.map(({ status }) => status), Array<number>(6).fill(200));
  assert.equal(new Set(both.map(({ json }) => json.refreshToken)).size, 1);
}));

test('a refresh token that was never given, of a later number or another session, opens and ends nothing', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const bob = await signUp(started, 'bob@example.com');
  const [session, n, secret] = customer.refresh.split('.');
  const [other, , otherSecret] = bob.refresh.split('.');
  for (const forged of [`${session}.1.${secret}`, `${session}.${n}.${otherSecret}`, `${other}.${n}.${secret}`, `${session}.-1.${secret}`, `${session}.1e0.${secret}`, `${session}..`, `${session}`, 'nonsense', `ses_${'0'.repeat(20)}.0.${secret}`]) {
    assert.equal((await refresh(started, forged)).status, 401, forged);
  }
  assert.deepEqual(await eventsOf(started, 'SessionClosed', 'SessionRefreshed'), []);
  assert.equal((await refresh(started, customer.refresh)).status, 200);
}));

test('logout ends this session at once: access and refresh token; others go on', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const other = await openSession(started, ada, customer.signupToken);
  assert.equal((await close(started, customer.access)).status, 204);
  refusal(await whoami(started, customer.access), 401, 'NotSignedIn');
  refusal(await refresh(started, customer.refresh), 401, 'SessionEnded');
  refusal(await close(started, customer.access), 401);
  assert.equal((await whoami(started, other.access)).status, 200);
  assert.equal((await refresh(started, other.refresh)).status, 200);
}));

test('where one is signed in: one\'s own open sessions, with the one that asks marked; one of them can be ended', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const bob = await signUp(started, 'bob@example.com');
  const other = await openSession(started, ada, customer.signupToken);
  await started.settled();
  const mine = async ({ access }: Customer): Promise<any[]> => {
    await started.settled();
    return (await started.call('GET', '/account/sessions', { token: access })).json.items;
  };
  const items = await mine(customer);
  assert.deepEqual(items.map(({ kind, current }) => [kind, current]), [['cli', false], ['cli', true]]);
  assert.deepEqual(Object.keys(items[0]).sort(), ['current', 'id', 'kind', 'lastUsed', 'openedAt'], 'no address, no secret');
  const [bobs] = await mine(bob);
  refusal(await close(started, customer.access, { sessionId: bobs.id }), 404, 'SessionNotFound');
  refusal(await close(started, started.operator, { sessionId: bobs.id }), 404, 'SessionNotFound');
  refusal(await close(started, customer.access, { sessionId: `ses_${'0'.repeat(20)}` }), 404, 'SessionNotFound');
  assert.equal((await whoami(started, bob.access)).status, 200);
  assert.equal((await close(started, customer.access, { sessionId: items[0].id })).status, 204);
  refusal(await whoami(started, other.access), 401, 'NotSignedIn');
  assert.equal((await whoami(started, customer.access)).status, 200);
  assert.deepEqual((await mine(customer)).map(({ current }) => current), [true]);
  await started.advance(second);
  await close(started, customer.access, { everywhere: true });
  await started.advance(second);
  const { session } = await login(started, ada);
  assert.equal((await mine({ ...customer, access: session.accessToken })).length, 1, 'what logging out everywhere ended is gone');
}));

test('logout everywhere ends access, refresh and sign-up tokens of every session at once; signing in again works', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const bob = await signUp(started, 'bob@example.com');
  const others = [await openSession(started, ada, customer.signupToken), await openSession(started, ada, customer.signupToken)];
  assert.equal((await close(started, customer.access, { everywhere: true })).status, 204);
  for (const { access, refresh: token } of [customer, ...others]) {
    refusal(await whoami(started, access), 401, 'NotSignedIn');
    refusal(await refresh(started, token), 401, 'SessionEnded');
  }
  refusal(await whoami(started, customer.signupToken), 401, 'NotSignedIn');
  refusal(await started.call('POST', '/sessions/open', { token: customer.signupToken }), 401, 'NotSignedIn');
  assert.equal((await whoami(started, bob.access)).status, 200, 'nobody else is signed out');
  await started.advance(second);
  const { status, session } = await login(started, ada);
  assert.equal(status, 'signed-in');
  assert.equal((await whoami(started, session.accessToken)).status, 200);
}));

test('an access token lives for ten minutes: a second before their end it works, at it not', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await started.advance(10 * minute - second);
  assert.equal((await whoami(started, customer.access)).status, 200);
  await started.advance(second);
  const refused = await whoami(started, customer.access);
  assert.match(refusal(refused, 401, 'NotSignedIn').detail, /expired/);
  assert.equal(refused.headers.get('www-authenticate'), 'Bearer');
  assert.equal((await whoami(started, (await refreshed(started, customer)).access)).status, 200);
}, standing()));

test('a session ends 180 days after its last use, not after its opening', () => withSystem(async (started) => {
  let customer = await signUp(started, ada);
  for (let n = 0; n < 2; n += 1) {
    await started.advance(179 * day);
    customer = await refreshed(started, customer);
  }
  await started.advance(180 * day);
  refusal(await refresh(started, customer.refresh), 401, 'SessionEnded');
}));

test('a sign-up token lives for two days, and does nothing but sign up', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  for (const [method, path] of [['GET', '/account'], ['GET', '/workloads'], ['GET', '/namespaces'], ['PUT', '/sources']] as const) {
    const { code, nextStep } = refusal(await started.call(method, path, { token }), 402, 'PaymentRequired');
    assert.equal(code, 'PaymentRequired');
    assert.match(nextStep, /account help/);
  }
  assert.partialDeepStrictEqual((await started.call('GET', '/gate?action=run', { token })).json, { allow: false, level: 'unpaid', reason: 'payment required' });
  await started.advance(2 * day);
  refusal(await started.call('GET', '/sessions/signup', { token }), 401, 'NotSignedIn');
}, standing()));

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const claimsOf = (token: string): any => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
const jwt = (header: object, claims: object, key: KeyObject | undefined): string => {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${key === undefined ? '' : sign(null, Buffer.from(text), key).toString('base64url')}`;
};

test('forged tokens are refused: other key, no signature, another algorithm, altered or without claims', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const claims = claimsOf(customer.access);
  const header = { alg: 'EdDSA', kid: 's1' };
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const [head, body, signature] = customer.access.split('.');
  const altered = part({ ...claims, exp: claims.exp + 1_000_000 });
  const hmacWith = (secret: string) => {
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const forged = [
    jwt(header, claims, privateKey), jwt({ alg: 'none' }, claims, undefined), jwt({ alg: 'none' }, claims, privateKey), `${part({ alg: 'none' })}.${body}.${signature}`, `${head}.${altered}.${signature}`, `${head}.${body}.`, `${head}.${body}`,
    `${head}.${body}.${signature?.slice(0, -4)}AAAA`, hmacWith('secret'), hmacWith(publicKey.export({ type: 'spki', format: 'pem' }).toString()), jwt({ ...header, jwk: publicKey.export({ format: 'jwk' }) }, claims, privateKey), jwt({ ...header, crit: ['exp'] }, claims, privateKey),
    'tgo_0000000000000000000000000000000000000000', 'tgo_', 'a.b.c', `${customer.refresh}`, '%00', 'e',
  ];
  for (const token of forged) refusal(await whoami(started, token), 401, 'NotSignedIn');
  for (const authorization of ['Basic YTpi', `bearer${customer.access}`, 'Bearer', `Token ${customer.access}`, `Bearer ${customer.access} x`]) refusal(await started.call('GET', '/sessions/whoami', { headers: { authorization } }), 401, 'NotSignedIn');
  assert.equal((await started.call('GET', '/sessions/whoami', { headers: { authorization: `bEARER   ${customer.access}` } })).status, 200);
}));

test('a genuine token of another installation is refused', () => withSystem(async (started) => withSystem(async (other) => {
  const [here, there] = [await signUp(started, ada), await signUp(other, ada)];
  refusal(await whoami(started, there.access), 401, 'NotSignedIn');
  refusal(await refresh(started, there.refresh), 401);
  refusal(await started.call('GET', '/projections', { token: other.operator }), 401, 'NotSignedIn');
  assert.equal((await whoami(started, here.access)).status, 200);
})));

test('sessions survive a restart, and closed ones stay closed', async () => {
  const before = await startSystem();
  const customer = await signUp(before, ada);
  const closed: Customer = await openSession(before, ada, customer.signupToken);
  await close(before, closed.access);
  const used = await refreshed(before, customer);
  const started = await restarted(before);
  try {
    assert.equal((await whoami(started, customer.access)).status, 200);
    refusal(await whoami(started, closed.access), 401);
    refusal(await refresh(started, closed.refresh), 401);
    assert.equal((await refreshed(started, customer)).refresh, used.refresh, 'the lost answer is found again after a restart');
    assert.equal((await refresh(started, used.refresh)).status, 200);
  } finally {
    await started.stop();
  }
});

test('the operator\'s token opens sessions; another token in the file ends them and itself', async () => {
  const before = await startSystem();
  const { json: session } = await before.call('POST', '/sessions/operator', { token: before.operator });
  assert.equal(typeof session.operator, 'string');
  assert.equal(session.account, undefined);
  assert.equal((await before.call('GET', '/invites', { token: session.accessToken })).status, 200);
  refusal(await before.call('POST', '/sessions/operator', { token: session.accessToken }), 401);
  const { json: next } = await refresh(before, session.refreshToken);
  assert.equal((await before.call('GET', '/invites', { token: next.accessToken })).status, 200);
  const started = await restarted(before, { between: (data) => writeFile(join(data, 'operator.token'), `tgo_${'ab'.repeat(20)}\n`) });
  try {
    for (const token of [before.operator, session.accessToken, next.accessToken]) refusal(await started.call('GET', '/invites', { token }), 401, 'NotSignedIn');
    const again = await refresh(started, next.refreshToken);
    if (again.status === 200) refusal(await started.call('GET', '/invites', { token: again.json.accessToken }), 401, 'NotSignedIn');
    assert.equal((await started.call('GET', '/invites', { token: started.operator })).status, 200);
  } finally {
    await started.stop();
  }
});
