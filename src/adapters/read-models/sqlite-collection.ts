import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Position } from '../../domain/ports/event-store.ts';
import type { Batch, Collection, Document, Keyed, Page, Query } from '../../domain/ports/read-models.ts';
import { CheckpointConflict, InvalidCursor } from '../../domain/ports/read-models.ts';
import type { GroupCommit } from '../sqlite/group-commit.ts';
import { conditionsOf, indexedValues } from './indexed-values.ts';

const pageSize = 500;
type Row = [key: string, position: bigint, document: string];
type Stored = { readonly seq: bigint; readonly position: bigint; readonly entries: string };

/** What all handles of one collection share: opening it again may add indexed fields. */
export interface Indexed {
  fields: readonly string[];
}

/** One collection of `SqliteReadModels`. Its statements are prepared once: preparing costs as much as running them. */
export class SqliteCollection implements Collection {
  readonly name: string;
  readonly #database: DatabaseSync;
  readonly #writes: GroupCommit;
  readonly #id: number;
  readonly #indexed: Indexed;
  readonly #checkpoint: StatementSync;
  readonly #advance: StatementSync;
  readonly #load: StatementSync;
  readonly #stored: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #replace: StatementSync;
  readonly #delete: StatementSync;
  readonly #addValue: StatementSync;
  readonly #removeValue: StatementSync;
  readonly #page: StatementSync;
  readonly #count: StatementSync;
  readonly #tally: StatementSync;
  readonly #queries = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, writes: GroupCommit, id: number, name: string, indexed: Indexed) {
    this.name = name;
    this.#database = database;
    this.#writes = writes;
    this.#id = id;
    this.#indexed = indexed;
    this.#checkpoint = this.#prepare('SELECT checkpoint FROM collections WHERE id = ?');
    this.#advance = this.#prepare('UPDATE collections SET checkpoint = ? WHERE id = ?');
    this.#load = this.#prepare(`SELECT key, position, document FROM documents_${id} WHERE key IN (SELECT value FROM json_each(?))`);
    this.#stored = this.#prepare(`SELECT seq, position, entries FROM documents_${id} WHERE key = ?`);
    this.#insert = this.#prepare(`INSERT INTO documents_${id} (key, position, entries, document) VALUES (?, ?, ?, ?)`);
    this.#update = this.#prepare(`UPDATE documents_${id} SET position = ?, entries = ?, document = ? WHERE seq = ?`);
    this.#replace = this.#prepare(`UPDATE documents_${id} SET position = ?1, document = ?2 WHERE key = ?3 AND position < ?1 AND entries = ?4`);
    this.#delete = this.#prepare(`DELETE FROM documents_${id} WHERE seq = ?`);
    this.#addValue = this.#prepare(`INSERT INTO values_${id} (seq, field, value) VALUES (?, ?, ?)`);
    this.#removeValue = this.#prepare(`DELETE FROM values_${id} WHERE seq = ? AND field = ? AND value = ?`);
    this.#page = this.#prepare(`SELECT key, position, document FROM documents_${id} WHERE key > ? ORDER BY key LIMIT ${pageSize}`);
    this.#count = this.#prepare(`SELECT count(*) FROM documents_${id}`);
    this.#tally = this.#prepare(`SELECT value, count(*) FROM values_${id} WHERE field = ? GROUP BY value`);
  }

  async checkpoint(): Promise<Position> {
    return this.#checkpointNow();
  }
  async load(keys: readonly string[]): Promise<ReadonlyMap<string, Keyed>> {
    const rows = this.#load.all(JSON.stringify(keys)) as unknown as Row[];
    return new Map(rows.map((row) => [row[0], keyed(row)]));
  }
  async commit({ expected, next, puts, deletes }: Batch): Promise<void> {
    await this.#writes.run(() => {
      const checkpoint = this.#checkpointNow();
      if (checkpoint !== expected) throw new CheckpointConflict(`${this.name} is at ${checkpoint}, not at ${expected}`);
      for (const put of puts) if (put.position > expected) this.#put(put, true);
      for (const key of deletes) this.#remove(key, next);
      this.#advance.run(next, this.#id);
    });
  }
  async query({ where = {}, limit, cursor, order = 'newest' }: Query): Promise<Page> {
    const conditions = conditionsOf(where, this.#indexed.fields, this.name);
    const from = cursor === undefined ? (order === 'oldest' ? 0n : (1n << 63n) - 1n) : seqOf(cursor);
    const rows = this.#queryOf(conditions.length, order).all(...conditions.flat(), from, limit + 1) as unknown as [...Row, seq: bigint][];
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items: items.map(([key, position, document]) => keyed([key, position, document])), ...(rows.length > limit && last !== undefined && { next: String(last[3]) }) };
  }
  async *all(): AsyncGenerator<readonly Keyed[]> {
    for (let after = ''; ; ) {
      const rows = this.#page.all(after) as unknown as Row[];
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows.map(keyed);
      if (rows.length < pageSize) return;
      after = last[0];
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  async count(): Promise<number> {
    const [count] = this.#count.get() as unknown as [bigint];
    return Number(count);
  }
  async tally(field: string): Promise<ReadonlyMap<string | number | boolean, number>> {
    conditionsOf({ [field]: '' }, this.#indexed.fields, this.name);
    const rows = this.#tally.all(field) as unknown as [value: string, count: bigint][];
    return new Map(rows.map(([value, count]) => [JSON.parse(value) as string, Number(count)]));
  }
  async put(entries: readonly Keyed[], deletes: readonly string[] = []): Promise<void> {
    await this.#writes.run(() => {
      for (const entry of entries) this.#put(entry, false);
      for (const key of deletes) this.#remove(key);
    });
  }
  /** Writes the values of all documents anew, for a field that has become indexed. Runs inside a write. */
  indexAgain(): void {
    this.#database.exec(`DELETE FROM values_${this.#id}`);
    for (let after = ''; ; ) {
      const rows = this.#page.all(after) as unknown as Row[];
      for (const [key, , text] of rows) {
        const { seq } = this.#find(key) as Stored;
        const values = indexedValues(JSON.parse(text) as Document, this.#indexed.fields);
        for (const value of values) this.#addValue.run(seq, ...value);
        this.#database.prepare(`UPDATE documents_${this.#id} SET entries = ? WHERE seq = ?`).run(JSON.stringify(values), seq);
      }
      if (rows.length < pageSize) return;
      after = rows.at(-1)?.[0] ?? after;
    }
  }

  #checkpointNow(): bigint {
    const row = this.#checkpoint.get(this.#id) as unknown as [bigint] | undefined;
    if (row === undefined) throw new Error(`there is no collection ${this.name}`);
    return row[0];
  }
  #find(key: string): Stored | undefined {
    const row = this.#stored.get(key) as unknown as [bigint, bigint, string] | undefined;
    return row && { seq: row[0], position: row[1], entries: row[2] };
  }
  #put({ key, position, document }: Keyed, inOrder: boolean): void {
    const values = indexedValues(document, this.#indexed.fields);
    const entries = values.length === 0 ? '[]' : JSON.stringify(values);
    const text = JSON.stringify(document);
    // Most puts are newer versions with the same indexed values: one statement, and the index is not touched.
    if (this.#replace.run(position, text, key, entries).changes === 1n) return;
    const before = this.#find(key);
    if (before === undefined) {
      const seq = this.#insert.run(key, position, entries, text).lastInsertRowid;
      for (const [field, value] of values) this.#addValue.run(seq, field, value);
      return;
    }
    if (inOrder && position <= before.position) return;
    this.#update.run(position, entries, text, before.seq);
    this.#removeValues(before);
    for (const [field, value] of values) this.#addValue.run(before.seq, field, value);
  }
  #remove(key: string, upTo?: Position): void {
    const before = this.#find(key);
    if (before === undefined || (upTo !== undefined && before.position > upTo)) return;
    this.#removeValues(before);
    this.#delete.run(before.seq);
  }
  #removeValues({ seq, entries }: Stored): void {
    for (const [field, value] of JSON.parse(entries) as [string, string][]) this.#removeValue.run(seq, field, value);
  }
  /** The first condition walks the index in order, the others look up; without any the documents are walked. */
  #queryOf(conditions: number, order: 'oldest' | 'newest'): StatementSync {
    const name = `${conditions} ${order}`;
    const known = this.#queries.get(name);
    if (known !== undefined) return known;
    const seq = conditions === 0 ? 'd.seq' : 'v.seq';
    const from = conditions === 0 ? `documents_${this.#id} d` : `values_${this.#id} v CROSS JOIN documents_${this.#id} d ON d.seq = v.seq`;
    const clauses = Array.from({ length: conditions }, (_, n) =>
      n === 0 ? 'v.field = ? AND v.value = ?' : `EXISTS (SELECT 1 FROM values_${this.#id} o WHERE o.field = ? AND o.value = ? AND o.seq = d.seq)`,
    );
    clauses.push(`${seq} ${order === 'oldest' ? '>' : '<'} ?`);
    const statement = this.#prepare(`SELECT d.key, d.position, d.document, d.seq FROM ${from} WHERE ${clauses.join(' AND ')} ORDER BY ${seq} ${order === 'oldest' ? 'ASC' : 'DESC'} LIMIT ?`);
    this.#queries.set(name, statement);
    return statement;
  }
  #prepare(sql: string): StatementSync {
    const statement = this.#database.prepare(sql);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    return statement;
  }
}

const keyed = ([key, position, document]: Row): Keyed => ({ key, position, document: JSON.parse(document) as Document });
const seqOf = (cursor: string): bigint => {
  if (!/^\d{1,15}$/.test(cursor)) throw new InvalidCursor(cursor);
  return BigInt(cursor);
};
