/**
 * Read models on MongoDB are right without transactions: a runner is cut off between documents and checkpoint, begins again with pages of other sizes,
 * races another one; whatever happens, the documents are those of one undisturbed fold, in the order of the log.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { folded, TestLog, type Placed } from '../projections/harness.ts';
import { paged } from '../projections/paged-log.ts';
import { streamName } from '../../src/domain/ids.ts';
import { tenantId } from '../domain/samples.ts';
import { StandIn, withStandIn } from './mongo-server.ts';
import type { Mongo } from '../../src/adapters/mongodb/connect.ts';
import { MongoReadModels } from '../../src/adapters/read-models/mongodb.ts';
import type { Recorded } from '../../src/domain/ports/log.ts';
import type { Collection, Keyed } from '../../src/domain/ports/read-models.ts';
import { projection, type Projection } from '../../src/projections/projection.ts';
import { ModelRunner } from '../../src/projections/runner.ts';

type Told = { readonly keys: readonly string[]; readonly gone: boolean };
type Tally = { readonly count: number; readonly seen: readonly number[] };
/** Counts, and remembers each event: whatever is folded twice or left out shows. Some events take the document away. */
const tallies: Projection = projection<Tally>({
  name: 'tallies', version: 1, summary: 'For tests', indexes: ['count'], readableBy: 'gate.read', scope: 'staff', columns: [], events: ['MailSent'],
  keys: (event: Recorded) => (event.data as unknown as Told).keys,
  evolve: (view, event: Recorded) => ((event.data as unknown as Told).gone ? undefined : { count: (view?.count ?? 0) + 1, seen: [...(view?.seen ?? []), Number(event.position)] }),
});
const told = fc.record({ keys: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1, maxLength: 3 }), gone: fc.boolean() });
const eventOf = (data: Told): Placed => ({ stream: streamName('mail', tenantId, 'x'), event: { type: 'MailSent', data } as never });
const inOrder = async (collection: Collection): Promise<readonly Keyed[]> => (await collection.query({ limit: 100, order: 'oldest' })).items;
const plain = (items: readonly Keyed[]): Record<string, unknown> => Object.fromEntries(items.map(({ key, document }) => [key, document]));
const pages = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });

/** Runs until its pages are at their end, or it stops. */
const running = async (mongo: Mongo, log: TestLog, sizes: readonly number[], events: readonly Recorded[]): Promise<ModelRunner> => {
  const runner = new ModelRunner(tallies, paged(log.log, events, sizes), await MongoReadModels.open(mongo), () => undefined);
  await runner.open();
  return runner;
};
const walk = async (runner: ModelRunner, sizes: readonly number[], events: readonly Recorded[]): Promise<void> => {
  if (sizes.length === 0) return;
  const goal = events.filter(({ position }) => position > runner.position)[sizes.reduce((sum, size) => sum + size, 0) - 1]?.position ?? events.at(-1)?.position ?? 0n;
  runner.start();
  const over = new AbortController();
  const failed = (async () => {
    while (runner.failure === undefined && !over.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 2));
  })();
  await runner.reached(goal, failed);
  over.abort();
  await runner.stop();
};

withStandIn(() => {
  for (const replicaSet of [undefined, 'rs']) {
    const name = replicaSet === undefined ? 'mongodb, single' : 'mongodb, replica set';
    const starting = StandIn.start(replicaSet === undefined ? {} : { replicaSet });
    after(async () => (await starting).stop());

    test(`${name}: cut off between documents and checkpoint, and begun again with other pages, nothing is folded twice, left out, or put in another order`, { timeout: 150_000 }, async () => {
      const server = await starting;
      await fc.assert(fc.asyncProperty(fc.array(told, { minLength: 4, maxLength: 24 }), pages, pages, fc.nat(2), async (events, before, again, cutAt) => {
        const log = new TestLog();
        await log.append(...events.map(eventOf));
        const all = await log.events();
        const database = server.freshName();
        const mongo = await server.mongo(database);
        const first = await running(mongo, log, before, all);
        // Some pages go well; of the next one the documents are written, and the checkpoint is not.
        await walk(first, before.slice(0, cutAt), all);
        await server.fault({ times: 1, commands: ['update', 'findAndModify'], namespace: `${database}.collections`, code: 8_000 });
        await walk(await running(mongo, log, before.slice(cutAt, cutAt + 1), all), before.slice(cutAt, cutAt + 1), all);
        await server.noFault();
        const rest = [...again, ...all.map(() => 3)];
        const last = await running(mongo, log, rest, all);
        await walk(last, rest, all);
        assert.equal(last.failure, undefined);
        const items = await inOrder(last.collection);
        assert.deepEqual(plain(items), folded(tallies, all));
        assert.equal(await last.collection.count(), items.length);
        await mongo.close();
      }), { numRuns: 40 });
    });

    test(`${name}: the order of first writing is that of the log, whatever was cut off`, { timeout: 150_000 }, async () => {
      const server = await starting;
      const keys = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 20 }).map((n) => `k${n}`), { minLength: 1, maxLength: 4 }), { minLength: 4, maxLength: 20 });
      await fc.assert(fc.asyncProperty(keys, pages, pages, async (touched, before, again) => {
        const log = new TestLog();
        await log.append(...touched.map((some) => eventOf({ keys: some, gone: false })));
        const all = await log.events();
        const database = server.freshName();
        const mongo = await server.mongo(database);
        await server.fault({ times: 1, commands: ['update', 'findAndModify'], namespace: `${database}.collections`, code: 8_000 });
        await walk(await running(mongo, log, before, all), before, all);
        await server.noFault();
        const rest = [...again, ...all.map(() => 2)];
        const last = await running(mongo, log, rest, all);
        await walk(last, rest, all);
        assert.deepEqual((await inOrder(last.collection)).map(({ key }) => key), [...new Set(touched.flat())]);
        await mongo.close();
      }), { numRuns: 20 });
    });

    test(`${name}: two runners on one model: one stops with a conflict, and the documents are those of one`, { timeout: 150_000 }, async () => {
      const server = await starting;
      await fc.assert(fc.asyncProperty(fc.array(told, { minLength: 8, maxLength: 24 }), pages, pages, async (events, mine, theirs) => {
        const log = new TestLog();
        await log.append(...events.map(eventOf));
        const all = await log.events();
        const database = server.freshName();
        const [here, there] = [await server.mongo(database), await server.mongo(database)];
        const [long, other] = [[...mine, ...all.map(() => 2)], [...theirs, ...all.map(() => 3)]];
        const racing = [await running(here, log, long, all), await running(there, log, other, all)];
        await Promise.all([walk(racing[0] as ModelRunner, long, all), walk(racing[1] as ModelRunner, other, all)]);
        assert.ok(racing.filter(({ failure }) => failure !== undefined).length <= 1, 'one of them goes on');
        for (const { failure } of racing) if (failure !== undefined) assert.match(failure, /is at \d+, not at \d+/);
        assert.deepEqual(plain(await inOrder((racing[0] as ModelRunner).collection)), folded(tallies, all));
        await Promise.all([here.close(), there.close()]);
      }), { numRuns: 15 });
    });
  }

  test('mongodb, single: a writer that was late by many steps changes nothing, and brings nothing deleted back', async () => {
    const server = await StandIn.start();
    try {
      const database = server.freshName();
      const [late, other] = [await server.mongo(database), await server.mongo(database)];
      const mine = await (await MongoReadModels.open(late)).open('plans.v1');
      const theirs = await (await MongoReadModels.open(other)).open('plans.v1');
      const entry = (key: string, position: bigint, by: string): Keyed => ({ key, position, document: { by } });
      // Both have loaded at the same checkpoint; then one stands still.
      await mine.load(['a', 'b', 'c']);
      await theirs.commit({ expected: 0n, next: 3n, puts: [entry('a', 3n, 'them'), entry('b', 3n, 'them')], deletes: ['c'] });
      await theirs.commit({ expected: 3n, next: 9n, puts: [entry('a', 9n, 'them')], deletes: ['b'] });
      await assert.rejects(mine.commit({ expected: 0n, next: 5n, puts: [entry('a', 5n, 'me'), entry('b', 5n, 'me')], deletes: [] }), { name: 'CheckpointConflict' });
      assert.deepEqual((await inOrder(theirs)), [entry('a', 9n, 'them')]);
      assert.deepEqual([await theirs.checkpoint(), (await theirs.load(['b'])).get('b')], [9n, { key: 'b', position: 9n }]);
    } finally {
      await server.stop();
    }
  });
});
