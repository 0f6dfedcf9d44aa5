/** Defects of the originals (CAPABILITIES section 9), each by its number, that must not come back. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import {
  bytesOf, documentsOf, eventsOf, giveCard, invite, linesOf, login, mailsTo, newestOtp, openSession, outside, payByCard, redeem, refreshed, refusal, repeatedMails, restarted, runWorkload, signUp, startOtp, startSystem, storedEvents, taken, tokenIn, verifyOtp, verifySignup, withSystem, workloadNamed,
  type Answer, type Started,
} from './system.ts';
import { day, minute } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';

test('defect 1: who verified but did not pay starts again, and lands in the same sign-up', () => withSystem(async (started) => {
  await invite(started, ada);
  const first = await login(started, ada);
  assert.equal(first.status, 'payment-required');
  await started.advance(3 * day);
  const again = await login(started, ada);
  assert.equal(again.signup.signupId, first.signup.signupId);
  assert.equal(again.signup.status, 'verified');
  assert.equal((await eventsOf(started, 'SignupStarted')).length, 1);
  const done = await redeem(started, again.signup.token, await payByCard(started, ada, 'succeeds'));
  assert.equal(done.json.status, 'completed', done.text);
}));

test('defect 1: from another machine a new one-time token leads to the same sign-up, which offers the payment token issued meanwhile', () => withSystem(async (started) => {
  await invite(started, ada);
  const atHome = await login(started, ada);
  const paymentToken = await payByCard(started, ada, 'succeeds');
  const elsewhere = await login(started, ada.toUpperCase());
  assert.equal(elsewhere.signup.signupId, atHome.signup.signupId);
  assert.equal(elsewhere.signup.paymentToken, paymentToken);
  assert.equal((await redeem(started, elsewhere.signup.token, elsewhere.signup.paymentToken)).json.status, 'completed');
  const standing = await started.call('GET', '/sessions/signup', { token: atHome.signup.token });
  assert.equal(standing.json.status, 'completed', 'the first machine sees it, too');
  const [home, other] = [await openSession(started, ada, atHome.signup.token), await openSession(started, ada, elsewhere.signup.token)];
  assert.equal(home.account, other.account);
  assert.equal(taken(started).length, 1);
}));

test('defect 1: the sign-up goes on after a restart of the server', async () => {
  const before = await startSystem();
  await invite(before, ada);
  const token = await verifySignup(before, ada);
  const paymentToken = await payByCard(before, ada, 'succeeds');
  const started = await restarted(before);
  try {
    const standing = await started.call('GET', '/sessions/signup', { token });
    assert.deepEqual([standing.json.status, standing.json.paymentToken], ['verified', paymentToken]);
    assert.equal((await redeem(started, token, paymentToken)).json.status, 'completed');
  } finally {
    await started.stop();
  }
});

test('defect 3: a one-time token works once', () => withSystem(async (started) => {
  await invite(started, ada);
  const flowId = await startOtp(started, ada);
  const token = await newestOtp(started, ada);
  const both = await Promise.all([verifyOtp(started, ada, flowId, token), verifyOtp(started, ada, flowId, token)]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409], 'of two at once one wins');
  refusal(await verifyOtp(started, ada, flowId, token), 409, 'OtpUsed');
  assert.equal((await eventsOf(started, 'OtpVerified')).length, 1);
}));

test('defect 3: after a resend the older token is dead, and presenting it counts as a try', () => withSystem(async (started) => {
  await invite(started, ada);
  const flowId = await startOtp(started, ada);
  const older = await newestOtp(started, ada);
  assert.equal((await started.call('POST', '/sessions/otp/resend', { body: { email: ada, flowId } })).status, 200);
  const newer = await newestOtp(started, ada);
  assert.notEqual(newer, older);
  const { detail } = refusal(await verifyOtp(started, ada, flowId, older), 409, 'OtpSuperseded');
  assert.match(detail, /4 more tries/);
  assert.equal((await verifyOtp(started, ada, flowId, newer)).status, 200);
}));

test('defect 3: a hundred wrong guesses at once are five tries, and lock the flow for the right token, too', () => withSystem(async (started) => {
  await invite(started, ada);
  const flowId = await startOtp(started, ada);
  const right = await newestOtp(started, ada);
  const guesses = await Promise.all(Array.from({ length: 100 }, (_, i) => verifyOtp(started, ada, flowId, i.toString(16).padStart(40, '0'))));
  for (const guess of guesses) assert.ok([422, 429].includes(guess.status), guess.text);
  assert.ok(guesses.filter(({ status }) => status === 422).length < 5);
  assert.deepEqual((await eventsOf(started, 'OtpAttemptFailed', 'OtpLocked')).map(({ type, attempt }) => [type, attempt]), [...[1, 2, 3, 4, 5].map((n) => ['OtpAttemptFailed', n]), ['OtpLocked', undefined]]);
  refusal(await verifyOtp(started, ada, flowId, right), 429, 'OtpLocked');
  refusal(await started.call('POST', '/sessions/otp/resend', { body: { email: ada, flowId } }), 429, 'OtpLocked');
  assert.equal((await login(started, ada)).status, 'payment-required', 'a stranger cannot lock anybody out: a new flow is open');
}));

test('defect 3: resends do not refill the tries', () => withSystem(async (started) => {
  await invite(started, ada);
  const flowId = await startOtp(started, ada);
  const wrong = () => verifyOtp(started, ada, flowId, 'f'.repeat(40));
  for (let n = 0; n < 3; n += 1) refusal(await wrong(), 422, 'OtpWrong');
  await started.call('POST', '/sessions/otp/resend', { body: { email: ada, flowId } });
  assert.match(refusal(await wrong(), 422, 'OtpWrong').detail, /1 more tr/);
  refusal(await wrong(), 429, 'OtpLocked');
}));

test('defect 3: one-time, payment and refresh tokens are in no event, log line, read model or file; addresses neither', async () => {
  const started = await startSystem();
  const eve = 'eve.adams@example.org';
  try {
    await invite(started, eve);
    const flowId = await startOtp(started, eve);
    const otp = await newestOtp(started, eve);
    assert.match(otp, /^[0-9a-f]{40}$/);
    refusal(await verifyOtp(started, eve, flowId, `${otp.slice(1)}0`), 422, 'OtpWrong');
    const signupToken = (await verifyOtp(started, eve, flowId, otp)).json.signup.token;
    const paymentToken = await payByCard(started, eve, 'succeeds');
    const secret = /\.([0-9a-f]{40})$/.exec(paymentToken)?.[1] ?? '';
    assert.notEqual(secret, '', paymentToken);
    await redeem(started, signupToken, paymentToken);
    const customer = await openSession(started, eve, signupToken);
    const next = await refreshed(started, customer);
    await runWorkload(started, next, 'hello', { env: { PASSWORD: 'correct-horse-battery' } });
    await started.settled();
    const hidden = [otp, secret, tokenIn(customer.refresh), tokenIn(next.refresh), customer.access, signupToken, eve, eve.split('@')[0] ?? '', 'correct-horse-battery'];
    assert.ok(hidden.every((text) => text.length >= 8));
    const texts: [string, string][] = [
      ...(await storedEvents(started)).map(({ type, data, meta, stream }): [string, string] => [type, `${stream} ${data} ${meta}`]),
      ...started.logged.map((entry): [string, string] => ['log', JSON.stringify(entry)]),
      ...Object.entries(await documentsOf(started)).map(([name, document]): [string, string] => [name, JSON.stringify(document)]),
    ];
    for (const [name, text] of texts) for (const secretText of hidden) assert.ok(!text.includes(secretText), `${secretText} is in ${name}`);
    await started.stop({ keep: true });
    for (const { name, text } of bytesOf(started.data)) for (const secretText of hidden) assert.ok(!text.includes(secretText), `${secretText} is in ${name}`);
  } finally {
    await rm(started.data, { recursive: true, force: true });
  }
});

test('defect 3: tokens of different flows and of different installations have nothing in common', () => withSystem(async (started) => withSystem(async (other) => {
  const tokens: string[] = [];
  for (const place of [started, other]) {
    await invite(place, ada);
    for (let n = 0; n < 3; n += 1) {
      await startOtp(place, ada);
      tokens.push(await newestOtp(place, ada));
    }
  }
  assert.equal(new Set(tokens).size, 6);
  for (const token of tokens) assert.ok(new Set(token).size >= 8, 'it is no pattern');
})));

test('defect 10: acting on something that is not there is a plain 404', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const none = (prefix: string) => `${prefix}_${'z'.repeat(20)}`;
  const asOperator = (method: string, path: string, body?: unknown): Promise<Answer> => started.call(method, path, { token: started.operator, ...(body === undefined ? {} : { body }) });
  const answers = await Promise.all([
    started.call('POST', '/commands/KillWorkload', { token: customer.access, body: { workloadId: none('wl') } }),
    started.call('POST', '/commands/UpdateWorkload', { token: customer.access, body: { workloadId: none('wl'), source: `sha256:${'0'.repeat(64)}` } }),
    started.call('GET', `/workloads/${none('wl')}`, { token: customer.access }),
    started.call('GET', `/workloads/${none('wl')}/logs`, { token: customer.access }),
    started.call('GET', '/workloads/no-such-id', { token: customer.access }),
    started.call('GET', `/account/pay/${none('cs')}`, { token: customer.access }),
    asOperator('POST', '/commands/KillWorkload', { workloadId: none('wl') }),
    asOperator('POST', '/commands/RevokeInvite', { email: 'nobody@example.com' }),
    asOperator('POST', '/commands/RetirePlan', { planId: none('pln') }),
    asOperator('POST', '/commands/RepricePlan', { planId: none('pln'), amount: 1, currency: 'USD' }),
    asOperator('POST', '/commands/RetryMail', { mailId: none('mail') }),
    asOperator('POST', '/commands/NoSuchCommand', {}),
    asOperator('POST', '/commands/ReleaseWork', { reactor: 'sign-up', subject: none('per') }),
    asOperator('POST', '/commands/ReleaseWork', { reactor: 'none', subject: 'x' }),
    asOperator('POST', '/commands/ReplayWebhook', { webhookId: 'stripe.mock.evt_none' }),
    asOperator('POST', '/commands/ParkWebhook', { webhookId: 'stripe.mock.evt_none' }),
    asOperator('POST', '/commands/ReleaseWebhook', { webhookId: 'stripe.mock.evt_none' }),
    asOperator('POST', '/projections/none/rebuild'),
    asOperator('GET', `/audit/show?subject=${none('acc')}`),
    asOperator('GET', '/audit/show?subject=nobody@example.com'),
    ...['invites', 'plans', 'signups', 'accounts', 'subscriptions', 'namespaces', 'mails', 'webhooks', 'parked'].map((model) => asOperator('GET', `/${model}/${none('per')}`)),
    asOperator('GET', '/nothing-of-this-name'), asOperator('GET', '/plans/a/b/c'), started.call('POST', '/webhooks/nobody', { body: {} }),
  ]);
  for (const answer of answers) refusal(answer, 404);
  for (const path of ['/checkout/none', '/subscribe/done?checkout=none', '/subscribe/done', '/assets/none.css']) assert.equal((await started.call('GET', path)).status, 404, path);
}));

test('defect 10: an invite can be revoked twice, and a workload killed twice is not found the second time', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const revoke = () => started.call('POST', '/commands/RevokeInvite', { token: started.operator, body: { email: ada } });
  assert.deepEqual([(await revoke()).json.events.length, (await revoke()).json.events.length], [1, 0]);
  await runWorkload(started, customer, 'hello');
  const { id } = await workloadNamed(started, customer, 'hello');
  const kill = () => started.call('POST', '/commands/KillWorkload', { token: customer.access, body: { workloadId: id } });
  assert.equal((await kill()).status, 200);
  await started.settled();
  refusal(await kill(), 404, 'WorkloadNotFound');
  assert.equal(started.runtime.told.filter((told) => told === `remove ${id}`).length, 1);
}));

test('defect 13: a limited customer who pays is restored', () => withSystem(async (started) => {
  let customer = await signUp(started, ada, 'succeeds-once');
  await started.advance(40 * day);
  customer = await refreshed(started, customer);
  const level = async () => (await started.call('GET', '/gate?action=run', { token: customer.access })).json.level;
  assert.equal(await level(), 'limited');
  const { json } = await started.call('POST', '/account/pay', { token: customer.access });
  await giveCard(started, json.url, 'succeeds');
  await started.settled();
  assert.equal(await level(), 'full');
}));

const livedThrough = async (started: Started): Promise<void> => {
  let customer = await signUp(started, ada, 'succeeds-once');
  await runWorkload(started, customer, 'hello');
  await runWorkload(started, customer, 'gone');
  const { id } = await workloadNamed(started, customer, 'gone');
  await started.call('POST', '/commands/KillWorkload', { token: customer.access, body: { workloadId: id } });
  await started.advance(60 * day);
  customer = await refreshed(started, customer);
  const { json } = await started.call('POST', '/account/pay', { token: customer.access });
  await giveCard(started, json.url, 'succeeds');
  await started.advance(2 * minute);
  await invite(started, 'bob@example.com');
  await verifySignup(started, 'bob@example.com');
  await started.settled();
};

test('defect 18: rebuilding every read model mails, charges, starts and stops nothing', () => withSystem(async (started) => {
  await livedThrough(started);
  const [before, documents, head] = [outside(started), await documentsOf(started), (await storedEvents(started)).length];
  for (const name of started.system.rim.models.keys()) {
    const lines = linesOf(await started.call('POST', `/projections/${name}/rebuild`, { token: started.operator }));
    assert.partialDeepStrictEqual(lines.at(-1), { done: true, equal: true, swapped: true }, name);
  }
  await started.settled();
  assert.deepEqual(outside(started), before);
  assert.deepEqual(await documentsOf(started), documents);
  assert.equal((await storedEvents(started)).length, head, 'and appends nothing');
}));

test('defect 18: with models.db gone, a restart builds the same read models and repeats nothing', async () => {
  const first = await startSystem();
  await livedThrough(first);
  const [before, documents, head] = [outside(first), await documentsOf(first), (await storedEvents(first)).length];
  const started = await restarted(first, { between: async (data) => void (await Promise.all(['', '-wal', '-shm'].map((end) => rm(join(data, `models.db${end}`), { force: true })))) });
  try {
    await started.settled();
    assert.deepEqual(outside(started), before);
    assert.deepEqual(await documentsOf(started), documents);
    assert.deepEqual((await storedEvents(started)).slice(head).map(({ type }) => type), [], 'and appends nothing');
    assert.deepEqual(repeatedMails(started), []);
    assert.equal((await mailsTo(started, ada)).length, (await eventsOf(started, 'MailSent')).length - 1);
  } finally {
    await started.stop();
  }
});
