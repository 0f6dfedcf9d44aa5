/** What every clock that can be moved promises; `clock.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { day, hour, plus, toEpochMs } from '../../src/domain/instant.ts';
import type { MovableClock } from '../../src/domain/ports/clock.ts';

const state = (promise: Promise<void>): { done: boolean } => {
  const found = { done: false };
  void promise.then(() => (found.done = true));
  return found;
};
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const movableClockContract = (name: string, open: () => MovableClock): void => {
  test(`${name}: instants are text in milliseconds and never go back`, () => {
    const clock = open();
    const first = clock.now();
    assert.match(first, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(clock.now() >= first);
  });
  test(`${name}: moving it moves now`, () => {
    const clock = open();
    const before = clock.now();
    clock.setOffset(clock.offsetMs + 40 * day);
    assert.ok(toEpochMs(clock.now()) - toEpochMs(before) >= 40 * day);
    assert.equal(clock.offsetMs, 40 * day);
    clock.setOffset(clock.offsetMs);
  });
  test(`${name}: it cannot be moved back, nor by half a millisecond`, () => {
    const clock = open();
    clock.setOffset(hour);
    for (const offset of [hour - 1, -1, hour + 0.5, Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => clock.setOffset(offset), RangeError);
    assert.equal(clock.offsetMs, hour);
  });
  test(`${name}: an instant that has come is not waited for`, async () => {
    const clock = open();
    await clock.until(clock.now());
    await clock.until(plus(clock.now(), -day));
  });
  test(`${name}: moving it wakes everybody whose instant has come, the earliest first, and nobody else`, async () => {
    const clock = open();
    const start = clock.now();
    const woken: string[] = [];
    const sleep = (label: string, ms: number): { done: boolean } => state(clock.until(plus(start, ms)).then(() => void woken.push(label)));
    const late = sleep('late', 400 * day);
    sleep('second', 2 * hour);
    sleep('first', hour);
    clock.setOffset(clock.offsetMs + 30 * 60_000);
    await settle();
    assert.deepEqual(woken, []);
    clock.setOffset(clock.offsetMs + 3 * hour);
    await settle();
    assert.deepEqual(woken, ['first', 'second']);
    clock.setOffset(clock.offsetMs + 400 * day);
    await settle();
    assert.equal(late.done, true);
  });
  test(`${name}: an abort ends the waiting without an error`, async () => {
    const clock = open();
    const abort = new AbortController();
    const waiting = clock.until(plus(clock.now(), day), abort.signal);
    const found = state(waiting);
    await settle();
    assert.equal(found.done, false);
    abort.abort();
    await waiting;
    await clock.until(plus(clock.now(), day), AbortSignal.abort());
  });
};
