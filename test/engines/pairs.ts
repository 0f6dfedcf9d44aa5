/** Every pair of engines that is not embedded alone: the log in one of its own each time, everything else in a database of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { dropDatabases, mongoServer, mongoUrl } from '../contracts/mongodb.ts';
import { PeerProcess } from './processes.ts';

export type Pair = {
  readonly name: string;
  /** Whether several servers may share it, so that the consumers run where a lease is held. */
  readonly leased: boolean;
  /** As a server's environment has it. */
  readonly environment: { readonly TOLLGATE_EVENTSTORE?: string; readonly TOLLGATE_READMODELS?: string };
  /** The same, as a server's command line has it. */
  readonly arguments: readonly string[];
};
const all = [
  { name: 'EventStoreDB with SQLite', esdb: true, mongo: false },
  { name: 'SQLite with MongoDB', esdb: false, mongo: true },
  { name: 'EventStoreDB with MongoDB', esdb: true, mongo: true },
] as const;

let opened = 0;
/** A test for each pair, one after the other unless most of their time is spent waiting; loudly none where its MongoDB is not there. */
export const onEachPair = (says: string, timeout: number, work: (pair: Pair, t: TestContext) => Promise<void>, concurrency = 1): void => {
  describe(says, { concurrency }, () => list(says, timeout, work));
};
const list = (says: string, timeout: number, work: (pair: Pair, t: TestContext) => Promise<void>): void => {
  for (const { name, esdb, mongo } of all) {
    if (mongo && mongoServer === undefined) {
      test(`${name}: NOT RUN, TOLLGATE_TEST_MONGODB names no server (\`npm run test:engines\` brings one)`, { skip: true }, () => undefined);
      continue;
    }
    test(`${name}: ${says}`, { timeout }, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'tollgate-pair-'));
      const peer = new PeerProcess(folder);
      const database = mongo ? mongoUrl(mongoServer as string, `pair_${process.pid}_${(opened += 1)}_x`) : undefined;
      try {
        if (esdb) await peer.start();
        await work({
          name, leased: esdb && mongo,
          environment: { ...(esdb ? { TOLLGATE_EVENTSTORE: peer.url } : {}), ...(database === undefined ? {} : { TOLLGATE_READMODELS: database }) },
          arguments: [...(esdb ? ['--eventstore', peer.url] : []), ...(database === undefined ? [] : ['--readmodels', database])],
        }, t);
      } finally {
        await peer.end('SIGKILL');
        if (database !== undefined) await dropDatabases(database);
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
};
