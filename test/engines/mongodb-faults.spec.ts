/** Faults of MongoDB one by one, on a single server and on a replica set: what is acknowledged is there, once, and what cannot be done is said. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoNotConnectedError, type ClientSession } from 'mongodb';
import { countersContract, noon } from '../contracts/counters.contract.ts';
import { keyringContract } from '../contracts/keyring.contract.ts';
import { leasesContract } from '../contracts/leases.contract.ts';
import { readModelsContract } from '../contracts/read-models.contract.ts';
import { StandIn, withStandIn, type Fault } from './mongo-server.ts';
import { MongoCounters } from '../../src/adapters/counters/mongodb.ts';
import { MongoKeyring } from '../../src/adapters/keyring/mongodb.ts';
import { MongoLeases } from '../../src/adapters/lease/mongodb.ts';
import { isDuplicate, Mongo } from '../../src/adapters/mongodb/connect.ts';
import { MongoReadModels } from '../../src/adapters/read-models/mongodb.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { hour } from '../../src/domain/instant.ts';
import { Unavailable } from '../../src/domain/ports/failures.ts';
import type { Collection, Keyed } from '../../src/domain/ports/read-models.ts';
import type { Secrets } from '../../src/adapters/system/secrets.ts';
import { openInMongo } from '../../src/kept-in-mongo.ts';

let seeds = 0;
const secrets = () => ({ masterKey: new SeededRandom('master').bytes(32), hmacKey: new SeededRandom('hmac').bytes(32), random: new SeededRandom(`ids ${(seeds += 1)}`) });
const everything = async (collection: Collection): Promise<Keyed[]> => {
  const found: Keyed[] = [];
  for await (const page of collection.all()) found.push(...page);
  return found;
};
const entry = (key: string, position: bigint, n: number): Keyed => ({ key, position, document: { n } });

/** A deed that finds nobody connected, once: what is connected anew for it is everybody's. */
const connectAnew = (mongo: Mongo): Promise<void> => {
  let lost = false;
  return mongo.attempt(async () => {
    if (lost) return;
    lost = true;
    throw new MongoNotConnectedError('nobody is connected');
  });
};

/** What may befall one command: it is lost, or its answer, or the server says that it is no primary (any more), or that it is slow. */
const faults: Readonly<Record<string, Omit<Fault, 'times' | 'commands'>>> = {
  'the connection breaks before it': { close: true },
  'the connection breaks after it': { close: true, after: true },
  'the primary steps down': { code: 10_107, labels: ['RetryableWriteError'] },
  'the server shuts down': { code: 91 },
  'another transaction is in the way': { code: 112, labels: ['TransientTransactionError'] },
};
const commands = ['find', 'update', 'insert', 'findAndModify', 'delete', 'commitTransaction', 'listIndexes', 'createIndexes'];

/** Everything that is done in daily life, once, and what is then there. */
const life = async (mongo: Mongo): Promise<void> => {
  const models = await MongoReadModels.open(mongo);
  const plans = await models.open('plans.v1', ['n']);
  await plans.commit({ expected: 0n, next: 3n, puts: [entry('a', 3n, 1), entry('b', 3n, 1)], deletes: [] });
  assert.deepEqual([...(await plans.load(['a'])).keys()], ['a']);
  await plans.commit({ expected: 3n, next: 5n, puts: [entry('a', 5n, 2)], deletes: ['b'] });
  await plans.put([entry('free', 1n, 7)]);
  await models.serve('plans', 'plans.v1');
  assert.deepEqual([await plans.checkpoint(), await everything(plans), await plans.count(), await models.serving('plans')], [5n, [entry('a', 5n, 2), entry('free', 1n, 7)], 2, 'plans.v1']);
  assert.deepEqual((await plans.query({ where: { n: 2 }, limit: 9 })).items, [entry('a', 5n, 2)]);
  await models.drop('plans.v1');
  assert.deepEqual(await models.names(), []);

  const keyring = await MongoKeyring.open(mongo, secrets());
  const ada = await keyring.findOrCreate('ada@example.com');
  assert.equal(await keyring.findOrCreate('ada@example.com'), ada);
  const pooled = await keyring.takePooledKey();
  await keyring.link(pooled, ada);
  assert.notEqual(await keyring.sealingKey(pooled), undefined);
  await keyring.erase(ada);
  assert.deepEqual([await keyring.find('ada@example.com'), await keyring.sealingKey(pooled)], [undefined, undefined]);
  await keyring.close();

  const leases = new MongoLeases(mongo);
  assert.equal((await leases.acquire('consumers', 'x', hour, noon))?.fencing, 1);
  assert.equal(await leases.acquire('consumers', 'y', hour, noon), undefined);
  await leases.release('consumers', 'x');
  assert.equal((await leases.acquire('consumers', 'y', hour, noon))?.fencing, 2);

  const counters = new MongoCounters(mongo);
  assert.equal((await counters.hit('k', 3, hour, noon)).allowed, true);
  for (let n = 0; n < 3; n += 1) await counters.hit('k', 3, hour, noon);
  assert.equal((await counters.hit('k', 3, hour, noon)).allowed, false);
};

withStandIn(() => {
  for (const replicaSet of [undefined, 'rs']) {
    const name = replicaSet === undefined ? 'mongodb, single' : 'mongodb, replica set';
    const starting = StandIn.start(replicaSet === undefined ? {} : { replicaSet });
    after(async () => (await starting).stop());

    if (replicaSet !== undefined) {
      readModelsContract(name, async () => MongoReadModels.open(await (await starting).mongo()), { ascii: true });
      keyringContract(name, async () => MongoKeyring.open(await (await starting).mongo(), secrets()));
      countersContract(name, async () => new MongoCounters(await (await starting).mongo()));
      leasesContract(name, async () => new MongoLeases(await (await starting).mongo()));
    }

    for (const [what, fault] of Object.entries(faults)) {
      test(`${name}: ${what}, at any command: everything is done all the same, and once`, async () => {
        const server = await starting;
        for (const command of commands) {
          const mongo = await server.mongo();
          await server.fault({ times: 1, commands: [command], ...fault });
          await life(mongo).catch((error: unknown) => {
            throw new Error(`at ${command}`, { cause: error });
          });
        }
        await server.noFault();
      });
    }

    test(`${name}: a server that goes on failing is Unavailable, and what was refused is done when it is asked for again`, async () => {
      const server = await starting;
      const mongo = await server.mongo();
      const models = await MongoReadModels.open(mongo);
      const plans = await models.open('plans.v1');
      const keyring = await MongoKeyring.open(mongo, secrets());
      const step = () => plans.commit({ expected: 0n, next: 3n, puts: [entry('a', 3n, 1)], deletes: [] });
      await server.fault({ times: 1_000, commands: ['update', 'insert', 'findAndModify'], code: 91, labels: ['RetryableWriteError'] });
      for (const deed of [step, () => plans.put([entry('b', 1n, 1)]), () => keyring.findOrCreate('ada@example.com'), () => new MongoLeases(mongo).acquire('l', 'x', hour, noon)]) await assert.rejects(deed, Unavailable);
      await server.noFault();
      await step();
      assert.deepEqual([await plans.checkpoint(), await everything(plans)], [3n, [entry('a', 3n, 1)]]);
      assert.notEqual(await keyring.findOrCreate('ada@example.com'), undefined);
    });

    test(`${name}: a document that was swept away by a crash between two steps is found again; what nobody owns is taken away`, async () => {
      const server = await starting;
      const database = server.freshName();
      const mongo = await server.mongo(database);
      const before = await MongoReadModels.open(mongo);
      await (await before.open('plans.v1')).put([entry('a', 1n, 1)]);
      await mongo.database.createCollection('models.plans.v0.left-over');
      // The record went, the documents did not: a drop that was cut off.
      await server.fault({ times: 1, commands: ['drop'], code: 8_000 });
      await assert.rejects(before.drop('plans.v1'));
      assert.equal(await (await before.open('plans.v1')).count(), 0, 'made anew, it is empty');
      await (await before.open('plans.v1')).put([entry('b', 1n, 1)]);
      const afterwards = await MongoReadModels.open(await server.mongo(database));
      assert.deepEqual((await everything(await afterwards.open('plans.v1'))).map(({ key }) => key), ['b']);
      const left = (await mongo.database.listCollections().toArray()).map((each) => each.name).filter((each) => each.startsWith('models.'));
      assert.equal(left.length, 1, left.join(' '));
    });

    test(`${name}: documents that another has taken away already are taken away: the drop of a killed server may come later than its successor's`, async () => {
      const mongo = await (await starting).mongo();
      const models = await MongoReadModels.open(mongo);
      await (await models.open('plans.v1')).put([entry('a', 1n, 1)]);
      const store = (await mongo.database.listCollections().toArray()).map((each) => each.name).find((each) => each.startsWith('models.')) ?? '';
      await mongo.database.collection(store).drop();
      await models.drop('plans.v1');
      assert.deepEqual(await models.names(), []);
    });

    test(`${name}: an index that is another is named, a document that is too big is refused in words`, async () => {
      const mongo = await (await starting).mongo();
      const models = await MongoReadModels.open(mongo);
      const plans = await models.open('plans.v1');
      await assert.rejects(plans.put([{ key: 'big', position: 1n, document: { text: 'x'.repeat(17 * 1024 * 1024) } }]), { name: 'Refused', code: 'DocumentTooBig', message: /document big of plans\.v1 takes 17\.0 MiB; MongoDB holds at most 16 MiB/ });
      assert.equal(await plans.count(), 0);
      await assert.rejects(models.open('plans.v1', ['a.b']), /'a\.b' cannot be indexed/);
      const store = (await mongo.database.listCollections().toArray()).map((each) => each.name).find((each) => each.startsWith('models.')) ?? '';
      await mongo.database.collection(store).createIndex({ other: 1 }, { name: 'by_owner' });
      await assert.rejects(models.open('plans.v1', ['owner']), /index by_owner of models\.plans\.v1\.\w+ is not what it should be/);
    });

    test(`${name}: two processes on one database: one person an address, one holder, one limit; what one erases the other forgets within a second`, async () => {
      const server = await starting;
      const database = server.freshName();
      const [here, there] = [await server.mongo(database), await server.mongo(database)];
      const [keys, others] = [await MongoKeyring.open(here, secrets()), await MongoKeyring.open(there, secrets())];
      const found = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? keys : others).findOrCreate('ada@example.com')));
      assert.equal(new Set(found).size, 1);
      const ada = found[0] as NonNullable<(typeof found)[0]>;
      assert.deepEqual(await others.sealingKey(ada), await keys.sealingKey(ada));
      await keys.erase(ada);
      assert.equal(await keys.sealingKey(ada), undefined);
      for (let waitedMs = 0; (await others.sealingKey(ada)) !== undefined; waitedMs += 50) {
        assert.ok(waitedMs < 5_000, 'it is forgotten');
        await sleep(50);
      }
      const held = await Promise.all(Array.from({ length: 8 }, (_, n) => new MongoLeases(n % 2 === 0 ? here : there).acquire('gate', `h${n}`, hour, noon)));
      assert.equal(held.filter((lease) => lease !== undefined).length, 1);
      const [a, b] = [new MongoCounters(here), new MongoCounters(there)];
      const hits = await Promise.all(Array.from({ length: 30 }, (_, n) => (n % 2 === 0 ? a : b).hit('k', 9, hour, noon)));
      assert.equal(hits.filter(({ allowed }) => allowed).length, 9);
      await Promise.all([keys.close(), others.close()]);
    });

    test(`${name}: a database belongs to one log; a log that has begun does not begin with other keys`, async () => {
      const server = await starting;
      const url = server.url.replace(/(\d)(\/|$)/, `$1/${server.freshName()}`);
      const keys = { keyring: new Uint8Array(32), lookup: new Uint8Array(32) } as unknown as Secrets;
      const open = () => openInMongo({ readModels: url }, keys, new SeededRandom('x'));
      const claiming = async (logId: 'log_a' | 'log_b', head: bigint): Promise<void> => {
        const kept = await open();
        try {
          await kept.claim({ logId, head });
        } finally {
          await kept.close();
        }
      };
      await assert.rejects(claiming('log_a', 7n), { name: 'StartRefused', message: /the keys of this log are not in mongodb:\/\/127\.0\.0\.1:\d+.*_keyring'; put them back/ });
      await claiming('log_a', 0n);
      await claiming('log_a', 7n);
      await assert.rejects(claiming('log_b', 0n), { name: 'StartRefused', message: /belongs to another log \(log_a, not log_b\)/ });
    });
  }

  test('mongodb, replica set: while there is no primary for a second, everything waits and is done', async () => {
    const server = await StandIn.start({ replicaSet: 'rs' });
    try {
      const mongo = await server.mongo();
      await server.command({ replSetStepDown: 1 });
      await life(mongo);
    } finally {
      await server.stop();
    }
  });

  test('mongodb, replica set: a transaction in whose middle somebody else connects anew is done, from its beginning', async () => {
    const server = await StandIn.start({ replicaSet: 'rs' });
    try {
      const mongo = await server.mongo();
      const things = mongo.database.collection<{ _id: string; n: number }>('things');
      await things.insertOne({ _id: 'a', n: 0 });
      const begun = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      let tries = 0;
      const count = (session: ClientSession) => things.updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { session });
      const done = mongo.transaction(async (session) => {
        tries += 1;
        await count(session);
        begun.resolve();
        await goOn.promise;
        await count(session);
      });
      await begun.promise;
      await connectAnew(mongo);
      goOn.resolve();
      await done;
      assert.deepEqual([tries, await things.findOne({ _id: 'a' })], [2, { _id: 'a', n: 2 }]);
    } finally {
      await server.stop();
    }
  });

  test('mongodb, replica set: whatever is under way while somebody else connects anew, again and again, is done, and never a bug', async () => {
    const server = await StandIn.start({ replicaSet: 'rs' });
    let goingOn = true;
    try {
      const mongo = await server.mongo();
      const things = mongo.database.collection<{ _id: string; n: number }>('things');
      await things.insertOne({ _id: 'all', n: 0 });
      let done = 0;
      const deeds: readonly ((id: string) => Promise<unknown>)[] = [
        (id) => mongo.attempt(() => things.insertOne({ _id: id, n: 1 })),
        (id) => mongo.attempt(() => things.bulkWrite([{ replaceOne: { filter: { _id: id }, replacement: { n: 1 }, upsert: true } }])),
        () => mongo.attempt(() => things.find({}).limit(50).toArray()),
        (id) => mongo.transaction((session) => things.replaceOne({ _id: id }, { n: 1 }, { session, upsert: true })),
      ];
      const again = async (deed: (id: string) => Promise<unknown>, who: number): Promise<void> => {
        for (let n = 0; goingOn; n += 1) {
          // Repeated, an insertion may find what it had inserted before its answer was lost.
          await deed(`${who}-${n}`).catch((error: unknown) => assert.ok(error instanceof Unavailable || isDuplicate(error), String((error as Error).stack)));
          done += 1;
        }
      };
      const workers = Promise.all(Array.from({ length: 12 }, (_, n) => again(deeds[n % deeds.length] as (typeof deeds)[number], n)));
      for (let n = 0; n < 40; n += 1) {
        await Promise.race([sleep(10), workers]);
        await connectAnew(mongo);
      }
      goingOn = false;
      await workers;
      assert.ok(done > 100, `${done} deeds`);
    } finally {
      goingOn = false;
      await server.stop();
    }
  });

  test('mongodb: where every connection is in use for too long, it says "not now"', async () => {
    const server = await StandIn.start();
    try {
      const mongo = await server.mongo();
      const queued = Object.assign(new Error('timed out while checking out a connection'), { name: 'MongoWaitQueueTimeoutError' });
      await assert.rejects(mongo.attempt(() => Promise.reject(queued)), Unavailable);
    } finally {
      await server.stop();
    }
  });

  test('mongodb: what cannot be used is refused in one line, without the password', async () => {
    const refusal = async (options: Parameters<typeof StandIn.start>[0], words: RegExp, more: { readonly needsReplicaSet?: boolean } = {}): Promise<void> => {
      const server = await StandIn.start(options);
      try {
        await assert.rejects(server.mongo('x', more), { name: 'MongoUnusable', message: words });
      } finally {
        await server.stop();
      }
    };
    await refusal({ version: '5.0.0', wire: 13 }, /^MongoDB at mongodb:\/\/127\.0\.0\.1:\d+\/x is too old: Tollgate needs MongoDB 6\.0 or newer$/);
    await refusal({ version: '4.0.0', wire: 7 }, /is too old: Tollgate needs MongoDB 6\.0 or newer$/);
    await refusal({}, /is a standalone server, which cannot be backed up at one moment while it runs; make it a replica set/, { needsReplicaSet: true });
    const nobody = Mongo.connect({ url: 'mongodb://ada:s3cret@127.0.0.1:9/x?serverSelectionTimeoutMS=300' });
    await assert.rejects(nobody, (error: Error) => /^MongoDB at mongodb:\/\/127\.0\.0\.1:9\/x does not answer \(.*\); check that it runs/.test(error.message) && !error.message.includes('s3cret'));
    await assert.rejects(Mongo.connect({ url: 'mongodb://ada:s3cret@:::/x' }), (error: Error) => error.name === 'MongoUnusable' && !error.message.includes('s3cret'));
  });
});
