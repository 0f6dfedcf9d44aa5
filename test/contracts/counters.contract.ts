/** What all rate counters promise; `counters.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Instant } from '../../src/domain/instant.ts';
import { hour, minute, plus } from '../../src/domain/instant.ts';
import type { RateCounters } from '../../src/domain/ports/counters.ts';

export const noon = '2026-11-21T12:00:00.000Z' as Instant;
const at = (minutes: number): Instant => plus(noon, minutes * minute);

export const countersContract = (name: string, open: () => Promise<RateCounters>): void => {
  const promise = (text: string, run: (counters: RateCounters) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      const counters = await open();
      try {
        await run(counters);
      } finally {
        await counters.close();
      }
    });
  };
  promise('so many hits are allowed in a window, and told when the next is', async (counters) => {
    assert.deepEqual(await counters.hit('a', 2, hour, at(0)), { allowed: true, resetAt: at(60) });
    assert.deepEqual(await counters.hit('a', 2, hour, at(10)), { allowed: true, resetAt: at(60) });
    assert.deepEqual(await counters.hit('a', 2, hour, at(20)), { allowed: false, resetAt: at(60) });
  });
  promise('the window slides, and the boundary belongs to the next', async (counters) => {
    await counters.hit('a', 2, hour, at(0));
    await counters.hit('a', 2, hour, at(10));
    assert.equal((await counters.hit('a', 2, hour, plus(at(60), -1))).allowed, false);
    assert.deepEqual(await counters.hit('a', 2, hour, at(60)), { allowed: true, resetAt: at(70) });
    assert.deepEqual(await counters.hit('a', 2, hour, at(69)), { allowed: false, resetAt: at(70) });
  });
  promise('a refused hit is not counted', async (counters) => {
    await counters.hit('a', 1, hour, at(0));
    for (let n = 1; n < 60; n++) assert.equal((await counters.hit('a', 1, hour, at(n))).allowed, false);
    assert.equal((await counters.hit('a', 1, hour, at(60))).allowed, true);
  });
  promise('a hit that is taken back does not count, and no other is taken with it', async (counters) => {
    for (const n of [0, 0, 10]) await counters.hit('a', 3, hour, at(n));
    await counters.release('a', at(0));
    assert.equal((await counters.hit('a', 3, hour, at(20))).allowed, true);
    assert.deepEqual(await counters.hit('a', 3, hour, at(21)), { allowed: false, resetAt: at(60) });
    for (const [key, when] of [['a', at(5)], ['b', at(0)]] as const) await counters.release(key, when);
    assert.equal((await counters.hit('a', 3, hour, at(22))).allowed, false);
  });
  promise('keys count apart', async (counters) => {
    await counters.hit('a', 1, hour, at(0));
    assert.equal((await counters.hit('b', 1, hour, at(0))).allowed, true);
    assert.equal((await counters.hit('a', 1, hour, at(0))).allowed, false);
  });
  promise('of many at once no more than the limit are allowed', async (counters) => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => counters.hit('a', 20, hour, at(0))));
    assert.equal(answers.filter((answer) => answer.allowed).length, 20);
  });
  promise('with a lowered limit the next is told for when enough have left', async (counters) => {
    for (const n of [0, 10, 20]) await counters.hit('a', 3, hour, at(n));
    assert.deepEqual(await counters.hit('a', 1, hour, at(30)), { allowed: false, resetAt: at(80) });
    assert.deepEqual(await counters.hit('a', 0, hour, at(30)), { allowed: false, resetAt: at(90) });
  });
  promise('pruning drops only what came before', async (counters) => {
    for (const n of [0, 30]) await counters.hit('a', 2, hour, at(n));
    await counters.prune(at(0));
    assert.equal((await counters.hit('a', 2, hour, at(31))).allowed, false);
    await counters.prune(at(30));
    assert.deepEqual(await counters.hit('a', 2, hour, at(31)), { allowed: true, resetAt: at(90) });
  });
  promise('no window of any length ever holds more than the limit', async (counters) => {
    let serial = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(90), { maxLength: 30 }), fc.integer({ min: 1, max: 4 }), async (steps, limit) => {
        const key = `k${(serial += 1)}`;
        const allowed: number[] = [];
        let time = 0;
        for (const step of steps) {
          time += step;
          if ((await counters.hit(key, limit, hour, at(time))).allowed) allowed.push(time);
          else assert.ok(allowed.filter((hit) => hit > time - 60).length >= limit);
        }
        for (const hit of allowed) assert.ok(allowed.filter((other) => other >= hit && other < hit + 60).length <= limit);
      }),
      { numRuns: 30 },
    );
  });
};
