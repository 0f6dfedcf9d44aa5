/** Every store of read models keeps the contract. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MemoryReadModels } from '../../src/adapters/read-models/memory.ts';
import { MongoReadModels } from '../../src/adapters/read-models/mongodb.ts';
import { SqliteReadModels } from '../../src/adapters/read-models/sqlite.ts';
import { DatabaseUnusable } from '../../src/adapters/sqlite/open-database.ts';
import { freshMongo, standIn, withMongo } from './mongodb.ts';
import { readModelsContract } from './read-models.contract.ts';

const root = await mkdtemp(join(tmpdir(), 'tollgate-read-models-'));
after(() => rm(root, { recursive: true, force: true }));
let files = 0;
const freshFile = (): string => join(root, `views-${(files += 1)}.db`);

readModelsContract('memory', async () => new MemoryReadModels());
readModelsContract('sqlite', async () => SqliteReadModels.open(freshFile()));
withMongo((server) => test('mongodb: everything is there when it is connected to again', async () => {
  const mongo = await freshMongo(server);
  const first = await MongoReadModels.open(mongo);
  await (await first.open('plans.v1', ['n'])).commit({ expected: 0n, next: 9n, puts: [{ key: 'a', position: 9n, document: { n: 1 } }], deletes: ['b'] });
  await first.serve('plans', 'plans.v1');
  await first.close();
  const second = await MongoReadModels.open(await freshMongo(server, mongo.database.databaseName));
  const plans = await second.open('plans.v1', ['n']);
  assert.deepEqual([await second.serving('plans'), await second.names(), await plans.checkpoint(), await plans.count()], ['plans.v1', ['plans.v1'], 9n, 1]);
  assert.deepEqual((await plans.query({ where: { n: 1 }, limit: 2 })).items, [{ key: 'a', position: 9n, document: { n: 1 } }]);
}));
withMongo((server) => readModelsContract('mongodb', async () => MongoReadModels.open(await freshMongo(server)), { ascii: standIn }));

test('sqlite: everything is there when the file is opened again', async () => {
  const path = freshFile();
  const first = SqliteReadModels.open(path);
  const plans = await first.open('plans.v1', ['n']);
  await plans.commit({ expected: 0n, next: 9_007_199_254_740_993n, puts: [{ key: 'a', position: 9_007_199_254_740_993n, document: { n: 1 } }], deletes: [] });
  await first.serve('plans', 'plans.v1');
  await first.close();
  await first.close();
  const second = SqliteReadModels.open(path);
  assert.equal(await second.serving('plans'), 'plans.v1');
  const again = await second.open('plans.v1', ['n']);
  assert.equal(await again.checkpoint(), 9_007_199_254_740_993n);
  const page = await again.query({ where: { n: 1 }, limit: 5 });
  assert.deepEqual(page.items, [{ key: 'a', position: 9_007_199_254_740_993n, document: { n: 1 } }]);
  await second.close();
});

test('sqlite: a folder that is not there is refused in one line', () => {
  assert.throws(() => SqliteReadModels.open(join(root, 'missing', 'views.db')), DatabaseUnusable);
});
