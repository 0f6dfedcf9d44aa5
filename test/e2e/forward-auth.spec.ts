/** The gate for proxies: what it tells them, and a real nginx in front of a real workload, set up as docs/api.md says. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { documented, startNginx, withoutNginx } from './nginx.ts';
import { PaperBrowser } from './paper-browser.ts';
import { giveCard, invite, login, newestOtp, refreshed, refusal, running, runWorkload, signUp, verifySignup, withSystem, workloadNamed, uploadSource, type Answer, type Customer, type Started } from './system.ts';
import { headerSafe } from '../../src/adapters/http/forward-auth.ts';
import { day } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const ask = (started: Started, token: string | undefined, query = '', headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Answer> => started.call(method, `/gate/forward-auth${query}`, { ...(token === undefined ? {} : { token }), headers });
const told = ({ status, headers }: Answer) => ({ status, level: headers.get('x-tollgate-level'), account: headers.get('x-tollgate-account'), namespace: headers.get('x-tollgate-namespace'), reason: headers.get('x-tollgate-reason') });
/** A customer whose renewals are declined, so many days on. */
const lapsed = async (started: Started, customer: Customer, days: number): Promise<Customer> => {
  await started.advance(days * day);
  return refreshed(started, customer);
};
const pay = async (started: Started, customer: Customer): Promise<void> => {
  const { json } = await started.call('POST', '/account/pay', { token: customer.access });
  await giveCard(started, json.url, 'succeeds');
  await started.settled();
  assert.equal((await started.call('GET', `/account/pay/${json.checkoutId}`, { token: customer.access })).json.status, 'done');
};

test('200 with who it is, 401 without a valid token, and never a body to store', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const yes = await ask(started, customer.access, '?action=run');
  assert.deepEqual(told(yes), { status: 200, level: 'full', account: customer.account, namespace: customer.namespace, reason: 'paid' });
  assert.equal(yes.text, '');
  assert.equal(yes.headers.get('cache-control'), 'no-store');
  for (const token of [undefined, 'nonsense', 'tgo_nonsense']) {
    const no = await ask(started, token);
    refusal(no, 401, 'NotSignedIn');
    assert.equal(no.headers.get('www-authenticate'), 'Bearer');
    assert.deepEqual([told(no).level, told(no).account, no.headers.get('cache-control')], ['none', null, 'no-store']);
  }
  assert.equal(told(await ask(started, started.operator)).level, 'full');
  const page = await ask(started, undefined, '', { accept: 'text/html' });
  assert.match(page.headers.get('content-type') ?? '', /problem\+json/, 'a proxy needs no page');
  const other = await ask(started, customer.access, '', { 'micro-namespace': 'not-my-own' });
  assert.match(told(other).reason ?? '', /not yours/);
  refusal(other, 403, 'NamespaceNotYours');
  refusal(await ask(started, customer.access, '?action=fly'), 400, 'InvalidInput');
}));

test('the action is the one asked for, else it goes by the method of the guarded call', () => withSystem(async (started) => {
  const customer = await lapsed(started, await signUp(started, ada, 'succeeds-once'), 45);
  assert.equal((await started.call('GET', '/gate', { token: customer.access })).json.level, 'limited');
  const status = async (query: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') => (await ask(started, customer.access, query, headers, method)).status;
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'get']) assert.equal(await status('', { 'x-original-method': method }), 200, method);
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
    assert.equal(await status('', { 'x-original-method': method }), 403, method);
    assert.equal(await status('', { 'x-forwarded-method': method }), 403, method);
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) assert.equal(await status('', { 'content-type': 'application/json' }, method), 403, `${method} itself, without a body`);
  assert.equal(await status(''), 200);
  assert.deepEqual([await status('?action=read', { 'x-original-method': 'POST' }), await status('?action=write'), await status('?action=run'), await status('?action=billing')], [200, 403, 403, 200]);
}));

test('403 or, where a payment helps and the proxy passes it on, 402; with the words of the gate', () => withSystem(async (started) => {
  await invite(started, 'eve@example.com');
  const unpaid = await verifySignup(started, 'eve@example.com');
  assert.deepEqual(told(await ask(started, unpaid)), { status: 403, level: 'unpaid', account: told(await ask(started, unpaid)).account, namespace: null, reason: 'payment required' });
  refusal(await ask(started, unpaid, '?paymentRequired=402'), 402, 'PaymentRequired');
  const customer = await lapsed(started, await signUp(started, ada, 'succeeds-once'), 45);
  const { json: gate } = await started.call('GET', '/gate?action=write', { token: customer.access });
  const no = await ask(started, customer.access, '?action=write');
  assert.deepEqual(told(no), { status: 403, level: gate.level, account: customer.account, namespace: customer.namespace, reason: gate.reason });
  assert.partialDeepStrictEqual(refusal(no, 403, 'ServiceLimited'), { detail: gate.reason, nextStep: gate.nextStep, level: 'limited' });
  assert.partialDeepStrictEqual(refusal(await ask(started, customer.access, '?action=write&paymentRequired=402'), 402, 'ServiceLimited'), { detail: gate.reason });
  const suspended = await lapsed(started, customer, 15);
  assert.deepEqual([(await ask(started, suspended.access)).status, (await ask(started, suspended.access, '?paymentRequired=402')).status], [403, 402]);
}));

test('somebody signed in to the pages is known by their cookie; a bearer token, valid or not, goes before it', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const browser = new PaperBrowser(started);
  await browser.submit('/login', '/login', { email: ada });
  await browser.submit('/login/token', '/login/token', { token: await newestOtp(started, ada) });
  const cookie = [...browser.jar].map(([name, value]) => `${name}=${value}`).join('; ');
  assert.deepEqual(told(await ask(started, undefined, '', { cookie })), { status: 200, level: 'full', account: customer.account, namespace: customer.namespace, reason: 'paid' });
  refusal(await ask(started, 'nonsense', '', { cookie }), 401, 'NotSignedIn');
  refusal(await ask(started, undefined, '', { cookie: cookie.replace(/.$/, (last) => (last === '0' ? '1' : '0')) }), 401, 'NotSignedIn');
  await started.call('POST', '/sessions/close', { token: customer.access, body: { everywhere: true } });
  refusal(await ask(started, undefined, '', { cookie }), 401, 'NotSignedIn');
}));

test('reasons are made safe for headers', () => {
  assert.equal(headerSafe('a "b" \\ c\r\nSet-Cookie: x=1 – é'), "a 'b' ' c??Set-Cookie: x=1 ? ?");
  assert.ok(headerSafe('x'.repeat(5_000)).length <= 500);
});

/** Says what it was sent: the workload behind the proxy. */
const echo = "require('node:http').createServer((q, s) => s.end(JSON.stringify({ method: q.method, url: q.url, headers: q.headers }))).listen(Number(process.env.PORT), '127.0.0.1');";

test('a real nginx lets through, refuses and lets through again, in front of a real workload', { skip: withoutNginx, timeout: 60_000 }, () => withSystem(async (started) => {
  let customer = await signUp(started, ada, 'succeeds-once');
  const source = await uploadSource(started, customer, { 'echo.cjs': echo });
  assert.equal((await runWorkload(started, customer, 'echo', { source, command: 'node echo.cjs' })).status, 200);
  const { id, address } = await workloadNamed(started, customer, 'echo', running);
  const nginx = await startNginx(started.origin, address);
  const call = async (token: string | undefined, method = 'GET', headers: Readonly<Record<string, string>> = {}) => {
    const answer = await fetch(`${nginx.url}/some/path?q=1`, { method, headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers }, ...(method === 'POST' ? { body: '{"a":1}' } : {}) });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, json: text.startsWith('{') ? JSON.parse(text) : undefined, text };
  };
  try {
    const through = await call(customer.access, 'POST', { 'x-tollgate-account': 'acc_forged', 'x-tollgate-level': 'forged', 'x-tollgate-extra': 'x' });
    assert.equal(through.status, 200);
    assert.partialDeepStrictEqual(through.json, { method: 'POST', url: '/some/path?q=1', headers: { 'x-tollgate-account': customer.account, 'x-tollgate-namespace': customer.namespace, 'x-tollgate-level': 'full', 'x-tollgate-reason': 'paid', 'content-length': '7' } });
    assert.equal(through.json.headers.authorization, undefined, 'the workload gets no credential');

    const stranger = await call(undefined);
    assert.deepEqual([stranger.status, stranger.headers.get('www-authenticate')], [401, 'Bearer']);
    assert.equal((await call('nonsense')).status, 401);
    assert.equal((await fetch(`${nginx.url}/_tollgate`)).status, 404, 'the inner question is not to be asked from outside');
    await invite(started, 'eve@example.com');
    const unpaid = await call(await verifySignup(started, 'eve@example.com'));
    assert.deepEqual([unpaid.status, unpaid.json.detail], [402, 'payment required']);

    customer = await lapsed(started, customer, 45);
    assert.equal((await call(customer.access)).status, 200, 'limited: reading still works');
    const limited = await call(customer.access, 'POST');
    assert.deepEqual([limited.status, limited.json.code], [402, 'ServiceLimited']);
    assert.match(limited.json.detail, /^limited: a payment was missed/);
    assert.equal((await call(customer.access, 'POST', { 'micro-namespace': 'not-my-own' })).json.code, 'NotAllowed');

    // Restored: from the moment the payment is done the next call goes through.
    await pay(started, customer);
    assert.equal((await call(customer.access, 'POST')).status, 200);

    // Signed out everywhere: the token is still young, the session is not open any more.
    const { session } = await login(started, ada);
    assert.equal((await call(session.accessToken)).status, 200);
    await started.call('POST', '/sessions/close', { token: session.accessToken, body: { everywhere: true } });
    assert.equal((await call(session.accessToken)).status, 401);
    assert.doesNotMatch(await nginx.errors(), /\[(emerg|alert|crit)\]/);
  } finally {
    await nginx.stop();
    await started.adapters.runtime.remove(id);
  }
}, { processes: true }));

test('nginx turns a 402 into a 500, which is why the documented block does not ask for it; and it fails closed', { skip: withoutNginx, timeout: 60_000 }, () => withSystem(async (started) => {
  await invite(started, ada);
  const unpaid = await verifySignup(started, ada);
  const nginx = await startNginx(started.origin, started.origin, (block) => block.replace('/gate/forward-auth;', '/gate/forward-auth?paymentRequired=402;'));
  const closed = await startNginx('http://127.0.0.1:1', started.origin);
  try {
    const headers = { authorization: `Bearer ${unpaid}` };
    assert.equal((await fetch(`${nginx.url}/`, { headers })).status, 500);
    assert.equal((await fetch(`${closed.url}/`, { headers: { authorization: `Bearer ${started.operator}` } })).status, 500, 'nobody to ask: nobody gets through');
    assert.doesNotMatch(documented(), /paymentRequired/);
  } finally {
    await nginx.stop();
    await closed.stop();
  }
}));
