/**
 * Floor of the rebuild row: reads the same log in pages of the same size, parses what a fold needs, folds in memory, and
 * upserts the page's documents and the checkpoint in one transaction: nothing else. `node rebuild.js DATA FOLDER`.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const pageSize = 1_000;
const [data = '.', folder = '.'] = process.argv.slice(2);
const log = new DatabaseSync(join(data, 'events.db'), { readOnly: true });
const table = new DatabaseSync(join(folder, `fold-${process.pid}.db`));
table.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE documents (key TEXT PRIMARY KEY, position INTEGER NOT NULL, document TEXT NOT NULL) STRICT, WITHOUT ROWID; CREATE TABLE checkpoint (position INTEGER NOT NULL) STRICT');
const page = log.prepare('SELECT position, type, data, meta FROM events WHERE position > ? ORDER BY position LIMIT ?');
page.setReturnArrays(true);
const load = table.prepare('SELECT document FROM documents WHERE key = ?');
const put = table.prepare('INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET position = excluded.position, document = excluded.document');
const checkpoint = table.prepare('INSERT INTO checkpoint VALUES (?)');

type View = Record<string, unknown>;
const fold = (view: View | undefined, type: string, event: View, at: unknown): View | undefined => {
  if (type === 'SubscriptionStarted') {
    const terms = event['terms'] as View;
    return { id: event['subscriptionId'], accountId: event['accountId'], namespaceId: event['namespaceId'], plan: terms['name'], planId: terms['planId'], price: terms['price'], phase: 'active', since: event['at'], paidThrough: event['paidThrough'], lastPaymentAt: event['at'], failures: 0, providerSubscription: event['providerSubscription'] };
  }
  return type === 'PaymentSucceeded' && view ? { ...view, paidThrough: event['paidThrough'], lastPaymentAt: at, failures: 0 } : view;
};

const startedAt = performance.now();
let [position, events] = [0, 0];
for (;;) {
  const rows = page.all(position, pageSize) as unknown as [number, string, string, string][];
  if (rows.length === 0) break;
  const documents = new Map<string, View | undefined>();
  for (const [, type, text, meta] of rows) {
    const event = JSON.parse(text) as View;
    const { at } = JSON.parse(meta) as View;
    const key = event['subscriptionId'] as string | undefined;
    if (key === undefined || (type !== 'SubscriptionStarted' && type !== 'PaymentSucceeded')) continue;
    const stored = documents.has(key) ? undefined : (load.get(key) as { document: string } | undefined);
    documents.set(key, fold(documents.get(key) ?? (stored && (JSON.parse(stored.document) as View)), type, event, at));
  }
  position = rows.at(-1)?.[0] ?? position;
  events += rows.length;
  table.exec('BEGIN IMMEDIATE');
  for (const [key, document] of documents) if (document) put.run(key, position, JSON.stringify(document));
  checkpoint.run(position);
  table.exec('COMMIT');
}
const seconds = (performance.now() - startedAt) / 1_000;
process.stdout.write(`${JSON.stringify({ events, seconds })}\n`);
