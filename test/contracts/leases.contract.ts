/** What all leases promise; `leases.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../src/domain/instant.ts';
import { plus, second } from '../../src/domain/instant.ts';
import type { Leases } from '../../src/domain/ports/leases.ts';

export const noon = '2026-11-21T12:00:00.000Z' as Instant;
const at = (seconds: number): Instant => plus(noon, seconds * second);
const ttlMs = 10 * second;

export const leasesContract = (name: string, open: () => Promise<Leases>): void => {
  const promise = (text: string, run: (leases: Leases) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      const leases = await open();
      try {
        await run(leases);
      } finally {
        await leases.close();
      }
    });
  };
  promise('a lease has one holder, until it runs out', async (leases) => {
    assert.deepEqual(await leases.acquire('gate', 'a', ttlMs, at(0)), { name: 'gate', holder: 'a', fencing: 1, until: at(10) });
    assert.equal(await leases.acquire('gate', 'b', ttlMs, plus(at(10), -1)), undefined);
    assert.deepEqual(await leases.acquire('gate', 'b', ttlMs, at(10)), { name: 'gate', holder: 'b', fencing: 2, until: at(20) });
    assert.equal(await leases.acquire('gate', 'a', ttlMs, at(11)), undefined);
  });
  promise('the holder renews it, with the same fencing number', async (leases) => {
    await leases.acquire('gate', 'a', ttlMs, at(0));
    assert.deepEqual(await leases.acquire('gate', 'a', ttlMs, at(5)), { name: 'gate', holder: 'a', fencing: 1, until: at(15) });
    assert.equal(await leases.acquire('gate', 'b', ttlMs, at(12)), undefined);
  });
  promise('of many at once one gets it', async (leases) => {
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((holder) => leases.acquire('gate', holder, ttlMs, at(0))));
    assert.equal(answers.filter((lease) => lease !== undefined).length, 1);
  });
  promise('a released lease is free at once, and its fencing number grows on', async (leases) => {
    await leases.acquire('gate', 'a', ttlMs, at(0));
    await leases.release('gate', 'b');
    assert.equal(await leases.acquire('gate', 'b', ttlMs, at(1)), undefined);
    await leases.release('gate', 'a');
    assert.equal((await leases.acquire('gate', 'b', ttlMs, at(2)))?.fencing, 2);
    await leases.release('gate', 'b');
    assert.equal((await leases.acquire('gate', 'b', ttlMs, at(3)))?.fencing, 3);
    await leases.release('never-there', 'a');
  });
  promise('names are apart', async (leases) => {
    await leases.acquire('gate', 'a', ttlMs, at(0));
    assert.equal((await leases.acquire('mail', 'b', ttlMs, at(0)))?.fencing, 1);
  });
};
