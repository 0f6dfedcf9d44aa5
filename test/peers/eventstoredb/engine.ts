/**
 * The database behind the peer: a log of records with byte positions, streams with revisions, metadata streams, deletes, truncation,
 * scavenging and idempotent writes, as EventStoreDB has them. In memory; with a file, durable before it is answered.
 */
import { closeSync, existsSync, fdatasync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';

export type Entry = { readonly id: string; readonly type: string; readonly json: boolean; readonly data: Uint8Array; readonly meta: Uint8Array };
/** A record of the log. `position` is a byte offset: it grows by what a record takes, never by one. */
export type LogRecord = Entry & { readonly position: bigint; readonly stream: string; readonly revision: number; readonly created: number };
export type Expected = number | 'any' | 'no-stream' | 'stream-exists';
export type Verdict =
  | { readonly kind: 'appended'; readonly revision: number; readonly position: bigint | undefined }
  | { readonly kind: 'wrong-version'; readonly current: number | undefined }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'too-large' };
/** What reading a stream finds: nothing, a tombstone, or its records and where it stands. */
export type StreamView = { readonly kind: 'none' } | { readonly kind: 'deleted' } | { readonly kind: 'some'; readonly records: readonly LogRecord[]; readonly last: number };

type Stream = { readonly records: LogRecord[]; last: number; deleted: boolean };
type StoredMeta = { readonly $maxCount?: number; readonly $tb?: number };

/** Truncate-before of a soft-deleted stream: everything there ever was. */
const softDeleted = Number(9_223_372_036_854_775_807n);
const headerBytes = 100;
const noise = 7;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const nothing = new Uint8Array();
/** What the database counts against its maximum: types are stored in two bytes a character. */
export const sizeOf = ({ type, data, meta }: Entry): number => data.length + meta.length + 2 * type.length;

export type EngineOptions = {
  /** Keeps the log in this file. */
  readonly file?: string | undefined;
  readonly appendMaxBytes?: number;
  /** Writes statistics and category links between the events, as a real server with its system projections on does. */
  readonly noise?: boolean;
  /** Durable writes take this much longer: a slow disk. */
  slowMs?: number;
};

export class Engine {
  readonly appendMaxBytes: number;
  readonly log: LogRecord[] = [];
  readonly #streams = new Map<string, Stream>();
  readonly #listeners = new Set<() => void>();
  readonly #options: EngineOptions;
  readonly #file: number | undefined;
  #position = 4_096n;
  #uuids = 0;
  readonly #lines: string[] = [];
  #waiting: (() => void)[] = [];
  #syncing = false;
  #closed = false;
  slowMs: number;

  constructor(options: EngineOptions = {}) {
    this.#options = options;
    this.slowMs = options.slowMs ?? 0;
    this.appendMaxBytes = options.appendMaxBytes ?? 1024 * 1024;
    if (options.file !== undefined) {
      if (existsSync(options.file)) this.#load(options.file);
      this.#file = openSync(options.file, 'a');
    }
    // A log never begins with a user's event.
    if (this.log.length === 0) for (const name of ['$users', '$settings']) this.#commit(name, [this.#system('$UserCreated', '{}')]);
    this.#advanced();
  }

  #load(file: string): void {
    const text = readFileSync(file, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) truncateSync(file, Buffer.byteLength(whole)); // a write that was cut off was never answered
    for (const line of whole.split('\n').slice(0, -1)) {
      const { p, s, r, c, i, t, j, d, m } = JSON.parse(line) as { p: string; s: string; r: number; c: number; i: string; t: string; j: boolean; d: string; m: string };
      this.#take({ position: BigInt(p), stream: s, revision: r, created: c, id: i, type: t, json: j, data: Buffer.from(d, 'base64'), meta: Buffer.from(m, 'base64') });
    }
  }

  onAdvanced(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  /** Resolves once what has been written so far would survive. */
  durable(): Promise<void> {
    if (this.#file === undefined && this.slowMs === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#sync();
    });
  }
  close(): void {
    this.#listeners.clear();
    if (this.#file !== undefined && !this.#closed) closeSync(this.#file);
    this.#closed = true;
  }

  append(name: string, expected: Expected, entries: readonly Entry[]): Verdict {
    if (entries.reduce((sum, entry) => sum + sizeOf(entry), 0) > this.appendMaxBytes) return { kind: 'too-large' };
    const stream = this.#streams.get(name);
    if (stream?.deleted === true) return { kind: 'deleted' };
    const current = stream?.last ?? -1;
    const before = expected === 'no-stream' ? -1 : expected;
    if (expected === 'stream-exists' && (current < 0 || this.#isSoftDeleted(name))) return { kind: 'wrong-version', current: current < 0 ? undefined : current };
    if (typeof before === 'number') {
      if (before > current) return { kind: 'wrong-version', current: current < 0 ? undefined : current };
      // Ahead of what was expected: the same write again is answered as before, told by its ids; anything else is refused. A soft-deleted stream may be begun anew, and goes on counting.
      const repeated = before < current ? entries.map((entry, n) => stream?.records.find(({ revision, id }) => revision === before + 1 + n && id === entry.id)) : [];
      const last = repeated.at(-1);
      if (before < current && repeated.length > 0 && repeated.every((record) => record !== undefined) && last) return { kind: 'appended', revision: last.revision, position: last.position };
      if (before < current && !(expected === 'no-stream' && this.#isSoftDeleted(name))) return { kind: 'wrong-version', current };
    }
    if (entries.length === 0) return { kind: 'appended', revision: current, position: undefined };
    if (this.#isSoftDeleted(name)) this.#setMeta(name, { $tb: current + 1 });
    const last = this.#commit(name, entries);
    this.#hum(name, last);
    this.#advanced();
    return { kind: 'appended', revision: last.revision, position: last.position };
  }

  /** Records stay until a scavenge, but nobody sees them by their stream. */
  softDelete(name: string, expected: Expected): Verdict {
    const refusal = this.#expecting(name, expected);
    if (refusal) return refusal;
    const position = this.#setMeta(name, { $tb: softDeleted });
    this.#advanced();
    return { kind: 'appended', revision: this.#streams.get(name)?.last ?? -1, position };
  }
  /** For ever: the name can never be used again. */
  tombstone(name: string, expected: Expected): Verdict {
    const refusal = this.#expecting(name, expected);
    if (refusal) return refusal;
    const { position } = this.#commit(name, [this.#system('$streamDeleted', '')]);
    this.#advanced();
    return { kind: 'appended', revision: -1, position };
  }
  /** Takes out of the log what no stream shows any more. */
  scavenge(): void {
    const kept = this.log.filter(({ stream, revision }) => revision >= this.#firstOf(stream) && this.#streams.get(stream)?.deleted !== true);
    this.log.splice(0, this.log.length, ...kept);
    for (const [name, { records }] of this.#streams) records.splice(0, records.length, ...records.filter(({ revision }) => revision >= this.#firstOf(name)));
  }
  stream(name: string): StreamView {
    const stream = this.#streams.get(name);
    if (stream?.deleted === true) return { kind: 'deleted' };
    if (!stream || stream.last < 0 || this.#isSoftDeleted(name)) return { kind: 'none' };
    const first = this.#firstOf(name);
    return { kind: 'some', records: first === 0 ? stream.records : stream.records.filter(({ revision }) => revision >= first), last: stream.last };
  }
  /** Index in the log of the first record at or after a position. */
  indexOf(position: bigint): number {
    let [low, high] = [0, this.log.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.log[middle] as LogRecord).position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #expecting(name: string, expected: Expected): Verdict | undefined {
    const stream = this.#streams.get(name);
    if (stream?.deleted === true) return { kind: 'deleted' };
    const current = stream?.last ?? -1;
    if (expected === 'any' || (expected === 'stream-exists' ? current >= 0 : (expected === 'no-stream' ? -1 : expected) === current)) return undefined;
    return { kind: 'wrong-version', current: current < 0 ? undefined : current };
  }
  #metaOf(name: string): StoredMeta {
    const last = name.startsWith('$$') ? undefined : this.#streams.get(`$$${name}`)?.records.at(-1);
    return last === undefined ? {} : JSON.parse(Buffer.from(last.data).toString() || '{}') as StoredMeta;
  }
  #setMeta(name: string, meta: StoredMeta): bigint {
    return this.#commit(`$$${name}`, [this.#system('$metadata', JSON.stringify(meta))]).position;
  }
  #isSoftDeleted(name: string): boolean {
    return (this.#metaOf(name).$tb ?? 0) >= softDeleted;
  }
  #firstOf(name: string): number {
    const { $tb = 0, $maxCount } = this.#metaOf(name);
    const last = this.#streams.get(name)?.last ?? -1;
    return Math.max($tb, $maxCount === undefined ? 0 : last - $maxCount + 1);
  }
  #system(type: string, data: string): Entry {
    this.#uuids += 1;
    return { id: `00000000-0000-4000-9000-${String(this.#uuids).padStart(12, '0')}`, type, json: true, data: bytesOf(data), meta: nothing };
  }
  /** What a server writes by itself: links of the category projection, and statistics. */
  #hum(name: string, { revision }: LogRecord): void {
    if (this.#options.noise === false || this.log.length % noise !== 0) return;
    const category = name.split('-')[0] ?? '';
    this.#commit(`$ce-${category}`, [{ ...this.#system('$>', `${revision}@${name}`), json: false }]);
    this.#commit('$stats-127.0.0.1:2113', [this.#system('$statsCollected', '{"proc-mem":1}')]);
  }
  #commit(name: string, entries: readonly Entry[]): LogRecord {
    const first = (this.#streams.get(name)?.last ?? -1) + 1;
    let last: LogRecord | undefined;
    for (const [n, entry] of entries.entries()) {
      last = { ...entry, position: this.#position, stream: name, revision: first + n, created: Date.now() };
      this.#take(last);
      if (this.#file !== undefined) this.#lines.push(JSON.stringify({ p: String(last.position), s: name, r: last.revision, c: last.created, i: last.id, t: last.type, j: last.json, d: Buffer.from(last.data).toString('base64'), m: Buffer.from(last.meta).toString('base64') }));
    }
    return last as LogRecord;
  }
  #take(record: LogRecord): void {
    let stream = this.#streams.get(record.stream);
    if (!stream) this.#streams.set(record.stream, (stream = { records: [], last: -1, deleted: false }));
    stream.records.push(record);
    stream.last = record.revision;
    if (record.type === '$streamDeleted') stream.deleted = true;
    this.log.push(record);
    this.#position = record.position + BigInt(headerBytes + record.stream.length + sizeOf(record));
  }
  #advanced(): void {
    // Written before anybody sees it: a process that is killed takes nothing back. What waits for the disk is only the answer.
    if (this.#file !== undefined && this.#lines.length > 0) writeSync(this.#file, `${this.#lines.splice(0).join('\n')}\n`);
    for (const listener of [...this.#listeners]) listener();
  }
  /** What waits together is made durable together. */
  #sync(): void {
    if (this.#syncing) return;
    const answers = this.#waiting.splice(0);
    this.#syncing = true;
    const done = (): void => {
      this.#syncing = false;
      for (const answer of answers) answer();
      if (this.#waiting.length > 0) this.#sync();
    };
    const written = (): void => void (this.slowMs > 0 ? setTimeout(done, this.slowMs) : done());
    if (this.#file === undefined) return written();
    fdatasync(this.#file, (error) => {
      if (error) throw error;
      written();
    });
  }
}

