/**
 * Floor of `bench/append.ts`: the fastest plain loop over node:sqlite that still appends durably. The same bytes and
 * the same SHA-256 chain (FORMAT.md) as through the port; nothing else: no promises, no look-ups by name, no answers.
 * Tuned as PERFORMANCE.md says: integer stream key, revisions in memory, prepared statements, a large checkpoint interval.
 */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export const streamCount = 20_000;
export const streamNameOf = (n: number): string => `subscription-ten_00000000000000000001.sub_${n.toString().padStart(20, '0')}`;

export interface ChainedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly meta: string;
  readonly hash: Buffer;
}
export const beforeFirst: Buffer = Buffer.alloc(32);

const lengthOf = (bytes: number): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes);
  return length;
};
const field = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([lengthOf(bytes.length), bytes]);
};
const number = (revision: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(revision));
  return Buffer.concat([lengthOf(8), bytes]);
};

/** An event's metadata completed by its hash, and that hash. `open` is the metadata's text without its last brace. */
export const chained = (stream: string, revision: number, previous: Buffer, id: string, type: string, data: string, open: string): { readonly meta: string; readonly hash: Buffer } => {
  const digest = hash('sha256', Buffer.concat([previous, field(stream), number(revision), field(id), field(type), field(data), field(`${open}}`)]), 'buffer');
  return { meta: `${open},"hash":"${digest.toString('base64url')}"}`, hash: digest };
};

/** One event of 195 bytes of data and 356 of metadata, chained to the one before it in its stream. Both sides of the benchmark call this. */
export const chainedEvent = (stream: string, revision: number, previous: Buffer, n: number): ChainedEvent => {
  const serial = n.toString(16).padStart(12, '0');
  const id = `00000000-0000-5000-8000-${serial}`;
  const type = 'SubscriptionRenewed';
  const data = `{"subscriptionId":"${stream.slice(-24)}","periodStart":"2026-11-21T07:52:26.000Z","periodEnd":"2026-12-21T07:52:26.000Z","invoice":"in_${serial}","amount":{"amount":3900,"currency":"EUR"}}`;
  const meta = `{"schema":1,"at":"2026-11-21T07:52:26.000Z","commandId":"${id}","correlationId":"${id}","causationId":"${id}","actor":"system:renew","tenant":"ten_00000000000000000001","fingerprint":"${serial}${serial}"`;
  return { id, type, data, ...chained(stream, revision, previous, id, type, data, meta) };
};

/** The n-th event goes to a stream that looks random and is the same in every run. */
export const streamAt = (n: number): number => (n * 7_919 + ((n * n) % 104_729)) % streamCount;

/** The plain log of every floor: no more than an event needs, tuned as well as we know how. */
export const openFloorDatabase = (folder: string): DatabaseSync => {
  const database = new DatabaseSync(join(folder, 'floor.db'));
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=16000; PRAGMA cache_size=-32768');
  database.exec('CREATE TABLE streams (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT');
  database.exec(`CREATE TABLE events (position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, revision INTEGER NOT NULL, id TEXT NOT NULL,
    type TEXT NOT NULL, data TEXT NOT NULL, meta TEXT NOT NULL, UNIQUE (stream, revision)) STRICT`);
  return database;
};

/** An empty log with its 20,000 streams, and a loop that appends `count` events, `group` of them a transaction. */
export const openFloor = (folder: string): { append(count: number, group: number): number; close(): void } => {
  const database = openFloorDatabase(folder);
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const insertStream = database.prepare('INSERT INTO streams (key, name) VALUES (?, ?)');
  const insertEvent = database.prepare('INSERT INTO events (stream, revision, id, type, data, meta) VALUES (?, ?, ?, ?, ?, ?)');
  const revisions = new Int32Array(streamCount).fill(-1);
  const hashes = Array.from({ length: streamCount }, (): Buffer => beforeFirst);
  const names = Array.from({ length: streamCount }, (_, n) => streamNameOf(n));
  let written = 0;
  const appendOne = (stream: number): void => {
    const revision = (revisions[stream]! += 1);
    const event = chainedEvent(names[stream]!, revision, hashes[stream]!, written++);
    hashes[stream] = event.hash;
    insertEvent.run(stream, revision, event.id, event.type, event.data, event.meta);
  };
  begin.run();
  for (let n = 0; n < streamCount; n++) {
    insertStream.run(n, names[n]!);
    appendOne(n);
  }
  commit.run();
  return {
    /** Events per second. */
    append(count, group) {
      const start = process.hrtime.bigint();
      for (let n = 0; n < count; n += group) {
        begin.run();
        for (let i = 0; i < group; i++) appendOne(streamAt(written));
        commit.run();
      }
      return count / (Number(process.hrtime.bigint() - start) / 1e9);
    },
    close: () => database.close(),
  };
};
