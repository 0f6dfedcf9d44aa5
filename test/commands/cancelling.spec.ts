/** Our decisions and the simulated provider together: whoever cancels and thinks better of it, in whatever order, pays for each period once and for none after the end. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { openSimulated } from '../contracts/payments-simulated.ts';
import { dunning, observed } from '../../src/commands/reactors/dunning.ts';
import type { Deed, DomainCommand } from '../../src/commands/reactors/reactor.ts';
import { fold, isRejection } from '../../src/domain/decider.ts';
import { day, earliest, plus, type Instant } from '../../src/domain/instant.ts';
import { Unavailable } from '../../src/domain/ports/failures.ts';
import { subscription, type SubscriptionCommand } from '../../src/domain/subscription/decide.ts';
import { levelIn, type ActiveSubscription } from '../../src/domain/subscription/state.ts';
import { todo, type SubscriptionTodo } from '../../src/domain/subscription/todo.ts';
import { complete, type Asked } from '../given.ts';
import { accountId, customer, namespaceId, person, subscriptionId, terms } from '../domain/samples.ts';

/** One customer: our stream, and the provider's side of it. */
class Customer {
  readonly #world = openSimulated();
  readonly payments = this.#world.payments;
  state!: ActiveSubscription;
  /** The provider does not answer: deeds have to wait. */
  away = false;
  #provider = '';
  #invoices: readonly string[] = [];

  async begin(card: string): Promise<this> {
    this.#provider = await this.#world.subscribe(card);
    const [invoice] = this.payments.invoicesOf(this.#provider);
    this.state = fold(subscription, [{ type: 'SubscriptionStarted', data: { subscriptionId, accountId, person, namespaceId, terms, providerSubscription: this.#provider, invoiceId: invoice?.id ?? '', paidThrough: invoice?.periodEnd as Instant, at: this.now } }]) as ActiveSubscription;
    return this;
  }
  get now(): Instant {
    return this.#world.clock.now();
  }
  ask(asked: object): void {
    const whole = complete<SubscriptionCommand>(asked as Asked<SubscriptionCommand>);
    const decision = subscription.decide({ ...whole, facts: { ...whole.facts, now: this.now } } as SubscriptionCommand, this.state);
    if (!isRejection(decision)) this.state = decision.reduce<ActiveSubscription>((s, event) => subscription.evolve(s, event) as ActiveSubscription, this.state);
  }
  /** Every deed that is due, until none is left but those that wait. */
  async work(): Promise<void> {
    for (let deeds = 0; ; deeds += 1) {
      const item = todo(this.state).find((deed) => (deed.notBefore ?? this.now) <= this.now && !(this.away && (deed.do === 'CarryOutCancellation' || deed.do === 'AttachMethod')));
      if (!item) return;
      assert.ok(deeds < 200, `${item.key} is asked for again and again`);
      await this.#perform(item);
    }
  }
  async #perform(item: SubscriptionTodo): Promise<void> {
    const perform = dunning.deeds[item.do] as (item: SubscriptionTodo, deed: Deed, state: ActiveSubscription) => Promise<readonly DomainCommand[]>;
    const dispatch = async (type: string, fields: object) => ('subscriptionId' in fields ? this.ask({ type, ...fields }) : undefined); // what it tells others is their tests' subject
    const deed = { key: item.key, now: this.now, payments: this.payments, dispatch, lookup: async (decider: { category: string }) => (decider.category === 'subscription' ? this.state : { status: 'none' }) } as unknown as Deed;
    for (const { type, fields } of await perform(item, deed, this.state)) this.ask({ type, ...fields });
  }
  /** What a webhook leads to: everything is read again. */
  async observe(): Promise<void> {
    if (this.away) return;
    const seen = await observed(this.#provider, subscriptionId, { payments: this.payments, lookup: async () => this.state as never });
    for (const invoice of this.payments.invoicesOf(this.#provider)) {
      const { id: invoiceId, status, attempts, amount, periodEnd } = invoice;
      this.ask({ type: 'ObserveInvoice', subscriptionId, invoiceId, status, attempts, amount, periodEnd });
    }
    if (seen) this.ask({ ...seen.command.fields, type: seen.command.type });
    await this.work();
  }
  /** From due instant to due instant of both, with everything told at once or (`deaf`) not at all. */
  async walk(days: number, deaf = false): Promise<void> {
    const target = plus(this.now, days * day);
    await this.work();
    for (;;) {
      const own = earliest(...todo(this.state).map(({ notBefore }) => notBefore).filter((due) => due !== undefined && due > this.now));
      const due = earliest(own, this.payments.nextDueAt());
      await this.#world.walkTo(due !== undefined && due < target ? (due > this.now ? due : this.now) : target);
      await this.payments.run(this.now);
      await this.payments.deliver(async () => 200, this.now);
      await this.work();
      if (!deaf) await this.observe();
      if (due === undefined || due >= target) return;
    }
  }
  async card(name: string): Promise<void> {
    const method = await this.#world.store(name);
    this.ask({ type: 'ChoosePaymentMethod', subscriptionId, checkoutId: `cs_${(this.#invoices = [...this.#invoices, method]).length}`, method });
  }
  cancel(): void {
    this.ask({ type: 'CancelSubscription', subscriptionId, facts: { actor: customer } });
  }
  resume(): void {
    this.ask({ type: 'ResumeSubscription', subscriptionId, facts: { actor: customer } });
  }
  captured(): number {
    return this.payments.charges().filter(({ status }) => status === 'succeeded').length;
  }
  async provider() {
    return (await this.payments.readSubscription(this.#provider))!;
  }
  paidPeriods() {
    return this.payments.invoicesOf(this.#provider).filter(({ status }) => status === 'paid').sort((a, b) => (a.periodStart < b.periodStart ? -1 : 1));
  }
}

test('cancelled, the provider takes nothing more, both end at the same instant, and a card given later begins again', async () => {
  const ada = await new Customer().begin('succeeds');
  await ada.walk(10);
  ada.cancel();
  await ada.work();
  assert.equal((await ada.provider()).cancelAtPeriodEnd, true);
  await ada.walk(60);
  assert.deepEqual([ada.state.phase.name, (await ada.provider()).status, ada.captured()], ['ended', 'canceled', 1]);
  await ada.card('succeeds');
  await ada.work();
  await ada.observe();
  assert.deepEqual([ada.state.phase.name, ada.state.cancellation, (await ada.provider()).status, ada.captured()], ['active', undefined, 'active', 2]);
  await ada.walk(40);
  assert.equal(ada.captured(), 3, 'and it renews');
});
test('withdrawn in time, it renews at the instant it would have', async () => {
  const [ada, bea] = [await new Customer().begin('succeeds'), await new Customer().begin('succeeds')];
  await ada.walk(10);
  ada.cancel();
  await ada.walk(5);
  ada.resume();
  await ada.walk(85);
  await bea.walk(100);
  assert.deepEqual(ada.paidPeriods().map(({ periodStart }) => periodStart), bea.paidPeriods().map(({ periodStart }) => periodStart));
  assert.equal(ada.captured(), bea.captured());
});
test('cancelled while a renewal is refused, not one more try is made', async () => {
  const ada = await new Customer().begin('succeeds-once');
  await ada.walk(33);
  assert.equal(ada.state.phase.name, 'grace');
  const before = ada.payments.charges().length;
  ada.cancel();
  assert.equal(ada.state.phase.name, 'ended');
  await ada.walk(60);
  assert.equal(ada.payments.charges().length, before);
  assert.equal((await ada.provider()).status, 'canceled');
});
test('withdrawn too late for the provider, it is told so and limited, with the way back open', async () => {
  const ada = await new Customer().begin('succeeds');
  ada.cancel();
  await ada.work();
  ada.away = true;
  await ada.walk(20);
  ada.resume();
  await ada.walk(20, true);
  ada.away = false;
  await ada.work();
  assert.equal(ada.state.phase.name, 'limited');
  await ada.card('succeeds');
  await ada.work();
  await ada.observe();
  assert.deepEqual([ada.state.phase.name, (await ada.provider()).status, ada.captured()], ['active', 'active', 2]);
});

type Step = { readonly do: 'wait' | 'deaf'; readonly days: number } | { readonly do: 'card'; readonly card: string } | { readonly do: 'cancel' | 'resume' | 'work' | 'observe' | 'away' | 'back' };
const steps = fc.array(fc.oneof<fc.Arbitrary<Step>[]>(
  fc.record({ do: fc.constantFrom('wait' as const, 'wait' as const, 'deaf' as const), days: fc.integer({ min: 0, max: 45 }) }),
  fc.record({ do: fc.constant('card' as const), card: fc.constantFrom('succeeds', 'charge-fails', 'late', 'succeeds-once') }),
  fc.record({ do: fc.constantFrom('cancel' as const, 'cancel' as const, 'resume' as const, 'work' as const, 'observe' as const, 'away' as const, 'back' as const) }),
), { maxLength: 16 });

const play = async (ada: Customer, step: Step): Promise<void> => {
  switch (step.do) {
    case 'wait': return ada.walk(step.days);
    case 'deaf': return ada.walk(step.days, true);
    case 'card': return ada.card(step.card);
    case 'cancel': return ada.cancel();
    case 'resume': return ada.resume();
    case 'work': return ada.work();
    case 'observe': return ada.observe();
    case 'away': return void (ada.away = true);
    case 'back': return void (ada.away = false);
  }
};
/** No charge is made between a cancellation that the provider knows and a card given after it. */
const silent = ({ state: { wish, phase, cancellation } }: Customer): boolean => wish.carriedOut && (phase.name === 'ended' ? phase.cause === 'cancelled' && !phase.reopening : cancellation !== undefined);

test('whatever is cancelled, withdrawn, paid and missed, told or not: no period is charged twice, nothing is charged after the end, and nobody runs on unpaid', async () => {
  await fc.assert(fc.asyncProperty(fc.constantFrom('succeeds', 'succeeds-once', 'late'), steps, async (card, path) => {
    const ada = await new Customer().begin(card);
    for (const step of path) {
      const before = { silent: silent(ada), charges: ada.payments.charges().length, ends: ada.state.paidThrough };
      await play(ada, step);
      if (before.silent && silent(ada) && step.do !== 'card') assert.equal(ada.payments.charges().length, before.charges, `charged after cancelling, in ${step.do}`);
    }
    ada.away = false;
    await ada.work();
    await ada.walk(3); // what is pending settles, and everything is told
    await ada.observe();
    const captured = ada.payments.charges().filter(({ status }) => status === 'succeeded').map(({ invoice }) => invoice);
    assert.equal(new Set(captured).size, captured.length, 'one capture an invoice');
    const { status, cancelAtPeriodEnd } = await ada.provider();
    const { phase, cancellation, paidThrough } = ada.state;
    if (phase.name === 'ended' && phase.cause === 'cancelled') assert.equal(status, 'canceled');
    if (phase.name === 'active' && !cancellation) assert.deepEqual([status, cancelAtPeriodEnd], ['active', false], 'who goes on here goes on there');
    if (phase.name === 'active' && cancellation && !cancellation.final) assert.deepEqual([status, cancelAtPeriodEnd], ['active', true], 'who ends here ends there');
    if (levelIn(phase) === 'full' && phase.name === 'active') assert.ok(paidThrough > plus(ada.now, -2 * day), 'full is paid for');
    await ada.walk(40);
    if (cancellation) assert.notEqual(levelIn(ada.state.phase), 'full', 'a cancellation comes to pass');
  }), { numRuns: 400 });
});
test('a provider that does not answer is asked again under the same key', async () => {
  const ada = await new Customer().begin('succeeds');
  ada.cancel();
  const [item] = todo(ada.state).filter((deed) => deed.do === 'CarryOutCancellation');
  const failing = { cancel: async () => { throw new Unavailable('it does not answer'); } };
  await assert.rejects(async () => dunning.deeds['CarryOutCancellation']?.(item, { key: item?.key, payments: failing } as unknown as Deed, ada.state), Unavailable);
  assert.equal(todo(ada.state).find((deed) => deed.do === 'CarryOutCancellation')?.key, item?.key);
});
