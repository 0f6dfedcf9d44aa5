/** Rows about waiting: latency on a long log, the gate beside heavy work and on a slow disk, and how soon a lapse is felt. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { million } from './million.ts';
import { inTurns, median, rowOf, type Row } from './measure.ts';
import { built, start, type Running } from './processes.ts';
import { makeWorld, type World } from './world.ts';

const better = 'lower';
const unit = 'ms';
type Asked = { readonly method?: string; readonly path: string; readonly token?: string; readonly body?: object; readonly key?: string };
type Asking = (asked: Asked) => Promise<{ readonly status: number; readonly text: string }>;

/** Calls on connections that are kept. */
const asking = (port: number, connections = 64): Asking => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return ({ method = 'GET', path, token, body, key }) => new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }), ...(key === undefined ? {} : { 'idempotency-key': key }) };
    request({ port, host: '127.0.0.1', path, method, headers, agent }, (answer) => {
      let said = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (said += chunk)).on('end', () => resolve({ status: answer.statusCode ?? 0, text: said }));
    }).on('error', reject).end(text);
  });
};
const p99 = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;
const must = async (answer: Promise<{ readonly status: number; readonly text: string }>): Promise<void> => {
  const { status, text } = await answer;
  if (status !== 200) throw new Error(`answered ${status}: ${text}`);
};
const withFolder = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
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

const perSecond = 1_000;
const openLoopMs = 4_000;
/**
 * 99th percentile of gate answers asked for at fixed instants, whether earlier ones are answered or not. How late the client's own timer
 * is counts, too: one that never sleeps would be punctual, and would take a core from the server, which has threads that sync and collect.
 */
const gateP99 = async (ask: Asking, tokens: readonly string[], durationMs = openLoopMs): Promise<number> => {
  const found: number[] = [];
  const asked: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let n = 0; n < (durationMs / 1_000) * perSecond; n += 1) {
    const dueAt = startedAt + (n * 1_000) / perSecond;
    while (performance.now() < dueAt) await sleep(1);
    asked.push(must(ask({ path: '/gate?action=run', token: tokens[n % tokens.length] ?? '' })).then(() => void found.push(performance.now() - dueAt)));
  }
  await Promise.all(asked);
  return p99(found);
};
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
    const gate = asking(port, 32);
    const rate = await commandRate(ask, world);
    await gateP99(gate, world.customerTokens, 1_000);
    const boundMs = 5;
    const ours = async (): Promise<number> => {
      const load = writing(ask, world, rate / 2);
      const rebuild = must(ask({ method: 'POST', path: '/projections/plans/rebuild', token: world.operatorToken }));
      const found = await gateP99(gate, world.customerTokens);
      await load.stop();
      await rebuild;
      return found;
    };
    const floor = async (): Promise<number> => Math.max(2 * (await gateP99(gate, world.customerTokens)), boundMs);
    return [rowOf({ name: 'gate p99 beside a rebuild and 64 writers', goal: 1, better, unit, sent: `an open loop of ${perSecond} requests/s while a read model is rebuilt and 64 writers send ${Math.round(rate / 2)} commands/s (half of what it takes), against twice the idle server's, or ${boundMs} ms where that is more` }, await inTurns({ ours, floor }))];
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
    const gate = asking(port, 32);
    await gateP99(gate, world.customerTokens, 1_000);
    const ours = async (): Promise<number> => {
      const load = writing(ask, world, 200);
      const found = await gateP99(gate, world.customerTokens);
      await load.stop();
      return found;
    };
    return [rowOf({ ...facts, sent }, await inTurns({ ours, floor: () => 10 }))];
  }, { LD_PRELOAD: library });
});
