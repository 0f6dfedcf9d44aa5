/** Laws of every read model: what was folded twice, in other pages, after a restart or in a rebuild is the same. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { caughtUp, documentsIn, folded, placed, running, TestLog, type Placed } from './harness.ts';
import { MemoryReadModels } from '../../src/adapters/read-models/memory.ts';
import type { AnyEvent } from '../../src/domain/decider.ts';
import type { Document } from '../../src/domain/ports/read-models.ts';
import { gate, GateMemory } from '../../src/projections/gate.ts';
import { applyTo } from '../../src/projections/projection.ts';
import { projections } from '../../src/projections/registry.ts';
import { ModelRunner } from '../../src/projections/runner.ts';
import { stories } from '../golden/samples.ts';

/** Each aggregate's events in any order, number and mixture: nothing a decider would do, and still every model must be a fold. */
const samples = stories.flatMap(({ events }) => events);
const anotherOf = (event: AnyEvent): AnyEvent => JSON.parse(JSON.stringify(event).replaceAll(/_1{20}/g, (id) => id.replaceAll('1', '2'))) as AnyEvent;
const twoOfEach = samples.flatMap((event) => {
  const id = stories.find(({ events }) => events.includes(event))?.id ?? '';
  return [placed(event), placed(event.type === 'WebhookReceived' || /"\$clear"/.test(JSON.stringify(event)) ? event : anotherOf(event), id.includes('1'.repeat(20)) ? id.replaceAll('1', '2') : id)];
});
const inOrder = stories.flatMap(({ events }) => events.map((event) => placed(event)));
const sequences: fc.Arbitrary<Placed[]> = fc.tuple(fc.constantFrom<Placed[]>([], inOrder), fc.array(fc.constantFrom(...twoOfEach), { maxLength: 60 })).map(([story, rest]) => [...story, ...rest]);

for (const model of projections) {
  test(`${model.name}: rebuilt equals live, and both equal the plain fold, whatever was appended`, async () => {
    await fc.assert(fc.asyncProperty(sequences, fc.nat(100), async (sequence, cut) => {
      const log = new TestLog();
      await log.append(...sequence.slice(0, cut));
      const readModels = new MemoryReadModels();
      const runner = await running(model, log.log, readModels);
      await log.append(...sequence.slice(cut));
      await caughtUp(runner, log.log);
      const live = await documentsIn(runner.collection);
      const { equal, differences, swapped, documents } = await runner.rebuild({ acceptDifferences: false, progress: () => undefined, differencesMax: 10 });
      assert.deepEqual(differences, []);
      assert.ok(equal && swapped);
      const rebuilt = await documentsIn(runner.collection);
      await runner.stop();
      assert.deepEqual(rebuilt, live);
      assert.deepEqual(live, folded(model, await log.events()));
      assert.equal(documents, Object.keys(live).length);
    }), { numRuns: 12 });
  });

  test(`${model.name}: stopped and started anywhere, on the same collection, it is as if it had never stopped`, async () => {
    await fc.assert(fc.asyncProperty(sequences, fc.array(fc.nat(80), { maxLength: 3 }), async (sequence, stops) => {
      const log = new TestLog();
      const readModels = new MemoryReadModels();
      let from = 0;
      for (const stop of [...stops.sort((a, b) => a - b), sequence.length]) {
        const until = Math.max(from, Math.min(stop, sequence.length));
        const runner = await running(model, log.log, readModels);
        await log.append(...sequence.slice(from, until));
        await caughtUp(runner, log.log);
        await runner.stop();
        from = until;
      }
      const last = await running(model, log.log, readModels);
      await caughtUp(last, log.log);
      const live = await documentsIn(last.collection);
      await last.stop();
      assert.deepEqual(live, folded(model, await log.events()));
    }), { numRuns: 8 });
  });

  test(`${model.name}: a suffix that is delivered again changes nothing`, async () => {
    await fc.assert(fc.asyncProperty(sequences, fc.nat(100), async (sequence, back) => {
      const log = new TestLog();
      await log.append(...sequence);
      const runner = await running(model, log.log);
      await caughtUp(runner, log.log);
      await runner.stop();
      const { collection } = runner;
      const before = await documentsIn(collection);
      const again = (await log.events()).slice(-back - 1).filter(({ type }) => model.events.includes(type));
      if (again.length === 0) return;
      // As a consumer does that has forgotten how far it was: another checkpoint is refused, and older positions write nothing.
      const next = again.at(-1)?.position ?? 0n;
      const stored = await collection.load(again.flatMap((event) => model.keys(event)));
      const documents = new Map<string, Document | undefined>([...stored].map(([key, { document }]) => [key, document]));
      applyTo(model, documents, again);
      const puts = [...documents].flatMap(([key, document]) => (document ? [{ key, position: next, document }] : []));
      const known = puts.filter(({ key }) => stored.has(key));
      await assert.rejects(collection.commit({ expected: -1n, next, puts, deletes: [...documents.keys()] }), { name: 'CheckpointConflict' });
      await collection.commit({ expected: await collection.checkpoint(), next: await collection.checkpoint(), puts: known, deletes: [] });
      assert.deepEqual(await documentsIn(collection), before);
    }), { numRuns: 8 });
  });
}

test('a rebuild that finds a difference says which, keeps the live one, and takes the new one only when told', async () => {
  const model = projections.find(({ name }) => name === 'invites');
  assert.ok(model);
  const log = new TestLog();
  await log.append(...inOrder);
  const runner = await running(model, log.log);
  await caughtUp(runner, log.log);
  const [key, document] = Object.entries(await documentsIn(runner.collection))[0] as [string, Document];
  await runner.collection.put([{ key, position: 1_000n, document: { ...document, status: 'tampered' } }]);
  const options = { progress: () => undefined, differencesMax: 10 };
  const refused = await runner.rebuild({ ...options, acceptDifferences: false });
  assert.deepEqual([refused.equal, refused.swapped, refused.differences.map((difference) => difference.key)], [false, false, [key]]);
  assert.equal((await documentsIn(runner.collection))[key]?.['status'], 'tampered');
  const taken = await runner.rebuild({ ...options, acceptDifferences: true });
  assert.deepEqual([taken.equal, taken.swapped], [false, true]);
  assert.equal((await documentsIn(runner.collection))[key]?.['status'], 'revoked');
  await runner.stop();
});

test('GateMemory equals the gate\'s collection: folded as events are committed, loaded from any point on, and given events again', async () => {
  await fc.assert(fc.asyncProperty(sequences, fc.nat(100), fc.nat(100), async (sequence, loadAt, again) => {
    const log = new TestLog();
    const followed = new GateMemory();
    log.log.onCommitted((events) => followed.apply(events));
    await log.append(...sequence.slice(0, loadAt));
    const runner = await running(gate, log.log);
    await caughtUp(runner, log.log);
    const loaded = new GateMemory();
    loaded.load(Object.entries(await documentsIn(runner.collection)), runner.position);
    await log.append(...sequence.slice(loadAt));
    await caughtUp(runner, log.log);
    await runner.stop();
    const events = await log.events();
    loaded.apply(events);
    loaded.apply(events.slice(-again));
    followed.apply(events.slice(-again));
    const documents = await documentsIn(runner.collection);
    const ids = new Set([...Object.keys(documents), ...events.flatMap((event) => gate.keys(event))]);
    for (const memory of [followed, loaded]) {
      for (const id of ids) {
        const kind = id.slice(0, 3);
        const found = kind === 'ses' ? memory.session(id) : kind === 'acc' ? memory.account(id as never) : kind === 'per' ? memory.person(id as never) : memory.operator(id as never);
        assert.deepEqual(found && JSON.parse(JSON.stringify(found)), documents[id], id);
      }
      assert.equal(memory.position, await log.log.head());
      const operator = Object.values(documents).findLast((document) => document['kind'] === 'operator') as { hash: string } | undefined;
      if (operator) assert.equal(memory.operatorByHash(operator.hash)?.hash, operator.hash);
      assert.equal(memory.operatorByHash('no such hash'), undefined);
    }
  }), { numRuns: 25 });
});

test('two consumers of one collection cannot both write: the later one stops with a conflict, and nothing is folded twice', async () => {
  const model = projections.find(({ name }) => name === 'signups');
  assert.ok(model);
  const log = new TestLog();
  const readModels = new MemoryReadModels();
  const failures: string[] = [];
  const runners = [0, 1].map(() => new ModelRunner(model, log.log, readModels, (_, error) => failures.push((error as Error).name)));
  for (const runner of runners) await runner.open();
  for (const runner of runners) runner.start();
  await log.append(...inOrder);
  const head = await log.log.head();
  await Promise.race(runners.map((runner) => runner.reached(head, new Promise(() => undefined))));
  for (const runner of runners) await runner.stop();
  assert.deepEqual(failures, ['CheckpointConflict']);
  assert.equal(runners.filter(({ failure }) => failure !== undefined).length, 1);
  assert.deepEqual(await documentsIn((runners[0] as ModelRunner).collection), folded(model, await log.events()));
});

test('who begins to watch while a step is being written is told what it changed: for them it had not been reached', async () => {
  const model = projections.find(({ name }) => name === 'invites') as (typeof projections)[number];
  const log = new TestLog();
  const readModels = new MemoryReadModels();
  const [writing, written] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const open = readModels.open.bind(readModels);
  readModels.open = async (...args) => {
    const collection = await open(...args);
    const commit = collection.commit.bind(collection);
    collection.commit = async (batch) => {
      writing.resolve();
      await written.promise;
      return commit(batch);
    };
    return collection;
  };
  const runner = await running(model, log.log, readModels);
  await log.append(...inOrder.filter(({ event }) => event.type === 'InviteAdded').slice(0, 1));
  await writing.promise;
  const told: string[] = [];
  const before = runner.position;
  runner.onAdvanced((changes) => told.push(...(changes === 'everything' ? [changes] : changes.map(({ model: of }) => of))));
  written.resolve();
  await caughtUp(runner, log.log);
  await runner.stop();
  assert.ok(runner.position > before);
  assert.deepEqual(told, ['invites']);
});
