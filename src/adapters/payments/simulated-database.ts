/** The simulated provider's own database: what it would know, nothing of ours. No address and no card number is ever stored. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Instant } from '../../domain/instant.ts';
import type { ProviderInvoice, Reference } from '../../domain/ports/payments.ts';
import { inOurWords } from '../sqlite/in-our-words.ts';
import { openDatabase } from '../sqlite/open-database.ts';
import type { CardName } from './cards.ts';

type ReferenceColumns = { readonly purpose: Reference['purpose']; readonly person: string; readonly subscription: string | null };
export type CheckoutRow = ReferenceColumns & {
  readonly id: string; customer: string; return_url: string; cancel_url: string;
  status: 'open' | 'complete' | 'expired'; method: string | null; attempts: number; confirming: CardName | null; expires_at: Instant | null;
};
export type MethodRow = { readonly id: string; readonly customer: string; readonly card: CardName };
export type SubscriptionRow = ReferenceColumns & {
  readonly id: string; readonly customer: string; readonly amount: number; readonly currency: string; readonly description: string; method: string;
  status: 'active' | 'incomplete' | 'past_due' | 'unpaid' | 'canceled';
  /** Periods end at whole months after the anchor: 31 January, 28 February, 31 March. */
  anchor: Instant; months: number; period_start: Instant; period_end: Instant;
  latest_invoice: string; cancel_at: Instant | null; due_at: Instant | null;
};
export type InvoiceRow = {
  readonly id: string; readonly provider_subscription: string; readonly amount: number; readonly currency: string;
  status: ProviderInvoice['status']; attempts: number; period_start: Instant; period_end: Instant;
  first_failed_at: Instant | null; retry_at: Instant | null; settle_at: Instant | null; paid_at: Instant | null;
};
/** `invoice` is null where a first charge was declined: then no invoice was left behind. */
export type ChargeRow = { readonly id: string; readonly method: string; readonly invoice: string | null; readonly amount: number; readonly currency: string; status: 'succeeded' | 'pending' | 'failed'; readonly at: Instant };
export type EventRow = { readonly n: number; readonly id: string; readonly type: string; readonly at: Instant; readonly body: string; readonly tries: number; readonly next_at: Instant | null; readonly delivered_at: Instant | null };
export type AnswerRow = { readonly key: string; readonly deed: string; readonly fingerprint: string; readonly answer: string };
interface Tables { checkouts: CheckoutRow; methods: MethodRow; subscriptions: SubscriptionRow; invoices: InvoiceRow; charges: ChargeRow }

const schema = `
CREATE TABLE IF NOT EXISTS customers (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, person TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS methods (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, customer TEXT NOT NULL, card TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS checkouts (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, purpose TEXT NOT NULL, person TEXT NOT NULL, subscription TEXT, customer TEXT NOT NULL,
  return_url TEXT NOT NULL, cancel_url TEXT NOT NULL, status TEXT NOT NULL, method TEXT, attempts INTEGER NOT NULL, confirming TEXT, expires_at TEXT) STRICT;
CREATE INDEX IF NOT EXISTS checkouts_to_expire ON checkouts (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS subscriptions (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, purpose TEXT NOT NULL, person TEXT NOT NULL, subscription TEXT, customer TEXT NOT NULL,
  amount INTEGER NOT NULL, currency TEXT NOT NULL, description TEXT NOT NULL, method TEXT NOT NULL, status TEXT NOT NULL, anchor TEXT NOT NULL, months INTEGER NOT NULL,
  period_start TEXT NOT NULL, period_end TEXT NOT NULL, latest_invoice TEXT NOT NULL, cancel_at TEXT, due_at TEXT) STRICT;
CREATE INDEX IF NOT EXISTS subscriptions_due ON subscriptions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS subscriptions_by_ours ON subscriptions (subscription);
CREATE TABLE IF NOT EXISTS invoices (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, provider_subscription TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL,
  attempts INTEGER NOT NULL, period_start TEXT NOT NULL, period_end TEXT NOT NULL, first_failed_at TEXT, retry_at TEXT, settle_at TEXT, paid_at TEXT) STRICT;
CREATE INDEX IF NOT EXISTS invoices_by_subscription ON invoices (provider_subscription);
CREATE INDEX IF NOT EXISTS invoices_to_retry ON invoices (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS invoices_to_settle ON invoices (settle_at) WHERE settle_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS charges (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, method TEXT NOT NULL, invoice TEXT, amount INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL, at TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS charges_by_method ON charges (method);
CREATE INDEX IF NOT EXISTS charges_by_invoice ON charges (invoice);
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, deed TEXT NOT NULL, fingerprint TEXT NOT NULL, answer TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL, tries INTEGER NOT NULL, next_at TEXT, delivered_at TEXT) STRICT;
CREATE INDEX IF NOT EXISTS events_to_deliver ON events (next_at) WHERE next_at IS NOT NULL;
`;

export class SimulatedDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.#database = openDatabase(path, { schema, cacheKib: 2_048 });
    // A provider does not forget what it answered: every commit is on disk before anybody hears of it.
    this.#database.exec('PRAGMA synchronous=FULL');
  }
  /** The first row of `sql`, in the shape the caller knows its columns to have. */
  get<T>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#prepare(sql).get(...values) as T | undefined;
  }
  all<T>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#prepare(sql).all(...values) as T[];
  }
  run(sql: string, ...values: SQLInputValue[]): void {
    this.#prepare(sql).run(...values);
  }
  byId<T extends keyof Tables>(table: T, id: string): Tables[T] | undefined {
    return this.get<Tables[T]>(`SELECT * FROM ${table} WHERE id = ?`, id);
  }
  /** Writes the whole row, new or not. */
  put<T extends keyof Tables>(table: T, row: Tables[T]): void {
    const columns = Object.keys(row).filter((column) => column !== 'n');
    const values = columns.map((column) => (row as unknown as Record<string, SQLInputValue>)[column] as SQLInputValue);
    this.run(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) ON CONFLICT (id) DO UPDATE SET ${columns.map((c) => `${c} = excluded.${c}`).join(', ')}`, ...values);
  }
  transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw inOurWords(error);
    }
  }
  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }
}

export const referenceOf = ({ purpose, person, subscription }: ReferenceColumns): Reference => ({ purpose, person, ...(subscription === null ? {} : { subscription }) });
