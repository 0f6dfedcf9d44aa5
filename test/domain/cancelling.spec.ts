/** Ending a subscription with its period, and thinking better of it: whatever is paid for is given, nothing is charged after it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fold, isRejection } from '../../src/domain/decider.ts';
import { day, plus, plusMonths, type Instant } from '../../src/domain/instant.ts';
import { subscription, type SubscriptionCommand } from '../../src/domain/subscription/decide.ts';
import type { SubscriptionEvent } from '../../src/domain/subscription/events.ts';
import { levelIn, type ActiveSubscription } from '../../src/domain/subscription/state.ts';
import { todo } from '../../src/domain/subscription/todo.ts';
import { complete, now, specify, type Asked } from '../given.ts';
import { accountId, customer, namespaceId, operator, person, stranger, subscriptionId, terms } from './samples.ts';

const given = specify(subscription, todo);
const ids = { subscriptionId, accountId };
const month = (n: number): Instant => plusMonths(now, n);
const started: SubscriptionEvent = { type: 'SubscriptionStarted', data: { ...ids, person, namespaceId, terms, providerSubscription: 'psub_1', invoiceId: 'in_1', paidThrough: month(1), at: now } };
const cancel = { type: 'CancelSubscription', subscriptionId, facts: { actor: customer } } as const;
const resume = { type: 'ResumeSubscription', subscriptionId, facts: { actor: customer } } as const;
const at = <C extends object>(command: C, instant: Instant) => ({ ...command, facts: { ...(command as { facts?: object }).facts, now: instant } });
const advance = (instant: Instant) => ({ type: 'AdvanceSubscription', subscriptionId, facts: { now: instant } }) as const;
const carry = (n: number) => ({ type: 'RecordCancellation', subscriptionId, n }) as const;
const paid = (n: number, instant = now) => ({ type: 'ObserveInvoice', subscriptionId, invoiceId: `in_${n}`, status: 'paid', attempts: 1, amount: terms.price, periodEnd: month(n), facts: { now: instant } }) as const;
const unpaid = (n: number, attempts = 1, instant = now) => ({ ...paid(n, instant), status: 'open', attempts }) as const;
const seen = (status: 'active' | 'canceled' | 'past_due', cancelAtPeriodEnd: boolean, wish: number | undefined, instant = now) => ({ type: 'ObserveProviderState', subscriptionId, status, latestInvoice: 'in_9', cancelAtPeriodEnd, ...(wish === undefined ? {} : { wish }), facts: { now: instant } }) as const;

const scheduled = (n = 1, endsAt = month(1), by: 'customer' | 'staff' | 'provider' = 'customer'): SubscriptionEvent => ({ type: 'CancellationScheduled', data: { ...ids, n, when: 'period-end', endsAt, by, at: now } });
const withdrawn = (n = 2, by: 'customer' | 'staff' | 'provider' = 'customer'): SubscriptionEvent => ({ type: 'CancellationWithdrawn', data: { ...ids, n, by, at: now } });
const carriedOut = (n = 1): SubscriptionEvent => ({ type: 'CancellationCarriedOut', data: { ...ids, n } });
const endedAt = (instant: Instant, keptUntil = plus(instant, 30 * day)): SubscriptionEvent => ({ type: 'SubscriptionEnded', data: { ...ids, at: instant, cause: 'cancelled', keptUntil } });
const phaseOf = (state: unknown) => (state as ActiveSubscription).phase;

test('cancelled it ends with what is paid; asked twice it is one cancellation', () => {
  given(started).when(cancel).then(scheduled()).when(cancel).thenNothing();
});
test('until then everything works; at that instant, and not a millisecond before, it ends; what ran is stopped and kept', () => {
  const { state } = given(started, scheduled(), carriedOut()).when(advance(plus(month(1), -1))).thenNothing();
  assert.equal(levelIn(phaseOf(state)), 'full');
  for (const late of [0, 1, 100 * day]) {
    const after = given(started, scheduled(), carriedOut()).when(advance(plus(month(1), late))).then(endedAt(month(1)));
    assert.equal(levelIn(phaseOf(after.state)), 'suspended');
    after.when(advance(plus(month(1), 30 * day - 1))).thenNothing();
    const gone = after.when(advance(plus(month(1), 30 * day))).then({ type: 'RetentionEnded', data: { ...ids, at: plus(month(1), 30 * day) } });
    assert.equal(levelIn(phaseOf(gone.state)), 'none');
    gone.when(advance(month(100))).thenNothing();
  }
});
test('the provider saying it has ended ends it here, once, whichever is noticed first', () => {
  given(started, scheduled(), carriedOut()).when(seen('canceled', false, 1, month(1))).then(endedAt(month(1))).when(advance(month(1))).thenNothing();
  given(started, scheduled(), carriedOut(), endedAt(month(1))).when(seen('canceled', false, 1, plus(month(1), 1))).thenNothing();
});
test('ended at the provider before its paid period is over: what is paid is given all the same', () => {
  given(started, scheduled(), carriedOut()).when(seen('canceled', false, 1, plus(now, day))).thenNothing().when(advance(month(1))).then(endedAt(month(1)));
});
test('withdrawn, it goes on as if nothing had been: same end of the period, no clock', () => {
  const after = given(started, scheduled(), carriedOut()).when(resume).then(withdrawn());
  assert.equal((after.state as ActiveSubscription).paidThrough, month(1));
  after.when(advance(month(5))).thenNothing();
  after.when(resume).thenNothing();
});
test('nothing to withdraw changes nothing; after the end it is refused, with the way back', () => {
  given(started).when(resume).thenNothing();
  const refused = given(started, scheduled(), carriedOut(), endedAt(month(1))).when(resume).thenRejected('SubscriptionOver');
  assert.match(refused.nextStep, /account pay/);
});
test('cancelled while money is owed: it ends in the same decision, and the provider is told to stop trying', () => {
  const missed: SubscriptionEvent = { type: 'PaymentFailed', data: { ...ids, invoiceId: 'in_2', attempt: 1, at: month(1) } };
  const grace: SubscriptionEvent = { type: 'GraceStarted', data: { ...ids, endsAt: plus(month(1), 7 * day), warnAt: plus(month(1), 6 * day) } };
  const instant = plus(month(1), 2 * day);
  const asked = given(started, missed, grace).when(at(cancel, instant)).then({ type: 'CancellationScheduled', data: { ...ids, n: 1, when: 'now', endsAt: instant, by: 'customer', at: instant } }, endedAt(instant));
  const { state } = asked;
  assert.partialDeepStrictEqual(todo(state).find((item) => item.do === 'CarryOutCancellation'), { want: 'now', providerSubscription: 'psub_1' });
  assert.ok(!((state as ActiveSubscription).notices.some(({ template }) => template === 'cancellation-scheduled')), 'the mail of the end says it all');
  asked.when(advance(plus(instant, 6 * day))).thenNothing();
});
test('cancelled while suspended, data is kept as long as was said before', () => {
  const suspended: SubscriptionEvent = { type: 'SubscriptionSuspended', data: { ...ids, endAt: month(3), at: month(2) } };
  const { state } = given(started, suspended).when(at(cancel, plus(month(2), day))).thenTypes('CancellationScheduled', 'SubscriptionEnded');
  assert.deepEqual(phaseOf(state), { name: 'ended', at: plus(month(2), day), cause: 'cancelled', keptUntil: month(3) });
});
test('staff may cancel for somebody; another customer may not, and learns nothing of it', () => {
  given(started).when({ ...cancel, facts: { actor: operator } }).then(scheduled(1, month(1), 'staff'));
  for (const command of [cancel, resume]) given(started).when({ ...command, facts: { actor: stranger } }).thenRejected('SubscriptionNotFound');
  given().when(cancel).thenRejected('SubscriptionNotFound');
});
test('a renewal under way when it is cancelled: paid, that month is given; failed, nobody is chased for it', () => {
  const late = plus(month(1), 1);
  const asked = given(started).when(at(cancel, late)).then({ type: 'CancellationScheduled', data: { ...ids, n: 1, when: 'period-end', endsAt: plus(late, day), by: 'customer', at: late } });
  asked.when(paid(2, plus(late, 10))).thenTypes('PaymentSucceeded').when(advance(plus(month(2), -1))).thenNothing().when(advance(month(2))).then(endedAt(month(2)));
  asked.when(unpaid(2, 1, plus(late, 10))).thenTypes('PaymentFailed', 'CancellationScheduled', 'SubscriptionEnded');
  asked.when(seen('past_due', false, undefined, plus(late, 10))).thenTypes('CancellationScheduled', 'SubscriptionEnded');
  asked.when(advance(plus(late, day))).then(endedAt(plus(late, day)));
});

test('what somebody does on the provider\'s own pages is mirrored, both ways, without telling it back', () => {
  const asked = given(started).when(seen('active', true, 0)).then(scheduled(1, month(1), 'provider'));
  assert.ok(!todo(asked.state).some((item) => item.do === 'CarryOutCancellation'));
  asked.when(seen('active', true, 1)).thenNothing().when(seen('active', false, 1)).then(withdrawn(2, 'provider'));
});
test('what was read before our own wish was carried out is nobody\'s doing and changes nothing', () => {
  given(started, scheduled()).when(seen('active', false, undefined)).thenNothing();
  given(started, scheduled(), carriedOut()).when(seen('active', false, 0)).thenNothing();
  given(started, scheduled(), carriedOut(), withdrawn()).when(seen('active', true, 1)).thenNothing();
  given(started, scheduled(), carriedOut(), withdrawn(), carriedOut(2)).when(seen('active', true, 1)).thenNothing();
});

test('to do: only the newest wish is told to the provider, and each under a name of its own', () => {
  const deed = (events: SubscriptionEvent[]) => todo(given(...events).state).filter((item) => item.do === 'CarryOutCancellation').map(({ key, want }) => `${key.split('.').slice(1).join('.')} ${want}`);
  assert.deepEqual(deed([started, scheduled()]), ['cancellation.1.1 period-end']);
  assert.deepEqual(deed([started, scheduled(), withdrawn()]), ['cancellation.2.2 go on']);
  assert.deepEqual(deed([started, scheduled(), carriedOut()]), []);
  assert.deepEqual(deed([started, scheduled(), endedAt(month(1))]), ['cancellation.1.2 now'], 'never told before the end: then at once');
  assert.deepEqual(deed([started, scheduled(), carriedOut(), endedAt(month(1))]), ['cancellation.1.2 now'], 'at the end once more: a refused renewal of which nothing was heard may be tried again there');
});
test('to do: a card given while the provider has not been told yet waits for that: else its charge would come first', () => {
  const chosen: SubscriptionEvent = { type: 'PaymentMethodChosen', data: { ...ids, checkoutId: 'cs_1', method: 'pm_1' } };
  const deeds = (events: SubscriptionEvent[]) => todo(given(...events).state).map((item) => item.do).filter((name) => name === 'AttachMethod' || name === 'CarryOutCancellation');
  assert.deepEqual(deeds([started, scheduled(), endedAt(month(1)), chosen]), ['CarryOutCancellation']);
  assert.deepEqual(deeds([started, scheduled(), endedAt(month(1)), chosen, carriedOut()]), ['AttachMethod']);
});
test('to do: one mail for each cancellation, each withdrawal, and the end', () => {
  const mails = (events: SubscriptionEvent[]) => (given(...events).state as ActiveSubscription).notices.map(({ key, template }) => `${template} ${key.split('.').at(-1)}`);
  assert.deepEqual(mails([started, scheduled(), withdrawn(), scheduled(3)]), ['cancellation-scheduled 1', 'cancellation-withdrawn 2', 'cancellation-scheduled 3']);
  assert.deepEqual((given(started, scheduled(), endedAt(month(1))).state as ActiveSubscription).notices.at(-1), { key: `${subscriptionId}.ended.2`, template: 'ended', values: { keptUntil: plus(month(1), 30 * day) } });
});

test('paid after the end with another card it begins again, with no cancellation left', () => {
  const chosen: SubscriptionEvent = { type: 'PaymentMethodChosen', data: { ...ids, checkoutId: 'cs_1', method: 'pm_1' } };
  const retentionEnded: SubscriptionEvent = { type: 'RetentionEnded', data: { ...ids, at: month(2) } };
  for (const kept of [[], [retentionEnded]] as readonly SubscriptionEvent[][]) {
    const again = given(started, scheduled(), carriedOut(), endedAt(month(1)), chosen, ...kept).when(paid(3)).thenTypes('PaymentSucceeded', 'SubscriptionRestored').state as ActiveSubscription;
    assert.equal(again.cancellation, undefined);
    assert.equal(levelIn(again.phase), 'full');
  }
});
test('money that was under way when it ended buys its month, and then it ends again: nobody runs on for nothing', () => {
  const asked = given(started, scheduled(), carriedOut(), endedAt(month(1)), carriedOut()).when(paid(2, month(1))).thenTypes('PaymentSucceeded', 'SubscriptionRestored');
  assert.equal(levelIn(phaseOf(asked.state)), 'full');
  asked.when(resume).thenRejected('SubscriptionOver');
  asked.when(seen('canceled', false, 1, plus(month(1), day))).thenNothing();
  asked.when(advance(month(2))).then(endedAt(month(2)));
});

// Properties: customers change their minds, money comes and fails, the provider is told late.
type Step = readonly [waitDays: number, asked: Asked<SubscriptionCommand>];
const step = fc.oneof<fc.Arbitrary<Asked<SubscriptionCommand>>[]>(
  fc.constant(cancel), fc.constant(cancel), fc.constant(resume), fc.integer({ min: 1, max: 6 }).map(carry),
  fc.integer({ min: 2, max: 5 }).map((n) => paid(n)), fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 4 })).map(([n, attempts]) => unpaid(n, attempts)),
  fc.tuple(fc.constantFrom('active' as const, 'canceled' as const, 'past_due' as const), fc.boolean(), fc.nat(6)).map(([status, end, wish]) => seen(status, end, wish)),
  fc.integer({ min: 1, max: 3 }).map((n) => ({ type: 'ChoosePaymentMethod', subscriptionId, checkoutId: `cs_${n}`, method: `pm_${n}` }) as const),
);
const stories = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), step), { maxLength: 25 });
const lived = (steps: readonly Step[], watch: (state: ActiveSubscription, events: readonly SubscriptionEvent[], instant: Instant) => void = () => {}): { state: ActiveSubscription; instant: Instant } => {
  let state: ActiveSubscription = fold(subscription, [started]) as ActiveSubscription;
  let instant = now;
  const ask = (asked: Asked<SubscriptionCommand>): number => {
    const whole = complete<SubscriptionCommand>(asked);
    const decision = subscription.decide({ ...whole, facts: { ...whole.facts, now: instant } } as SubscriptionCommand, state);
    const events: readonly SubscriptionEvent[] = isRejection(decision) ? [] : decision;
    watch(state, events, instant);
    state = events.reduce<ActiveSubscription>((s, event) => subscription.evolve(s, event) as ActiveSubscription, state);
    return events.length;
  };
  for (const [days, asked] of steps) {
    instant = plus(instant, days * day);
    while (ask({ type: 'AdvanceSubscription', subscriptionId }) > 0);
    ask(asked);
    while (ask({ type: 'AdvanceSubscription', subscriptionId }) > 0);
  }
  return { state, instant };
};
test('whatever was cancelled, withdrawn, missed and paid before: a newly paid invoice ends in full', () => {
  fc.assert(fc.property(stories, (steps) => {
    const { state } = lived([...steps, [0, { ...paid(7), periodEnd: month(1000) }]]);
    assert.equal(levelIn(state.phase), 'full');
  }), { numRuns: 1000 });
});
test('nobody who has paid and does not owe is stopped before what they paid for is over', () => {
  fc.assert(fc.property(stories, (steps) => {
    lived(steps, (state, events, instant) => {
      for (const event of events) if (event.type === 'SubscriptionEnded' && state.phase.name === 'active') assert.ok(event.data.at >= state.paidThrough && event.data.at <= instant);
    });
  }), { numRuns: 1000 });
});
test('after a cancellation no grace begins and no payment is asked for, until it is withdrawn or begun again', () => {
  fc.assert(fc.property(stories, (steps) => {
    lived(steps, (state, events) => {
      if (state.cancellation) for (const { type } of events) assert.ok(!['GraceStarted', 'SubscriptionLapsed', 'SubscriptionSuspended'].includes(type), type);
    });
  }), { numRuns: 1000 });
});
