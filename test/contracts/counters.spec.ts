/** All rate counters keep the contract. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MemoryCounters } from '../../src/adapters/counters/memory.ts';
import { MongoCounters } from '../../src/adapters/counters/mongodb.ts';
import { SqliteCounters } from '../../src/adapters/counters/sqlite.ts';
import { hour } from '../../src/domain/instant.ts';
import { freshMongo, withMongo } from './mongodb.ts';
import { countersContract, noon } from './counters.contract.ts';

const root = await mkdtemp(join(tmpdir(), 'tollgate-counters-'));
after(() => rm(root, { recursive: true, force: true }));
let files = 0;
const freshFile = (): string => join(root, `counters-${(files += 1)}.db`);

countersContract('memory', async () => new MemoryCounters());
countersContract('sqlite', async () => SqliteCounters.open(freshFile()));
withMongo((server) => countersContract('mongodb', async () => new MongoCounters(await freshMongo(server))));

test('sqlite: counts outlive a restart', async () => {
  const path = freshFile();
  const first = SqliteCounters.open(path);
  await first.hit('a', 1, hour, noon);
  await first.close();
  const second = SqliteCounters.open(path);
  assert.equal((await second.hit('a', 1, hour, noon)).allowed, false);
  await second.close();
});
