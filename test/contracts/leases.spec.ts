/** All leases keep the contract. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MemoryLeases } from '../../src/adapters/lease/memory.ts';
import { MongoLeases } from '../../src/adapters/lease/mongodb.ts';
import { SqliteLeases } from '../../src/adapters/lease/sqlite.ts';
import { freshMongo, withMongo } from './mongodb.ts';
import { leasesContract, noon } from './leases.contract.ts';

const root = await mkdtemp(join(tmpdir(), 'tollgate-leases-'));
after(() => rm(root, { recursive: true, force: true }));
let files = 0;
const freshFile = (): string => join(root, `leases-${(files += 1)}.db`);

leasesContract('memory', async () => new MemoryLeases());
leasesContract('sqlite', async () => SqliteLeases.open(freshFile()));
withMongo((server) => leasesContract('mongodb', async () => new MongoLeases(await freshMongo(server))));

test('sqlite: a lease outlives a restart', async () => {
  const path = freshFile();
  const first = SqliteLeases.open(path);
  await first.acquire('gate', 'a', 1_000, noon);
  await first.close();
  const second = SqliteLeases.open(path);
  assert.equal(await second.acquire('gate', 'b', 1_000, noon), undefined);
  assert.equal((await second.acquire('gate', 'a', 1_000, noon))?.fencing, 1);
  await second.close();
});
