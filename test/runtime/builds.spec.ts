/** Builds and updates with real processes: detection, tools, time-outs, and every way to be killed in the middle. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { a, b, read, Reports, specOf } from '../contracts/runtime.contract.ts';
import { detect } from '../../src/adapters/runtime/detect.ts';
import type { WorkloadSpec } from '../../src/domain/ports/runtime.ts';
import { lives, local, processesWith, quick, type LocalWorld } from './world.ts';

/** What is uploaded, what is found to be built and started, and why. */
const found: readonly (readonly [what: string, files: Readonly<Record<string, string>>, steps: readonly string[], start: string, why: RegExp, given?: string])[] = [
  ['Node without dependencies needs no build', { 'package.json': '{"scripts":{"start":"node a.js"}}' }, [], 'node a.js', /^Node.js \(package.json\): started with 'node a.js' \(scripts.start\)$/],
  ['Node with a lockfile', { 'package.json': '{"dependencies":{"x":"1"},"scripts":{"start":"node a.js","build":"tsc"}}', 'package-lock.json': '{}' }, ['npm ci --no-audit --no-fund', 'npm run build'], 'node a.js', /'npm ci.*', then 'npm run build', then started with/],
  ['Node without a lockfile', { 'package.json': '{"devDependencies":{"x":"1"},"main":"a.js"}' }, ['npm install --no-audit --no-fund'], "node 'a.js'", /\(main\)/],
  ['Node that brings its modules', { 'package.json': '{"dependencies":{"x":"1"},"main":"a.js"}', 'node_modules/x/index.js': '' }, [], "node 'a.js'", /Node/],
  ['Go', { 'go.mod': 'module x', 'main.go': 'package main' }, ['go build -o .tollgate/app .'], '.tollgate/app', /^Go \(go.mod\): .*package main in \.\)$/],
  ['Go with one command', { 'go.mod': 'module x', 'lib.go': 'package x', 'cmd/serve/main.go': '// c\npackage main\n' }, ['go build -o .tollgate/app ./cmd/serve'], '.tollgate/app', /\.\/cmd\/serve/],
  ['Python', { 'app.py': '' }, [], 'python3 -u app.py', /Python \(app.py\).*there is a app.py/],
  ['Python with requirements', { 'main.py': '', 'requirements.txt': '# c\nflask==3\n' }, ['python3 -m venv .tollgate/venv', '.tollgate/venv/bin/pip install --disable-pip-version-check -r requirements.txt'], 'python3 -u main.py', /requirements.txt/],
  ['Python with requirements that say nothing', { 'server.py': '', 'requirements.txt': '\n# none\n' }, [], 'python3 -u server.py', /requirements.txt/],
  ['a Python project', { 'main.py': '', 'pyproject.toml': '[project]\ndependencies = [\n  "flask",\n]\n' }, ['python3 -m venv .tollgate/venv', '.tollgate/venv/bin/pip install --disable-pip-version-check .'], 'python3 -u main.py', /pyproject/],
  ["a Procfile's build line instead of the usual", { Procfile: 'build: make\nrelease: ./migrate\nweb: ./out\n', 'package.json': '{"dependencies":{"x":"1"}}' }, ['make', './migrate'], './out', /'make', then '.\/migrate', then started with '.\/out' \(Procfile's web line\)/],
  ["a Procfile's only line beside its build line", { Procfile: 'build: make\nworker: ./w\n' }, ['make'], './w', /Procfile/],
  ['a Procfile that starts a language', { Procfile: 'web: node b.js\n', 'package.json': '{"dependencies":{"x":"1"},"main":"a.js"}' }, ['npm install --no-audit --no-fund'], 'node b.js', /Procfile's web line/],
  ['a command that is given still builds', { 'go.mod': 'module x', 'main.go': 'package main' }, ['go build -o .tollgate/app .'], '.tollgate/app --port 1', /\(as given\)/, '.tollgate/app --port 1'],
  ['an executable', { run: '#!/bin/sh' }, [], "'./run'", /^an executable: .*run is executable/],
];
const written = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-detect-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  return folder;
};
const everything = async (name: string): Promise<string> => `/usr/bin/${name}`;
for (const [what, files, steps, start, why, given] of found) {
  test(`found: ${what}`, async () => {
    const folder = await written(files);
    const plan = await detect(folder, given, everything);
    assert.deepEqual([plan.steps.map(({ says }) => says), plan.command], [steps, start]);
    assert.match(plan.how, why);
    await rm(folder, { recursive: true });
  });
}
const refusals: readonly (readonly [what: string, files: Readonly<Record<string, string>>, code: string, message: RegExp])[] = [
  ['Go without go', { 'go.mod': 'module x', 'main.go': 'package main' }, 'ToolMissing', /no go on this machine.*executable named run.*ask the operator/],
  ['Node that needs npm', { 'package.json': '{"dependencies":{"x":"1"},"main":"a.js"}' }, 'ToolMissing', /no npm on this machine.*node_modules/],
  ['Python without python', { 'main.py': '' }, 'ToolMissing', /no python3 on this machine/],
  ['Go without a main package', { 'go.mod': 'module x', 'lib.go': 'package x' }, 'NothingToRun', /no package main at the top or below cmd/],
  ['Go with two commands', { 'go.mod': 'module x', 'cmd/a/a.go': 'package main', 'cmd/b/b.go': 'package main' }, 'NothingToRun', /several commands: \.\/cmd\/a, \.\/cmd\/b/],
  ['Python without a file to start', { 'requirements.txt': 'x\n' }, 'NothingToRun', /no main.py, app.py or server.py/],
  ['nothing at all', { 'README.md': '' }, 'NothingToRun', /Looked for.*Procfile.*package.json.*go.mod.*main.py.*executable.*--command/],
];
for (const [what, files, code, message] of refusals) {
  test(`refused, with the next step: ${what}`, async () => {
    const folder = await written(files);
    await assert.rejects(detect(folder, undefined, code === 'ToolMissing' ? async () => undefined : everything), { code, message });
    await rm(folder, { recursive: true });
  });
}
test('what is built already runs also where the tools are missing', async () => {
  const folder = await written({ 'go.mod': 'module x', 'main.go': 'package main', run: '#!/bin/sh' });
  assert.equal((await detect(folder, undefined, async () => undefined)).command, "'./run'");
  await rm(folder, { recursive: true });
});

/** Answers on its port with its name, and prints it. */
const server = (name: string): string => `require('http').createServer((_, answer) => answer.end(${JSON.stringify(name)})).listen(process.env.PORT, '127.0.0.1', () => console.log(${JSON.stringify(`${name} is up`)}));`;
const gated = 'build: echo building; while [ ! -f "$HOME/go" ]; do sleep 0.02; done\nweb: node server.js\n';
const updateTo = (source: string, old: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec => specOf(source, { generation: 2, ...more, old: { generation: 1, release: 1, source: old }, release: 2 });
const says = async (address = ''): Promise<string> => (await fetch(address)).text();
const untilAddress = async (reports: Reports, generation: number): Promise<string> => {
  for (;;) {
    const seen = reports.all.findLast((report) => report.generation === generation && report.address !== undefined);
    if (seen?.address !== undefined) return seen.address;
    await reports.next();
  }
};
/** The first serves; the second is being built beside it. */
const inTheMiddle = async ({ runtime, reports, put }: LocalWorld): Promise<{ readonly first: string; readonly second: string; readonly address: string }> => {
  const [first, second] = [await put({ 'server.js': server('first'), 'package.json': '{"main":"server.js"}' }), await put({ Procfile: gated, 'server.js': server('second') })];
  await runtime.apply(specOf(first));
  const address = await untilAddress(reports, 1);
  await runtime.apply(updateTo(second, first));
  await reports.until({ state: 'building', generation: 2 });
  return { first, second, address };
};

local('an update is built and started beside what answers, takes over once it answers itself, and leaves nothing of the old one', async (world) => {
  const { reports, own, runtime } = world;
  const { address } = await inTheMiddle(world);
  assert.equal(await says(address), 'first');
  await writeFile(own(a, 'home', 'go'), '');
  const next = await untilAddress(reports, 2);
  assert.notEqual(next, address);
  assert.equal(await says(next), 'second');
  for await (const { text } of runtime.logs(a, { follow: true })) if (text === 'exited with code 0' || text === 'ended by SIGTERM') break;
  await runtime.stop(a);
  assert.deepEqual(await readdir(own(a, 'releases')).then((names) => names.filter((name) => name !== '2' && name !== '2.built')), []);
  await assert.rejects(says(address));
});
local('one that answered is replaced only by one that answers, too, or has had long to do so', async ({ runtime, reports, put }) => {
  const [first, mute] = [await put({ 'server.js': server('first'), 'package.json': '{"main":"server.js"}' }), await put({ run: '#!/bin/sh\necho mute\nexec sleep 100\n' })];
  await runtime.apply(specOf(first));
  const address = await untilAddress(reports, 1);
  await runtime.apply(updateTo(mute, first));
  for await (const { text } of runtime.logs(a, { follow: true })) if (text === 'mute') break;
  assert.equal(await says(address), 'first');
  await reports.until({ state: 'running', generation: 2 });
  assert.ok((await read(runtime)).some(({ text }) => text.startsWith('generation 2 has taken over')));
}, { settings: { provenMaxMs: 700 } });
local('a build that takes too long is ended, with all it has started', async ({ runtime, reports, put }) => {
  await runtime.apply(specOf(await put({ Procfile: 'build: echo one; setsid sleep 7391 & sleep 7391\nweb: x\n' })));
  const { reason, failed } = await reports.until({ state: 'error' });
  assert.equal(failed, 'build');
  assert.match(reason ?? '', /it took longer than 0.3 s; its last lines: one$/);
  assert.deepEqual(await processesWith('sleep\u00007391'), []);
}, { settings: { buildMaxMs: 300 } });
local('a failed build names its step and last lines; the whole of it stays readable; the next step is not begun', async ({ runtime, reports, put }) => {
  await runtime.apply(specOf(await put({ Procfile: `build: for i in $(seq 50); do echo "line $i"; done; echo "no such thing" >&2; exit 7\nrelease: echo never\nweb: x\n` })));
  assert.match((await reports.until({ state: 'error' })).reason ?? '', /^the build failed at 'for i in .*': exited with code 7; its last lines: line 49 \| line 50 \| no such thing$/);
  const lines = await read(runtime, { log: 'build' });
  assert.equal(lines.filter(({ stream }) => stream === 'stdout').length, 50);
  assert.ok(lines.every(({ text }) => text !== 'never'));
});
local('one long build delays nobody: another workload is applied, runs and is stopped meanwhile', async ({ runtime, reports, put }) => {
  await runtime.apply(specOf(await put({ Procfile: 'build: sleep 100\nweb: x\n' })));
  await reports.until({ state: 'building', workload: a });
  await runtime.apply(specOf(await put({ run: '#!/bin/sh\nexec sleep 100\n' }), { workload: b }));
  await reports.until({ state: 'running', workload: b });
  await runtime.stop(b);
  assert.deepEqual((await runtime.list()).map(({ state }) => state).sort(), ['building', 'stopped']);
});

local('killed in the middle of an update: its keeper; both come back, the old one first', async (world) => {
  const { runtime, reports, supervisorOf, own } = world;
  const { first, second } = await inTheMiddle(world);
  process.kill(await supervisorOf(a), 'SIGKILL');
  await reports.until({ lost: true });
  await runtime.apply(updateTo(second, first, { generation: 3 }));
  await reports.until({ state: 'running', generation: 1, incarnation: 2 });
  await reports.until({ state: 'building', generation: 3 });
  assert.equal((await processesWith(own(a))).length, 0, 'nothing of before is left');
  await writeFile(own(a, 'home', 'go'), '');
  assert.equal(await says(await untilAddress(reports, 3)), 'second');
});
/** Another process serves until it is killed: it does what `deeds` says with its runtime. */
const otherServer = (folder: string, deeds: string): Promise<void> => new Promise((resolve, reject) => {
  const modules = ['local.ts', 'source-store.ts'].map((name) => new URL(`../../src/adapters/runtime/${name}`, import.meta.url).href.replace(/\.ts$/, import.meta.url.slice(-3)));
  const program = `const [{ LocalRuntime }, { DiskSourceStore }] = await Promise.all(${JSON.stringify(modules)}.map((m) => import(m)));
    const clock = { now: () => new Date().toISOString(), until: async () => {} };
    const runtime = new LocalRuntime({ folder: ${JSON.stringify(join(folder, 'workloads'))}, sources: new DiskSourceStore(${JSON.stringify(join(folder, 'sources'))}), clock, settings: ${JSON.stringify(quick)} });
    const die = () => process.kill(process.pid, 'SIGKILL');
    ${deeds}
    setInterval(() => undefined, 1000);`;
  spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' }).once('exit', (_, name) => (name === 'SIGKILL' ? resolve() : reject(new Error(`ended by ${name}`))));
});
local('killed in the middle of an update: the server; the build goes on, and the next server hears how it ended', async ({ folder, put, again, own }) => {
  const [first, second] = [await put({ 'server.js': server('first'), 'package.json': '{"main":"server.js"}' }), await put({ Procfile: gated, 'server.js': server('second') })];
  await otherServer(folder, `runtime.onReport(({ generation, state, address }) => {
      if (generation === 1 && address) void runtime.apply(${JSON.stringify(updateTo(second, first))});
      if (generation === 2 && state === 'building') die();
    });
    await runtime.apply(${JSON.stringify(specOf(first))});`);
  await writeFile(own(a, 'home', 'go'), '');
  while (!(await readFile(own(a, 'state.json'), 'utf8')).includes('"generation":2,"release":2,"how"') || !(await readFile(own(a, 'state.json'), 'utf8')).includes('"address"')) await new Promise((resolve) => setTimeout(resolve, 20));
  const next = again();
  const reports = new Reports(next);
  assert.equal(await says(await untilAddress(reports, 2)), 'second');
  assert.deepEqual((await next.list()).map(({ generation, state }) => `${generation} ${state}`), ['2 running']);
});
local('killed in the middle of an update: the server and the keeper; what is left over is ended, nothing runs twice', async ({ folder, put, again, own, supervisorOf }) => {
  const [first, second] = [await put({ 'server.js': server('first'), 'package.json': '{"main":"server.js"}' }), await put({ Procfile: gated, 'server.js': server('second') })];
  await otherServer(folder, `runtime.onReport(({ generation, state, address }) => {
      if (generation === 1 && address) void runtime.apply(${JSON.stringify(updateTo(second, first))});
      if (generation === 2 && state === 'building') die();
    });
    await runtime.apply(${JSON.stringify(specOf(first))});`);
  const { old } = JSON.parse(await readFile(own(a, 'state.json'), 'utf8')) as { old: { leader: { pid: number } } };
  process.kill(await supervisorOf(a), 'SIGKILL');
  assert.ok(await lives(old.leader.pid), 'the workload itself goes on');
  const next = again();
  const reports = new Reports(next);
  await reports.until({ lost: true });
  await next.apply(updateTo(second, first, { generation: 3 }));
  await reports.until({ state: 'building', generation: 3 });
  await untilAddress(reports, 1);
  assert.equal(await lives(old.leader.pid), false);
  await next.remove(a);
  assert.equal(existsSync(own(a)), false);
});
local('killed itself, again and again: what is old and serves is started again while the new one is built', async (world) => {
  const { reports, own } = world;
  const { address } = await inTheMiddle(world);
  const { old } = JSON.parse(await readFile(own(a, 'state.json'), 'utf8')) as { old: { leader: { pid: number } } };
  process.kill(old.leader.pid, 'SIGKILL');
  await reports.until({ generation: 1, state: 'running', incarnation: 2 });
  const back = await untilAddress(reports, 1);
  assert.ok(back !== '' && address !== '');
  await writeFile(own(a, 'home', 'go'), '');
  assert.equal(await says(await untilAddress(reports, 2)), 'second');
});
local('a keeper that is asked to end by the machine ends both, and counts as lost', async (world) => {
  const { reports, supervisorOf, own } = world;
  await inTheMiddle(world);
  const { leader, old } = JSON.parse(await readFile(own(a, 'state.json'), 'utf8')) as { leader?: { pid: number }; old: { leader: { pid: number } } };
  process.kill(await supervisorOf(a), 'SIGTERM');
  const { generation } = await reports.until({ lost: true });
  assert.equal(generation, 2);
  for (const pid of [leader?.pid ?? 0, old.leader.pid]) assert.equal(await lives(pid), false);
});
