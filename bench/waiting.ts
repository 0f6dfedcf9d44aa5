/** Rows about waiting: latency on a long log, the gate beside heavy work and on a slow disk, and how soon a lapse is felt. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asking, must, type Asking } from './asking.ts';
import { million } from './million.ts';
import { withFolder } from './folder.ts';
import { inTurns, median, rowOf, type Row } from './measure.ts';
import { OpenLoop, perSecond } from './open-loop.ts';
import { built, start, type Running } from './processes.ts';
import { makeWorld, type World } from './world.ts';

const better = 'lower';
const unit = 'ms';
const serving = async <T>(folder: string, data: string, work: (server: Running, ask: Asking) => Promise<T>, environment: NodeJS.ProcessEnv = {}): Promise<T> => {
  Object.assign(process.env, environment);
  const server = await start(built('src/main.js'), ['--port', '0', '--data', data], folder);
  for (const name of Object.keys(environment)) delete process.env[name];
  try {
    return await work(server, asking(server.port));
  } finally {
    await server.stop();
  }
};

const pricesBefore = 1_000;
const latencyCalls = 300;
/** Milliseconds of one command, one after the other; each changes something. */
const commandMs = (ask: Asking, { operatorToken, plans: [planId] }: World) => {
  let serial = 0;
  const reprice = (): Promise<void> => must(ask({ method: 'POST', path: '/commands/RepricePlan', token: operatorToken, body: { planId, amount: 1_000 + (serial = (serial + 1) % 100_000), currency: 'USD' } }));
  return {
    reprice,
    median: async (): Promise<number> => {
      const found: number[] = [];
      for (let call = 0; call < latencyCalls; call += 1) {
        const from = performance.now();
        await reprice();
        found.push(performance.now() - from);
      }
      return median(found);
    },
  };
};
/** The same command beside a million events, on a stream of a thousand, and on a store with next to nothing in it. */
export const latencyRows = (): Promise<Row[]> => withFolder(async (folder) => {
  const empty = join(folder, 'empty');
  const { data: full, world: fullWorld } = await million();
  const emptyWorld = await makeWorld(empty, { plans: 1, customers: 0 });
  return serving(folder, full, (_, askFull) => serving(folder, empty, async (__, askEmpty) => {
    const [ours, floor] = [commandMs(askFull, fullWorld), commandMs(askEmpty, emptyWorld)];
    const coldFrom = performance.now();
    await ours.reprice();
    const coldMs = performance.now() - coldFrom;
    for (let n = 0; n < pricesBefore; n += 1) await ours.reprice();
    await floor.median();
    return [rowOf({ name: 'command latency, warm, with 1,000,000 events', goal: 1.2, better, unit, sent: `RepricePlan, one after the other over HTTP, on a stream of ${pricesBefore.toLocaleString('en')} events beside a million others, against an empty store; the first one, cold, took ${coldMs.toFixed(1)} ms` }, await inTurns({ ours: ours.median, floor: floor.median }))];
  }));
});

const writers = 64;
/** Keeps writing at about `rate` commands a second until told to stop. */
const writing = (ask: Asking, { operatorToken, plans }: World, rate: number): { stop(): Promise<void> } => {
  let over = false;
  let serial = 0;
  const everyMs = (writers / rate) * 1_000;
  const all = Array.from({ length: writers }, async (_, n) => {
    await sleep((everyMs * n) / writers);
    for (let dueAt = performance.now(); !over; dueAt += everyMs) {
      await must(ask({ method: 'POST', path: '/commands/RepricePlan', token: operatorToken, body: { planId: plans[(serial += 1) % plans.length], amount: 1_000 + serial, currency: 'USD' } }));
      await sleep(Math.max(0, dueAt + everyMs - performance.now()));
    }
  });
  for (const each of all) each.catch(() => undefined); // told by stop(), and not before whatever went wrong first
  return {
    stop: async () => {
      over = true;
      await Promise.all(all);
    },
  };
};
/** How many commands a second the server takes from 64 callers. */
const commandRate = async (ask: Asking, { operatorToken, plans }: World): Promise<number> => {
  const count = 4_000;
  let serial = 0;
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: writers }, async () => {
    while ((serial += 1) <= count) await must(ask({ method: 'POST', path: '/commands/RepricePlan', token: operatorToken, body: { planId: plans[serial % plans.length], amount: 2_000 + serial, currency: 'USD' } }));
  }));
  return count / ((performance.now() - startedAt) / 1_000);
};
/** The gate beside a rebuild and writers at half of what the server can take; a bound in milliseconds counts as the floor when twice the idle one is below it. */
export const busyGateRows = (): Promise<Row[]> => withFolder(async (folder) => {
  const data = join(folder, 'data');
  const world = await makeWorld(data, { plans: 200, customers: 1_000 });
  return serving(folder, data, async ({ port }, ask) => {
    const gate = new OpenLoop(port, world.customerTokens);
    const rate = await commandRate(ask, world);
    await gate.p99(1_000);
    const boundMs = 5;
    const ours = async (): Promise<number> => {
      const load = writing(ask, world, rate / 2);
      const rebuild = must(ask({ method: 'POST', path: '/projections/plans/rebuild', token: world.operatorToken }));
      const found = await gate.p99();
      await load.stop();
      await rebuild;
      return found;
    };
    const floor = async (): Promise<number> => Math.max(2 * (await gate.p99()), boundMs);
    await ours(); // warm-up, as everywhere
    const found = await inTurns({ ours, floor });
    gate.stop();
    return [rowOf({ name: 'gate p99 beside a rebuild and 64 writers', goal: 1, better, unit, sent: `an open loop of ${perSecond} requests/s while a read model is rebuilt and 64 writers send ${Math.round(rate / 2)} commands/s (half of what it takes), against twice the idle server's, or ${boundMs} ms where that is more` }, found)];
  });
});

const slowFsyncMs = 50;
const shim = (ms: number): string => `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
#include <time.h>
static void slow(void) { struct timespec t = {0, ${ms * 1_000_000}}; nanosleep(&t, 0); }
int fdatasync(int fd) { static int (*real)(int); if (!real) real = dlsym(RTLD_NEXT, "fdatasync"); slow(); return real(fd); }
int fsync(int fd) { static int (*real)(int); if (!real) real = dlsym(RTLD_NEXT, "fsync"); slow(); return real(fd); }
`;
export const slowDiskRows = (): Promise<Row[]> => withFolder(async (folder) => {
  const facts = { name: `gate p99 with every fsync taking ${slowFsyncMs} ms`, goal: 1, better, unit } as const;
  const sent = `an open loop of ${perSecond} requests/s while 16 writers write to a disk whose every fsync takes ${slowFsyncMs} ms (a preloaded library), against a bound of 10 ms`;
  const [data, library] = [join(folder, 'data'), join(folder, 'slow.so')];
  writeFileSync(`${library}.c`, shim(slowFsyncMs));
  if (spawnSync('cc', ['-shared', '-fPIC', '-o', library, `${library}.c`, '-ldl']).status !== 0) return [rowOf({ ...facts, sent, void: 'there is no C compiler here for the slow disk' }, [{ ours: 0, floor: 10 }])];
  const world = await makeWorld(data, { plans: 200, customers: 1_000 });
  return serving(folder, data, async ({ port }, ask) => {
    const gate = new OpenLoop(port, world.customerTokens);
    await gate.p99(1_000);
    const ours = async (): Promise<number> => {
      const load = writing(ask, world, 200);
      const found = await gate.p99();
      await load.stop();
      return found;
    };
    const rounds = await inTurns({ ours, floor: () => 10 });
    gate.stop();
    return [rowOf({ ...facts, sent }, rounds)];
  }, { LD_PRELOAD: library });
});
