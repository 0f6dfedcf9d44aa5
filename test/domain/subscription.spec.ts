/** A subscription: payments observed in any order, and the clock of missed ones (grace, limited, suspended, ended). */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fold, isRejection } from '../../src/domain/decider.ts';
import { day, hour, plus, plusMonths, type Instant } from '../../src/domain/instant.ts';
import { subscription, type ObserveInvoice, type ProviderState, type SubscriptionCommand } from '../../src/domain/subscription/decide.ts';
import type { SubscriptionEvent } from '../../src/domain/subscription/events.ts';
import { nextDue } from '../../src/domain/subscription/policy.ts';
import { levelOf, type ActiveSubscription } from '../../src/domain/subscription/state.ts';
import { todo } from '../../src/domain/subscription/todo.ts';
import type { DunningPolicy } from '../../src/domain/plan/events.ts';
import { complete, now, specify, type Asked } from '../given.ts';
import { comesToRest, laterMs, laws } from './laws.ts';
import { accountId, namespaceId, person, subscriptionId, terms } from './samples.ts';

const given = specify(subscription, todo);
const ids = { subscriptionId, accountId };
const price = terms.price;
const month = (n: number): Instant => plusMonths(now, n);
const starting = (policy: Partial<DunningPolicy> = {}) => ({ subscriptionId, accountId, person, namespaceId, terms: { ...terms, policy: { ...terms.policy, ...policy } }, providerSubscription: 'psub_1', invoiceId: 'in_1', paidThrough: month(1) });
const start = { type: 'StartSubscription', ...starting() } as const;
const started = (policy: Partial<DunningPolicy> = {}): SubscriptionEvent => ({ type: 'SubscriptionStarted', data: { ...starting(policy), at: now } });
const invoice = (status: ObserveInvoice['status'], n: number, attempts = 1, at = now) => ({ type: 'ObserveInvoice', subscriptionId, invoiceId: `in_${n}`, status, attempts, amount: price, periodEnd: month(n), facts: { now: at } }) as const;
const observe = (status: ProviderState, at = now, latest = 9) => ({ type: 'ObserveProviderState', subscriptionId, status, latestInvoice: `in_${latest}`, facts: { now: at } }) as const;
const advance = (at: Instant) => ({ type: 'AdvanceSubscription', subscriptionId, facts: { now: at } }) as const;

const paid = (n: number, at = now): SubscriptionEvent => ({ type: 'PaymentSucceeded', data: { ...ids, invoiceId: `in_${n}`, amount: price, paidThrough: month(n), at } });
const missed = (n: number, attempt = 1, at = now): SubscriptionEvent => ({ type: 'PaymentFailed', data: { ...ids, invoiceId: `in_${n}`, attempt, at, amount: price, periodEnd: month(n) } });
const graceEnd = plus(now, 7 * day);
const limitedEnd = plus(graceEnd, 14 * day);
const suspendedEnd = plus(limitedEnd, 30 * day);
const grace: SubscriptionEvent = { type: 'GraceStarted', data: { ...ids, endsAt: graceEnd, warnAt: plus(graceEnd, -24 * hour) } };
const warned: SubscriptionEvent = { type: 'GraceEndingSoon', data: { ...ids, endsAt: graceEnd } };
const graceEnded: SubscriptionEvent = { type: 'GraceEnded', data: ids };
const lapsed: SubscriptionEvent = { type: 'SubscriptionLapsed', data: { ...ids, suspendAt: limitedEnd, at: graceEnd } };
const suspended: SubscriptionEvent = { type: 'SubscriptionSuspended', data: { ...ids, endAt: suspendedEnd, at: limitedEnd } };
const ended: SubscriptionEvent = { type: 'SubscriptionEnded', data: { ...ids, at: suspendedEnd, cause: 'unpaid' } };
const restored = (at = now): SubscriptionEvent => ({ type: 'SubscriptionRestored', data: { ...ids, at } });
const inGrace = [started(), missed(2), grace];
const limited = [...inGrace, warned, graceEnded, lapsed];
const stopped = [...limited, suspended];
const over = [...stopped, ended];

test('a subscription starts, paid', () => void given().when(start).then(started()));
test('starting it twice changes nothing', () => void given(started()).when(start).thenNothing());
test('nothing is observed of a subscription that is not there', () => {
  for (const command of [invoice('paid', 2), observe('active'), advance(now), { type: 'RecordNotice', subscriptionId, key: 'x' } as const]) given().when(command).thenRejected('SubscriptionNotFound');
});

test('an invoice is paid', () => void given(started()).when(invoice('paid', 2)).then(paid(2)));
test('the same paid invoice observed twice changes nothing; so does the one it started with', () => {
  given(started(), paid(2)).when(invoice('paid', 2)).thenNothing();
  given(started()).when(invoice('paid', 1)).thenNothing();
});
test('a failed payment begins the grace of the plan', () => void given(started()).when(invoice('open', 2)).then(missed(2), grace));
test('the same failed try observed twice changes nothing', () => void given(...inGrace).when(invoice('open', 2)).thenNothing());
test('another failed try is recorded, and the grace clock does not restart (defect 17)', () => {
  const later = plus(now, 3 * day);
  given(...inGrace).when(invoice('open', 2, 2, later)).then(missed(2, 2, later));
  given(...inGrace).when(invoice('open', 3, 1, later)).then(missed(3, 1, later));
  given(...inGrace).when(observe('past_due', later)).thenNothing();
});
test('an older try reported late changes nothing', () => void given(started(), missed(2, 2), grace).when(invoice('open', 2, 1)).thenNothing());
test('a failure reported after its invoice was paid changes nothing', () => void given(started(), paid(2)).when(invoice('open', 2, 3)).thenNothing());
test('an older invoice paid late does not shorten what is paid', () => {
  const { state } = given(started(), paid(3)).when(invoice('paid', 2)).then(paid(2));
  assert.equal((state as ActiveSubscription).paidThrough, month(3));
});
test('an open invoice that was not tried, a pending and a void one change nothing', () => {
  given(started()).when(invoice('open', 2, 0)).thenNothing();
  given(started()).when(invoice('pending', 2)).thenNothing();
  given(started()).when(invoice('void', 2)).thenNothing();
});
test('an invoice that was tried in vain and is no longer asked for is void, once; paid it cannot become so', () => {
  const voided: SubscriptionEvent = { type: 'InvoiceVoided', data: { ...ids, invoiceId: 'in_2', at: now } };
  given(...inGrace).when(invoice('void', 2)).then(voided).when(invoice('void', 2)).thenNothing();
  given(...inGrace, voided).when(invoice('paid', 2)).thenTypes('PaymentSucceeded', 'SubscriptionRestored').when(invoice('void', 2)).thenNothing();
});
test('each paid invoice is receipted once, under its own name; what was paid before there were receipts is not', () => {
  const receipts = (state: unknown) => (state as ActiveSubscription).notices.filter(({ template }) => template === 'receipt').map(({ key, values }) => [key, values['periodStart']]);
  const asked = given().when({ ...start, periodStart: now }).thenTypes('SubscriptionStarted').when({ ...invoice('paid', 2), periodStart: month(1) }).thenTypes('PaymentSucceeded');
  assert.deepEqual(receipts(asked.state), [[`${subscriptionId}.receipt.in_1`, now], [`${subscriptionId}.receipt.in_2`, month(1)]]);
  assert.deepEqual(receipts(given(started(), paid(2)).state), []);
});
test('a plan without grace is limited at once', () => void given(started({ graceDays: 0 })).when(invoice('open', 2)).then(missed(2), { type: 'SubscriptionLapsed', data: { ...ids, suspendAt: plus(now, 14 * day), at: now } }));

test('paying in grace, limited, suspended, even after the end restores everything', () => {
  for (const before of [inGrace, [...inGrace, warned], limited, stopped, over]) {
    const { state } = given(...before).when(invoice('paid', 2)).then(paid(2), restored());
    assert.equal(levelOf[(state as ActiveSubscription).phase.name], 'full');
  }
});
test('defect 13: a limited customer who pays is restored, and their namespace is told', () => {
  const told: SubscriptionEvent = { type: 'NamespaceLevelTold', data: { ...ids, level: 'limited' } };
  const { state } = given(...limited, told).when(invoice('paid', 2));
  assert.ok(todo(state()).some((item) => item.do === 'TellNamespace' && item.level === 'full'));
});
test('a missed payment after a restoration begins a new grace', () => void given(...limited, paid(2), restored()).when(invoice('open', 3)).thenTypes('PaymentFailed', 'GraceStarted'));

const states: Readonly<Record<ProviderState, 'nothing' | 'missed' | 'lost' | 'paid'>> = { trialing: 'nothing', active: 'paid', incomplete: 'nothing', paused: 'nothing', unknown: 'nothing', past_due: 'missed', unpaid: 'missed', canceled: 'lost', incomplete_expired: 'lost' };
test("every state a provider's subscription can be in means something: paid, missed, lost, or nothing", () => {
  for (const [state, means] of Object.entries(states)) {
    const asked = given(started()).when(observe(state as ProviderState));
    if (means === 'missed') asked.then(grace).when(observe(state as ProviderState)).thenNothing();
    else if (means === 'lost') asked.thenTypes('SubscriptionLapsed').when(observe(state as ProviderState)).thenNothing();
    else asked.thenNothing();
  }
});
test('an observation older than the payment of its invoice changes nothing', () => {
  given(started(), missed(2), grace, paid(2), restored()).when(observe('past_due', now, 2)).thenNothing();
  given(started(), paid(2)).when(observe('unpaid', now, 2)).thenNothing();
  given(started(), paid(2)).when(observe('past_due', now, 3)).then(grace);
});
test("defect 11: of a provider's states only active lifts a level, and not while its newest invoice is known to be open", () => {
  for (const [state, means] of Object.entries(states)) {
    for (const before of [limited, stopped, over]) {
      const asked = given(...before).when(observe(state as ProviderState, now, 9));
      if (means === 'paid') asked.then(restored());
      else asked.thenNothing();
    }
  }
  given(...limited).when(observe('active', now, 2)).thenNothing(); // its invoice is open
  given(...limited).when(observe('active', now, 1)).thenNothing(); // an observation from before the missed invoice
});

test('the clock: warning, lapse, suspension, end, each at its instant and not a millisecond before', () => {
  const steps: readonly [before: SubscriptionEvent[], due: Instant, events: SubscriptionEvent[]][] = [
    [inGrace, plus(graceEnd, -24 * hour), [warned]],
    [[...inGrace, warned], graceEnd, [graceEnded, lapsed]],
    [limited, limitedEnd, [suspended]],
    [stopped, suspendedEnd, [ended]],
  ];
  for (const [before, due, events] of steps) {
    given(...before).when(advance(plus(due, -1))).thenNothing();
    given(...before).when(advance(due)).then(...events);
    given(...before).when(advance(plus(due, 1))).then(...events);
  }
});
test('a step noticed late happened when it was due: the next one is not pushed back', () => {
  const late = plus(now, 1000 * day);
  given(...inGrace).when(advance(late)).then(warned).when(advance(late)).then(graceEnded, lapsed).when(advance(late)).then(suspended).when(advance(late)).then(ended).when(advance(late)).thenNothing();
});
test('the clock of a paid subscription does not ring', () => {
  given(started()).when(advance(plus(now, 1000 * day))).thenNothing();
  given(...limited, paid(2), restored()).when(advance(plus(now, 1000 * day))).thenNothing();
});
test('the warning never comes before the grace itself', () => void given(started({ graceDays: 1, warnHours: 100 })).when(observe('past_due')).then({ type: 'GraceStarted', data: { ...ids, endsAt: plus(now, day), warnAt: now } }));

test('a payment method is chosen, by its checkout, once', () => {
  const choose = (n: number) => ({ type: 'ChoosePaymentMethod', subscriptionId, checkoutId: `cs_${n}`, method: `pm_${n}` }) as const;
  const chosen = (n: number): SubscriptionEvent => ({ type: 'PaymentMethodChosen', data: { ...ids, checkoutId: `cs_${n}`, method: `pm_${n}` } });
  given(started()).when(choose(1)).then(chosen(1)).when(choose(1)).thenNothing().thenTodo({ do: 'AttachMethod', key: 'cs_1', method: 'pm_1', providerSubscription: 'psub_1' });
  given(started(), chosen(1)).when(choose(2)).then(chosen(2)).when(choose(1)).thenNothing();
});
test('its attachment is recorded once, and not of a replaced one', () => {
  const chosen: SubscriptionEvent = { type: 'PaymentMethodChosen', data: { ...ids, checkoutId: 'cs_1', method: 'pm_1' } };
  const attach = (checkoutId: string) => ({ type: 'RecordMethodAttached', subscriptionId, checkoutId }) as const;
  given(started(), chosen).when(attach('cs_1')).then({ type: 'PaymentMethodAttached', data: { ...ids, checkoutId: 'cs_1' } }).when(attach('cs_1')).thenNothing().thenTodo();
  given(started(), chosen).when(attach('cs_0')).thenNothing();
});
test('a notice is queued once; an unknown one never', () => {
  const [notice] = (given(...inGrace).state as ActiveSubscription).notices;
  const record = { type: 'RecordNotice', subscriptionId, key: notice?.key ?? '' } as const;
  given(...inGrace).when(record).then({ type: 'NoticeQueued', data: { ...ids, key: record.key } }).when(record).thenNothing();
  given(...inGrace).when({ ...record, key: 'other' }).thenNothing();
});
test('the namespace was told of a level, once', () => {
  const tell = { type: 'RecordLevelTold', subscriptionId, level: 'limited' } as const;
  given(...limited).when(tell).then({ type: 'NamespaceLevelTold', data: { ...ids, level: 'limited' } }).when(tell).thenNothing();
});

test('to do: nothing while paid; in grace a notice, and the clock', () => {
  given().thenTodo();
  given(started()).thenTodo();
  given(...inGrace).thenTodo({ do: 'QueueNotice', person, notice: { key: `${subscriptionId}.payment-failed.1`, template: 'payment-failed', values: { amount: '35.00 USD', graceEndsAt: graceEnd } } }, { do: 'AdvanceSubscription', notBefore: plus(graceEnd, -24 * hour) });
});
test('to do: each phase tells the namespace its level, queues its notice, waits for the next', () => {
  const deeds = (events: SubscriptionEvent[]) => todo(given(...events).state).map((item) => (item.do === 'TellNamespace' ? item.level : item.do === 'QueueNotice' ? item.notice.template : item.notBefore));
  assert.deepEqual(deeds([...inGrace, warned]), ['payment-failed', 'grace-ending', graceEnd]);
  assert.deepEqual(deeds(limited), ['limited', 'payment-failed', 'grace-ending', 'limited', limitedEnd]);
  assert.deepEqual(deeds(stopped), ['suspended', 'payment-failed', 'grace-ending', 'limited', 'suspended', suspendedEnd]);
  assert.deepEqual(deeds(over), ['none', 'payment-failed', 'grace-ending', 'limited', 'suspended', 'ended']);
  assert.deepEqual(deeds([...limited, paid(2), restored()]), ['payment-failed', 'grace-ending', 'limited', 'restored']);
});
test('to do: telling the same level a second time is another deed, even when nothing more was paid in between', () => {
  const told = (level: 'full' | 'limited'): SubscriptionEvent => ({ type: 'NamespaceLevelTold', data: { ...ids, level } });
  const back = [...limited, told('limited'), paid(2), restored()];
  const again = [...back, told('full'), grace, warned, graceEnded, lapsed, told('limited'), paid(1), restored()];
  const key = (events: SubscriptionEvent[]) => todo(given(...events).state).find((item) => item.do === 'TellNamespace')?.key;
  assert.ok(key(back) !== undefined && key(again) !== undefined && key(back) !== key(again));
});
test('to do: phases without length have clocks of different names, so that none is taken for done', () => {
  const policy = { graceDays: 1, warnHours: 0, limitedDays: 0, suspendedDays: 0 };
  const late = plus(now, 2 * day);
  let events = [started(policy), missed(2), { type: 'GraceStarted', data: { ...ids, endsAt: plus(now, day), warnAt: plus(now, day) } } as SubscriptionEvent];
  const keys = new Set<string>();
  for (let i = 0; i < 4; i += 1) {
    const { state } = given(...events);
    keys.add(todo(state).find((item) => item.do === 'AdvanceSubscription')?.key ?? 'none');
    events = [...events, ...(subscription.decide(complete<SubscriptionCommand>(advance(late)), state) as SubscriptionEvent[])];
  }
  assert.equal(keys.size, 4);
  assert.equal((given(...events).state as ActiveSubscription).phase.name, 'ended');
});

// Properties: over histories of observations and clock jumps, under any policy.
const policies = fc.record({ graceDays: fc.constantFrom(0, 1, 7), warnHours: fc.constantFrom(0, 24, 1000), limitedDays: fc.constantFrom(0, 14), suspendedDays: fc.constantFrom(0, 30) });
const statuses = fc.constantFrom('open' as const, 'open' as const, 'paid' as const, 'pending' as const, 'void' as const);
const observation = fc.oneof<fc.Arbitrary<Asked<SubscriptionCommand>>[]>(
  ...Array.from({ length: 3 }, () => fc.tuple(statuses, fc.integer({ min: 1, max: 6 }), fc.nat(4)).map(([status, n, attempts]) => invoice(status, n, attempts))),
  fc.tuple(fc.constantFrom(...(Object.keys(states) as ProviderState[])), fc.integer({ min: 1, max: 6 })).map(([status, n]) => observe(status, now, n)),
);
const histories = fc.tuple(policies, fc.array(fc.tuple(laterMs, observation), { maxLength: 20 }));
/** Everything observed at its instant; before and after each, the clock is asked until it is quiet, as the pump does. */
const lived = (policyOf: Partial<DunningPolicy>, steps: readonly (readonly [number, Asked<SubscriptionCommand>])[], watch: (state: ActiveSubscription, events: readonly SubscriptionEvent[], command: SubscriptionCommand) => void = () => {}) => {
  let state = fold(subscription, [started(policyOf)]) as ActiveSubscription;
  let at = now;
  const ask = (asked: Asked<SubscriptionCommand>): readonly SubscriptionEvent[] => {
    const whole = complete<SubscriptionCommand>(asked);
    const command = { ...whole, facts: { ...whole.facts, now: at } } as SubscriptionCommand;
    const decision = subscription.decide(command, state);
    assert.ok(!isRejection(decision));
    watch(state, decision, command);
    state = decision.reduce<ActiveSubscription>((s, event) => subscription.evolve(s, event) as ActiveSubscription, state);
    return decision;
  };
  const settle = () => {
    for (let i = 0; ask(advance(at)).length > 0; i += 1) assert.ok(i < 4, 'the clock comes to rest');
  };
  for (const [wait, asked] of steps) {
    at = plus(at, wait);
    settle();
    ask(asked);
    settle();
  }
  return { state, at };
};

test('whatever came before, ended included: a newly paid invoice ends in full', () => {
  fc.assert(fc.property(histories, laterMs, ([policyOf, steps], wait) => {
    const { state } = lived(policyOf, [...steps, [wait, invoice('paid', 7)]]);
    assert.equal(state.phase.name, 'active');
    assert.equal(levelOf[state.phase.name], 'full');
    assert.equal(nextDue(state), undefined);
  }), { numRuns: 1000 });
});
test('until money comes the level only falls, and only by the clock; the grace clock never restarts', () => {
  const rank = ['active', 'grace', 'limited', 'suspended', 'ended'];
  fc.assert(fc.property(histories, ([policyOf, steps]) => {
    lived(policyOf, steps, (state, events, command) => {
      const after = events.reduce<ActiveSubscription>((s, event) => subscription.evolve(s, event) as ActiveSubscription, state);
      const [before, next] = [rank.indexOf(state.phase.name), rank.indexOf(after.phase.name)];
      if (events.some(({ type }) => type === 'PaymentSucceeded' || type === 'SubscriptionRestored')) assert.equal(next, 0);
      else assert.ok(next >= before);
      if (before > 0 && command.type !== 'AdvanceSubscription' && next >= before && !events.some(({ type }) => type === 'SubscriptionLapsed')) assert.deepEqual(after.phase, state.phase);
      if (events.some(({ type }) => type === 'GraceStarted')) assert.equal(before, 0);
    });
  }), { numRuns: 1000 });
});
test('duplicated observations change nothing more', () => {
  fc.assert(fc.property(histories, ([policyOf, steps]) => {
    const doubled = steps.flatMap(([wait, asked]) => [[wait, asked], [0, asked], [0, asked]] as const);
    assert.deepEqual(lived(policyOf, doubled).state, lived(policyOf, steps).state);
  }), { numRuns: 500 });
});
test('observations of one invoice end the same in whatever order they come: tries, then paid, then all of them again', () => {
  const told = [invoice('open', 2, 1), invoice('open', 2, 2), invoice('pending', 2, 2), invoice('paid', 2, 3), invoice('open', 2, 3)];
  fc.assert(fc.property(fc.shuffledSubarray([...told, ...told], { minLength: 1 }), (order) => {
    const whole = order.some(({ status }) => status === 'paid') ? order : [...order, invoice('paid', 2, 3)];
    const { state } = lived({}, whole.map((asked) => [0, asked] as const));
    assert.equal(state.phase.name, 'active');
    assert.equal(state.paidThrough, month(2));
    assert.deepEqual(state.invoices.find(({ id }) => id === 'in_2'), { id: 'in_2', paid: true, attempts: 0 });
  }));
});
test('invoices paid in any order: the last day paid for is the latest one', () => {
  fc.assert(fc.property(fc.shuffledSubarray([2, 3, 4, 5], { minLength: 1 }), (order) => {
    assert.equal(lived({}, order.map((n) => [0, invoice('paid', n)] as const)).state.paidThrough, month(Math.max(...order)));
  }));
});

const inState = fc.oneof<fc.Arbitrary<Asked<SubscriptionCommand>>[]>(
  fc.constant(start), observation, observation, fc.constant({ type: 'AdvanceSubscription', subscriptionId } as const), fc.constant({ type: 'AdvanceSubscription', subscriptionId } as const),
  fc.integer({ min: 1, max: 3 }).map((n) => ({ type: 'ChoosePaymentMethod', subscriptionId, checkoutId: `cs_${n}`, method: `pm_${n}` })),
  fc.integer({ min: 1, max: 3 }).map((n) => ({ type: 'RecordMethodAttached', subscriptionId, checkoutId: `cs_${n}` })),
  fc.tuple(fc.constantFrom('payment-failed', 'limited', 'restored'), fc.nat(6)).map(([template, step]) => ({ type: 'RecordNotice', subscriptionId, key: `${subscriptionId}.${template}.${step}` })),
  fc.constantFrom('full' as const, 'limited' as const, 'suspended' as const, 'none' as const).map((level) => ({ type: 'RecordLevelTold', subscriptionId, level })),
  fc.constantFrom('CancelSubscription' as const, 'ResumeSubscription' as const).map((type) => ({ type, subscriptionId })),
  fc.integer({ min: 1, max: 4 }).map((n) => ({ type: 'RecordCancellation', subscriptionId, n })),
  fc.tuple(fc.constantFrom('active' as const, 'past_due' as const, 'canceled' as const), fc.boolean(), fc.nat(3)).map(([status, cancelAtPeriodEnd, wish]) => ({ ...observe(status), cancelAtPeriodEnd, wish })),
);
const anyCommand = inState.map((asked) => {
  const { facts: _, ...rest } = asked as { facts?: unknown };
  return rest as Asked<SubscriptionCommand>;
});
comesToRest(subscription, anyCommand, todo, (item): Asked<SubscriptionCommand> => {
  switch (item.do) {
    case 'AdvanceSubscription': return { type: 'AdvanceSubscription', subscriptionId };
    case 'TellNamespace': return { type: 'RecordLevelTold', subscriptionId, level: item.level };
    case 'QueueNotice': return { type: 'RecordNotice', subscriptionId, key: item.notice.key };
    case 'AttachMethod': return { type: 'RecordMethodAttached', subscriptionId, checkoutId: item.checkoutId };
    case 'CarryOutCancellation': return { type: 'RecordCancellation', subscriptionId, n: item.n };
  }
}, [[start]]);
laws(subscription, anyCommand, todo, {
  stories: [[start], [start, invoice('open', 2)]],
  again: { AdvanceSubscription: 'one step of the clock at a time: asked again it takes the next one that is due' },
  returns: {
    TellNamespace: 'an answer may be recorded here that nobody gave; a real one is only given to the level that was asked',
    AttachMethod: 'not done and not listed while the provider has not been told of a cancellation; it is the same deed afterwards',
  },
});
