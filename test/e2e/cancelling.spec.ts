/** A customer ends the subscription with its period, sees beforehand what that means, and may think better of it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { eventsOf, giveCard, login, mailsTo, refusal, restarted, running, runWorkload, signUp, startSystem, taken, withSystem, workloadNamed, type Answer, type Customer, type Started } from './system.ts';
import { day, hour, minute, plus, toEpochMs, type Instant } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const now = async (started: Started): Promise<Customer> => {
  const { session } = await login(started, ada);
  return { email: ada, access: session.accessToken, refresh: session.refreshToken, account: session.account, namespace: session.namespace, signupToken: '' };
};
const post = (started: Started, { access }: Customer, path: string, headers: Record<string, string> = {}): Promise<Answer> => started.call('POST', path, { token: access, headers });
const account = async (started: Started): Promise<any> => (await started.call('GET', '/account', { token: (await now(started)).access })).json;
const subscription = async (started: Started): Promise<any> => (await started.call('GET', '/subscriptions', { token: started.operator })).json.items[0];
const walkTo = (started: Started, instant: Instant): Promise<void> => started.advance(toEpochMs(instant) - toEpochMs(started.adapters.clock.now()));
const subjects = async (started: Started): Promise<string[]> => (await mailsTo(started, ada)).map(({ subject }) => subject).filter((subject) => !/one-time|Welcome|Receipt/.test(subject));

test('seen beforehand, then cancelled: all works to the end of what is paid, then it is stopped and kept, then removed; nothing more is charged', () => withSystem(async (started) => {
  let customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello');
  const { id } = await workloadNamed(started, customer, 'hello', running);
  const { paidThrough } = await subscription(started);

  const would = (await post(started, customer, '/account/cancel?dryRun=true')).json;
  assert.partialDeepStrictEqual(would, { dryRun: true, cancelled: true, atOnce: false, endsAt: paidThrough });
  assert.match(would.says.join('\n'), /hello/, 'it says what is stopped');
  assert.deepEqual(await eventsOf(started, 'CancellationScheduled'), []);
  assert.equal((await account(started)).cancelAtPeriodEnd, false);

  const done = (await post(started, customer, '/account/cancel')).json;
  assert.deepEqual(done.says, would.says, 'what was said is what is done');
  assert.deepEqual((await post(started, customer, '/account/cancel')).json.events, [], 'twice is once');
  await started.settled();
  assert.partialDeepStrictEqual(await account(started), { level: 'full', cancelAtPeriodEnd: true, endsAt: paidThrough });
  assert.equal((await started.adapters.payments.readSubscription((await subscription(started)).providerSubscription))?.cancelAtPeriodEnd, true);
  assert.deepEqual(await subjects(started), ['Your subscription is cancelled']);

  await walkTo(started, plus(paidThrough, -minute));
  assert.equal((await account(started)).level, 'full');
  await walkTo(started, plus(paidThrough, minute));
  const [ended] = await eventsOf(started, 'SubscriptionEnded');
  assert.deepEqual([ended.at, ended.cause, (await eventsOf(started, 'SubscriptionEnded')).length], [paidThrough, 'cancelled', 1]);
  assert.partialDeepStrictEqual(await account(started), { level: 'suspended', phase: 'ended', keptUntil: ended.keptUntil });
  assert.ok(started.runtime.told.includes(`stop ${id}`) && !started.runtime.told.some((told) => told.startsWith('remove')));

  await walkTo(started, plus(ended.keptUntil, minute));
  assert.ok(started.runtime.told.includes(`remove ${id}`));
  customer = await now(started);
  assert.match((await account(started)).reason, /removed/);
  assert.equal((await started.call('GET', '/namespaces', { token: customer.access })).json.items.length, 1, 'the namespace stays');
  await started.advance(200 * day);
  assert.equal(taken(started).length, 1);
  assert.deepEqual(await subjects(started), ['Your subscription has ended', 'Your subscription is cancelled']);
}));

test('withdrawn before the end, it renews as if nothing had been', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const { paidThrough } = await subscription(started);
  await post(started, customer, '/account/cancel');
  assert.partialDeepStrictEqual((await post(started, customer, '/account/resume?dryRun=true')).json, { dryRun: true, cancelled: false });
  assert.equal((await account(started)).cancelAtPeriodEnd, true);
  assert.partialDeepStrictEqual((await post(started, customer, '/account/resume')).json, { cancelled: false, paidThrough });
  assert.deepEqual((await post(started, customer, '/account/resume')).json.events, []);
  await walkTo(started, plus(paidThrough, hour));
  assert.partialDeepStrictEqual(await account(started), { level: 'full', phase: 'active', cancelAtPeriodEnd: false });
  assert.equal(taken(started).length, 2);
  assert.deepEqual(await subjects(started), ['Your subscription goes on', 'Your subscription is cancelled']);
}));

test('cancelled in grace it ends at once, and the card is not tried again; paid later everything is back', () => withSystem(async (started) => {
  const first = await signUp(started, ada, 'succeeds-once');
  await runWorkload(started, first, 'hello');
  await workloadNamed(started, first, 'hello', running);
  await walkTo(started, plus((await subscription(started)).paidThrough, hour));
  assert.equal((await subscription(started)).phase, 'grace');
  const tries = started.adapters.payments.charges().length;
  const done = (await post(started, await now(started), '/account/cancel')).json;
  assert.equal(done.atOnce, true);
  await started.advance(14 * day);
  assert.equal(started.adapters.payments.charges().length, tries, 'the tries of the provider have stopped');
  assert.partialDeepStrictEqual(await account(started), { level: 'suspended', phase: 'ended' });
  refusal(await post(started, await now(started), '/account/resume'), 409, 'SubscriptionOver');

  const customer = await now(started);
  const { json } = await post(started, customer, '/account/pay');
  assert.equal((await giveCard(started, json.url, 'succeeds')).status, 303);
  await started.settled();
  assert.partialDeepStrictEqual(await account(started), { level: 'full', phase: 'active', cancelAtPeriodEnd: false });
  assert.equal((await workloadNamed(started, customer, 'hello', running)).state, 'running', 'kept, it runs again by itself');
  await started.advance(40 * day);
  assert.equal((await subscription(started)).phase, 'active');
}));

test('what staff does for a customer, and what nobody may do for another', () => withSystem(async (started) => {
  await signUp(started, ada);
  const eve = await signUp(started, 'eve@example.com');
  const { items } = (await started.call('GET', '/subscriptions', { token: started.operator })).json;
  const hers = items.find(({ accountId }: { accountId: string }) => accountId !== eve.account);
  for (const command of ['CancelSubscription', 'ResumeSubscription']) refusal(await started.call('POST', `/commands/${command}`, { token: eve.access, body: { subscriptionId: hers.id } }), 404, 'SubscriptionNotFound');
  for (const path of ['/account/cancel', '/account/resume']) {
    refusal(await started.call('POST', path), 401, 'NotSignedIn');
    refusal(await started.call('POST', path, { token: started.operator }), 403, 'NotAnAccount');
  }
  assert.equal((await started.call('POST', '/commands/CancelSubscription', { token: started.operator, body: { subscriptionId: hers.id }, headers: { reason: 'asked for by telephone' } })).status, 200);
  assert.deepEqual((await eventsOf(started, 'CancellationScheduled')).map(({ by }) => by), ['staff']);
  assert.equal((await account(started)).cancelAtPeriodEnd, true);
}));

test('cancelled at the provider\'s own pages, it is known here; a webhook that is lost, a restart, and the end is the same', async () => {
  const before = await startSystem();
  await signUp(before, ada);
  const { providerSubscription, paidThrough } = await subscription(before);
  await before.system.rim.payments.cancel({ key: 'by staff at the provider', providerSubscription, when: 'period-end' });
  await before.settled();
  assert.partialDeepStrictEqual(await account(before), { cancelAtPeriodEnd: true, endsAt: paidThrough });
  const started = await restarted(before, { lost: new Set(['customer.subscription.deleted']) });
  try {
    await walkTo(started, plus(paidThrough, hour));
    assert.deepEqual((await eventsOf(started, 'SubscriptionEnded')).map(({ at }) => at), [paidThrough]);
    assert.equal((await account(started)).phase, 'ended');
  } finally {
    await started.stop();
  }
});
