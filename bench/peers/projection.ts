/**
 * Peer of the rebuild row: an emmett-sqlite consumer that folds a log into a table, one statement an event, in one batch that
 * holds the whole log, which suits it best (from its second batch on each event costs it one more query). The log holds the lives of some accounts, as `million.ts` makes them.
 * `node projection.js PACKAGES FOLDER EVENTS`.
 */
import { join } from 'node:path';
import type { Instant } from '../../src/domain/instant.ts';
import type { PersonId } from '../../src/domain/ids.ts';
import { eventsEach, lifeOf } from '../million.ts';
import { emmettIn, openPeer, type PeerEvent, type Projection } from './emmett.ts';

const [packages = '.', folder = '.', count = '20000'] = process.argv.slice(2);
const accounts = Number(count) / eventsEach;
const fileName = join(folder, `projection-${process.pid}.db`);
const emmett = emmettIn(packages);
const connection = await openPeer(emmett, fileName);
await connection.command(`CREATE TABLE subscriptions (id TEXT PRIMARY KEY, account TEXT NOT NULL, namespace TEXT NOT NULL, plan TEXT NOT NULL, terms TEXT NOT NULL, phase TEXT NOT NULL,
  since TEXT NOT NULL, paid_through TEXT NOT NULL, last_payment_at TEXT NOT NULL, failures INTEGER NOT NULL, provider TEXT NOT NULL) STRICT, WITHOUT ROWID`);

const at = '2026-11-21T07:52:26.000Z' as Instant;
const metadata = { schema: 1, at, commandId: '00000000-0000-8000-8000-000000000000', correlationId: 'bench', causationId: 'bench', actor: 'system:bench', tenant: 'ten_00000000000000000001', fingerprint: 'bench', hash: 'x'.repeat(43) };
await connection.withTransaction(async () => {
  for (let n = 0; n < accounts; n += 1) {
    for (const { category, id, events } of lifeOf(n, `prs_${n}` as PersonId, at)) {
      const { success } = await emmett.appendToStream(connection, `${category}-${id}`, category, events.map(({ type, data }) => ({ type, data: data as PeerEvent['data'], metadata: { ...metadata } })), { expectedStreamVersion: 0n });
      if (!success) throw new Error(`${category}-${id} was there`);
    }
  }
});
const events = (await connection.querySingle<{ n: number }>('SELECT COUNT(*) AS n FROM emt_messages'))?.n ?? 0;

const start = 'INSERT INTO subscriptions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';
const pay = 'UPDATE subscriptions SET paid_through = ?, last_payment_at = ?, failures = 0 WHERE id = ?';
const fold = async (into: Parameters<Projection['handle']>[1]['connection'], { type, data }: PeerEvent): Promise<void> => {
  if (type === 'PaymentSucceeded') return void (await into.command(pay, [data['paidThrough'], data['at'], data['subscriptionId']]));
  const terms = data['terms'] as { readonly name: string };
  await into.command(start, [data['subscriptionId'], data['accountId'], data['namespaceId'], terms.name, JSON.stringify(terms), 'active', data['at'], data['paidThrough'], data['at'], 0, data['providerSubscription']]);
};
const projection: Projection = {
  name: 'subscriptions', canHandle: ['SubscriptionStarted', 'PaymentSucceeded'],
  handle: async (several, { connection: into }) => {
    for (const event of several) await fold(into, event);
  },
};
let seen = 0;
const consumer = emmett.getSQLiteEventStore({ fileName }).consumer({ pulling: { batchSize: Number(events), pullingFrequencyInMs: 0 } });
consumer.processor({ projection, stopAfter: () => (seen += 1) === events });
const startedAt = performance.now();
await consumer.start();
const seconds = (performance.now() - startedAt) / 1_000;
const paid = await connection.querySingle<{ n: number; last: string }>('SELECT COUNT(*) AS n, MIN(paid_through) AS last FROM subscriptions');
const { events: [, ...payments] } = lifeOf(0, 'prs_0' as PersonId, at)[2]!;
if (seen !== events || paid?.n !== accounts || paid.last !== (payments.at(-1)!.data as { paidThrough: string }).paidThrough) throw new Error(`after ${seen} events the table holds ${JSON.stringify(paid)}`);
await consumer.close();
connection.close();
process.stdout.write(`${JSON.stringify({ events, seconds })}\n`);
