/** Simulated customers and operators: each asking is carried out as a client would, knowing only what a client knows. */
import type { AskName } from './script.ts';
import type { World } from './world.ts';
import { PagesController } from '../../src/adapters/http/pages.controller.ts';
import { CommandMessage, SystemMessage, type Committed, type Context } from '../../src/commands/command-message.ts';
import { CommandRejected, IdempotencyKeyReused } from '../../src/commands/handle.ts';
import { AddInvite, RevokeInvite } from '../../src/commands/invite.ts';
import { RetryMail } from '../../src/commands/inbox.ts';
import { OfferPlan, RepricePlan } from '../../src/commands/plan.ts';
import { paymentTokenText, RedeemPaymentToken, ResendOtp, StartSignup, VerifyOtp } from '../../src/commands/signup.ts';
import { CancelSubscription, ResumeSubscription } from '../../src/commands/subscription.ts';
import { KillWorkload, RunWorkload, UpdateWorkload } from '../../src/commands/workload.ts';
import { StaleRevision } from '../../src/commands/streams.ts';
import { account } from '../../src/domain/account/decide.ts';
import type { Actor } from '../../src/domain/decider.ts';
import { encodeId, type FlowId, type PersonId, type SubscriptionId, type WorkloadId } from '../../src/domain/ids.ts';
import { namespace } from '../../src/domain/namespace/decide.ts';
import { CheckpointConflict } from '../../src/domain/ports/read-models.ts';
import { Refused, Unavailable } from '../../src/domain/ports/failures.ts';
import { signup } from '../../src/domain/signup/decide.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { RebuildRunning } from '../../src/projections/runner.ts';

const operator: Actor = { kind: 'operator', id: 'opr_00000000000000000000' };
/** More than half lapse at the first renewal. */
const cards = ['succeeds-once', 'succeeds', 'succeeds-once', 'declined', 'confirm', 'succeeds-once', 'late', 'charge-fails', 'succeeds-once', 'succeeds'] as const;
/** What a client remembers between its askings. */
type Memory = { flows: FlowId[]; checkouts: string[] };

/** What is no bug: a refusal, a lost race, a part of the world that is away. */
const expected = (error: unknown): boolean =>
  [CommandRejected, StaleRevision, Unavailable, Refused, CheckpointConflict, RebuildRunning, IdempotencyKeyReused].some((kind) => error instanceof kind) || (error as { draft?: { status: number } }).draft?.status !== undefined;

export class Customers {
  readonly #world: World;
  readonly #memories = new Map<number, Memory>();
  /** What commands answered: it must be in the log for ever. */
  readonly acknowledged: Committed[] = [];
  readonly bugs: string[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Begins an asking; it goes on as turns are taken, and ends in an answer, a refusal, or with the process. */
  ask(what: AskName, who: number, n: number): void {
    const asking = new Asking(this.#world, this.#memory(who), who, n, this.acknowledged);
    void asking.carryOut(what).catch((error: unknown) => {
      if (!expected(error)) this.bugs.push(`${what} of customer ${who} (${n}): ${error instanceof Error ? error.stack : String(error)}`);
    });
  }
  #memory(who: number): Memory {
    const known = this.#memories.get(who) ?? { flows: [], checkouts: [] };
    this.#memories.set(who, known);
    return known;
  }
}

class Asking {
  readonly #world: World;
  readonly #memory: Memory;
  readonly #email: string;
  readonly #n: number;
  readonly #random: SeededRandom;
  readonly #acknowledged: Committed[];
  constructor(world: World, memory: Memory, who: number, n: number, acknowledged: Committed[]) {
    this.#world = world;
    this.#memory = memory;
    this.#email = `c${who}@example.com`;
    this.#n = n;
    this.#random = new SeededRandom(`asking ${n}`);
    this.#acknowledged = acknowledged;
  }

  async carryOut(what: AskName): Promise<void> {
    switch (what) {
      case 'go on': return this.#goOn();
      case 'invite': return this.#send(Object.assign(new AddInvite(), { email: this.#email }), operator);
      case 'revoke': return this.#send(Object.assign(new RevokeInvite(), { email: this.#email }), operator);
      case 'start': return this.#start();
      case 'start again': return this.#send(new ResendOtp(this.#email, this.#memory.flows.at(-1) ?? this.#newFlow()), anonymous);
      case 'verify': return this.#verify(true);
      case 'guess': return this.#verify(false);
      case 'checkout': return this.#checkout();
      case 'card': return void (await this.#card());
      case 'redeem': return this.#redeem();
      case 'redeem twice': return this.#twice(() => this.#redeem());
      case 'open session': return this.#openSession();
      case 'sign out everywhere': return this.#withAccount((actor) => this.#send(new SystemMessage('RevokeSessions', { accountId: actor.id }), actor));
      case 'run': return this.#run();
      case 'run twice': return this.#twice(() => this.#run());
      case 'update': return this.#withWorkload((workloadId, actor) => this.#send(Object.assign(new UpdateWorkload(), { workloadId, source: this.#world.source }), actor));
      case 'kill': return this.#withWorkload((workloadId, actor) => this.#send(Object.assign(new KillWorkload(), { workloadId }), actor));
      case 'pay': return this.#pay();
      case 'cancel': return this.#withSubscription((subscriptionId, actor) => this.#send(Object.assign(new CancelSubscription(), { subscriptionId }), actor));
      case 'resume': return this.#withSubscription((subscriptionId, actor) => this.#send(Object.assign(new ResumeSubscription(), { subscriptionId }), actor));
      case 'offer': return this.#send(Object.assign(new OfferPlan(), { name: `plan-${this.#n}`, amount: 100 * (1 + (this.#n % 50)), currency: 'USD', graceDays: this.#n % 3, limitedDays: this.#n % 2 }), operator);
      case 'reprice': return this.#reprice();
      case 'rebuild': return this.#rebuild();
      case 'workload dies': return this.#withWorkload((id) => this.#world.runtime.crash(id, this.#n % 2));
      case 'workload is lost': return this.#withWorkload((id) => this.#world.runtime.lose(id));
      case 'retry mails': return this.#retryMails();
    }
  }

  async #send(message: CommandMessage, actor: Actor, more: Partial<Context> = {}): Promise<void> {
    const id = `asking.${this.#n}`;
    const context: Context = { actor, correlationId: id, causationId: id, ip: this.#email, ...more };
    this.#acknowledged.push((await this.#world.system.handler.execute(CommandMessage.inContext(message, context))) as Committed);
  }
  /** Both at once, under one key where the asking has one. */
  async #twice(asking: () => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled([asking(), asking()]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected' && !expected(outcome.reason));
    if (failed) throw (failed as PromiseRejectedResult).reason;
  }
  /** The next few things that somebody who wants in would do, without a pause. */
  async #goOn(): Promise<void> {
    for (let steps = 0; steps < 4; steps += 1) if (await this.#goOneStep()) return;
  }
  /** Whether there is nothing more to do for now. */
  async #goOneStep(): Promise<boolean> {
    const { handler } = this.#world.system;
    const person = await this.#person();
    if (person === undefined) return this.carryOut('invite').then(() => false);
    const { stage, tokens, flows } = await handler.lookup(signup, person);
    if (stage === 'completed') return this.carryOut((['run', 'run', 'open session', 'run', 'update', 'kill', 'run', 'pay'] as const)[this.#n % 8] as AskName).then(() => true);
    const flow = flows[this.#memory.flows.at(-1) ?? ('none' as FlowId)];
    if (stage === 'new' || (stage === 'unverified' && (flow?.status !== 'open' || flow.expiresAt <= this.#world.clock.now()))) await this.#start();
    else if (stage === 'unverified') await this.#verify(true);
    else if (tokens.at(-1)?.status === 'issued') return this.#redeem().then(() => true);
    else if (!(await this.#card())) await this.#checkout();
    return false;
  }
  #newFlow(): FlowId {
    return encodeId('flw', this.#random.bytes(13));
  }
  async #person(): Promise<PersonId | undefined> {
    return this.#world.system.rim.keyring.find(this.#email);
  }
  async #start(): Promise<void> {
    const flow = this.#newFlow();
    this.#memory.flows.push(flow);
    await this.#send(new StartSignup(this.#email, flow), anonymous);
  }
  async #verify(right: boolean): Promise<void> {
    const { rim, handler } = this.#world.system;
    const [person, flowId] = [await this.#person(), this.#memory.flows.at(-1)];
    if (person === undefined || flowId === undefined) return;
    const issue = (await handler.lookup(signup, person)).flows[flowId]?.issues.at(-1);
    const token = right && issue ? rim.tokens.derive(issue.kid, 'otp', flowId, issue.n, issue.issuedAt) : 'f'.repeat(40);
    await this.#send(new VerifyOtp(person, flowId, token), anonymous);
  }
  /** The page's own way to a checkout. */
  async #checkout(): Promise<void> {
    const { rim, handler } = this.#world.system;
    const plans = (await rim.models.get('plans')?.collection.query({ where: { onSale: true }, limit: 100 }))?.items ?? [];
    const plan = plans[this.#n % Math.max(1, plans.length)]?.key;
    if (plan === undefined) return;
    const page = new PagesController(rim, { execute: (message: never) => handler.execute(message) } as never);
    await page.choose({ email: this.#email, plan }, { headers: { host: 'simulation' }, cookies: {}, url: '/subscribe', id: `asking.${this.#n}` } as never, replying((location) => this.#memory.checkouts.push(location)) as never);
  }
  /** Whether the card was taken. */
  async #card(): Promise<boolean> {
    const id = this.#memory.checkouts.at(-1)?.split('/').at(-1);
    if (id === undefined) return false;
    const answer = await this.#world.system.rim.mock?.desk.submit(id, cards[this.#n % cards.length] as string, this.#n % 3 !== 0);
    return answer?.outcome === 'complete';
  }
  async #redeem(): Promise<void> {
    const { rim, handler } = this.#world.system;
    const person = await this.#person();
    const token = person && (await handler.lookup(signup, person)).tokens.at(-1);
    if (!person || !token) return;
    await this.#send(new RedeemPaymentToken(person, paymentTokenText(rim.tokens, person, token)), { kind: 'person', id: person }, { idempotencyKey: `redeem.${this.#n}` });
  }
  async #withAccount(deed: (actor: Extract<Actor, { kind: 'account' }>) => Promise<void>): Promise<void> {
    const { rim, handler } = this.#world.system;
    const person = await this.#person();
    const { redemption, stage } = person ? await handler.lookup(signup, person) : { redemption: undefined, stage: 'new' };
    if (!person || stage !== 'completed' || !redemption) return;
    await deed({ kind: 'account', id: redemption.accountId, person, session: encodeId('ses', this.#random.bytes(13)), namespaces: (rim.gate.account(redemption.accountId)?.namespaces ?? []).map(({ id }) => id) });
  }
  #openSession(): Promise<void> {
    return this.#withAccount(({ id, person }) => this.#send(new SystemMessage('OpenSession', { sessionId: encodeId('ses', this.#random.bytes(13)), holder: { kind: 'account', accountId: id, person }, kid: this.#world.system.rim.tokens.kid }), { kind: 'person', id: person }));
  }
  #run(): Promise<void> {
    return this.#withAccount(async (actor) => {
      const [namespaceId] = actor.namespaces;
      if (namespaceId === undefined) return;
      await this.#send(Object.assign(new RunWorkload(), { name: `w${this.#n % 5}`, source: this.#world.source, namespaceId, command: 'node server.js', retries: 1 }), actor, { idempotencyKey: `run.${this.#n}` });
    });
  }
  #withWorkload(deed: (id: WorkloadId, actor: Actor) => Promise<void>): Promise<void> {
    return this.#withAccount(async (actor) => {
      const home = actor.namespaces[0] && (await this.#world.system.handler.lookup(namespace, actor.namespaces[0]));
      const slots = home && home.status === 'active' ? home.slots : [];
      const slot = slots[this.#n % Math.max(1, slots.length)];
      if (slot) await deed(slot.workloadId, actor);
    });
  }
  #withSubscription(deed: (id: SubscriptionId, actor: Actor) => Promise<void>): Promise<void> {
    return this.#withAccount(async (actor) => {
      const owner = await this.#world.system.handler.lookup(account, actor.id);
      if (owner.status === 'active') await deed(owner.subscriptionId, actor);
    });
  }
  #pay(): Promise<void> {
    return this.#withAccount(async ({ id, person }) => {
      const { rim, handler } = this.#world.system;
      const owner = await handler.lookup(account, id);
      if (owner.status !== 'active') return;
      const checkout = await rim.payments.createCheckout({ key: `pay.${this.#n}`, reference: { purpose: 'pay', person, subscription: owner.subscriptionId }, email: this.#email, returnUrl: 'http://simulation/subscribe/done', cancelUrl: 'http://simulation/subscribe' });
      await rim.mock?.desk.submit(checkout.id, this.#n % 4 === 0 ? 'charge-fails' : 'succeeds', true);
    });
  }
  async #reprice(): Promise<void> {
    const { items } = (await this.#world.system.rim.models.get('plans')?.collection.query({ limit: 1 })) ?? { items: [] };
    if (items[0]) await this.#send(Object.assign(new RepricePlan(), { planId: items[0].key, amount: 3_500 + this.#n, currency: 'USD' }), operator);
  }
  async #rebuild(): Promise<void> {
    const all = [...this.#world.system.rim.models.values()];
    const model = all[this.#n % all.length];
    const { equal, differences } = (await model?.rebuild({ acceptDifferences: false, progress: () => undefined, differencesMax: 3 })) ?? { equal: true, differences: [] };
    if (!equal) throw new Error(`${model?.model.name} differs after a rebuild: ${JSON.stringify(differences)}`);
  }
  async #retryMails(): Promise<void> {
    const { items } = (await this.#world.system.rim.models.get('mails')?.collection.query({ where: { status: 'given up' }, limit: 5 })) ?? { items: [] };
    for (const { key } of items) await this.#send(Object.assign(new RetryMail(), { mailId: key }), operator);
  }
}
const anonymous: Actor = { kind: 'anonymous', id: 'anon' };
/** As much of a reply as a page needs; `redirected` hears where it leads. */
const replying = (redirected: (location: string) => void): object => {
  const reply = { status: () => reply, header: (name: string, value: string) => {
    if (name === 'location') redirected(value);
    return reply;
  } };
  return reply;
};
