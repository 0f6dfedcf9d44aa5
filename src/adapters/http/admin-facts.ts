/** What the operator's pages show: read models with their addresses opened, counts, and one customer's record. */
import { invoicesOf } from './account-facts.ts';
import { addressOf } from './customers.ts';
import { opened, waitFor } from './queries.ts';
import type { Rim } from './rim.ts';
import { actorInWords, eventInWords, type CustomerRow, type HistoryLine, type MailRow, type ParkedShown, type WorkloadRow } from '../../../web/pages.ts';
import { account } from '../../domain/account/decide.ts';
import { isId, streamName, type AccountId, type PersonId, type StreamName } from '../../domain/ids.ts';
import type { Recorded } from '../../domain/ports/log.ts';
import type { Document } from '../../domain/ports/read-models.ts';
import { subscription } from '../../domain/subscription/decide.ts';
import type { ModelRunner } from '../../projections/runner.ts';

export const pageSize = 50;
export type Asked = Readonly<Record<string, string | undefined>>;
export type Listed<Item> = { readonly items: readonly Item[]; readonly next?: string; readonly filter?: string; readonly counts: Readonly<Record<string, number>> };

export const runnerOf = (rim: Rim, model: string): ModelRunner => rim.models.get(model) as ModelRunner;

/** How many documents have each value of a field: counted anew only when the model has moved on. */
const tallies = new WeakMap<ModelRunner, Map<string, { readonly position: bigint; readonly counts: Readonly<Record<string, number>> }>>();
export const tally = async (runner: ModelRunner, field: string): Promise<Readonly<Record<string, number>>> => {
  const known = tallies.get(runner) ?? new Map<string, { readonly position: bigint; readonly counts: Readonly<Record<string, number>> }>();
  tallies.set(runner, known);
  const { position } = runner;
  const before = known.get(field);
  if (before?.position === position) return before.counts;
  const counts: Record<string, number> = {};
  for await (const page of runner.collection.all()) for (const { document } of page) counts[String(document[field])] = (counts[String(document[field])] ?? 0) + 1;
  known.set(field, { position, counts });
  return counts;
};

/** A page of a model, newest first, by one field's value where that is asked for; as of the write in `after`. */
export const listOf = async <Item>(rim: Rim, model: string, field: string, asked: Asked): Promise<Listed<Item>> => {
  const runner = runnerOf(rim, model);
  await waitFor(rim, runner, asked['after']);
  const filter = asked[field];
  const page = await runner.collection.query({ limit: pageSize, ...(filter === undefined ? {} : { where: { [field]: filter } }), ...(asked['cursor'] === undefined ? {} : { cursor: asked['cursor'] }) });
  const items = (await Promise.all(page.items.map(({ document }) => opened(document, rim.vault)))) as Item[];
  return { items, ...(page.next === undefined ? {} : { next: page.next }), ...(filter === undefined ? {} : { filter }), counts: await tally(runner, field) };
};

const documentsOf = async (rim: Rim, model: string, where: Readonly<Record<string, string>>): Promise<readonly Document[]> => (await runnerOf(rim, model).collection.query({ where, limit: pageSize })).items.map(({ document }) => document);

type SubscriptionDocument = { readonly id: string; readonly accountId: AccountId; readonly phase: string; readonly plan: string; readonly price: CustomerRow['price']; readonly since: string; readonly paidThrough: string; readonly failures: number };
const levelNow = (rim: Rim, id: AccountId) => rim.gate.account(id)?.level ?? 'none';

/** Customers by the phase of what they pay for, with their addresses and levels. */
export const customersOf = async (rim: Rim, asked: Asked): Promise<Listed<CustomerRow>> => {
  const { items, ...rest } = await listOf<SubscriptionDocument>(rim, 'subscriptions', 'phase', asked);
  const accounts = await runnerOf(rim, 'accounts').collection.load(items.map(({ accountId }) => accountId));
  return { ...rest, items: await Promise.all(items.map(async (item) => ({ ...item, email: String(await opened(accounts.get(item.accountId)?.document?.['email'] ?? 'erased', rim.vault)), level: levelNow(rim, item.accountId) }))) };
};

/** Workloads with the names of their namespaces, and whose they are. */
export const withNamespaces = async (rim: Rim, items: readonly Document[]): Promise<readonly WorkloadRow[]> => {
  const homes = await runnerOf(rim, 'namespaces').collection.load(items.map((item) => String(item['namespaceId'])));
  return items.map((item) => {
    const home = homes.get(String(item['namespaceId']))?.document;
    return { ...(item as unknown as WorkloadRow), namespace: String(home?.['name'] ?? item['namespaceId']), ...(home ? { accountId: String(home['accountId']) } : {}) };
  });
};

/** The account that is meant by a whole address, an id, or the name of a namespace. */
export const soughtAccount = async (rim: Rim, sought: string): Promise<AccountId | undefined> => {
  const id = sought as AccountId;
  if (id.startsWith('acc_')) return rim.gate.account(id) && id;
  const person = sought.includes('@') ? await rim.keyring.find(sought) : undefined;
  if (person) return rim.gate.person(person)?.accountId;
  const [home] = await documentsOf(rim, 'namespaces', { name: sought });
  return home?.['accountId'] as AccountId | undefined;
};

/** Work that waits for staff, with its customer's name and where to find them. */
export const parkedOf = async (rim: Rim): Promise<readonly ParkedShown[]> => {
  const { items } = await runnerOf(rim, 'parked').collection.query({ limit: pageSize });
  return Promise.all(items.map(async ({ document }): Promise<ParkedShown> => {
    const work = document as unknown as ParkedShown & { readonly owner?: string };
    const name = await addressOf(rim, work.owner);
    const id = work.owner?.startsWith('per_') ? rim.gate.person(work.owner as PersonId)?.accountId : work.owner;
    return { ...work, ...(name === undefined ? {} : { customer: { name: id === undefined ? `${name} (signing up)` : name, href: id === undefined ? '/admin/signups' : `/admin/customers/${id}` } }) };
  }));
};

const historyMax = 100;
const lineOf = async (rim: Rim, event: Recorded): Promise<HistoryLine> => ({
  position: String(event.position), at: event.meta.at, words: eventInWords(event.type, event.data as Readonly<Record<string, unknown>>), by: actorInWords(event.meta.actor),
  ...(event.meta.reason === undefined ? {} : { reason: String(await opened(event.meta.reason, rim.vault)) }), type: event.type, stream: event.stream, data: JSON.stringify(event.data, undefined, 2),
});
/** Everything that happened to a customer, newest first. Personal values stay sealed in it. */
const historyOf = async (rim: Rim, streams: readonly StreamName[]): Promise<{ readonly history: readonly HistoryLine[]; readonly older: boolean }> => {
  const events: Recorded[] = [];
  const read = async (stream: StreamName): Promise<void> => {
    for await (const page of rim.log.read(stream)) events.push(...page);
  };
  for (const stream of streams) await read(stream);
  // What was removed long ago, too: each workload has once taken a place.
  const workloads = events.filter(({ type }) => type === 'WorkloadSlotTaken').map(({ data }) => (data as { workloadId: string }).workloadId);
  for (const id of new Set(workloads)) await read(streamName('workload', rim.tenant, id));
  events.sort((a, b) => (a.position < b.position ? 1 : -1));
  return { history: await Promise.all(events.slice(0, historyMax).map((event) => lineOf(rim, event))), older: events.length > historyMax };
};

/** One customer's record; undefined when there is none of this id. */
export const customerOf = async (rim: Rim, id: AccountId) => {
  const owner = isId(id, 'acc') ? await rim.handler.lookup(account, id) : undefined;
  if (owner?.status !== 'active') return undefined;
  const paid = await rim.handler.lookup(subscription, owner.subscriptionId);
  if (paid.status === 'none') return undefined;
  const homes = await documentsOf(rim, 'namespaces', { accountId: id });
  const running = (await Promise.all(homes.map((home) => documentsOf(rim, 'workloads', { namespaceId: String(home['id']) })))).flat();
  const mails = (await Promise.all((await documentsOf(rim, 'mails', { person: owner.person })).map((document) => opened(document, rim.vault)))) as readonly MailRow[];
  const at = (category: string, key: string) => streamName(category, rim.tenant, key);
  const streams = [at('invite', owner.person), at('signup', owner.person), at('account', id), at('subscription', owner.subscriptionId), ...homes.map((home) => at('namespace', String(home['id'])))];
  const [document] = await documentsOf(rim, 'subscriptions', { accountId: id });
  const { failures = 0 } = (document ?? {}) as Partial<SubscriptionDocument>;
  return {
    owner, paid, failures, homes, mails, level: levelNow(rim, id), since: rim.gate.account(id)?.since ?? '', email: (await rim.vault.open(owner.email)) ?? 'erased',
    workloads: await withNamespaces(rim, running), invoices: await invoicesOf(rim, id), ...(await historyOf(rim, streams)),
  };
};
