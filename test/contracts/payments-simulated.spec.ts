/** The simulated provider's page, its webhooks and its faults. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cardNames } from '../../src/adapters/payments/cards.ts';
import { triesPerCheckout } from '../../src/adapters/payments/simulated-checkouts.ts';
import { SimulatedPayments } from '../../src/adapters/payments/simulated.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { day, hour, minute, plus, second, type Instant } from '../../src/domain/instant.ts';
import { Refused, Unavailable } from '../../src/domain/ports/failures.ts';
import { openSimulated, reference, secrets } from './payments-simulated.ts';
import { price, urls } from './payments.contract.ts';

type World = ReturnType<typeof openSimulated>;
const simulated = (text: string, run: (world: World) => Promise<void>): void => {
  test(`simulated: ${text}`, async () => {
    const world = openSimulated();
    try {
      await run(world);
    } finally {
      await world.payments.close();
    }
  });
};
/** A place for webhooks that answers what it is told to, and remembers what came. */
const inbox = (status: () => number = () => 200) => {
  const got: { body: string; headers: Record<string, string>; id: string; type: string }[] = [];
  const post = async (body: string, headers: Record<string, string>): Promise<number> => {
    const { id, type } = JSON.parse(body) as { id: string; type: string };
    got.push({ body, headers, id, type });
    return status();
  };
  return { got, post };
};

simulated('each card does on the page what its name says', async ({ payments, createCheckout }) => {
  const outcomes: Record<string, unknown> = {};
  for (const card of [...cardNames, ' Succeeds ', '4242 4242 4242 4242', '']) {
    const { id } = await createCheckout();
    const { outcome } = await payments.submitCard(id, card, false);
    outcomes[card] = [outcome, (await payments.readCheckout(id))?.status];
  }
  assert.deepEqual(outcomes, {
    succeeds: ['complete', 'complete'], declined: ['refused', 'open'], confirm: ['confirm', 'open'], 'charge-fails': ['complete', 'complete'], late: ['complete', 'complete'], 'succeeds-once': ['complete', 'complete'],
    ' Succeeds ': ['complete', 'complete'], '4242 4242 4242 4242': ['unknown-card', 'open'], '': ['unknown-card', 'open'],
  });
});

simulated('a complete checkout leads back with its id, also when the button is pressed twice', async ({ payments, createCheckout }) => {
  const { id } = await createCheckout();
  const expected = { outcome: 'complete', returnUrl: `http://127.0.0.1:8081/subscribe/done?flow=1&checkout=${id}` };
  assert.deepEqual(await payments.submitCard(id, 'succeeds', false), expected);
  const { method } = (await payments.readCheckout(id))!;
  assert.deepEqual(await payments.submitCard(id, 'late', false), expected);
  assert.equal((await payments.readCheckout(id))?.method, method);
  assert.equal((await payments.checkoutView(id))?.returnUrl, expected.returnUrl);
});

simulated('what was typed instead of a test card is neither repeated nor stored', async ({ payments, createCheckout }) => {
  const { id } = await createCheckout();
  const answer = await payments.submitCard(id, '4242424242424242', false);
  assert.ok(!JSON.stringify(answer).includes('4242'));
  assert.deepEqual('known' in answer && answer.known, cardNames);
});

simulated('confirming needs the question first, and the same card', async ({ payments, createCheckout }) => {
  const { id } = await createCheckout();
  assert.deepEqual(await payments.submitCard(id, 'confirm', true), { outcome: 'confirm' });
  assert.deepEqual([(await payments.checkoutView(id))?.needsConfirmation, (await payments.checkoutView(id))?.card], [true, 'confirm']);
  assert.equal((await payments.submitCard(id, 'declined', true)).outcome, 'refused');
  assert.equal((await payments.checkoutView(id))?.needsConfirmation, false);
  assert.deepEqual(await payments.submitCard(id, 'confirm', true), { outcome: 'confirm' });
  assert.equal((await payments.submitCard(id, 'confirm', true)).outcome, 'complete');
});

simulated('after ten tries the checkout closes, even for a good card', async ({ payments, createCheckout, types }) => {
  const { id } = await createCheckout();
  for (let tries = 0; tries < triesPerCheckout; tries += 1) assert.equal((await payments.submitCard(id, 'declined', false)).outcome, 'refused');
  assert.equal((await payments.submitCard(id, 'succeeds', false)).outcome, 'closed');
  assert.equal((await payments.readCheckout(id))?.status, 'expired');
  assert.deepEqual(types(), ['checkout.session.expired']);
  assert.equal((await payments.submitCard('cs_test_none', 'succeeds', false)).outcome, 'closed');
  assert.equal(await payments.checkoutView('cs_test_none'), undefined);
});

simulated('a checkout expires after a day', async ({ payments, createCheckout, walkTo }) => {
  const { id } = await createCheckout();
  await walkTo('2026-03-11T07:59:59.999Z');
  assert.equal((await payments.readCheckout(id))?.status, 'open');
  await walkTo('2026-03-11T08:00:00.000Z');
  assert.equal((await payments.readCheckout(id))?.status, 'expired');
  assert.equal((await payments.submitCard(id, 'succeeds', false)).outcome, 'closed');
  assert.equal((await payments.readCheckout(id))?.method, undefined);
});

simulated('the page knows what storing a card will take at once', async ({ payments, createCheckout, subscribe, walkTo, key }) => {
  const amountOf = async (purpose: 'signup' | 'pay') => (await payments.checkoutView((await createCheckout({ ...reference, purpose })).id))?.amountText;
  assert.equal(await amountOf('signup'), 'Nothing yet: the card is only stored');
  const id = await subscribe('succeeds-once');
  assert.equal(await amountOf('pay'), 'Nothing is due');
  await walkTo('2026-04-10T08:00:00.000Z');
  assert.equal(await amountOf('pay'), '35.00 USD');
  await payments.cancel({ key: key(), providerSubscription: id, when: 'now' });
  assert.equal(await amountOf('pay'), '35.00 USD', 'the month with which it starts again');
});

simulated('addresses that are none are refused, naming the field', async ({ payments, key }) => {
  for (const url of ['javascript:alert(1)', '', 'ftp://x/y', '//', 'http://']) {
    await assert.rejects(payments.createCheckout({ key: key(), reference, email: 'a@example.com', ...urls, returnUrl: url }), /returnUrl/, url);
    await assert.rejects(payments.createCheckout({ key: key(), reference, email: 'a@example.com', ...urls, cancelUrl: url }), /cancelUrl/, url);
  }
});

simulated('prices that are none, and keys that are none, are refused', async ({ payments, store, key }) => {
  const input = { key: key(), reference, method: await store('succeeds'), price, description: 'Plan developer' };
  for (const wrong of [{ amount: -1, currency: 'USD' }, { amount: 1.5, currency: 'USD' }, { amount: 1, currency: 'dollars' }]) await assert.rejects(payments.subscribe({ ...input, price: wrong }), Refused);
  for (const wrong of ['', 'k'.repeat(256)]) await assert.rejects(payments.subscribe({ ...input, key: wrong }), Refused);
  assert.deepEqual(payments.charges(), []);
  const free = await payments.subscribe({ ...input, price: { amount: 0, currency: 'USD' } });
  assert.equal(free.status, 'paid', 'a refusal for bad input does not use up the key');
});

simulated('a key used for another deed is refused', async ({ payments, subscribe, key, store }) => {
  const id = await subscribe('succeeds');
  const shared = key();
  await payments.cancel({ key: shared, providerSubscription: id, when: 'period-end' });
  await assert.rejects(payments.uncancel({ key: shared, providerSubscription: id }), (error: unknown) => error instanceof Refused && error.code === 'KeyReused');
  await assert.rejects(payments.replaceMethod({ key: shared, providerSubscription: id, method: await store('succeeds') }), Refused);
});

simulated('webhooks verify at the port, name what can be read, and hold nothing personal', async ({ payments, subscribe, clock }) => {
  const id = await subscribe('succeeds');
  const { got, post } = inbox();
  assert.equal(await payments.deliver(post, clock.now()), 3);
  assert.equal(await payments.deliver(post, clock.now()), 0);
  const events = await Promise.all(got.map(({ body, headers }) => payments.verifyWebhook(new TextEncoder().encode(body), headers, clock.now())));
  assert.deepEqual(events.map(({ type, object }) => [type, object.kind]), [['checkout.session.completed', 'checkout'], ['customer.subscription.created', 'subscription'], ['invoice.paid', 'invoice']]);
  assert.equal((await payments.readCheckout(events[0]!.object.id))?.status, 'complete');
  assert.equal(events[1]!.object.id, id);
  assert.equal((await payments.readInvoice(events[2]!.object.id))?.status, 'paid');
  for (const { body } of got) {
    const { livemode, data } = JSON.parse(body) as { livemode: boolean; data: { object: { metadata: unknown } } };
    assert.deepEqual([livemode, data.object.metadata], [false, { ...reference }]);
    assert.ok(!body.includes('example.com'));
  }
});

simulated('a webhook that is not taken is tried after 5 s, 1 min, 10 min, then hourly for three days', async ({ payments, createCheckout, clock }) => {
  const { id } = await createCheckout();
  const start = clock.now();
  await payments.submitCard(id, 'succeeds', false);
  const { got, post } = inbox(() => 500);
  const tries: Instant[] = [];
  for (let due = payments.nextDueAt(); due !== undefined; due = payments.nextDueAt()) {
    tries.push(due);
    await payments.deliver(post, due);
  }
  const early = [0, 5 * second, 65 * second, 11 * minute + 5 * second, 71 * minute + 5 * second, 131 * minute + 5 * second].map((ms) => plus(start, ms));
  assert.deepEqual(tries.slice(0, 6), early);
  assert.equal(tries.length, 76);
  assert.ok(tries.at(-1)! >= plus(start, 3 * day) && tries.at(-1)! < plus(start, 3 * day + hour));
  assert.equal(new Set(got.map(({ id: event }) => event)).size, 1);
  await payments.verifyWebhook(new TextEncoder().encode(got[70]!.body), got[70]!.headers, tries[70]!); // signed anew for each try
});

simulated('a webhook whose receiver breaks is tried again, and holds up no other', async ({ payments, subscribe, clock }) => {
  await subscribe('succeeds');
  const { got, post } = inbox();
  let calls = 0;
  const breaking = async (body: string, headers: Record<string, string>): Promise<number> => {
    if ((calls += 1) === 1) throw new Error('connection reset');
    return post(body, headers);
  };
  await payments.deliver(breaking, clock.now());
  assert.equal(got.length, 2);
  await payments.deliver(breaking, plus(clock.now(), 5 * second));
  assert.equal(got.length, 3);
  assert.ok(payments.sentEvents().every(({ delivered }) => delivered));
});

simulated('two deliveries at once post each webhook once', async ({ payments, subscribe, clock }) => {
  await subscribe('succeeds');
  const { got, post } = inbox();
  await Promise.all([payments.deliver(post, clock.now()), payments.deliver(post, clock.now())]);
  assert.equal(got.length, 3);
});

simulated('webhooks can be lost, late, doubled and reordered', async ({ payments, subscribe, clock }) => {
  await subscribe('succeeds');
  const { got, post } = inbox();
  Object.assign(payments.faults, { reorderWebhooks: true, loseWebhooks: 1 });
  await payments.deliver(async (body, headers) => {
    Object.assign(payments.faults, { duplicateWebhooks: 0, lateWebhooks: 1, lateByMs: 2 * hour });
    return post(body, headers);
  }, clock.now());
  assert.deepEqual(got.map(({ type }) => type), ['customer.subscription.created'], 'the newest was lost, the oldest is late');
  assert.equal(payments.nextDueAt(), plus(clock.now(), 2 * hour));
  Object.assign(payments.faults, { duplicateWebhooks: 1, lateWebhooks: 0 });
  await payments.deliver(post, plus(clock.now(), 2 * hour));
  assert.deepEqual(got.slice(1).map(({ type }) => type), ['checkout.session.completed', 'checkout.session.completed']);
  assert.equal(got[1]!.id, got[2]!.id);
  assert.deepEqual(payments.sentEvents().map(({ delivered }) => delivered), [true, true, false]);
});

simulated('unavailable before means nothing was done, after means it was; asking again under the key tells', async ({ payments, store, key }) => {
  const input = { key: key(), reference, method: await store('succeeds'), price, description: 'Plan developer' };
  payments.faults.unavailableBefore = 1;
  await assert.rejects(payments.subscribe(input), Unavailable);
  assert.equal(payments.charges().length, 0);
  payments.faults.unavailableAfter = 1;
  await assert.rejects(payments.subscribe(input), Unavailable);
  assert.equal(payments.charges().length, 1);
  assert.equal((await payments.subscribe(input)).status, 'paid');
  assert.equal(payments.charges().length, 1);
  payments.faults.unavailableBefore = 1;
  await assert.rejects(payments.readInvoice('in_none'), Unavailable);
  assert.equal(await payments.readInvoice('in_none'), undefined);
});

test('simulated: opened again it remembers everything, and its file holds no address', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-payments-'));
  try {
    const path = join(folder, 'payments.db');
    const first = openSimulated({ path });
    const input = { key: 'charge', reference, method: await first.store('late'), price, description: 'Plan developer' };
    const charge = await first.payments.subscribe(input);
    const sent = first.payments.sentEvents();
    await first.payments.close();
    for (const file of await readdir(folder)) assert.ok(!(await readFile(join(folder, file))).includes('someone@example.com'), file);
    const second = SimulatedPayments.open({ path, clock: first.clock, random: new SeededRandom('another'), webhookSecrets: secrets, checkoutUrl: (id) => id });
    assert.deepEqual(await second.subscribe(input), charge);
    assert.deepEqual(second.sentEvents(), sent);
    await second.run(plus(first.clock.now(), hour));
    assert.equal(second.charges()[0]?.status, 'succeeded');
    await second.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('simulated: options that cannot work are refused', () => {
  const { clock } = openSimulated();
  const options = { path: ':memory:', clock, random: new SeededRandom(1), webhookSecrets: secrets, checkoutUrl: (id: string) => id };
  assert.throws(() => SimulatedPayments.open({ ...options, webhookSecrets: [] }), /webhook secret/);
  assert.throws(() => SimulatedPayments.open({ ...options, checkoutOpenMs: minute }), /30 minutes/);
  assert.throws(() => SimulatedPayments.open({ ...options, checkoutOpenMs: 2 * day }), /24 hours/);
});
