import type { Position } from '../../domain/ports/event-store.ts';
import { Refused, Unavailable } from '../../domain/ports/failures.ts';
import type { Batch, Collection, Document, Keyed, Loaded, Page, Query } from '../../domain/ports/read-models.ts';
import { CheckpointConflict, InvalidCursor } from '../../domain/ports/read-models.ts';
import { isDuplicate, MongoBulkWriteError, type AnyBulkWriteOperation, type ClientSession, type Filter, type Mongo, type Stored } from '../mongodb/connect.ts';
import { conditionsOf, indexedValues } from './indexed-values.ts';

/** A collection's own record: where its documents lie, how far it is, and how many places in its order were given out. */
export interface Meta {
  readonly _id: string;
  readonly store: string;
  readonly checkpoint: bigint;
  readonly seq: bigint;
  readonly indexes: readonly string[];
}
/**
 * A document as text (any key names, the same bytes on every store), with its position, its place in the order of first
 * writing and the values of its indexed fields. Or a tombstone: the position of its deletion, and when that was.
 */
export interface Row {
  readonly _id: string;
  readonly p: bigint;
  readonly n?: bigint;
  readonly t?: string;
  readonly v?: Readonly<Record<string, readonly string[]>>;
  readonly goneAt?: Date;
}
/** What all handles of one collection share. */
export interface Shared {
  readonly rows: Stored<Row>;
  readonly metas: Stored<Meta>;
  fields: readonly string[];
  /** The end of the line: writes of one process take effect in the order of the calls. */
  last: Promise<unknown>;
  /** Writes outside the order that wait, to be written together; another list after each step in order. */
  waiting: Waiting[];
}
interface Waiting {
  readonly writes: readonly Write[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}
/** `row` undefined deletes. `place` is counted from the last place given out. */
interface Write {
  readonly key: string;
  readonly position: Position;
  readonly place: bigint;
  readonly row?: { readonly t: string; readonly v: NonNullable<Row['v']> };
  readonly bytes: number;
}
/** How a round of writing is to go: within a step or not, guarded by positions or not. */
interface Manner {
  readonly base: bigint;
  readonly guarded: boolean;
  readonly session?: ClientSession;
  /** Look at what is there before writing anything. */
  readonly look?: boolean;
}

const pageSize = 500;
const loadMax = 1_000;
const chunkWrites = 1_000;
const chunkBytes = 8 * 1024 * 1024;
/** MongoDB takes 16 MiB a document; some of it is ours. */
const documentMaxBytes = 16 * 1024 * 1024 - 64 * 1024;
const roundsMax = 20;
const rowOverheadBytes = 200;
const alive = { n: { $gt: 0n } };

/** One collection of `MongoReadModels`. */
export class MongoCollection implements Collection {
  readonly name: string;
  readonly #mongo: Mongo;
  readonly #shared: Shared;
  /** What the last `load` saw of the record, for the commit that follows it. */
  #seen: Meta | undefined;

  constructor(name: string, mongo: Mongo, shared: Shared) {
    this.name = name;
    this.#mongo = mongo;
    this.#shared = shared;
  }

  async checkpoint(): Promise<Position> {
    return (await this.#mongo.attempt(() => this.#meta())).checkpoint;
  }
  async load(keys: readonly string[]): Promise<ReadonlyMap<string, Loaded>> {
    const found = new Map<string, Loaded>();
    const read = async (): Promise<void> => {
      for (let from = 0; from < keys.length; from += loadMax) {
        for (const row of await this.#shared.rows.find({ _id: { $in: keys.slice(from, from + loadMax) } }, { projection: { p: 1, t: 1 } }).toArray()) found.set(row._id, loaded(row));
      }
    };
    const [meta] = await this.#mongo.attempt(() => Promise.all([this.#meta(), read()]));
    this.#seen = meta;
    return found;
  }
  async commit(batch: Batch): Promise<void> {
    const { expected, next, puts, deletes } = batch;
    // Text first: a document that cannot be written must leave nothing behind. Deletes first, so that a batch that was cut off leaves no two documents one place.
    const writes = [...deletes.map((key): Write => ({ key, position: next, place: 0n, bytes: rowOverheadBytes })), ...puts.map((put, n) => this.#writeOf(put, n)).filter(({ position }) => position > expected)];
    this.#shared.waiting = [];
    await this.#inLine(() => (this.#mongo.transactions && writes.length > 0 ? this.#commitAtOnce(batch, writes) : this.#commitInSteps(batch, writes)));
  }
  async query({ where = {}, limit, cursor, order = 'newest' }: Query): Promise<Page> {
    const conditions = Object.fromEntries(conditionsOf(where, this.#shared.fields, this.name).map(([field, value]) => [`v.${field}`, value]));
    const from = cursor === undefined ? (order === 'oldest' ? 0n : (1n << 63n) - 1n) : placeOf(cursor);
    const filter = { ...conditions, n: order === 'oldest' ? { $gt: from } : { $lt: from, $gt: 0n } } as Filter<Row>;
    const rows = await this.#mongo.attempt(() => this.#shared.rows.find(filter, { projection: { p: 1, t: 1, n: 1 }, sort: { n: order === 'oldest' ? 1 : -1 }, limit: limit + 1, batchSize: limit + 2 }).toArray());
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items: items.map(keyed), ...(rows.length > limit && last !== undefined && { next: String(last.n) }) };
  }
  async *all(): AsyncGenerator<readonly Keyed[]> {
    for (let after = ''; ; ) {
      const rows = await this.#mongo.attempt(() => this.#shared.rows.find({ _id: { $gt: after }, ...alive }, { projection: { p: 1, t: 1 }, sort: { _id: 1 }, hint: '_id_', limit: pageSize, batchSize: pageSize + 1 }).toArray());
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows.map(keyed);
      if (rows.length < pageSize) return;
      after = last._id;
    }
  }
  async count(): Promise<number> {
    return this.#mongo.attempt(() => this.#shared.rows.countDocuments(alive));
  }
  async tally(field: string): Promise<ReadonlyMap<string | number | boolean, number>> {
    conditionsOf({ [field]: '' }, this.#shared.fields, this.name);
    const counted = await this.#mongo.attempt(() => this.#shared.rows.aggregate<{ _id: string; count: number | bigint }>([{ $match: alive }, { $project: { value: `$v.${field}` } }, { $unwind: '$value' }, { $group: { _id: '$value', count: { $sum: 1 } } }]).toArray());
    return new Map(counted.map(({ _id, count }) => [JSON.parse(_id) as string, Number(count)]));
  }
  put(entries: readonly Keyed[], deletes: readonly string[] = []): Promise<void> {
    return new Promise((done, failed) => {
      const writes = [...entries.map((entry, n) => this.#writeOf(entry, n)), ...deletes.map((key): Write => ({ key, position: 0n, place: 0n, bytes: rowOverheadBytes }))];
      const waiting = this.#shared.waiting;
      waiting.push({ writes, done, failed });
      if (waiting.length > 1) return;
      void this.#inLine(() => {
        if (this.#shared.waiting === waiting) this.#shared.waiting = [];
        return this.#putTogether(waiting);
      });
    });
  }
  /** Writes the values of all documents anew, for a field that has become indexed. */
  async indexAgain(): Promise<void> {
    const { rows } = this.#shared;
    await this.#inLine(async () => {
      for await (const page of this.all()) {
        const operations = page.map(({ key, position, document }): AnyBulkWriteOperation<Row> => ({ updateOne: { filter: { _id: key, p: position }, update: { $set: { v: this.#valuesOf(document) } } } }));
        await this.#mongo.attempt(() => rows.bulkWrite(operations, { ordered: false }));
      }
    });
  }

  #inLine<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#shared.last.then(work);
    this.#shared.last = done.catch(() => undefined);
    return done;
  }
  async #meta(session?: ClientSession): Promise<Meta> {
    const meta = await this.#shared.metas.findOne({ _id: this.name, store: this.#shared.rows.collectionName }, session ? { session } : {});
    if (meta === null) throw new Error(`there is no collection ${this.name}`);
    return meta;
  }
  #conflict({ checkpoint }: Meta, expected: Position): CheckpointConflict {
    return new CheckpointConflict(`${this.name} is at ${checkpoint}, not at ${expected}`);
  }
  /** Documents and checkpoint in one transaction. A key that is met ends it: once more then, looking first. */
  async #commitAtOnce(batch: Batch, writes: readonly Write[]): Promise<void> {
    try {
      await this.#transact(batch, writes, false);
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      await this.#transact(batch, writes, true);
    }
  }
  async #transact({ expected, next, puts }: Batch, writes: readonly Write[], look: boolean): Promise<void> {
    let unsure = false;
    await this.#mongo.transaction(async (session) => {
      const at = { _id: this.name, store: this.#shared.rows.collectionName };
      const before = await this.#shared.metas.findOneAndUpdate({ ...at, checkpoint: expected }, { $set: { checkpoint: next }, $inc: { seq: BigInt(puts.length) } }, { session, returnDocument: 'before' });
      if (before === null) {
        const meta = await this.#meta(session);
        // An earlier try whose answer was lost has done it.
        if (unsure && meta.checkpoint === next) return;
        throw this.#conflict(meta, expected);
      }
      await this.#write(writes, { base: before.seq, guarded: true, session, look });
      unsure = true;
    });
  }
  /**
   * Documents first, then the checkpoint by compare-and-set: a crash between leaves documents ahead of the checkpoint, which
   * ignore what they have seen already. Places are counted from the checkpoint's, so the same step gives them again.
   */
  async #commitInSteps({ expected, next, puts }: Batch, writes: readonly Write[]): Promise<void> {
    let unsure = false;
    await this.#mongo.attempt(async () => {
      const meta = this.#seen?.checkpoint === expected ? this.#seen : await this.#meta();
      this.#seen = undefined;
      if (unsure && meta.checkpoint === next) return;
      if (meta.checkpoint !== expected) throw this.#conflict(meta, expected);
      await this.#write(writes, { base: meta.seq, guarded: true });
      unsure = true;
      const { matchedCount } = await this.#shared.metas.updateOne({ _id: this.name, store: meta.store, checkpoint: expected }, { $set: { checkpoint: next, seq: meta.seq + BigInt(puts.length) } });
      if (matchedCount === 0) throw this.#conflict(await this.#meta(), expected);
    });
  }
  /** Everything that waits to be written outside the order, at once. */
  async #putTogether(waiting: readonly Waiting[]): Promise<void> {
    const byKey = new Map<string, Write>();
    // The last word on each key; a key deleted in between takes a new place.
    for (const { writes } of waiting) for (const write of writes) {
      byKey.delete(write.key);
      byKey.set(write.key, write);
    }
    const writes = [...byKey.values()].map((write, n) => ({ ...write, place: BigInt(n + 1) }));
    try {
      await this.#mongo.attempt(async () => {
        const meta = await this.#shared.metas.findOneAndUpdate({ _id: this.name, store: this.#shared.rows.collectionName }, { $inc: { seq: BigInt(writes.length) } }, { returnDocument: 'before' });
        if (meta === null) throw new Error(`there is no collection ${this.name}`);
        await this.#write(writes, { base: meta.seq, guarded: false });
      });
      for (const { done } of waiting) done();
    } catch (error) {
      for (const { failed } of waiting) failed(error);
    }
  }

  /** In chunks, in order: what a crash cuts off is a tail. */
  async #write(writes: readonly Write[], manner: Manner): Promise<void> {
    for (let from = 0; from < writes.length; ) {
      let until = from;
      for (let bytes = 0; until < writes.length && until - from < chunkWrites && (until === from || bytes + writes[until]!.bytes <= chunkBytes); until += 1) bytes += writes[until]!.bytes;
      await this.#writeChunk(writes.slice(from, until), manner);
      from = until;
    }
  }
  /**
   * First as if every document were new or older. Where one turns out to be neither, the insert that an upsert then tries
   * meets its key: those are looked at, and written once more as they have to be, or not at all.
   */
  async #writeChunk(chunk: readonly Write[], manner: Manner): Promise<void> {
    let left = chunk;
    let known = manner.look === true ? await this.#lookAt(chunk, manner.session) : undefined;
    for (let rounds = 0; rounds < roundsMax; rounds += 1) {
      const round = left.filter((write) => !done(write, known?.get(write.key), manner));
      if (round.length === 0) return;
      const operations = round.map((write) => this.#operationOf(write, known?.get(write.key), manner));
      try {
        const { matchedCount, upsertedCount } = await this.#shared.rows.bulkWrite(operations, { ordered: true, ...(manner.session ? { session: manner.session } : {}) });
        if (known === undefined || matchedCount + upsertedCount >= operations.filter((operation) => 'updateOne' in operation).length) return;
      } catch (error) {
        if (!(error instanceof MongoBulkWriteError) || !isDuplicate(error)) throw error;
        // A transaction has ended with this.
        if (manner.session) throw error;
      }
      left = round;
      known = await this.#lookAt(round, manner.session);
    }
    throw new Unavailable(`${this.name} is written by others all the time`);
  }
  async #lookAt(writes: readonly Write[], session?: ClientSession): Promise<ReadonlyMap<string, Row>> {
    const rows = await this.#shared.rows.find({ _id: { $in: writes.map(({ key }) => key) } }, { projection: { p: 1, goneAt: 1 }, ...(session ? { session } : {}) }).toArray();
    return new Map(rows.map((row) => [row._id, row]));
  }
  #operationOf({ key, position, place, row }: Write, before: Row | undefined, { base, guarded, session }: Manner): AnyBulkWriteOperation<Row> {
    const older = guarded ? { p: row === undefined ? { $lte: position } : { $lt: position } } : {};
    if (row === undefined) {
      // In one step with the checkpoint nobody can write an older one afterwards: no tombstone is needed.
      if (!guarded || session) return { deleteOne: { filter: { _id: key, ...older } } };
      return { updateOne: { filter: { _id: key, ...older }, update: { $set: { p: position }, $unset: { t: '', v: '', n: '' }, $currentDate: { goneAt: true } }, upsert: true } };
    }
    const n = base + place;
    if (before?.goneAt !== undefined) return { updateOne: { filter: { _id: key, ...older, goneAt: { $exists: true } }, update: { $set: { p: position, n, ...row }, $unset: { goneAt: '' } } } };
    return { updateOne: { filter: { _id: key, ...older, ...alive }, update: { $set: { p: position, ...row }, $setOnInsert: { n } }, upsert: true } };
  }
  #writeOf({ key, position, document }: Keyed, n: number): Write {
    const t = JSON.stringify(document);
    const v = this.#valuesOf(document);
    const bytes = Buffer.byteLength(t) + Object.values(v).flat().reduce((sum, value) => sum + Buffer.byteLength(value) + 16, 0) + rowOverheadBytes;
    if (bytes > documentMaxBytes) throw new Refused('DocumentTooBig', `document ${key} of ${this.name} takes ${(bytes / 1024 / 1024).toFixed(1)} MiB; MongoDB holds at most 16 MiB in one`);
    return { key, position, place: BigInt(n + 1), row: { t, v }, bytes };
  }
  #valuesOf(document: Document): NonNullable<Row['v']> {
    const values: Record<string, string[]> = {};
    for (const [field, value] of indexedValues(document, this.#shared.fields)) (values[field] ??= []).push(value);
    return values;
  }
}

/** Whether a write, seen what is there, has nothing left to change. */
const done = ({ position, row }: Write, before: Row | undefined, { guarded }: Manner): boolean => guarded && before !== undefined && (row === undefined ? before.p > position : before.p >= position);
const keyed = ({ _id, p, t }: Pick<Row, '_id' | 'p' | 't'>): Keyed => ({ key: _id, position: p, document: JSON.parse(t as string) as Document });
const loaded = ({ _id, p, t }: Pick<Row, '_id' | 'p' | 't'>): Loaded => (t === undefined ? { key: _id, position: p } : { key: _id, position: p, document: JSON.parse(t) as Document });
const placeOf = (cursor: string): bigint => {
  if (!/^\d{1,15}$/.test(cursor)) throw new InvalidCursor(cursor);
  return BigInt(cursor);
};
