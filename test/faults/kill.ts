/** A server that is killed again and again under mixed load, on whatever its log and read models are kept in; and what must be true afterwards. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { drawing } from '../simulation/turns.ts';
import { assertIntact } from './intact.ts';
import { Load } from './load.ts';
import { ServerProcess } from './server-process.ts';

export type Killing = {
  readonly kills: number;
  readonly seed: string;
  /** The longest that it runs between being ready and being killed. */
  readonly uptimeMaxMs: number;
  /** The median of the times from making the process until it is ready: a busy machine may hold up any one of them. */
  readonly readyMs?: number;
  /** What the server is told besides its folder: where its log is, and everything else. */
  readonly arguments?: readonly string[];
};
/** Nothing acknowledged is lost, nothing happens twice, rebuilt read models equal the live ones, and the last start is ready. Answers what was done, in words. */
export const killedUnderLoad = async ({ kills, seed, uptimeMaxMs, readyMs = Infinity, arguments: given = [] }: Killing): Promise<string> => {
  const data = await mkdtemp(join(tmpdir(), 'tollgate-kill-'));
  const server = new ServerProcess(data, { arguments: given });
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
    // On a busy machine no life may have been long enough for a whole journey: the last one is as long as it takes.
    while (load.customers.length === 0 || load.acknowledged.length <= kills) await sleep(50);
    await load.end();
    const slowest = startsMs.toSorted((a, b) => b - a);
    assert.ok((slowest[slowest.length >> 1] ?? 0) <= readyMs, `it is ready again soon: ${slowest.join(', ')} ms`);
    await assertIntact(server, load, kills);
    assert.equal((await server.ask('GET', '/readyz')).status, 200, 'and it comes to say that it is ready');
    assert.equal(server.errors, '', 'no bug was logged');
    return `${load.acknowledged.length} commands acknowledged, ${load.customers.length} customers; ready again after ${slowest.at(-1)} to ${slowest[0]} ms (median ${slowest[slowest.length >> 1]} ms)`;
  } finally {
    await server.end('SIGTERM');
    const cleaner = new ServerProcess(data, { arguments: [...given, '--stop-workloads'] });
    await cleaner.start();
    await cleaner.end('SIGTERM');
    await rm(data, { recursive: true, force: true });
  }
};
