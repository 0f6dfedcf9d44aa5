/** What the peer programs use of emmett-sqlite, typed by hand: it is installed beside the project, not in it. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface Connection {
  close(): void;
  command(sql: string, values?: readonly unknown[]): Promise<unknown>;
  querySingle<T>(sql: string, values?: readonly unknown[]): Promise<T | null>;
  withTransaction<T>(work: () => Promise<T>): Promise<T>;
}
export interface PeerEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}
export interface Projection {
  readonly name: string;
  readonly canHandle: readonly string[];
  handle(events: readonly PeerEvent[], context: { readonly connection: Connection }): Promise<void>;
}
interface Consumer {
  processor(options: { readonly projection: Projection; readonly stopAfter: (event: PeerEvent) => boolean }): unknown;
  start(): Promise<void>;
  close(): Promise<void>;
}
export interface Emmett {
  sqliteConnection(options: { readonly fileName: string }): Connection;
  createEventStoreSchema(connection: Connection): Promise<void>;
  appendToStream(connection: Connection, stream: string, type: string, events: readonly PeerEvent[], options: { readonly expectedStreamVersion: bigint }): Promise<{ readonly success: boolean }>;
  getSQLiteEventStore(options: { readonly fileName: string }): { consumer(options: { readonly pulling: { readonly batchSize: number; readonly pullingFrequencyInMs: number } }): Consumer };
}

export const emmettIn = (packages: string): Emmett => createRequire(join(packages, 'package.json'))('@event-driven-io/emmett-sqlite') as Emmett;

/** One connection to a file of its own, tuned like the floors; WAL is emmett's own choice. */
export const openPeer = async (emmett: Emmett, fileName: string): Promise<Connection> => {
  const connection = emmett.sqliteConnection({ fileName });
  for (const pragma of ['journal_mode=WAL', 'synchronous=FULL', 'wal_autocheckpoint=16000', 'cache_size=-32768']) await connection.command(`PRAGMA ${pragma}`);
  await emmett.createEventStoreSchema(connection);
  return connection;
};
