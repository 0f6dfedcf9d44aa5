/** Disks that are full, read-only or slow, by real means: a small file system of its own, a preloaded library. Skipped loudly where the machine lends none. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { assertIntact, logOf, settled } from './intact.ts';
import { Load } from './load.ts';
import { preloaded } from './preloaded.ts';
import { ServerProcess } from './server-process.ts';

const run = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const scratch = mkdtempSync(join(tmpdir(), 'tollgate-disk-'));
const mountable = process.getuid?.() === 0 && run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', scratch) && run('umount', scratch);
const skipMount = mountable ? {} : { skip: 'this machine lets no file system be mounted' };

/** A server on a small file system of its own, which is taken away again. */
const onSmallDisk = async (mebibytes: number, work: (server: ServerProcess, folder: string) => Promise<void>): Promise<void> => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', scratch]);
  const server = new ServerProcess(join(scratch, 'data'));
  try {
    await server.start();
    await work(server, scratch);
  } finally {
    await server.end('SIGKILL');
    execFileSync('umount', ['-l', scratch]);
  }
};
const invite = (server: ServerProcess, email: string) => server.call('POST', '/commands/AddInvite', { token: server.operator, body: { email }, headers: { 'idempotency-key': email } });
const gateAnswers = async (server: ServerProcess): Promise<void> => assert.equal((await server.call('GET', '/gate?action=read', { token: server.operator })).status, 200);

test('a full disk: refused in words, reads go on, nothing acknowledged is lost, and writes come back with the space, without a hand', skipMount, () => onSmallDisk(16, async (server, folder) => {
  assert.equal((await invite(server, 'before@example.com')).status, 200);
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(join(folder, 'ballast'), Buffer.alloc(Number(bavail) * Number(bsize) - 64 * 1024));
  const acknowledged = ['before@example.com'];
  let refused = 0;
  for (let n = 0; n < 300 && refused < 5; n += 1) {
    const { status, json, text } = await invite(server, `full-${n}@example.com`);
    if (status === 200) acknowledged.push(`full-${n}@example.com`);
    else {
      refused += 1;
      assert.equal(status, 503, text);
      assert.equal(json.code, 'Unavailable');
    }
  }
  assert.ok(refused >= 5, 'it was full');
  await gateAnswers(server);
  assert.equal((await server.call('GET', '/invites', { token: server.operator })).status, 200);
  rmSync(join(folder, 'ballast'));
  for (let tries = 0; ; tries += 1) {
    const { status, text } = await invite(server, 'after@example.com');
    if (status === 200) break;
    assert.ok(tries < 100, text);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  acknowledged.push('after@example.com');
  await settled(server);
  const { items } = (await server.ask('GET', '/invites?limit=1000', { token: server.operator })).json;
  for (const email of acknowledged) assert.ok(items.some((item: { email: string }) => item.email === email), email);
  await assertIntact(server, new Load(server), 0);
  await server.end('SIGTERM');
  await server.start();
  assert.ok((await logOf(server)).length >= acknowledged.length);
}));

test('a disk that has become read-only: writes are refused in words, reads and the gate go on', skipMount, () => onSmallDisk(32, async (server, folder) => {
  assert.equal((await invite(server, 'before@example.com')).status, 200);
  await settled(server);
  if (!run('mount', '-o', 'remount,ro', folder)) return; // files that are open for writing may forbid it
  const { status, text } = await invite(server, 'after@example.com');
  assert.equal(status, 503, text);
  await gateAnswers(server);
  assert.equal((await server.call('GET', '/invites', { token: server.operator })).json.items.length, 1);
}));

const shim = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
#include <time.h>
static void slow(void) { struct timespec t = {0, 50000000}; nanosleep(&t, 0); }
int fdatasync(int fd) { static int (*real)(int); if (!real) real = dlsym(RTLD_NEXT, "fdatasync"); slow(); return real(fd); }
int fsync(int fd) { static int (*real)(int); if (!real) real = dlsym(RTLD_NEXT, "fsync"); slow(); return real(fd); }
`;
const library = preloaded('slow', shim);
test('every fsync takes 50 ms: writes wait for it together, the gate and reads do not wait at all', library === undefined ? { skip: 'there is no C compiler for the slow disk' } : {}, async () => {
  const data = mkdtempSync(join(tmpdir(), 'tollgate-slow-'));
  const server = new ServerProcess(data, { environment: { LD_PRELOAD: library } });
  try {
    await server.start();
    const beganMs = Date.now();
    const writing = Promise.all(Array.from({ length: 400 }, (_, n) => invite(server, `p${n}@example.com`)));
    const gateMs: number[] = [];
    let over = false;
    void writing.finally(() => (over = true));
    while (!over) {
      const askedMs = performance.now();
      await gateAnswers(server);
      gateMs.push(performance.now() - askedMs);
    }
    assert.ok((await writing).every(({ status }) => status === 200));
    const took = Date.now() - beganMs;
    gateMs.sort((a, b) => a - b);
    console.log(`400 writes in ${took} ms (one by one they would have taken ${400 * 50}); the gate answered ${gateMs.length} times meanwhile, median ${gateMs[gateMs.length >> 1]?.toFixed(1)} ms`);
    assert.ok(took < 400 * 50 / 4, 'commits are shared');
    assert.ok(gateMs.length > 5, 'the gate answered meanwhile');
  } finally {
    await server.end('SIGTERM');
    rmSync(data, { recursive: true, force: true });
    if (library !== undefined) rmSync(dirname(library), { recursive: true, force: true });
  }
});

test('SIGTERM under load: what is under way is answered, nothing acknowledged is lost, and it ends in order', async () => {
  const data = mkdtempSync(join(tmpdir(), 'tollgate-term-'));
  const server = new ServerProcess(data);
  try {
    await server.start();
    const acknowledged: string[] = [];
    let over = false;
    const writing = Promise.all(Array.from({ length: 32 }, async (_, worker) => {
      for (let n = 0; !over; n += 1) {
        const email = `p${worker}-${n}@example.com`;
        const status = await invite(server, email).then((answer) => answer.status, () => 0);
        if (status === 200) acknowledged.push(email);
        else if (status === 0) return;
      }
    }));
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.equal(await server.end('SIGTERM'), 0);
    over = true;
    await writing;
    await server.start();
    const invited = (await logOf(server)).filter(({ type }) => type === 'InviteAdded').length;
    assert.ok(acknowledged.length > 100, `${acknowledged.length} were acknowledged`);
    assert.ok(invited >= acknowledged.length);
  } finally {
    await server.end('SIGTERM');
    rmSync(data, { recursive: true, force: true });
  }
});
