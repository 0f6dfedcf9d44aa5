/** What must hold whenever everything due has been done: each promise, and the first way in which it is broken. */
import type { Customers } from './customers.ts';
import type { World } from './world.ts';
import { StoredLog } from '../../src/adapters/event-store/log.ts';
import type { KeyringVault } from '../../src/adapters/event-store/vault.ts';
import { canonicalJson } from '../../src/domain/canonical-json.ts';
import type { AccountId, StreamName } from '../../src/domain/ids.ts';
import type { Recorded } from '../../src/domain/ports/log.ts';
import type { Document } from '../../src/domain/ports/read-models.ts';
import { applyTo } from '../../src/projections/projection.ts';
import { upcasters } from '../../src/upcasters.ts';

type Broken = string | undefined;
/** The log as it is stored, past every wrapper. */
const logOf = ({ store, system }: World): StoredLog => new StoredLog(store, system.rim.vault as KeyringVault, upcasters, true, { lookAgainMs: Infinity, burstRestMs: 0 });
export const allEvents = async (world: World): Promise<readonly Recorded[]> => {
  const events: Recorded[] = [];
  for await (const page of logOf(world).readAll(0n)) events.push(...page);
  return events;
};

/** Every stream's chain holds, and every event folds. */
const everyEventFolds = async (world: World, events: readonly Recorded[]): Promise<Broken> => {
  const log = logOf(world);
  for (const stream of new Set(events.map((event) => event.stream))) {
    try {
      for await (const _ of log.read(stream as StreamName));
    } catch (error) {
      return `a stream cannot be read: ${String(error)}`;
    }
  }
  return undefined;
};
const acknowledgedStays = (customers: Customers, events: readonly Recorded[]): Broken => {
  const ids = new Set(events.map(({ id }) => id));
  const lost = customers.acknowledged.flatMap((answer) => answer.events).find(({ id }) => !ids.has(id));
  return lost && `an acknowledged ${lost.type} is not in the log`;
};
const onceEach = (events: readonly Recorded[]): Broken => {
  const seen = new Set<string>();
  for (const { id, type } of events) {
    if (seen.has(id)) return `${type} ${id} is in the log twice`;
    seen.add(id);
  }
  return undefined;
};
/** Live documents are what a fold from the beginning gives. */
const modelsEqualTheirFold = async (world: World, events: readonly Recorded[]): Promise<Broken> => {
  for (const { model, failure } of world.system.rim.models.values()) {
    if (failure !== undefined) return `read model ${model.name} has stopped: ${failure}`;
    const folded = new Map<string, Document | undefined>();
    applyTo(model, folded, events);
    const serving = (await world.models.serving(model.name)) ?? '';
    const live = new Map<string, Document>();
    for await (const page of (await world.models.open(serving, model.indexes)).all()) for (const { key, document } of page) live.set(key, document);
    for (const [key, document] of folded) if (canonicalJson(document) !== canonicalJson(live.get(key))) return `${model.name} ${key} is ${JSON.stringify(live.get(key))} instead of ${JSON.stringify(document)}`;
    const more = [...live.keys()].find((key) => folded.get(key) === undefined);
    if (more !== undefined) return `${model.name} holds ${more}, which no event made`;
  }
  return undefined;
};
/** Each subscription of ours is one at the provider, and each of its periods is paid at most once. */
const nothingIsChargedTwice = async ({ payments }: World): Promise<Broken> => {
  const paid = new Map<string, string>();
  for (const { invoice, status } of payments.charges()) {
    const read = status === 'failed' || invoice === undefined ? undefined : await unfailing(payments, () => payments.readInvoice(invoice));
    if (!read) continue;
    const { reference: { subscription }, providerSubscription, periodStart, id } = read;
    for (const [what, by] of [[`subscription ${subscription}`, providerSubscription], [`${subscription} from ${periodStart}`, id]] as const) {
      const before = paid.get(what);
      if (before !== undefined && before !== by) return `${what} is charged twice: ${before} and ${by}`;
      paid.set(what, by);
    }
  }
  return undefined;
};
/** Faults are the process's to meet, not the observer's. */
const unfailing = async <T>(payments: World['payments'], look: () => Promise<T>): Promise<T> => {
  const faults = { ...payments.faults };
  Object.assign(payments.faults, { unavailableBefore: 0, unavailableAfter: 0 });
  try {
    return await look();
  } finally {
    Object.assign(payments.faults, faults);
  }
};
/** Who has paid can do everything, as soon as the provider has been able to say so. */
const paidIsFull = async ({ payments, system }: World, events: readonly Recorded[]): Promise<Broken> => {
  if (payments.sentEvents().some(({ delivered }) => !delivered)) return undefined;
  for (const { type, data } of events) {
    if (type !== 'SubscriptionStarted') continue;
    const { accountId, providerSubscription } = data as { accountId: AccountId; providerSubscription: string };
    const gate = system.rim.gate.account(accountId);
    const [subscription, invoices] = [await unfailing(payments, () => payments.readSubscription(providerSubscription)), payments.invoicesOf(providerSubscription)];
    if (!gate || subscription?.status !== 'active' || invoices.at(-1)?.status !== 'paid') continue;
    if (gate.level !== 'full') return `${accountId} has paid and is ${gate.level}`;
  }
  return undefined;
};
const nothingIsClaimedTwice = (events: readonly Recorded[]): Broken => {
  const owners = new Map<string, string>();
  for (const { type, data, stream } of events) {
    const claims = { NamespaceCreated: ['name'], AccountCreated: ['person'], SignupCompleted: ['person'], SubscriptionStarted: ['accountId'] }[type] ?? [];
    for (const field of claims) {
      const claim = `${type} ${field} ${(data as Record<string, string>)[field]}`;
      if (owners.has(claim)) return `${claim} is in ${owners.get(claim)} and in ${stream}`;
      owners.set(claim, stream);
    }
  }
  return undefined;
};
/** At most one repeat of a mail for each crash, and for each answer that the carrier lost. */
const fewRepeatedMails = ({ mails }: World, excuses: number): Broken => {
  const keys = mails.map(({ key }) => key);
  const repeats = keys.length - new Set(keys).size;
  return repeats > excuses ? `${repeats} mails went out again, with ${excuses} crashes and lost answers` : undefined;
};
/** What runs is what should run: the log and the runtime agree. */
const runtimeAgrees = async ({ runtime, system, models }: World): Promise<Broken> => {
  const seen = new Map((await runtime.list()).map((report) => [String(report.workload), report]));
  const workloads = await models.open((await models.serving('workloads')) ?? '', []);
  for await (const page of workloads.all()) {
    for (const { key, document: { state } } of page) if (state !== (seen.get(key)?.state ?? 'stopped')) return `workload ${key} is ${String(state)} in the log and ${seen.get(key)?.state} in the world`;
  }
  return system ? undefined : 'nothing runs';
};
const todoListsAreEmpty = ({ system, clock }: World): Broken => {
  for (const pump of system.rim.pumps) {
    const parked = pump.parked()[0];
    if (parked) return `work of ${pump.reactor.name} is parked: ${JSON.stringify(parked)}`;
    const due = pump.nextDueAt();
    if (due !== undefined && due <= clock.now()) return `${pump.reactor.name} has not done what was due at ${due}`;
  }
  return undefined;
};

/** The first promise that is broken now; undefined when all hold. */
export const brokenPromise = async (world: World, customers: Customers, excuses: number): Promise<Broken> => {
  const events = await allEvents(world);
  const { pumps } = world.system.rim;
  const behind = pumps.find((pump) => pump.position < (events.at(-1)?.position ?? 0n));
  return customers.bugs[0] ?? world.complaints[0] ?? (behind && `${behind.reactor.name} has not seen the whole log`)
    ?? (await everyEventFolds(world, events)) ?? acknowledgedStays(customers, events) ?? onceEach(events) ?? (await modelsEqualTheirFold(world, events))
    ?? (await nothingIsChargedTwice(world)) ?? (await paidIsFull(world, events)) ?? nothingIsClaimedTwice(events) ?? fewRepeatedMails(world, excuses) ?? (await runtimeAgrees(world)) ?? todoListsAreEmpty(world);
};
