/** What the simulated provider does by itself as time passes: renewals, tries, settlements, and money never taken twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cardNames } from '../../src/adapters/payments/cards.ts';
import { day, hour, plus, plusMonths, type Instant } from '../../src/domain/instant.ts';
import { openSimulated, reference } from './payments-simulated.ts';
import { price } from './payments.contract.ts';

type World = ReturnType<typeof openSimulated>;
const clockTest = (text: string, start: string, run: (world: World) => Promise<void>): void => {
  test(`simulated: ${text}`, async () => {
    const world = openSimulated({ start });
    try {
      await run(world);
    } finally {
      await world.payments.close();
    }
  });
};

clockTest('a month later a new invoice is made and paid', '2026-03-10T08:00:00.000Z', async ({ subscribe, walkTo, sight, types, payments }) => {
  const id = await subscribe('succeeds');
  await walkTo('2026-04-10T07:59:59.999Z');
  assert.equal((await sight(id)).invoices.length, 1);
  await walkTo('2026-04-10T08:00:00.000Z');
  assert.deepEqual(await sight(id), { status: 'active', invoices: ['paid 1 2026-03-10..2026-04-10', 'paid 1 2026-04-10..2026-05-10'] });
  assert.deepEqual(types(), ['checkout.session.completed', 'customer.subscription.created', 'invoice.paid', 'invoice.paid', 'customer.subscription.updated']);
  assert.equal(payments.sentEvents().at(-1)?.at, '2026-04-10T08:00:00.000Z');
});

clockTest('the 31st is the last day of shorter months, and the 31st again after them', '2027-12-31T08:00:00.000Z', async ({ subscribe, walkTo, payments }) => {
  const id = await subscribe('confirm');
  await walkTo('2028-06-01T00:00:00.000Z');
  assert.deepEqual(payments.invoicesOf(id).map(({ periodStart }) => periodStart.slice(0, 10)), ['2027-12-31', '2028-01-31', '2028-02-29', '2028-03-31', '2028-04-30', '2028-05-31']);
});

clockTest('in 24 months 25 invoices, each beginning where the one before ended', '2026-01-30T08:00:00.000Z', async ({ subscribe, walkTo, payments, taken }) => {
  const id = await subscribe('succeeds');
  await walkTo('2028-01-30T08:00:00.000Z');
  const invoices = payments.invoicesOf(id);
  assert.equal(invoices.length, 25);
  assert.equal(taken(), 25);
  invoices.forEach(({ periodStart, periodEnd, status }, index) => {
    assert.equal(periodStart, plusMonths('2026-01-30T08:00:00.000Z' as Instant, index));
    assert.equal(periodEnd, plusMonths('2026-01-30T08:00:00.000Z' as Instant, index + 1));
    assert.equal(status, 'paid');
  });
});

clockTest('two years slept through are made up for at their own instants by the next call', '2026-01-30T08:00:00.000Z', async ({ subscribe, clock, payments }) => {
  const id = await subscribe('succeeds');
  clock.advance(730 * day);
  assert.equal((await payments.readSubscription(id))?.status, 'active');
  assert.deepEqual(payments.charges().map(({ at }) => at.slice(0, 10)), payments.invoicesOf(id).map(({ periodStart }) => periodStart.slice(0, 10)));
  assert.equal(payments.charges().length, 25);
});

clockTest('a declined renewal is tried after 3, 5 and 7 days, then it is unpaid and left alone', '2026-03-10T08:00:00.000Z', async ({ subscribe, walkTo, sight, payments, types }) => {
  const id = await subscribe('succeeds-once');
  const seen: unknown[] = [];
  for (const at of ['04-10', '04-13', '04-15', '04-17']) {
    await walkTo(`2026-${at}T07:59:59.999Z`);
    const before = payments.charges().length;
    await walkTo(`2026-${at}T08:00:00.000Z`);
    seen.push([(await sight(id)).status, (await sight(id)).invoices[1]?.slice(0, 6), payments.charges().length - before]);
  }
  assert.deepEqual(seen, [['past_due', 'open 1', 1], ['past_due', 'open 2', 1], ['past_due', 'open 3', 1], ['unpaid', 'open 4', 1]]);
  assert.equal(types().filter((type) => type === 'invoice.payment_failed').length, 4);
  await walkTo('2027-04-10T08:00:00.000Z');
  assert.deepEqual(await sight(id), { status: 'unpaid', invoices: ['paid 1 2026-03-10..2026-04-10', 'open 4 2026-04-10..2026-05-10'] });
  assert.equal(payments.nextDueAt(), undefined);
});

clockTest('another card pays the open invoice at once; within its month the anchor stays', '2026-03-10T08:00:00.000Z', async ({ subscribe, walkTo, sight, replace, types }) => {
  const id = await subscribe('succeeds-once');
  await walkTo('2026-04-14T08:00:00.000Z');
  await replace(id, 'succeeds');
  assert.deepEqual(await sight(id), { status: 'active', invoices: ['paid 1 2026-03-10..2026-04-10', 'paid 3 2026-04-10..2026-05-10'] });
  assert.deepEqual(types().slice(-2), ['invoice.paid', 'customer.subscription.updated']);
  await walkTo('2026-05-10T08:00:00.000Z');
  assert.equal((await sight(id)).invoices[2], 'paid 1 2026-05-10..2026-06-10');
});

clockTest('paid after its month has passed, the month begins with the payment', '2026-03-10T08:00:00.000Z', async ({ subscribe, walkTo, sight, replace }) => {
  const id = await subscribe('succeeds-once');
  await walkTo('2026-05-31T08:00:00.000Z');
  await replace(id, 'succeeds');
  assert.deepEqual(await sight(id), { status: 'active', invoices: ['paid 1 2026-03-10..2026-04-10', 'paid 5 2026-05-31..2026-06-30'] });
  await walkTo('2026-07-31T08:00:00.000Z');
  assert.deepEqual((await sight(id)).invoices.slice(2), ['paid 1 2026-06-30..2026-07-31', 'paid 1 2026-07-31..2026-08-31']);
});

clockTest('another card that is declined, too, counts as a try and changes no schedule', '2026-03-10T08:00:00.000Z', async ({ subscribe, walkTo, sight, replace, payments }) => {
  const id = await subscribe('succeeds-once');
  await walkTo('2026-04-11T08:00:00.000Z');
  await replace(id, 'charge-fails');
  assert.deepEqual((await sight(id)), { status: 'past_due', invoices: ['paid 1 2026-03-10..2026-04-10', 'open 2 2026-04-10..2026-05-10'] });
  await payments.deliver(async () => 200, '2026-04-11T08:00:00.000Z' as Instant);
  assert.equal(payments.nextDueAt(), '2026-04-13T08:00:00.000Z');
});

clockTest('a new card of the same kind succeeds once again', '2026-03-10T08:00:00.000Z', async ({ subscribe, walkTo, sight, replace }) => {
  const id = await subscribe('succeeds-once');
  await walkTo('2026-04-11T08:00:00.000Z');
  await replace(id, 'succeeds-once');
  assert.equal((await sight(id)).status, 'active');
  await walkTo('2026-05-10T08:00:00.000Z');
  assert.equal((await sight(id)).status, 'past_due');
});

clockTest('a late charge is pending for an hour; only then is it paid and told', '2026-03-10T08:00:00.000Z', async ({ store, key, payments, walkTo, sight, types, taken }) => {
  const charge = await payments.subscribe({ key: key(), reference, method: await store('late'), price, description: 'Plan developer' });
  assert.equal(charge.status, 'pending');
  const { providerSubscription: id, invoice } = charge as Extract<typeof charge, { invoice: object }>;
  assert.equal(invoice.status, 'pending');
  await walkTo('2026-03-10T08:59:59.999Z');
  assert.deepEqual(await sight(id), { status: 'incomplete', invoices: ['pending 1 2026-03-10..2026-04-10'] });
  assert.ok(!types().includes('invoice.paid'));
  assert.equal(taken(), 0);
  await walkTo('2026-03-10T09:00:00.000Z');
  assert.deepEqual(await sight(id), { status: 'active', invoices: ['paid 1 2026-03-10..2026-04-10'] });
  assert.deepEqual(types().slice(-2), ['invoice.paid', 'customer.subscription.updated']);
  await walkTo('2026-04-10T08:30:00.000Z');
  assert.deepEqual((await sight(id)), { status: 'active', invoices: ['paid 1 2026-03-10..2026-04-10', 'pending 1 2026-04-10..2026-05-10'] });
  await walkTo('2026-05-10T09:00:00.000Z');
  assert.equal(taken(), 3);
});

clockTest('while a late charge settles nothing else asks for the same money', '2026-03-10T08:00:00.000Z', async ({ subscribe, walkTo, sight, replace, taken, payments }) => {
  const id = await subscribe('succeeds-once');
  await walkTo('2026-04-13T07:30:00.000Z');
  await replace(id, 'late');
  await replace(id, 'succeeds');
  await walkTo('2026-04-13T08:15:00.000Z'); // past the try that was due
  assert.deepEqual(await sight(id), { status: 'past_due', invoices: ['paid 1 2026-03-10..2026-04-10', 'pending 2 2026-04-10..2026-05-10'] });
  await walkTo('2026-04-13T08:30:00.000Z');
  assert.deepEqual(await sight(id), { status: 'active', invoices: ['paid 1 2026-03-10..2026-04-10', 'paid 2 2026-04-10..2026-05-10'] });
  assert.equal(taken(), 2);
  assert.ok(payments.charges().every(({ status }) => status !== 'pending'));
});

clockTest('a declined first charge leaves nothing: no subscription, no invoice, no event, nothing due', '2026-03-10T08:00:00.000Z', async ({ store, key, payments, types }) => {
  const charge = await payments.subscribe({ key: key(), reference, method: await store('charge-fails'), price, description: 'Plan developer' });
  assert.deepEqual(charge, { status: 'declined', reason: 'The card was declined.' });
  await payments.deliver(async () => 200, '2026-03-10T08:00:00.000Z' as Instant);
  assert.deepEqual(types(), ['checkout.session.completed']);
  assert.equal(payments.nextDueAt(), undefined);
  assert.deepEqual(payments.charges().map(({ status, invoice }) => [status, invoice]), [['failed', undefined]]);
});

clockTest('cancelled for the end of its period it ends there, and no money is asked for', '2026-03-10T08:00:00.000Z', async ({ subscribe, key, payments, walkTo, sight, types }) => {
  const id = await subscribe('succeeds');
  await payments.cancel({ key: key(), providerSubscription: id, when: 'period-end' });
  assert.equal(types().at(-1), 'customer.subscription.updated');
  await walkTo('2026-06-10T08:00:00.000Z');
  assert.deepEqual(await sight(id), { status: 'canceled', invoices: ['paid 1 2026-03-10..2026-04-10'] });
  assert.deepEqual(payments.sentEvents().at(-1) && [types().at(-1), payments.sentEvents().at(-1)?.at], ['customer.subscription.deleted', '2026-04-10T08:00:00.000Z']);
});

clockTest('cancelled while past due, nothing is charged any more', '2026-03-10T08:00:00.000Z', async ({ subscribe, key, payments, walkTo, sight, types }) => {
  const id = await subscribe('succeeds-once');
  await walkTo('2026-04-11T08:00:00.000Z');
  await payments.cancel({ key: key(), providerSubscription: id, when: 'now' });
  assert.deepEqual(types().slice(-2), ['invoice.voided', 'customer.subscription.deleted']);
  const before = payments.charges().length;
  await walkTo('2026-08-11T08:00:00.000Z');
  assert.equal(payments.charges().length, before);
  assert.deepEqual(await sight(id), { status: 'canceled', invoices: ['paid 1 2026-03-10..2026-04-10', 'void 1 2026-04-10..2026-05-10'] });
});

clockTest('cancelled for the end of a period that is long over, it ends at once', '2026-03-10T08:00:00.000Z', async ({ subscribe, key, payments, walkTo, sight }) => {
  const id = await subscribe('succeeds-once');
  await walkTo('2026-07-01T08:00:00.000Z');
  await payments.cancel({ key: key(), providerSubscription: id, when: 'period-end' });
  assert.equal((await sight(id)).status, 'canceled');
  assert.deepEqual(payments.sentEvents().slice(-3).map(({ type, at }) => `${type} ${at}`), ['customer.subscription.updated', 'invoice.voided', 'customer.subscription.deleted'].map((type) => `${type} 2026-07-01T08:00:00.000Z`));
});

clockTest('cancelled for the end of its period while money for it settles, the paid month is given', '2026-03-10T08:00:00.000Z', async ({ subscribe, key, payments, walkTo, sight, replace }) => {
  const id = await subscribe('succeeds-once');
  await walkTo('2026-07-01T07:00:00.000Z');
  await replace(id, 'late');
  await payments.cancel({ key: key(), providerSubscription: id, when: 'period-end' });
  await walkTo('2026-07-31T08:00:00.000Z');
  assert.deepEqual(await sight(id), { status: 'active', invoices: ['paid 1 2026-03-10..2026-04-10', 'paid 5 2026-07-01..2026-08-01'] });
  await walkTo('2026-08-01T08:00:00.000Z');
  assert.equal((await sight(id)).status, 'canceled');
  assert.equal((await sight(id)).invoices.length, 2);
});

clockTest('money that settles after the end is taken down as paid and revives nothing', '2026-03-10T08:00:00.000Z', async ({ subscribe, key, payments, walkTo, sight, types }) => {
  const id = await subscribe('late');
  await payments.cancel({ key: key(), providerSubscription: id, when: 'now' });
  await walkTo('2026-06-10T08:00:00.000Z');
  assert.deepEqual(await sight(id), { status: 'canceled', invoices: ['paid 1 2026-03-10..2026-04-10'] });
  assert.equal(types().at(-1), 'invoice.paid');
});

clockTest('a card given to an ended subscription starts a new period at once', '2026-03-10T08:00:00.000Z', async ({ subscribe, key, payments, walkTo, sight, replace, types }) => {
  const id = await subscribe('succeeds');
  await payments.cancel({ key: key(), providerSubscription: id, when: 'period-end' });
  await walkTo('2026-05-31T08:00:00.000Z');
  await replace(id, 'charge-fails');
  assert.deepEqual(await sight(id), { status: 'canceled', invoices: ['paid 1 2026-03-10..2026-04-10', 'void 1 2026-05-31..2026-06-30'] });
  assert.equal(types().at(-1), 'invoice.payment_failed');
  await replace(id, 'succeeds');
  assert.deepEqual((await sight(id)), { status: 'active', invoices: ['paid 1 2026-03-10..2026-04-10', 'void 1 2026-05-31..2026-06-30', 'paid 1 2026-05-31..2026-06-30'] });
  assert.deepEqual(types().slice(-2), ['invoice.paid', 'customer.subscription.updated']);
  assert.equal((await payments.readSubscription(id))?.cancelAtPeriodEnd, false);
  await walkTo('2026-07-31T08:00:00.000Z');
  assert.deepEqual((await sight(id)).invoices.slice(3), ['paid 1 2026-06-30..2026-07-31', 'paid 1 2026-07-31..2026-08-31']);
});

clockTest('money under way when it ended is waited for when it starts again', '2026-03-10T08:00:00.000Z', async ({ subscribe, key, payments, walkTo, sight, replace, taken }) => {
  const id = await subscribe('late');
  await payments.cancel({ key: key(), providerSubscription: id, when: 'now' });
  await replace(id, 'succeeds');
  assert.equal((await sight(id)).status, 'incomplete');
  await walkTo('2026-03-10T09:00:00.000Z');
  assert.deepEqual(await sight(id), { status: 'active', invoices: ['paid 1 2026-03-10..2026-04-10'] });
  assert.equal(taken(), 1);
  await walkTo('2026-04-10T08:00:00.000Z');
  assert.equal(taken(), 2);
});

type Step = { readonly do: 'wait'; readonly hours: number } | { readonly do: 'card'; readonly card: string } | { readonly do: 'repeat' } | { readonly do: 'cancel'; readonly when: 'now' | 'period-end' } | { readonly do: 'uncancel' };
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), hours: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 1_600 })) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('card' as const), card: fc.constantFrom(...cardNames.filter((card) => card !== 'declined')) }) },
    { weight: 1, arbitrary: fc.constant({ do: 'repeat' as const }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), when: fc.constantFrom('now' as const, 'period-end' as const) }) },
    { weight: 1, arbitrary: fc.constant({ do: 'uncancel' as const }) },
  ),
  { maxLength: 14 },
);

const play = async (world: World, first: string, path: readonly Step[]): Promise<{ id: string; endings: Instant[] }> => {
  const { payments, clock, key } = world;
  const id = await world.subscribe(first);
  const endings: Instant[] = [];
  let last: Parameters<typeof payments.replaceMethod>[0] | undefined;
  for (const step of path) {
    switch (step.do) {
      case 'wait': await world.walkTo(plus(clock.now(), step.hours * hour)); break;
      case 'card': await payments.replaceMethod((last = { key: key(), providerSubscription: id, method: await world.store(step.card) })); break;
      case 'repeat': if (last) await payments.replaceMethod(last); break;
      case 'cancel':
        await payments.cancel({ key: key(), providerSubscription: id, when: step.when });
        if ((await payments.readSubscription(id))?.status === 'canceled') endings.push(clock.now());
        break;
      case 'uncancel': await payments.uncancel({ key: key(), providerSubscription: id }).catch(() => undefined);
    }
  }
  await world.walkTo(plus(clock.now(), hour)); // what is pending settles
  return { id, endings };
};

test('simulated: whatever cards, renewals and cancellations, no period is charged twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('succeeds', 'late', 'succeeds-once', 'confirm'), fc.integer({ min: 0, max: 364 }), steps, async (first, offset, path) => {
      const world = openSimulated({ start: plus('2027-06-01T08:00:00.000Z' as Instant, offset * day) });
      const { payments } = world;
      try {
        const { id, endings } = await play(world, first, path);
        const invoices = payments.invoicesOf(id);
        const paidOnes = invoices.filter(({ status }) => status === 'paid').sort((a, b) => (a.periodStart < b.periodStart ? -1 : 1));
        const captured = payments.charges().filter(({ status }) => status === 'succeeded');
        assert.equal(new Set(captured.map(({ invoice }) => invoice)).size, captured.length, 'one capture an invoice');
        assert.deepEqual(captured.map(({ invoice }) => invoice).sort(), paidOnes.map(({ id: paid }) => paid).sort(), 'paid is what was captured');
        for (const [index, { periodEnd }] of paidOnes.entries()) {
          const next = paidOnes[index + 1];
          // A period ends early only where the customer ended the subscription in it.
          if (next && next.periodStart < periodEnd) assert.ok(endings.some((at) => at >= paidOnes[index]!.periodStart && at <= next.periodStart), `${periodEnd} overlaps ${next.periodStart}`);
        }
        assert.ok(invoices.filter(({ status }) => status === 'open' || status === 'pending').length <= 1, 'one unsettled invoice at most');
        const { status } = (await payments.readSubscription(id))!;
        const open = invoices.some((invoice) => invoice.status === 'open');
        assert.equal(open, status === 'past_due' || status === 'unpaid', `${status} with ${open ? 'an' : 'no'} open invoice`);
        const told = payments.sentEvents().filter(({ type }) => type === 'invoice.paid').map(({ object }) => object);
        assert.deepEqual(told.sort(), paidOnes.map(({ id: paid }) => paid).sort(), 'each told once');
      } finally {
        await payments.close();
      }
    }),
    { numRuns: 150 },
  );
});
