/** The simulator itself: the same seed gives the same log on every store, promises hold, and planted bugs are found and made short. */
import assert from 'node:assert/strict';
import test, { afterEach } from 'node:test';
import { planted, pullOut, type Plant } from './planted.ts';
import { scriptOf, type Step } from './script.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

const steps = 300;
/** More seeds than are needed to meet a planted bug by far. */
const seedsMax = 80;
afterEach(pullOut);

test('every promise holds in a few simulations', async () => {
  for (let seed = 1; seed <= 12; seed += 1) assert.equal((await simulate(scriptOf(seed, steps), { seed, store: 'memory' })).broken, undefined, `seed ${seed}`);
});

test('the same seed gives the same log, byte for byte, in memory and in SQLite, and again', async () => {
  for (const seed of [3, 8]) {
    const [memory, sqlite, again] = [await simulate(scriptOf(seed, steps), { seed, store: 'memory' }), await simulate(scriptOf(seed, steps), { seed, store: 'sqlite' }), await simulate(scriptOf(seed, steps), { seed, store: 'memory' })];
    assert.ok(memory.events > 50);
    assert.deepEqual(sqlite, memory);
    assert.deepEqual(again, memory);
  }
});

test('another seed gives another log', async () => {
  assert.notEqual((await simulate(scriptOf(3, steps), { seed: 3, store: 'memory' })).logDigest, (await simulate(scriptOf(3, steps), { seed: 4, store: 'memory' })).logDigest);
});

/** What each planted bug breaks, in the words of the invariants. */
const breaks: Readonly<Record<Plant, RegExp>> = {
  'skip-checkpoint-guard': /^\w+ \w+ is \{.*\} instead of \{/,
  'drop-idempotency-key': /is charged twice/,
  'restore-wrong-level': /has paid and is limited/,
};
for (const plant of Object.keys(planted) as Plant[]) {
  test(`a planted bug is found, and few steps are left of it: ${plant}`, async (t) => {
    const found = await firstBroken(plant);
    assert.ok(found, `not met in ${seedsMax} seeds`);
    const check: Step = { do: 'check', n: steps };
    const stillBroken = async (script: readonly Step[]) => breaks[plant].test((await simulate([...script, check], { seed: found.seed, store: 'memory', tamper: planted[plant] })).broken?.what ?? '');
    const shortest = await shrink(found.script, stillBroken);
    t.diagnostic(`${plant}: seed ${found.seed}, step ${found.script.length - 1}, shrunk to ${shortest.length} steps`);
    assert.ok(shortest.length <= 40, `${shortest.length} steps are left of ${found.script.length}`);
    pullOut();
    assert.doesNotMatch((await simulate([...shortest, check], { seed: found.seed, store: 'memory' })).broken?.what ?? '', breaks[plant], 'without the bug they break nothing');
  });
}
const firstBroken = async (plant: Plant): Promise<{ readonly seed: number; readonly script: readonly Step[] } | undefined> => {
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    const script = scriptOf(seed, steps);
    const { broken } = await simulate(script, { seed, store: 'memory', tamper: planted[plant] });
    if (broken && breaks[plant].test(broken.what)) return { seed, script: script.slice(0, broken.step + 1) };
  }
  return undefined;
};
