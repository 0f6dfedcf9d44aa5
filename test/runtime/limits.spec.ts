/** A plan's limits on real processes: by cgroups where this machine has them, and without. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { a, read, specOf } from '../contracts/runtime.contract.ts';
import { Cgroup, findCgroups, leftOf, type CgroupPlace } from '../../src/adapters/runtime/supervisor/cgroups.ts';
import { limitsInWords } from '../../src/adapters/runtime/supervisor/confinement.ts';
import { local, root, users, type LocalWorld, type Options } from './world.ts';

const here = findCgroups(`tollgate-test-${process.pid}`);
/** On this machine by whatever it has, and once more with neither cgroups nor users. */
const ways: readonly (readonly [string, Options & { needs?: boolean; without?: string }])[] = [
  ['cgroups', { needs: here !== undefined, without: 'no cgroups can be made here', ...(root ? { users } : {}) }],
  ['rlimits and measuring', { cgroups: false }],
];
const hog = "const kept = []; setInterval(() => kept.push(Buffer.alloc(8_000_000, 1)), 5); console.log('eating');";
const reasonsOf = ({ reports }: LocalWorld): readonly string[] => reports.all.map(({ reason }) => reason ?? '');

for (const [by, options] of ways) {
  local(`memory by ${by}: over its limit it is ended, which counts as a death, and says so`, async (world) => {
    const { runtime, reports, put } = world;
    await runtime.apply(specOf(await put({ 'hog.js': hog }), { command: 'node --max-old-space-size=2000 hog.js', retries: 1, limits: { memoryMiB: 100 } }));
    const { reason } = await reports.until({ state: 'error' });
    // The resource limit stops it at the same size as measuring does: which of them is first is a race, and both are its end.
    if (by === 'cgroups') assert.equal(reason, 'ended: over its 100 MiB of memory, gave up after 1 restart');
    else assert.match(reason ?? '', /^(ended: over its 100 MiB of memory|ended by SIG(ABRT|TRAP|ILL|SEGV)|exited with code 1\d\d), gave up after 1 restart$/);
    assert.ok(reasonsOf(world).some((text) => text.includes('restarting')), 'a death like any other');
    assert.ok((await read(runtime)).some(({ text }) => text.includes('100 MiB of memory')));
  }, options);
  local(`disk by ${by}: over its limit it is ended, and says so`, async ({ runtime, reports, put }) => {
    const writer = '#!/bin/sh\ni=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > "$HOME/f$i"; sleep 0.01; done\n';
    await runtime.apply(specOf(await put({ run: writer }), { retries: 0, limits: { diskMiB: 6 } }));
    assert.equal((await reports.until({ state: 'error' })).reason, 'ended: over its 6 MiB of disk, not restarted');
  }, options);
  local(`disk by ${by}: no single file grows larger than all of it`, async ({ runtime, reports, put }) => {
    await runtime.apply(specOf(await put({ run: '#!/bin/sh\nhead -c 20000000 /dev/zero > "$HOME/big"; echo "wrote $(wc -c < "$HOME/big")"; rm "$HOME/big"\n' }), { retries: 0, limits: { diskMiB: 8 } }));
    await reports.until({ workload: a, state: 'stopped' });
    assert.ok((await read(runtime)).some(({ text }) => text === `wrote ${8 * 1024 * 1024}`));
  }, { ...options, settings: { measureMs: 60_000 } });
  local(`processes by ${by}: a fork bomb is bounded`, async ({ runtime, reports, put }) => {
    const bomb = '#!/bin/sh\nfor i in $(seq 60); do sleep 1357 & done\nwait\n';
    await runtime.apply(specOf(await put({ run: bomb }), { retries: 0, limits: { processes: 12 } }));
    if (by === 'cgroups') {
      for await (const { stream, text } of runtime.logs(a, { follow: true })) if (stream === 'stderr' && /fork/i.test(text)) break;
      assert.ok((await reports.until({ state: 'error' })).reason?.startsWith('exited with code'));
    } else assert.equal((await reports.until({ state: 'error' })).reason, 'ended: over its 12 processes, not restarted');
  }, options);
  local(`a build by ${by} is held to the same limits`, async ({ runtime, reports, put }) => {
    await runtime.apply(specOf(await put({ Procfile: 'build: node --max-old-space-size=2000 hog.js\nweb: sleep 100\n', 'hog.js': hog }), { limits: { memoryMiB: 100 } }));
    const failed = await reports.until({ state: 'error' });
    assert.equal(failed.failed, 'build');
    if (by === 'cgroups') assert.match(failed.reason ?? '', /ended: over its 100 MiB of memory/);
  }, options);
}

local('by cgroups: every process of it is in its group, with the limits of the plan; an update has a group of its own; none is left', async ({ runtime, reports, put }) => {
  const source = await put({ run: '#!/bin/sh\nsleep 2468 &\nsetsid sleep 2468 &\necho up\ngrep -o "tollgate-.*" /proc/self/cgroup | sort -u\necho counted\nwait\n' });
  const limits = { cpuMillis: 250, memoryMiB: 64, processes: 32 };
  await runtime.apply(specOf(source, { limits }));
  await reports.until({ state: 'running' });
  const [, group = ''] = await firstLines(runtime, 3);
  assert.match(group, /^tollgate-[0-9a-f]{16}\/wl_a\.1$/);
  const folders = Object.values((here as CgroupPlace).folders).map((folder) => join(folder, '..', group));
  const version = here?.version;
  const values = folders.flatMap((folder) => ['cpu.cfs_quota_us', 'memory.limit_in_bytes', 'pids.max', 'cpu.max', 'memory.max'].flatMap((name) => (existsSync(join(folder, name)) ? [`${name} ${readFileSync(join(folder, name), 'utf8').trim()}`] : [])));
  assert.deepEqual([...new Set(values)].sort(), version === 1 ? ['cpu.cfs_quota_us 25000', `memory.limit_in_bytes ${64 * 1024 * 1024}`, 'pids.max 32'] : ['cpu.max 25000 100000', `memory.max ${64 * 1024 * 1024}`, 'pids.max 32']);
  assert.equal(readFileSync(join(folders[0] ?? '', 'cgroup.procs'), 'utf8').trim().split('\n').length, 3);
  await runtime.apply(specOf(source, { generation: 2, limits, old: { generation: 1, release: 1, source } }));
  await reports.until({ state: 'running', generation: 2 });
  await runtime.stop(a);
  for (const folder of folders) assert.ok(!existsSync(folder) && !existsSync(folder.replace('wl_a.1', 'wl_a.2')), `${folder} is gone`);
}, { needs: here !== undefined, without: 'no cgroups can be made here' });
const firstLines = async (runtime: LocalWorld['runtime'], count: number): Promise<readonly string[]> => {
  const texts: string[] = [];
  for await (const { stream, text } of runtime.logs(a, { follow: true })) if (stream === 'stdout' && texts.push(text) === count) break;
  return texts;
};
local('where its group cannot be made, it is not run without', async ({ runtime, reports, put }) => {
  const source = await put({ run: '#!/bin/sh\nexec sleep 100\n' });
  await runtime.apply(specOf(source, { workload: 'wl_unmade' as never, limits: { memoryMiB: -5 } }));
  assert.equal((await reports.until({ state: 'error' })).reason, 'its limits could not be set on this machine');
  assert.ok(!(await read(runtime, {}, 'wl_unmade' as never)).some(({ text }) => text.startsWith('started')));
  for (const folder of Object.values((here as CgroupPlace).folders)) assert.ok(!readdirSync(join(folder, '..')).some((name) => name.startsWith('tollgate-') && existsSync(join(folder, '..', name, 'wl_unmade.1'))), 'and nothing of it is left');
}, { needs: here !== undefined, without: 'no cgroups can be made here' });

test('in words: what is allowed, and by what it is kept', () => {
  const limits = { cpuMillis: 1_500, memoryMiB: 512, diskMiB: 1_024, processes: 256 };
  assert.equal(limitsInWords({ limits, group: 'x', user: 200_001, cgroups: { version: 2, folders: { cpu: '/c', memory: '/c', pids: '/c' } } }), '1.5 cores, 512 MiB of memory, 256 processes (cgroup v2), 1024 MiB of disk (measured), as user 200001');
  assert.equal(limitsInWords({ limits, group: 'x' }), "1.5 cores (not limited on this machine), 512 MiB of memory (rlimit, measured), 256 processes, 1024 MiB of disk (measured), as the server's user");
  assert.equal(limitsInWords({ limits: { cpuMillis: 1_000, processes: 3 }, group: 'x', user: 1, cgroups: { version: 1, folders: { cpu: '/c' } } }), '1 core (cgroup v1), 3 processes (rlimit), as user 1');
  assert.equal(limitsInWords({ limits: {}, group: 'x' }), "as the server's user");
});

/** A folder with the files that the kernel would show: what is written where is what is looked at. */
const tree = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-cgroup-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
};
test('version 2: controllers are passed on, limits are written to its files, kills and refusals are read from its counters', () => {
  const folder = tree({ 'root/cgroup.controllers': 'cpuset cpu io memory pids', 'mountinfo': '30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw', 'own': '0::/system.slice' });
  const place = findCgroups('tollgate-x', { mounts: join(folder, 'mountinfo'), own: join(folder, 'own'), root: join(folder, 'root') });
  const base = join(folder, 'root', 'tollgate-x');
  assert.deepEqual(place, { version: 2, folders: { cpu: base, memory: base, pids: base } });
  for (const at of [join(folder, 'root'), base]) assert.equal(readFileSync(join(at, 'cgroup.subtree_control'), 'utf8'), '+pids', 'each was asked for');
  mkdirSync(join(base, 'wl_a.1'));
  for (const optional of ['memory.swap.max', 'memory.oom.group']) writeFileSync(join(base, 'wl_a.1', optional), '');
  const group = new Cgroup(place as CgroupPlace, 'wl_a.1', { cpuMillis: 500, memoryMiB: 32, processes: 7 });
  const text = (name: string) => readFileSync(join(base, 'wl_a.1', name), 'utf8');
  assert.deepEqual(['cpu.max', 'memory.max', 'memory.swap.max', 'memory.oom.group', 'pids.max'].map(text), ['50000 100000', String(32 * 1024 * 1024), '0', '1', '7']);
  group.add(4321);
  assert.deepEqual(group.processes(), [4321]);
  assert.deepEqual([group.memoryKills(), group.forksRefused()], [0, 0]);
  writeFileSync(join(base, 'wl_a.1', 'memory.events'), 'low 0\nhigh 0\nmax 3\noom 2\noom_kill 2\n');
  writeFileSync(join(base, 'wl_a.1', 'pids.events'), 'max 9\n');
  assert.deepEqual([group.memoryKills(), group.forksRefused()], [2, 9]);
  assert.deepEqual(leftOf(place as CgroupPlace, 'wl_a').processes(), [4321]);
  assert.deepEqual(leftOf(place as CgroupPlace, 'wl_b').processes(), []);
  rmSync(folder, { recursive: true });
});
test('version 1: a mount per controller, below our own groups where those are mounted', () => {
  const folder = tree({ 'memory/ours/x': '', 'cpu/x': '', 'pids/x': '' });
  const mount = (name: string, options: string) => `30 25 0:26 / ${join(folder, name)} rw - cgroup cgroup rw,${options}`;
  writeFileSync(join(folder, 'mountinfo'), [mount('memory', 'memory'), mount('cpu', 'cpu,cpuacct'), mount('pids', 'pids'), '31 25 0:27 / /dev/shm rw - tmpfs tmpfs rw'].join('\n'));
  writeFileSync(join(folder, 'own'), '5:memory:/ours\n4:cpu,cpuacct:/of/the/host\n3:pids:/\n');
  const place = findCgroups('tollgate-x', { mounts: join(folder, 'mountinfo'), own: join(folder, 'own'), root: join(folder, 'none') });
  assert.deepEqual(place, { version: 1, folders: { memory: join(folder, 'memory/ours/tollgate-x'), cpu: join(folder, 'cpu/tollgate-x'), pids: join(folder, 'pids/tollgate-x') } });
  rmSync(folder, { recursive: true });
});
test('no cgroups, or none that can be written: none are used', () => {
  const folder = tree({ mountinfo: '31 25 0:27 / /dev/shm rw - tmpfs tmpfs rw', own: '', 'v2/cgroup.controllers': 'memory' });
  assert.equal(findCgroups('x', { mounts: join(folder, 'mountinfo'), own: join(folder, 'own'), root: join(folder, 'none') }), undefined);
  writeFileSync(join(folder, 'mountinfo'), '30 25 0:26 / /proc/1 rw - cgroup cgroup rw,memory');
  assert.equal(findCgroups('x', { mounts: join(folder, 'mountinfo'), own: join(folder, 'own'), root: '/proc/2' }), undefined);
  rmSync(folder, { recursive: true });
});
