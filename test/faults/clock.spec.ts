/** The machine's clock is set back under a running server, and between two starts: by a library that is loaded before its own. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertIntact, logOf } from './intact.ts';
import { Load } from './load.ts';
import { preloaded } from './preloaded.ts';
import { ServerProcess } from './server-process.ts';
import { hour } from '../../src/domain/instant.ts';

/** Both ways to ask for the time of day, moved by the seconds (a number of 8 bytes) in the file that SKEW_FILE names. */
const shim = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static volatile long long *skew;
__attribute__((constructor)) static void begin(void) {
  int file = open(getenv("SKEW_FILE"), O_RDONLY);
  skew = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
}
int clock_gettime(clockid_t which, struct timespec *at) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int answer = real(which, at);
  if (skew && which == CLOCK_REALTIME) at->tv_sec += *skew;
  return answer;
}
int gettimeofday(struct timeval *at, void *zone) {
  struct timespec now;
  int answer = clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return answer;
}
`;
const seesThePast = async (server: ServerProcess): Promise<boolean> => Date.parse((await server.ask('GET', '/healthz')).headers.get('date') ?? '') < Date.now() - hour / 2;
const library = preloaded('skewed', shim);

test('a clock that is set back: time in the log stands still until it has caught up, nothing is lost or done twice, also across a crash', library === undefined ? { skip: 'there is no C compiler for another clock' } : {}, async () => {
  const home = mkdtempSync(join(tmpdir(), 'tollgate-clock-'));
  const skewFile = join(home, 'skew');
  const setBack = (seconds: number): void => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(-seconds));
    writeFileSync(skewFile, bytes, { flag: 'r+' });
  };
  writeFileSync(skewFile, Buffer.alloc(8));
  const server = new ServerProcess(join(home, 'data'), { environment: { LD_PRELOAD: library, SKEW_FILE: skewFile } });
  const load = new Load(server);
  try {
    await server.start();
    await load.journey('before@example.com', 'succeeds');
    const before = (await logOf(server)).map(({ at }) => at).toSorted().at(-1) ?? '';
    setBack(hour / 1_000);
    for (let looks = 0; !(await seesThePast(server)); looks += 1) {
      assert.ok(looks < 100, 'the server does not see the other clock');
      await sleep(50); // Node keeps its Date header for up to a second
    }
    await load.journey('running@example.com', 'succeeds');
    await server.end('SIGKILL');
    setBack(2 * hour / 1_000);
    await server.start();
    await load.journey('after@example.com', 'succeeds');
    setBack(0);
    await load.journey('again@example.com', 'succeeds');
    const log = await logOf(server);
    const times = log.map(({ at }) => at);
    assert.deepEqual(times, times.toSorted(), 'time in the log never goes back');
    assert.ok(times.some((at) => at > before));
    assert.equal(load.customers.length, 4, 'everybody got through');
    await assertIntact(server, load, 1);
    assert.equal(server.errors, '', 'no bug was logged');
  } finally {
    await server.end('SIGKILL');
    const cleaner = new ServerProcess(server.data, { arguments: ['--stop-workloads'] });
    await cleaner.start();
    await cleaner.end('SIGTERM');
    rmSync(home, { recursive: true, force: true });
    if (library !== undefined) rmSync(dirname(library), { recursive: true, force: true });
  }
});
