/** A renewal that fails, and everything after it: grace, warning, limit, suspension, end, payment in each; webhooks in every disorder. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  eventsOf, giveCard, login, mailsTo, refusal, repeatedMails, restarted, running, runWorkload, signUp, startSystem, storedEvents, uploadSource, withSystem, workloadNamed, type Customer, type Started,
} from './system.ts';
import { day, hour, minute, plus, toEpochMs, type Instant } from '../../src/domain/instant.ts';
import type { PaymentFaults } from '../../src/adapters/payments/faults.ts';
import { serviceLevels } from '../../src/domain/service-level.ts';

const ada = 'ada@example.com';
/** The customer with a session of now: time has gone by since the last one. */
const now = async (started: Started): Promise<Customer> => {
  const { session } = await login(started, ada);
  return { email: ada, access: session.accessToken, refresh: session.refreshToken, account: session.account, namespace: session.namespace, signupToken: '' };
};
const subscription = async (started: Started): Promise<any> => (await started.call('GET', '/subscriptions', { token: started.operator })).json.items[0];
const gate = async (started: Started, { access }: Customer, action = 'run'): Promise<any> => (await started.call('GET', `/gate?action=${action}`, { token: access })).json;
const pay = async (started: Started, card = 'succeeds'): Promise<any> => {
  const customer = await now(started);
  const { json, text } = await started.call('POST', '/account/pay', { token: customer.access });
  assert.ok(json?.url, text);
  assert.equal((await giveCard(started, json.url, card)).status, 303);
  await started.settled();
  return (await started.call('GET', `/account/pay/${json.checkoutId}`, { token: customer.access })).json;
};
/** Until a phase begins, walking by the phases' own instants, and then hour by hour: a webhook may be late. */
const until = async (started: Started, phase: string): Promise<void> => {
  for (let walked = 0; walked < 30; walked += 1) {
    await started.settled();
    const seen = await subscription(started);
    if (seen.phase === phase) return;
    const next = toEpochMs((seen.phase === 'active' ? plus(seen.paidThrough, minute) : seen.nextAt) as Instant);
    await started.advance(Math.max(hour, next - toEpochMs(started.adapters.clock.now())));
  }
  assert.equal((await subscription(started)).phase, phase);
};
const templates = async (started: Started): Promise<string[]> => {
  const { items } = (await started.call('GET', '/mails?limit=1000', { token: started.operator })).json;
  return items.map(({ template }: { template: string }) => template).filter((template: string) => !['one-time-token', 'welcome', 'receipt'].includes(template)).sort();
};

test('who pays is renewed month by month, with a receipt each time, and stays what they are', () => withSystem(async (started) => {
  await signUp(started, ada);
  const first = (await subscription(started)).paidThrough;
  await started.advance(100 * day);
  assert.equal(started.adapters.payments.charges().length, 4);
  assert.deepEqual((await eventsOf(started, 'PaymentSucceeded')).length, 3);
  const { phase, paidThrough } = await subscription(started);
  assert.equal(phase, 'active');
  assert.ok(paidThrough > plus(first, 80 * day));
  assert.deepEqual(await templates(started), []);
  const { items } = (await started.call('GET', '/mails?template=receipt', { token: started.operator })).json;
  assert.equal(items.length, 4);
  const invoices = (await started.call('GET', '/invoices', { token: (await now(started)).access })).json.items;
  assert.deepEqual(invoices.map(({ status }: { status: string }) => status), Array<string>(4).fill('paid'));
  assert.deepEqual(invoices.slice(0, -1).map(({ periodStart }: { periodStart: string }) => periodStart), invoices.slice(1).map(({ periodEnd }: { periodEnd: string }) => periodEnd), 'each begins where the one before ended');
  assert.deepEqual((await gate(started, await now(started))).allow, true);
}));

test('a missed renewal: grace, a warning a day before its end, limited, suspended with workloads stopped, then payment brings everything back', () => withSystem(async (started) => {
  let customer = await signUp(started, ada, 'succeeds-once');
  await runWorkload(started, customer, 'hello');
  const { id } = await workloadNamed(started, customer, 'hello', running);
  const due = (await subscription(started)).paidThrough as Instant;

  await until(started, 'grace');
  customer = await now(started);
  assert.equal((await gate(started, customer)).allow, true, 'everything works in grace');
  const account = (await started.call('GET', '/account', { token: customer.access })).json;
  assert.equal(account.level, 'full');
  assert.match(account.reason, /missed/);
  assert.match(account.nextStep, /account pay/);
  const [{ endsAt, warnAt }] = await eventsOf(started, 'GraceStarted');
  assert.equal(toEpochMs(endsAt) - toEpochMs(due) < 8 * day, true);
  assert.equal(toEpochMs(endsAt) - toEpochMs(warnAt), day);
  assert.deepEqual(await templates(started), ['payment-failed']);

  await started.advance(toEpochMs(warnAt) - toEpochMs(started.adapters.clock.now()) + minute);
  assert.deepEqual(await templates(started), ['grace-ending', 'payment-failed']);
  assert.equal((await subscription(started)).phase, 'grace');

  await until(started, 'limited');
  customer = await now(started);
  const verdict = await gate(started, customer);
  const { reason, nextStep } = serviceLevels.limited;
  assert.partialDeepStrictEqual(verdict, { allow: false, level: 'limited', reason, nextStep });
  for (const [action, allow] of [['read', true], ['write', false], ['run', false], ['billing', true]] as const) assert.equal((await gate(started, customer, action)).allow, allow, action);
  const refused = refusal(await started.call('POST', '/commands/RunWorkload', { token: customer.access, body: { name: 'more', source: `sha256:${'0'.repeat(64)}` } }), 402, 'ServiceLimited');
  assert.deepEqual([refused.detail, refused.nextStep], [reason, nextStep], 'in the words of the one table');
  refusal(await started.call('PUT', '/sources', { token: customer.access, body: new Uint8Array([31]), headers: { 'content-type': 'application/gzip' } }), 402, 'ServiceLimited');
  assert.equal((await workloadNamed(started, customer, 'hello')).state, 'running', 'reading works, and what runs goes on');
  assert.equal((await started.call('GET', `/workloads/${id}/logs`, { token: customer.access })).status, 200);

  await until(started, 'suspended');
  customer = await now(started);
  assert.partialDeepStrictEqual(await gate(started, customer, 'read'), { allow: false, level: 'suspended', reason: serviceLevels.suspended.reason });
  assert.equal((await gate(started, customer, 'billing')).allow, true);
  assert.ok(started.runtime.told.includes(`stop ${id}`));
  assert.equal((await started.runtime.list())[0]?.state, 'stopped');
  assert.ok(!started.runtime.told.some((told) => told.startsWith('remove')), 'its data is kept');
  const [space] = (await started.call('GET', '/namespaces', { token: started.operator })).json.items;
  assert.deepEqual([space.level, space.workloads], ['suspended', 1], 'its slot too');

  assert.partialDeepStrictEqual(await pay(started), { status: 'done', level: 'full' });
  customer = await now(started);
  assert.equal((await gate(started, customer)).allow, true);
  assert.equal((await workloadNamed(started, customer, 'hello', running)).state, 'running');
  assert.equal((await runWorkload(started, customer, 'more')).status, 200);
  assert.deepEqual(await templates(started), ['grace-ending', 'limited', 'payment-failed', 'restored', 'suspended']);
  assert.deepEqual(repeatedMails(started), []);
  assert.equal((await mailsTo(started, ada)).filter(({ subject }) => subject === '').length, 0);
  await started.advance(20 * day);
  assert.equal((await subscription(started)).phase, 'active', 'and no clock of before rings again');
}));

for (const phase of ['grace', 'limited', 'suspended', 'ended']) {
  test(`a payment in the phase "${phase}" restores everything, once; a declined card there changes nothing`, () => withSystem(async (started) => {
    await signUp(started, ada, 'succeeds-once');
    await until(started, phase);
    const before = (await subscription(started)).phase;
    await pay(started, 'charge-fails');
    assert.equal((await subscription(started)).phase, before);
    assert.equal(started.adapters.payments.charges().at(-1)?.status, 'failed');
    await pay(started);
    assert.equal((await subscription(started)).phase, 'active');
    assert.equal((await gate(started, await now(started))).level, 'full');
    assert.equal((await eventsOf(started, 'SubscriptionRestored')).length, 1);
    assert.equal(started.adapters.payments.charges().filter(({ status }) => status === 'succeeded').length, 2);
    assert.equal((await started.call('GET', '/namespaces', { token: started.operator })).json.items[0].level, 'full');
    await started.advance(75 * day);
    assert.equal((await subscription(started)).phase, 'active', 'renewals go on with the new card');
  }));
}

test('a late payment restores only when it has settled', () => withSystem(async (started) => {
  await signUp(started, ada, 'succeeds-once');
  await until(started, 'limited');
  assert.equal((await pay(started, 'late')).status, 'settling');
  assert.equal((await subscription(started)).phase, 'limited');
  await started.advance(hour + minute);
  assert.equal((await subscription(started)).phase, 'active');
}));

test('who never pays: the end removes the workloads and gives back their slots; the account can still be seen and paid', () => withSystem(async (started) => {
  const customer = await signUp(started, ada, 'succeeds-once');
  await runWorkload(started, customer, 'hello');
  await until(started, 'ended');
  await started.settled();
  assert.equal(started.runtime.told.filter((told) => told.startsWith('remove')).length, 1);
  const later = await now(started);
  assert.equal((await gate(started, later, 'billing')).allow, true);
  assert.equal((await started.call('GET', '/account', { token: later.access })).json.phase, 'ended');
  const [space] = (await started.call('GET', '/namespaces', { token: started.operator })).json.items;
  assert.equal(space.workloads, 0);
  await pay(started);
  assert.equal((await runWorkload(started, await now(started), 'hello')).status, 200, 'the name is free again');
}));

test('a plan without grace limits at once', () => withSystem(async (started) => {
  const { json } = await started.call('POST', '/commands/OfferPlan', { token: started.operator, body: { name: 'strict', amount: 100, currency: 'USD', graceDays: 0, limitedDays: 1 } });
  const [offered] = json.events;
  assert.equal(offered.type, 'PlanOffered');
  const developer = (await started.call('GET', '/plans?onSale=true', { token: started.operator })).json.items.find(({ name }: { name: string }) => name === 'developer');
  await started.call('POST', '/commands/RetirePlan', { token: started.operator, body: { planId: developer.id } });
  await started.settled();
  const plans = (await started.call('GET', '/plans?onSale=true')).json.items;
  assert.deepEqual(plans.map(({ name }: { name: string }) => name), ['strict']);
  await signUp(started, ada, 'succeeds-once').catch((error: unknown) => assert.fail(String(error)));
  assert.equal((await subscription(started)).plan, 'strict');
  await started.advance(32 * day);
  assert.notEqual((await subscription(started)).phase, 'grace');
  assert.deepEqual((await eventsOf(started, 'GraceStarted')), []);
  assert.equal((await eventsOf(started, 'SubscriptionLapsed')).length, 1);
}));

test('a price change reaches nobody who has subscribed', () => withSystem(async (started) => {
  await signUp(started, ada);
  const [{ id }] = (await started.call('GET', '/plans')).json.items;
  assert.equal((await started.call('POST', '/commands/RepricePlan', { token: started.operator, body: { planId: id, amount: 9900, currency: 'USD' } })).status, 200);
  await started.advance(32 * day);
  assert.deepEqual(started.adapters.payments.charges().map(({ amount }) => amount.amount), [3500, 3500]);
}));

/** What a lapse and its payment leave behind, whatever happened to the webhooks on the way. */
const wholeStory = async (started: Started, faults: (faults: PaymentFaults) => void): Promise<object> => {
  await signUp(started, ada, 'succeeds-once');
  faults(started.adapters.payments.faults);
  await until(started, 'limited');
  faults(started.adapters.payments.faults);
  await pay(started);
  await started.advance(2 * day);
  const { phase, failures, price, plan } = await subscription(started);
  const counts = (await eventsOf(started, 'GraceStarted', 'SubscriptionLapsed', 'SubscriptionRestored', 'PaymentSucceeded')).map(({ type }) => type).sort();
  return { phase, failures, price, plan, counts, level: (await gate(started, await now(started))).level, mails: await templates(started), charges: started.adapters.payments.charges().filter(({ status }) => status === 'succeeded').length };
};
const disorders: Readonly<Record<string, (faults: PaymentFaults) => void>> = {
  'each posted twice': (faults) => void (faults.duplicateWebhooks = 50),
  'newest first': (faults) => void (faults.reorderWebhooks = true),
  'hours late': (faults) => void Object.assign(faults, { lateWebhooks: 4, lateByMs: 5 * hour }),
  'twice, late and newest first': (faults) => void Object.assign(faults, { duplicateWebhooks: 50, lateWebhooks: 3, reorderWebhooks: true }),
};
test('webhooks twice, late or in any order end in the same state', async () => {
  let expected: object | undefined;
  await withSystem(async (started) => void (expected = await wholeStory(started, () => undefined)));
  assert.partialDeepStrictEqual(expected, { phase: 'active', level: 'full', charges: 2 });
  for (const [name, disorder] of Object.entries(disorders)) {
    await withSystem(async (started) => {
      assert.deepEqual(await wholeStory(started, disorder), expected, name);
      const stored = await eventsOf(started, 'WebhookReceived');
      assert.equal(new Set(stored.map(({ eventId }) => eventId)).size, stored.length, 'each is stored once');
    });
  }
});

for (const type of ['checkout.session.completed', 'invoice.paid', 'customer.subscription.updated', 'invoice.payment_failed']) {
  const lost = new Set<string>();
  test(`every webhook "${type}" is lost: the others, and the page the browser comes back to, lead to the same end`, () => withSystem(async (started) => {
    await signUp(started, ada, 'succeeds-once');
    lost.add(type);
    await until(started, 'limited');
    const customer = await now(started);
    const { json } = await started.call('POST', '/account/pay', { token: customer.access });
    const back = (await giveCard(started, json.url, 'succeeds')).headers.get('location') ?? '';
    assert.equal((await fetch(back)).status, 200);
    await started.advance(minute);
    assert.equal((await subscription(started)).phase, 'active');
    assert.equal((await gate(started, customer)).level, 'full');
    await started.advance(40 * day);
    assert.equal((await subscription(started)).phase, 'active');
    assert.equal((await eventsOf(started, 'SubscriptionRestored')).length, 1);
  }, { lost }));
}

test('a webhook that is altered, signed by somebody else, or too old is 400 and leaves no trace', () => withSystem(async (started) => {
  await signUp(started, ada);
  const { default: Stripe } = await import('stripe');
  const secret = started.adapters.secrets.webhook;
  const events = await storedEvents(started);
  const body = JSON.stringify({ id: 'evt_forged', object: 'event', type: 'invoice.paid', api_version: '2026-06-30', created: 1, livemode: false, data: { object: { id: 'in_none', object: 'invoice' } } });
  const nowS = Math.floor(toEpochMs(started.adapters.clock.now()) / 1000);
  const signed = (payload: string, key: string, timestamp: number) => Stripe.webhooks.generateTestHeaderString({ payload, secret: key, timestamp });
  const post = (payload: string, signature?: string) => started.call('POST', '/webhooks/stripe', { body: payload, headers: signature === undefined ? {} : { 'stripe-signature': signature } });
  for (const answer of [
    await post(body), await post(body, ''), await post(body, 'nonsense'), await post(body, `t=${nowS},v1=${'0'.repeat(64)}`), await post(body, signed(body, 'whsec_other', nowS)),
    await post(body.replace('in_none', 'in_other'), signed(body, secret, nowS)), await post(`${body} `, signed(body, secret, nowS)), await post(body, signed(body, secret, nowS - 301)), await post(body, signed(body, secret, nowS + 301)),
    await post('', signed('', secret, nowS)), await post('{"id":1}', signed('{"id":1}', secret, nowS)), await post(body, signed(body, secret, nowS).replace('v1', 'v0')),
  ]) assert.equal(answer.status, 400, answer.text);
  refusal(await post(body, 'nonsense'), 400, 'BadSignature');
  assert.deepEqual(await storedEvents(started), events);
  assert.deepEqual([await post(body, signed(body, secret, nowS)), await post(body, signed(body, secret, nowS - 299))].map(({ json }) => [json.received, json.duplicate]), [[true, false], [true, true]], 'a good one is stored, once');
  await started.settled();
  const [ignored] = (await started.call('GET', '/webhooks?status=ignored', { token: started.operator })).json.items;
  assert.match(ignored.reason, /not of a subscription of ours/);
}));

test('a restart in each phase changes nothing: clocks ring when they should, no mail comes twice', async () => {
  let started = await startSystem();
  try {
    const customer = await signUp(started, ada, 'succeeds-once');
    await runWorkload(started, customer, 'hello');
    for (const phase of ['grace', 'limited', 'suspended']) {
      await until(started, phase);
      await workloadNamed(started, await now(started), 'hello', ({ state }) => ['running', 'stopped'].includes(state));
      const [before, events] = [await subscription(started), (await storedEvents(started)).length];
      started = await restarted(started);
      await started.settled();
      assert.deepEqual(await subscription(started), before);
      assert.deepEqual((await storedEvents(started)).slice(events).map(({ type }) => type), []);
    }
    await pay(started);
    started = await restarted(started);
    await started.settled();
    assert.equal((await workloadNamed(started, await now(started), 'hello', running)).state, 'running');
    assert.deepEqual(await templates(started), ['grace-ending', 'limited', 'payment-failed', 'restored', 'suspended']);
    assert.deepEqual(repeatedMails(started), []);
    assert.equal(started.runtime.told.filter((told) => told.startsWith('apply')).length, 2, 'started, and started again after the suspension');
  } finally {
    await started.stop();
  }
});

test('a mail that the carrier does not take is tried again, later, until it is; one refused for good is given up, and may be retried', () => withSystem(async (started) => {
  const customer = await signUp(started, ada, 'succeeds-once');
  started.adapters.mailbox.faults.unavailableBefore = 3;
  await until(started, 'grace');
  await started.advance(30 * minute);
  assert.deepEqual((await eventsOf(started, 'MailAttemptFailed')).length, 3);
  assert.equal((await started.call('GET', '/mails?template=payment-failed', { token: started.operator })).json.items[0].status, 'sent');
  started.adapters.mailbox.faults.unavailableBefore = 100;
  await until(started, 'limited');
  await started.advance(12 * hour);
  const [given] = (await started.call('GET', '/mails?template=limited', { token: started.operator })).json.items;
  assert.equal(given.status, 'given up');
  assert.ok(given.lastError);
  started.adapters.mailbox.faults.unavailableBefore = 0;
  assert.equal((await started.call('POST', '/commands/RetryMail', { token: started.operator, body: { mailId: given.id } })).status, 200);
  await started.settled();
  assert.equal((await started.call('GET', `/mails/${given.id}`, { token: started.operator })).json.status, 'sent');
  assert.ok(customer.account);
}));

test('uploading and running stay possible in grace', () => withSystem(async (started) => {
  await signUp(started, ada, 'succeeds-once');
  await until(started, 'grace');
  const customer = await now(started);
  assert.match(await uploadSource(started, customer), /^sha256:/);
  assert.equal((await runWorkload(started, customer, 'late')).status, 200);
}));
