/** Every movable clock keeps the contract; and what the wall clock adds. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { ManualClock, OffsetClock, SystemClock } from '../../src/adapters/system/clock.ts';
import type { Instant } from '../../src/domain/instant.ts';
import { day, fromEpochMs, plus, toEpochMs } from '../../src/domain/instant.ts';
import { movableClockContract } from './clock.contract.ts';

const noon = '2026-11-21T12:00:00.000Z' as Instant;

movableClockContract('manual', () => new ManualClock(noon));
movableClockContract('offset', () => new OffsetClock());

test('manual: it stands still until it is moved', async () => {
  const clock = new ManualClock(noon);
  assert.equal(clock.now(), noon);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(clock.now(), noon);
  clock.advance(1_000);
  clock.advance(500);
  assert.equal(clock.now(), plus(noon, 1_500));
});

test('offset: a wall clock set back is not followed until it has caught up', () => {
  let wallMs = toEpochMs(noon);
  const clock = new OffsetClock(0, () => wallMs);
  assert.equal(clock.now(), noon);
  wallMs -= day;
  assert.equal(clock.now(), noon);
  clock.setOffset(1_000);
  assert.equal(clock.now(), noon);
  wallMs += day;
  assert.equal(clock.now(), plus(noon, 1_000));
});

test('offset and system: a wait ends by itself when its time has come', async () => {
  for (const clock of [new OffsetClock(5 * day), new SystemClock()]) {
    // Something must keep the process alive: the clock's own timers do not.
    const alive = setInterval(() => undefined, 1_000);
    const due = plus(clock.now(), 20);
    await clock.until(due);
    clearInterval(alive);
    assert.ok(clock.now() >= due);
  }
});

test('system: it tells the time of the machine', () => {
  const before = Date.now();
  const now = new SystemClock().now();
  assert.ok(fromEpochMs(before) <= now && now <= fromEpochMs(Date.now()));
});

test('system: waiting keeps no process alive, however far away the instant is', () => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const module = new URL(`../../src/adapters/system/clock.${extension}`, import.meta.url).href;
  const code = `import { SystemClock } from ${JSON.stringify(module)}; new SystemClock().until('2999-01-01T00:00:00.000Z').then(() => console.log('woken'));`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
  assert.deepEqual([child.status, child.stdout], [0, '']);
});
