/**
 * The simulator on every pair of engines: virtual time and drawn turns above, real sockets below. What an engine does counts as one deed of the turn that
 * asked for it, however long it takes; so the same seed takes the same turns and writes the same log as in memory, and every promise of the
 * simulator is looked at: among them, that each read model is what a fold of the log from its beginning gives.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptOf } from '../simulation/script.ts';
import { simulate } from '../simulation/simulate.ts';
import { onEachPair } from './pairs.ts';
import { EventStoreDb } from '../../src/adapters/event-store/eventstoredb.ts';
import { MemoryEventStore } from '../../src/adapters/event-store/memory.ts';
import { SqliteEventStore } from '../../src/adapters/event-store/sqlite.ts';
import { Mongo } from '../../src/adapters/mongodb/connect.ts';
import { MemoryReadModels } from '../../src/adapters/read-models/memory.ts';
import { MongoReadModels } from '../../src/adapters/read-models/mongodb.ts';
import { SqliteReadModels } from '../../src/adapters/read-models/sqlite.ts';
import { SystemRandom } from '../../src/adapters/system/random.ts';
import type { EventStore } from '../../src/domain/ports/event-store.ts';

const seed = 3;
const steps = 160;

/** Its own appends are told at once, and nothing else: what a server pushes comes when it comes, and no seed decides when. */
const toldAtOnce = (store: EventStore): EventStore => {
  const listeners = new Set<() => void>();
  return {
    append: async (...args) => {
      const appended = await store.append(...args);
      for (const listener of [...listeners]) listener();
      return appended;
    },
    read: (...args) => store.read(...args), readAll: (...args) => store.readAll(...args), head: () => store.head(), close: () => store.close(),
    onAdvanced: (listener) => {
      const entry = (): void => listener();
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
  };
};

onEachPair(`every promise of the simulator holds, and the log is the one that it writes in memory (seed ${seed})`, 170_000, async ({ environment: { TOLLGATE_EVENTSTORE: esdb, TOLLGATE_READMODELS: url } }, t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-simulated-'));
  const exclusive = esdb === undefined;
  const store = esdb === undefined ? SqliteEventStore.open(join(folder, 'events.db')) : EventStoreDb.open(esdb, { random: new SystemRandom() });
  const mongo = url === undefined ? undefined : await Mongo.connect({ url });
  const models = mongo === undefined ? SqliteReadModels.open(join(folder, 'models.db')) : await MongoReadModels.open(mongo);
  try {
    const script = scriptOf(seed, steps);
    const inMemory = await simulate(script, { seed, store: { store: new MemoryEventStore(), models: new MemoryReadModels(), exclusive } });
    const here = await simulate(script, { seed, store: { store: toldAtOnce(store), models, exclusive } });
    assert.equal(inMemory.broken, undefined);
    assert.deepEqual(here, inMemory);
    assert.ok(here.events > 50, 'something happened');
    t.diagnostic(`${here.events} events in ${here.turns} turns`);
  } finally {
    await models.close();
    await mongo?.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
