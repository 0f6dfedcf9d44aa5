import type { Position } from '../../domain/ports/event-store.ts';
import type { Batch, Collection, Document, Keyed, Page, Query, ReadModels } from '../../domain/ports/read-models.ts';
import { CheckpointConflict, InvalidCursor } from '../../domain/ports/read-models.ts';
import { conditionsOf, indexedValues } from './indexed-values.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const pageSize = 500;

/** A document as it would lie on a disk: text, so that nobody shares an object with the store. */
interface Stored {
  readonly seq: number;
  readonly position: Position;
  readonly text: string;
  readonly values: ReadonlySet<string>;
}
interface Rows {
  indexes: Set<string>;
  checkpoint: Position;
  lastSeq: number;
  readonly documents: Map<string, Stored>;
}

/** Read models in memory. It never answers in the same tick. */
export class MemoryReadModels implements ReadModels {
  readonly #collections = new Map<string, Rows>();
  readonly #serving = new Map<string, string>();

  async open(name: string, indexes: readonly string[] = []): Promise<Collection> {
    await tick();
    const rows = this.#collections.get(name) ?? { indexes: new Set(), checkpoint: 0n, lastSeq: 0, documents: new Map() };
    this.#collections.set(name, rows);
    const missing = indexes.some((field) => !rows.indexes.has(field));
    rows.indexes = new Set([...rows.indexes, ...indexes]);
    if (missing) for (const [key, stored] of rows.documents) rows.documents.set(key, { ...stored, values: valuesOf(JSON.parse(stored.text) as Document, rows) });
    return new MemoryCollection(name, () => this.#rows(name));
  }
  async drop(name: string): Promise<void> {
    await tick();
    this.#collections.delete(name);
  }
  async names(): Promise<readonly string[]> {
    await tick();
    return [...this.#collections.keys()].sort();
  }
  async serving(model: string): Promise<string | undefined> {
    await tick();
    return this.#serving.get(model);
  }
  async serve(model: string, collection: string): Promise<void> {
    await tick();
    this.#rows(collection);
    this.#serving.set(model, collection);
  }
  async close(): Promise<void> {
    await tick();
  }
  #rows(name: string): Rows {
    const rows = this.#collections.get(name);
    if (rows === undefined) throw new Error(`there is no collection ${name}`);
    return rows;
  }
}

class MemoryCollection implements Collection {
  readonly name: string;
  readonly #rows: () => Rows;
  constructor(name: string, rows: () => Rows) {
    this.name = name;
    this.#rows = rows;
  }
  async checkpoint(): Promise<Position> {
    await tick();
    return this.#rows().checkpoint;
  }
  async load(keys: readonly string[]): Promise<ReadonlyMap<string, Keyed>> {
    await tick();
    const { documents } = this.#rows();
    const found = new Map<string, Keyed>();
    for (const key of keys) {
      const stored = documents.get(key);
      if (stored !== undefined) found.set(key, keyed(key, stored));
    }
    return found;
  }
  async commit({ expected, next, puts, deletes }: Batch): Promise<void> {
    await tick();
    const rows = this.#rows();
    if (rows.checkpoint !== expected) throw new CheckpointConflict(`${this.name} is at ${rows.checkpoint}, not at ${expected}`);
    // Text first: a document that cannot be written must leave nothing behind.
    const texts = puts.map((put) => storedFrom(put, rows));
    for (const [n, { key, position }] of puts.entries()) {
      const before = rows.documents.get(key);
      if (position > expected && (before === undefined || position > before.position)) write(rows, key, before, texts[n]!);
    }
    for (const key of deletes) if ((rows.documents.get(key)?.position ?? 0n) <= next) rows.documents.delete(key);
    rows.checkpoint = next;
  }
  async query({ where = {}, limit, cursor, order = 'newest' }: Query): Promise<Page> {
    const after = cursor === undefined ? undefined : seqOf(cursor);
    await tick();
    const rows = this.#rows();
    const conditions = conditionsOf(where, [...rows.indexes], this.name).map(join);
    const direction = order === 'oldest' ? 1 : -1;
    const matching = [...rows.documents]
      .filter(([, { seq, values }]) => (after === undefined || (seq - after) * direction > 0) && conditions.every((condition) => values.has(condition)))
      .sort(([, a], [, b]) => (a.seq - b.seq) * direction);
    const items = matching.slice(0, limit);
    const last = items.at(-1);
    return { items: items.map(([key, stored]) => keyed(key, stored)), ...(matching.length > limit && last !== undefined && { next: String(last[1].seq) }) };
  }
  async *all(): AsyncGenerator<readonly Keyed[]> {
    for (let after = ''; ; ) {
      await tick();
      const rest = [...this.#rows().documents].filter(([key]) => after === '' || compareBytes(key, after) > 0).sort(([a], [b]) => compareBytes(a, b));
      const page = rest.slice(0, pageSize).map(([key, stored]) => keyed(key, stored));
      if (page.length > 0) yield page;
      if (rest.length <= pageSize) return;
      after = page.at(-1)?.key ?? after;
    }
  }
  async count(): Promise<number> {
    await tick();
    return this.#rows().documents.size;
  }
  async tally(field: string): Promise<ReadonlyMap<string | number | boolean, number>> {
    await tick();
    const { documents, indexes } = this.#rows();
    conditionsOf({ [field]: '' }, [...indexes], this.name);
    const counts = new Map<string | number | boolean, number>();
    for (const { text } of documents.values()) {
      for (const [, value] of indexedValues(JSON.parse(text) as Document, [field])) counts.set(JSON.parse(value) as string, (counts.get(JSON.parse(value) as string) ?? 0) + 1);
    }
    return counts;
  }
  async put(entries: readonly Keyed[], deletes: readonly string[] = []): Promise<void> {
    await tick();
    const rows = this.#rows();
    const texts = entries.map((entry) => storedFrom(entry, rows));
    for (const [n, { key }] of entries.entries()) write(rows, key, rows.documents.get(key), texts[n]!);
    for (const key of deletes) rows.documents.delete(key);
  }
}

const join = ([field, value]: readonly [string, string]): string => `${field}\n${value}`;
const valuesOf = (document: Document, rows: Rows): ReadonlySet<string> => new Set(indexedValues(document, [...rows.indexes]).map(join));
const storedFrom = ({ position, document }: Keyed, rows: Rows): Omit<Stored, 'seq'> => ({ position, text: JSON.stringify(document), values: valuesOf(document, rows) });
const write = (rows: Rows, key: string, before: Stored | undefined, entry: Omit<Stored, 'seq'>): void => {
  // A document keeps the place of its first writing.
  const seq = before?.seq ?? (rows.lastSeq += 1);
  rows.documents.set(key, { ...entry, seq });
};
const keyed = (key: string, { position, text }: Stored): Keyed => ({ key, position, document: JSON.parse(text) as Document });
/** Order of the UTF-8 bytes, as a database compares text. */
const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const seqOf = (cursor: string): number => {
  if (!/^\d{1,15}$/.test(cursor)) throw new InvalidCursor(cursor);
  return Number(cursor);
};
