/** Passwords over HTTP: set while signing up, logging in, changing, resetting; and what strangers cannot learn or break. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { bytesOf, eventsOf, invite, login, mailsTo, openSession, payByCard, redeem, refreshed, refusal, restarted, signUp, startSystem, storedEvents, tokenIn, verifySignup, withSystem, type Answer, type Started } from './system.ts';
import { day, hour, minute, second } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const first = 'ada likes engines';
const second_ = 'engines like ada';
const post = (started: Started, path: string, body: object, token?: string): Promise<Answer> => started.call('POST', `/sessions/${path}`, { body, ...(token === undefined ? {} : { token }) });
const byPassword = (started: Started, password: string, email = ada): Promise<Answer> => post(started, 'password', { email, password });
const change = (started: Started, token: string, password: string, old?: string): Promise<Answer> => post(started, 'password/change', { password, ...(old === undefined ? {} : { old }) }, token);
const whoami = (started: Started, token: string): Promise<Answer> => started.call('GET', '/sessions/whoami', { token });
const resetToken = async (started: Started, email = ada): Promise<string> => tokenIn((await mailsTo(started, email)).find(({ subject }) => subject.includes('new Tollgate password'))?.text ?? '');
const askReset = async (started: Started, email = ada): Promise<string> => (await post(started, 'password/reset', { email })).json.flowId;
const confirm = (started: Started, flowId: string, token: string, password = second_, email = ada): Promise<Answer> => post(started, 'password/reset/confirm', { email, flowId, token, password });
const withPassword = async (started: Started, email = ada, password = first) => {
  const customer = await signUp(started, email);
  assert.equal((await change(started, customer.access, password)).status, 200);
  await started.settled();
  return customer;
};

test('set while signing up, before anything is paid: it logs in to the sign-up, then to the account', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  assert.equal((await started.call('GET', '/sessions/signup', { token })).json.password, false);
  assert.deepEqual((await change(started, token, first)).json, { changed: true });
  assert.equal((await started.call('GET', '/sessions/signup', { token })).json.password, true);
  const again = (await byPassword(started, first)).json;
  assert.equal(again.status, 'payment-required', 'from another machine, by password alone');
  assert.equal((await redeem(started, again.signup.token, await payByCard(started, ada, 'succeeds'))).json.status, 'completed');
  const { status, session } = (await byPassword(started, first)).json;
  assert.equal(status, 'signed-in');
  assert.equal((await whoami(started, session.accessToken)).json.email, ada);
}));

test('pre-claim: who began a sign-up for an address that is not theirs has left no password behind', () => withSystem(async (started) => {
  await invite(started, ada);
  await post(started, 'otp', { email: ada }); // a stranger, who never sees the mail
  refusal(await byPassword(started, first), 403, 'PasswordWrong');
  refusal(await change(started, `tgs_${'0'.repeat(40)}`, first), 401, 'NotSignedIn');
  assert.deepEqual(await eventsOf(started, 'PasswordChanged'), []);
}));

test('a first password within half an hour of logging in; a session that was left lying around cannot set one', () => withSystem(async (started) => {
  let customer = await signUp(started, ada);
  await started.advance(31 * minute);
  customer = await refreshed(started, customer);
  refusal(await change(started, customer.access, first), 403, 'LoginTooOld');
  const { session } = await login(started, ada);
  assert.equal((await change(started, session.accessToken, first)).status, 200);
  assert.equal((await byPassword(started, first)).status, 200);
}));

test('changed only with the old one; the new one counts at once, the old one no more, and a mail says so', () => withSystem(async (started) => {
  const customer = await withPassword(started);
  refusal(await change(started, customer.access, second_), 409, 'OldPasswordNeeded');
  refusal(await change(started, customer.access, second_, 'something else'), 403, 'OldPasswordWrong');
  assert.equal((await change(started, customer.access, second_, first)).status, 200);
  refusal(await byPassword(started, first), 403, 'PasswordWrong');
  assert.equal((await byPassword(started, second_)).status, 200);
  await started.settled();
  assert.equal((await mailsTo(started, ada)).filter(({ subject }) => subject.includes('was changed')).length, 2, 'for the first one, and for this');
  assert.equal((await whoami(started, customer.access)).status, 200, 'changing it signs nobody out');
}));

test('what will not do as a password is refused with the reason, before anything else is looked at', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  for (const [password, code] of [['short', 'PasswordTooShort'], ['x'.repeat(201), 'PasswordTooLong'], [ada, 'PasswordIsAddress'], ['password123', 'PasswordTooCommon']] as const) {
    refusal(await change(started, customer.access, password), 422, code);
    refusal(await confirm(started, `flw_${'1'.repeat(20)}`, '0'.repeat(40), password), 422, code);
  }
  assert.deepEqual(await eventsOf(started, 'PasswordChanged'), []);
}));

test('accents are the same however the keyboard composes them', () => withSystem(async (started) => {
  await withPassword(started, ada, 'àéîõü likes engines'.normalize('NFD'));
  assert.equal((await byPassword(started, 'àéîõü likes engines'.normalize('NFC'))).status, 200);
}));

test('reset by mail: once, within its hour; every session ends, other resets too, and the new password logs in', () => withSystem(async (started) => {
  const customer = await withPassword(started);
  const [flow, other] = [await askReset(started), await askReset(started)];
  await started.settled();
  const tokens = (await mailsTo(started, ada)).filter(({ subject }) => subject.includes('new Tollgate password')).map(({ text }) => tokenIn(text));
  assert.equal(new Set(tokens).size, 2);
  const [otherToken = '', token = ''] = tokens;
  refusal(await confirm(started, flow, otherToken), 422, 'ResetTokenWrong');
  refusal(await confirm(started, flow, token, second_, 'eve@example.com'), 422, 'ResetTokenWrong');
  await started.advance(second);
  const both = await Promise.all([confirm(started, flow, token), confirm(started, flow, token, 'yet another one')]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 422], 'of two at once one wins');
  const now = both[0]?.status === 200 ? second_ : 'yet another one';
  for (const [flowId, used] of [[flow, token], [other, otherToken]] as const) refusal(await confirm(started, flowId, used), 422, 'ResetTokenWrong');
  refusal(await whoami(started, customer.access), 401, 'NotSignedIn');
  refusal(await post(started, 'refresh', { refreshToken: customer.refresh }), 401, 'SessionEnded');
  refusal(await byPassword(started, first), 403, 'PasswordWrong');
  await started.advance(second);
  const { session } = (await byPassword(started, now)).json;
  assert.equal((await whoami(started, session.accessToken)).status, 200);
  await started.settled();
  assert.equal((await whoami(started, session.accessToken)).status, 200, 'what follows later ends no session of after');
  assert.equal((await eventsOf(started, 'SessionsRevoked')).length, 1);
}));
test('a reset token is worth nothing after its hour', () => withSystem(async (started) => {
  await withPassword(started);
  const flow = await askReset(started);
  const token = await resetToken(started);
  await started.advance(hour);
  refusal(await confirm(started, flow, token), 422, 'ResetTokenWrong');
  assert.equal((await byPassword(started, first)).status, 200);
}));
test('an account that only ever used one-time tokens sets its first password by mail', () => withSystem(async (started) => {
  await signUp(started, ada);
  refusal(await byPassword(started, first), 403, 'PasswordWrong');
  const flow = await askReset(started);
  assert.equal((await confirm(started, flow, await resetToken(started))).status, 200);
  assert.equal((await byPassword(started, second_)).status, 200);
}));

const sight = ({ status, json }: Answer) => ({ status, ...json, flowId: typeof json?.flowId, expiresAt: typeof json?.expiresAt, correlationId: '', resetAt: typeof json?.resetAt });
test('enumeration: an address that is known, known without a password, invited, or nobody\'s is answered alike, step for step, to the limits', () => withSystem(async (started) => {
  await withPassword(started);
  await signUp(started, 'otp@example.com');
  await invite(started, 'invited@example.com');
  const talks: unknown[][] = [];
  for (const address of [ada, 'otp@example.com', 'invited@example.com', 'nobody@example.com']) {
    const talk: unknown[] = [];
    const name = address.split('@')[0] ?? '';
    // Spelled differently each time: spellings of one address are counted together, whoever's it is.
    const spelled = (n: number) => `${n % 2 === 0 ? name : name.toUpperCase()}@Example.com`;
    for (let n = 0; n < 7; n += 1) talk.push(sight(await byPassword(started, 'a wrong guess', spelled(n))));
    const { json } = await post(started, 'password/reset', { email: spelled(0) });
    talk.push(typeof json.flowId);
    for (let n = 0; n < 7; n += 1) talk.push(sight(await confirm(started, json.flowId, '0'.repeat(40), second_, spelled(n))));
    for (let n = 0; n < 5; n += 1) talk.push(sight(await post(started, 'password/reset', { email: spelled(n) })));
    for (let n = 0; n < 2; n += 1) talk.push(sight(await post(started, 'recover', { email: spelled(n) })));
    talks.push(talk.map((line) => JSON.stringify(line).replaceAll(/"detail":"[^"]*\d{4}-[^"]*"/g, '')));
    await started.advance(hour); // what the caller may do is counted, too
  }
  for (const talk of talks.slice(1)) assert.deepEqual(talk, talks[0]);
  const statuses = (talks[0] ?? []).map((line) => /"status":(\d+)/.exec(String(line))?.[1]);
  assert.deepEqual(statuses, [...Array<string>(5).fill('403'), '429', '429', undefined, ...Array<string>(5).fill('422'), '429', '429', ...Array<string>(4).fill('200'), '429', '200', '429']);
  assert.deepEqual((await mailsTo(started, 'nobody@example.com')).length + (await mailsTo(started, 'invited@example.com')).length, 0);
}));

test('of many guesses at once no more than the budget are looked at, and the right one is not among those too late', () => withSystem(async (started) => {
  await withPassword(started);
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => byPassword(started, `guess number ${n}`)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array<number>(5).fill(403), ...Array<number>(15).fill(429)]);
  const refused = refusal(await byPassword(started, first), 429, 'TooManyPasswords');
  assert.match(refused.detail, new RegExp(refused.resetAt));
  const after = Number((await byPassword(started, first)).headers.get('retry-after'));
  assert.ok(after > 60 && after <= 15 * 60, 'and it says when');
  await started.advance(15 * minute);
  assert.equal((await byPassword(started, first)).status, 200);
}));
test('a stranger who uses up an address\'s guesses locks out neither one-time tokens nor a reset, and passwords for an hour at most', () => withSystem(async (started) => {
  await withPassword(started);
  for (let n = 0; n < 6; n += 1) await byPassword(started, 'a wrong guess');
  assert.equal((await login(started, ada)).status, 'signed-in');
  const flow = await askReset(started);
  assert.equal((await confirm(started, flow, await resetToken(started))).status, 200);
  await started.advance(hour);
  assert.equal((await byPassword(started, second_)).status, 200);
}));
test('logging in rightly uses up nothing', () => withSystem(async (started) => {
  await withPassword(started);
  for (let n = 0; n < 40; n += 1) assert.equal((await byPassword(started, first)).status, 200);
}));
test('guessing the old one is counted with all other guesses', () => withSystem(async (started) => {
  const customer = await withPassword(started);
  for (let n = 0; n < 5; n += 1) refusal(await change(started, customer.access, second_, `guess number ${n}`), 403, 'OldPasswordWrong');
  refusal(await change(started, customer.access, second_, first), 429, 'TooManyPasswords');
  refusal(await byPassword(started, first), 429, 'TooManyPasswords');
}));
test('two changes at once: one wins, the other is told, and the winner\'s password is the one that counts', () => withSystem(async (started) => {
  const customer = await withPassword(started);
  const passwords = ['number one of two', 'number two of two'];
  const answers = await Promise.all(passwords.map((password) => change(started, customer.access, password, first)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
  const [won, lost] = answers[0]?.status === 200 ? passwords : [passwords[1], passwords[0]];
  assert.equal((await byPassword(started, won ?? '')).status, 200);
  refusal(await byPassword(started, lost ?? ''), 403, 'PasswordWrong');
}));

test('recovery: the list of one\'s namespaces by mail, once a minute, to whoever has any', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const ask = () => post(started, 'recover', { email: 'ADA@example.com' });
  assert.equal((await ask()).status, 200);
  const { resetAt } = refusal(await ask(), 429, 'MailedRecently');
  assert.ok(resetAt);
  const mails = async () => (await mailsTo(started, ada)).filter(({ subject }) => subject.includes('namespaces'));
  assert.ok((await mails())[0]?.text.includes(customer.namespace));
  await started.advance(minute);
  assert.equal((await ask()).status, 200);
  assert.equal((await mails()).length, 2);
}));

test('neither log nor read models, keys, counters or logged lines hold a password or a token in clear', async () => {
  const before = await startSystem();
  const customer = await withPassword(before);
  await change(before, customer.access, second_, first);
  const flow = await askReset(before);
  const token = await resetToken(before);
  await byPassword(before, 'a wrong guess at it');
  const started = await restarted(before);
  try {
    assert.equal((await confirm(started, flow, token, 'the third of them')).status, 200);
    assert.equal((await byPassword(started, 'the third of them')).status, 200, 'all of it outlives a restart');
    await started.advance(day);
    const files = bytesOf(started.data);
    const logged = JSON.stringify([...before.logged, ...started.logged, await storedEvents(started)], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    for (const secret of [first, second_, 'the third of them', 'a wrong guess at it', token, 'argon2id']) {
      for (const { name, text } of files) assert.ok(!text.includes(secret), `${secret} in ${name}`);
      assert.ok(!logged.includes(secret), `${secret} was logged`);
    }
  } finally {
    await started.stop();
  }
});
test('a sign-up opened again with its token goes on, with the password it was given', () => withSystem(async (started) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  await change(started, token, first);
  await change(started, token, second_); // thought better of it before paying
  refusal(await byPassword(started, first), 403, 'PasswordWrong');
  await redeem(started, token, await payByCard(started, ada, 'succeeds'));
  await started.settled();
  const customer = await openSession(started, ada, token);
  assert.equal((await byPassword(started, second_)).json.session.account, customer.account);
  refusal(await change(started, token, first), 409, 'OldPasswordNeeded');
}));
