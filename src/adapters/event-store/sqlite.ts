import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StreamName } from '../../domain/ids.ts';
import type { Appended, EventStore, NewEvent, Position, Revision, StoredEvent } from '../../domain/ports/event-store.ts';
import { WrongExpectedRevision } from '../../domain/ports/event-store.ts';
import type { GroupCommitOptions, Write } from '../sqlite/group-commit.ts';
import { GroupCommit } from '../sqlite/group-commit.ts';
import { openDatabase } from '../sqlite/open-database.ts';
import { RecentMap } from '../sqlite/recent-map.ts';
import { turn } from './turn.ts';

/*
 * No index on the event id: it would cost 44% of the append rate, and (stream, revision) already stops duplicates.
 * The integer stream key keeps the one index small.
 */
const schema = `
CREATE TABLE IF NOT EXISTS streams (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS events (
  position INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL,
  meta TEXT NOT NULL,
  UNIQUE (stream, revision)
) STRICT;
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER IF NOT EXISTS events_remain BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
CREATE TRIGGER IF NOT EXISTS streams_stay BEFORE UPDATE ON streams BEGIN SELECT RAISE(ABORT, 'streams are never changed'); END;
CREATE TRIGGER IF NOT EXISTS streams_remain BEFORE DELETE ON streams BEGIN SELECT RAISE(ABORT, 'streams are never deleted'); END;
`;

const streamPageSize = 500;
const streamsRemembered = 100_000;
const noStream = -1;

/** Where a stream stands: `revision` is that of its last committed event. */
interface Stand {
  readonly key: number;
  revision: number;
}
/** Three big integers a row would cost a tenth of a rebuild: they are numbers for as long as all positions are safe ones. */
type EventRow = [position: number | bigint, stream: number | bigint, revision: number | bigint, id: string, type: string, data: string, meta: string];
type StreamRow = [position: bigint, revision: bigint, id: string, type: string, data: string, meta: string];

type Tuning = Pick<GroupCommitOptions, 'sync' | 'observe' | 'checkpointFrames' | 'restartFrames'>;

/**
 * The log in one SQLite file, for exactly one process (see `lock.ts`). Rows count as there only up to the last fsynced
 * position: what is committed but not yet durable is read by nobody.
 */
export class SqliteEventStore implements EventStore {
  readonly #database: DatabaseSync;
  readonly #writes: GroupCommit;
  readonly #listeners = new Set<() => void>();
  readonly #streams = new RecentMap<StreamName, Stand>(streamsRemembered);
  readonly #names = new RecentMap<number, StreamName>(streamsRemembered);
  readonly #insertEvent: StatementSync;
  readonly #insertStream: StatementSync;
  readonly #findStream: StatementSync;
  readonly #streamPage: StatementSync;
  readonly #logPage: StatementSync;
  /** Beyond 2^53. */
  readonly #farLogPage: StatementSync;
  readonly #nameOf: StatementSync;
  readonly #lastPosition: StatementSync;
  /** Position of the last row written, durable or not. */
  #last: bigint;
  #durable: bigint;

  /** Opens or makes the file; throws `DatabaseUnusable`. The options are for tests and measurements. */
  static open(path: string, options: Tuning = {}): SqliteEventStore {
    return new SqliteEventStore(path, options);
  }
  private constructor(path: string, options: Tuning) {
    const database = openDatabase(path, { schema, cacheKib: 32_768 });
    this.#database = database;
    this.#insertEvent = arrays(database, 'INSERT INTO events (stream, revision, id, type, data, meta) VALUES (?, ?, ?, ?, ?, ?)');
    this.#insertStream = arrays(database, 'INSERT INTO streams (name) VALUES (?)');
    this.#findStream = arrays(database, 'SELECT key, (SELECT max(revision) FROM events WHERE stream = key) FROM streams WHERE name = ?', false);
    this.#streamPage = arrays(database, `SELECT position, revision, id, type, data, meta FROM events
      WHERE stream = ? AND revision >= ? AND position <= ? ORDER BY revision LIMIT ${streamPageSize}`);
    const logPage = `SELECT position, stream, revision, id, type, data, meta FROM events
      WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`;
    this.#logPage = arrays(database, logPage, false);
    this.#farLogPage = arrays(database, logPage);
    this.#nameOf = arrays(database, 'SELECT name FROM streams WHERE key = ?');
    this.#lastPosition = arrays(database, 'SELECT coalesce(max(position), 0) FROM events');
    this.#last = this.#readLastPosition();
    this.#durable = this.#last;
    const forget = (): void => {
      this.#streams.clear();
      this.#last = this.#readLastPosition();
    };
    this.#writes = new GroupCommit(database, path, { ...options, durable: true, forget, onCommitted: () => this.#advanced() });
  }

  append(stream: StreamName, expected: Revision | 'no-stream', events: readonly NewEvent[]): Promise<Appended> {
    return new Promise((resolve, reject) => this.#writes.add(this.#appendOf(stream, expected, events, resolve, reject)));
  }
  async *read(stream: StreamName, from: Revision = 0): AsyncGenerator<readonly StoredEvent[]> {
    const key = this.#standOf(stream)?.key;
    if (key === undefined) return;
    for (let next = from; ; next += streamPageSize) {
      const rows = this.#streamPage.all(key, next, this.#durable) as unknown as StreamRow[];
      if (rows.length > 0) yield rows.map(([position, revision, id, type, data, meta]) => ({ position, stream, revision: Number(revision), id, type, data, meta }));
      if (rows.length < streamPageSize) return;
      await turn();
    }
  }
  async *readAll(after: Position, pageSize = 1_000): AsyncGenerator<readonly StoredEvent[]> {
    for (let next = after; ; ) {
      const statement = this.#durable <= Number.MAX_SAFE_INTEGER ? this.#logPage : this.#farLogPage;
      const rows = statement.all(next, this.#durable, pageSize) as unknown as EventRow[];
      const last = rows.at(-1);
      if (last === undefined) return;
      next = BigInt(last[0]);
      let [known, name]: [number | bigint, StreamName] = [-1, '' as StreamName];
      yield rows.map(([position, stream, revision, id, type, data, meta]) => {
        // Events of one stream often lie side by side.
        if (stream !== known) [known, name] = [stream, this.#name(Number(stream))];
        return { position: BigInt(position), stream: name, revision: Number(revision), id, type, data, meta };
      });
      if (rows.length < pageSize) return;
      // Others get their turn between two pages, however long the log is.
      await turn();
    }
  }
  async head(): Promise<Position> {
    return this.#durable;
  }
  onAdvanced(listener: () => void): () => void {
    // Wrapped, so that the same function given twice is two listeners.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }
  async close(): Promise<void> {
    await this.#writes.close();
    this.#listeners.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #appendOf(stream: StreamName, expected: Revision | 'no-stream', events: readonly NewEvent[], resolve: (appended: Appended) => void, reject: (error: Error) => void): Write {
    const before = expected === 'no-stream' ? noStream : expected;
    let position = 0n;
    return {
      apply: () => {
        position = 0n;
        if (events.length === 0) throw new Error('an append needs at least one event');
        const stand = this.#standOf(stream);
        if ((stand?.revision ?? noStream) !== before) return false;
        position = this.#insert(stand ?? this.#newStream(stream), events);
        return true;
      },
      // A stale expectation is told only now too: what made it stale must be durable when the caller reads it back.
      answer: () => (position === 0n ? reject(new WrongExpectedRevision(stream, expected)) : resolve({ position, revision: before + events.length })),
      fail: reject,
    };
  }
  #insert(stand: Stand, events: readonly NewEvent[]): bigint {
    for (const { id, type, data, meta } of events) {
      // SQLite gives each row the position after the last one. (`get` runs a statement without making an object of what it changed.)
      this.#last += 1n;
      stand.revision += 1;
      this.#insertEvent.get(stand.key, stand.revision, id, type, data, meta);
    }
    return this.#last;
  }
  #newStream(stream: StreamName): Stand {
    const stand = { key: Number(this.#insertStream.run(stream).lastInsertRowid), revision: noStream };
    this.#streams.set(stream, stand);
    return stand;
  }
  #standOf(stream: StreamName): Stand | undefined {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const row = this.#findStream.get(stream) as unknown as [key: number, revision: number | null] | undefined;
    if (row === undefined) return undefined;
    const stand = { key: row[0], revision: row[1] ?? noStream };
    this.#streams.set(stream, stand);
    return stand;
  }
  #name(key: number): StreamName {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const [name] = this.#nameOf.get(key) as unknown as [StreamName];
    this.#names.set(key, name);
    return name;
  }
  #readLastPosition(): bigint {
    return (this.#lastPosition.get() as unknown as [bigint])[0];
  }
  #advanced(): void {
    if (this.#durable === this.#last) return;
    this.#durable = this.#last;
    for (const listener of [...this.#listeners]) listener();
  }
}

const arrays = (database: DatabaseSync, sql: string, bigInts = true): StatementSync => {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  statement.setReadBigInts(bigInts);
  return statement;
};
