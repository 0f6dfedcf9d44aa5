/** The server is killed at random instants under mixed load; nothing acknowledged is lost, nothing happens twice. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { drawing } from '../simulation/turns.ts';
import { assertIntact } from './intact.ts';
import { Load } from './load.ts';
import { ServerProcess } from './server-process.ts';

const kills = Number(process.env['TOLLGATE_TEST_KILLS'] ?? 200);
const seed = process.env['TOLLGATE_TEST_SEED'] ?? String(Date.now());
const uptimeMaxMs = 900;
/** As promised, counted from before the process is made. */
const readyMs = 3_000;

test(`killed ${kills} times under load (TOLLGATE_TEST_SEED=${seed})`, async () => {
  const data = await mkdtemp(join(tmpdir(), 'tollgate-kill-'));
  const server = new ServerProcess(data);
  const draw = drawing(new SeededRandom(seed));
  const load = new Load(server);
  const startsMs: number[] = [];
  try {
    await server.start();
    load.begin();
    for (let n = 0; n < kills; n += 1) {
      await sleep(20 + draw(uptimeMaxMs));
      await server.end('SIGKILL');
      startsMs.push(await server.start());
    }
    await load.end();
    const slowest = startsMs.toSorted((a, b) => b - a);
    console.log(`${load.acknowledged.length} commands acknowledged, ${load.customers.length} customers; ready again after ${slowest.at(-1)} to ${slowest[0]} ms (median ${slowest[slowest.length >> 1]} ms)`);
    assert.ok((slowest[slowest.length >> 1] ?? 0) <= readyMs, 'it is ready again soon'); // the median: a busy machine may hold up any one of them
    assert.ok(load.acknowledged.length > kills, 'there was load');
    assert.ok(load.customers.length > 0, 'somebody got through');
    await assertIntact(server, load, kills);
    assert.equal(server.errors, '', 'no bug was logged');
  } finally {
    await server.end('SIGTERM');
    const cleaner = new ServerProcess(data, { arguments: ['--stop-workloads'] });
    await cleaner.start();
    await cleaner.end('SIGTERM');
    await rm(data, { recursive: true, force: true });
  }
});
