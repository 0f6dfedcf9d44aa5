/** All runtimes keep the contract; the local one with real processes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, readlink, rename, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { detect, shellLine } from '../../src/adapters/runtime/detect.ts';
import { LocalRuntime, type LocalRuntimeOptions } from '../../src/adapters/runtime/local.ts';
import { MemoryRuntime, MemorySourceStore } from '../../src/adapters/runtime/memory.ts';
import { DiskSourceStore } from '../../src/adapters/runtime/source-store.ts';
import type { Settings } from '../../src/adapters/runtime/supervisor/order.ts';
import { SystemClock } from '../../src/adapters/system/clock.ts';
import type { WorkloadId } from '../../src/domain/ids.ts';
import type { Runtime } from '../../src/domain/ports/runtime.ts';
import { a, b, read, Reports, runtimeContract, specOf, type World } from './runtime.contract.ts';
import { filesTgz, pieces } from './source-store.archives.ts';

const root = await mkdtemp(join(tmpdir(), 'tollgate-runtime-'));
await chmod(root, 0o711);
after(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));
let worlds = 0;
const quick: Settings = { graceMs: 400, runningAfterMs: 50, healthyMs: 60_000, restartDelayMs: 20, restartDelayMaxMs: 100, buildMaxMs: 60_000, provenAfterMs: 60, provenMaxMs: 5_000, measureMs: 100, logBytes: 10_000_000, logFiles: 5 };
const clock = new SystemClock();

/** Prints what it is given, and ends when it is told to, with the code it is told. */
const steady = `#!/bin/sh
echo up
while :; do
  if [ -f "$HOME/print" ]; then mv "$HOME/print" "$HOME/printing"; cat "$HOME/printing"; fi
  if [ -f "$HOME/crash" ]; then code=$(cat "$HOME/crash"); rm "$HOME/crash"; exit "$code"; fi
  sleep 0.02
done
`;
/** Its build goes on until it is told to end, with the code it is told. */
const slow = { Procfile: 'build: echo building; while [ ! -f "$HOME/build" ]; do sleep 0.02; done; code=$(cat "$HOME/build"); rm "$HOME/build"; exit $code\nweb: ./run\n', run: steady };
const dying = { run: '#!/bin/sh\nexit 9\n' };
type Local = World & { readonly folder: string; readonly again: () => LocalRuntime; readonly put: (files: Readonly<Record<string, string>>) => Promise<string> };
const openLocal = async (settings: Partial<Settings> = {}, more: Partial<LocalRuntimeOptions> = {}): Promise<Local> => {
  const folder = join(root, String((worlds += 1)));
  const sources = new DiskSourceStore(join(folder, 'sources'));
  const put = async (files: Readonly<Record<string, string>>): Promise<string> => (await sources.put(pieces(await filesTgz(files)))).digest;
  const opened: LocalRuntime[] = [];
  const again = (): LocalRuntime => {
    opened.push(new LocalRuntime({ folder: join(folder, 'workloads'), sources, clock, settings: { ...quick, ...settings }, ...more }));
    return opened.at(-1) as LocalRuntime;
  };
  const tell = async (workload: WorkloadId, file: string, text: string): Promise<void> => {
    const path = join(folder, 'workloads', workload, 'home', file);
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  };
  const close = async (): Promise<void> => {
    for (const runtime of opened) await runtime.close();
    const last = again();
    for (const { workload } of await last.list()) await last.remove(workload);
    await last.close();
  };
  return { runtime: again(), source: await put({ run: steady }), slow: await put(slow), dying: await put(dying), finishBuild: (workload, code) => tell(workload, 'build', String(code)), folder, again, put, close, crash: (workload, code) => tell(workload, 'crash', String(code)), lose: async (workload) => void process.kill(await supervisorOf(workload, folder), 'SIGKILL'), print: (workload, text) => tell(workload, 'print', `${text}\n`) };
};
const stateOf = async (folder: string, workload: WorkloadId): Promise<{ readonly leader: { readonly pid: number } }> => JSON.parse(await readFile(join(folder, 'workloads', workload, 'state.json'), 'utf8')) as never;
/** Known by what it runs and where: it has the workload's folder to itself. */
const supervisorOf = async (workload: WorkloadId, folder: string): Promise<number> => {
  const own = join(folder, 'workloads', workload);
  for (const name of await readdir('/proc')) {
    const [cwd, line] = await Promise.all([readlink(`/proc/${name}/cwd`).catch(() => ''), readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')]);
    if (cwd === own && line.includes('supervisor/main')) return Number(name);
  }
  throw new Error(`${workload} has no supervisor`);
};
const lives = async (pid: number): Promise<boolean> => readFile(`/proc/${pid}/stat`, 'utf8').then((stat) => !stat.includes(') Z '), () => false);
const printedBy = async (runtime: Runtime, count: number): Promise<readonly string[]> => {
  const texts: string[] = [];
  for await (const { stream, text } of runtime.logs(a, { follow: true })) {
    if (stream !== 'system' && texts.push(text) === count) break;
  }
  return texts;
};
/** `/proc` is where these tests look behind the scenes. */
const linux = process.platform === 'linux';
const local = (text: string, run: (world: Local, reports: Reports) => Promise<void>, settings: Partial<Settings> = {}): void => {
  test(`local: ${text}`, { timeout: 30_000, skip: linux ? false : 'looks into /proc' }, async () => {
    const world = await openLocal(settings);
    try {
      await run(world, new Reports(world.runtime));
    } finally {
      await world.close();
    }
  });
};

runtimeContract('memory', async () => {
  const sources = new MemorySourceStore();
  const runtime = new MemoryRuntime({ sources, clock });
  const { digest } = await sources.put(pieces(await filesTgz({ run: steady })));
  const [slowOne, dyingOne] = [(await sources.put(pieces(await filesTgz(slow)))).digest, (await sources.put(pieces(await filesTgz(dying)))).digest];
  runtime.needsBuild(slowOne);
  runtime.diesAtOnce(dyingOne);
  return { runtime, source: digest, slow: slowOne, dying: dyingOne, finishBuild: (id, code) => runtime.finishBuild(id, code), crash: (id, code) => runtime.crash(id, code), lose: (id) => runtime.lose(id), print: (id, text) => runtime.print(id, text), close: () => runtime.close() };
});
if (linux) runtimeContract('local', openLocal);
if (linux && process.getuid?.() === 0) runtimeContract('local, users of their own', () => openLocal({}, { users: { from: 210_000, to: 210_999 } }));

test('memory: never an answer in the same tick, and none that was not asked for', async () => {
  const sources = new MemorySourceStore();
  const runtime = new MemoryRuntime({ sources, clock });
  const reports = new Reports(runtime);
  const { digest } = await sources.put(pieces(await filesTgz({ run: steady })));
  const applied = runtime.apply(specOf(digest));
  await Promise.resolve();
  assert.deepEqual(reports.all, []);
  await applied;
  assert.deepEqual(reports.all.map(({ state }) => state), ['starting']);
  await reports.until({ state: 'running' });
});
test('memory: lines that are no longer kept leave a mark', async () => {
  const sources = new MemorySourceStore();
  const runtime = new MemoryRuntime({ sources, clock, linesMax: 3 });
  await runtime.apply(specOf((await sources.put(pieces(await filesTgz({ run: steady })))).digest));
  for (let i = 2; i <= 6; i += 1) await runtime.print(a, `line ${i}`);
  assert.deepEqual((await read(runtime)).map(({ id, text }) => `${id} ${text}`), ['3 3 lines are missing here: rotated away or not written', '4 line 4', '5 line 5', '6 line 6']);
});

local('it answers on its PORT, and only then has an address', async ({ runtime, put, folder }, reports) => {
  const server = "const wait = () => require('fs').existsSync(process.env.HOME + '/go') ? require('http').createServer((_, answer) => answer.end('hello')).listen(process.env.PORT) : setTimeout(wait, 20); wait();";
  const source = await put({ 'package.json': '{"scripts":{"start":"node server.js"}}', 'server.js': server });
  await runtime.apply(specOf(source));
  assert.equal((await reports.until({ state: 'running' })).address, undefined);
  await writeFile(join(folder, 'workloads', a, 'home', 'go'), '');
  while (!reports.all.at(-1)?.address) await new Promise<void>((resolve) => { const off = runtime.onReport(() => { off(); resolve(); }); });
  const { address = '' } = reports.all.at(-1) ?? {};
  assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(await (await fetch(address)).text(), 'hello');
});
local('its environment is its own and what was given, and is nowhere on disk', async ({ runtime, put, folder }) => {
  process.env['TOLLGATE_TEST_SECRET'] = 'of the server';
  const source = await put({ run: '#!/bin/sh\nenv | sort\npwd\nnode -p 40+2\necho end\nexec sleep 100\n' });
  await runtime.apply(specOf(source, { environment: { SECRET: 'very secret', LANG: 'de', HOME: '/root', PORT: '1' } }));
  const texts: string[] = [];
  for await (const { stream, text } of runtime.logs(a, { follow: true })) if (stream === 'stdout' && texts.push(text) && text === 'end') break;
  delete process.env['TOLLGATE_TEST_SECRET'];
  const names = texts.flatMap((text) => /^([A-Z_]+)=/.exec(text)?.[1] ?? []).filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name));
  assert.deepEqual(names, ['HOME', 'LANG', 'PATH', 'PORT', 'SECRET', 'TOLLGATE_NAMESPACE', 'TOLLGATE_RELEASE', 'TOLLGATE_WORKLOAD']);
  const own = join(folder, 'workloads', a);
  for (const line of [`HOME=${join(own, 'home')}`, 'LANG=de', 'SECRET=very secret', 'TOLLGATE_NAMESPACE=ns_a', `TOLLGATE_WORKLOAD=${a}`, join(own, 'releases', '1'), '42']) assert.ok(texts.includes(line), `${line} is in ${texts.join('\n')}`);
  assert.ok(!texts.includes('PORT=1'));
  assert.doesNotMatch(await readFile(join(own, 'state.json'), 'utf8'), /secret/);
  assert.doesNotMatch(await readFile(`/proc/${await supervisorOf(a, folder)}/environ`, 'utf8'), /secret/i);
});
local('it outlives a server that is killed, and is found again, not doubled', async ({ folder, source, again }) => {
  const modules = ['local.ts', 'source-store.ts'].map((name) => new URL(`../../src/adapters/runtime/${name}`, import.meta.url).href.replace(/\.ts$/, import.meta.url.slice(-3)));
  const program = `const [{ LocalRuntime }, { DiskSourceStore }] = await Promise.all(${JSON.stringify(modules)}.map((m) => import(m)));
    const clock = { now: () => new Date().toISOString(), until: async () => {} };
    const runtime = new LocalRuntime({ folder: ${JSON.stringify(join(folder, 'workloads'))}, sources: new DiskSourceStore(${JSON.stringify(join(folder, 'sources'))}), clock, settings: ${JSON.stringify(quick)} });
    runtime.onReport(({ state }) => { if (state === 'running') process.kill(process.pid, 'SIGKILL'); });
    await runtime.apply(${JSON.stringify(specOf(source))});`;
  const server = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  const [, signal] = await new Promise<[number | null, string | null]>((resolve) => server.once('exit', (code, name) => resolve([code, name])));
  assert.equal(signal, 'SIGKILL');
  const { leader } = await stateOf(folder, a);
  const second = again();
  assert.deepEqual((await second.list()).map(({ state, incarnation, generation }) => ({ state, incarnation, generation })), [{ state: 'running', incarnation: 1, generation: 1 }]);
  await second.apply(specOf(source));
  assert.deepEqual((await stateOf(folder, a)).leader, leader);
  assert.ok(await lives(leader.pid));
  await second.stop(a);
  assert.equal(await lives(leader.pid), false);
});
local('two supervisors can never run the same workload: who finds another one at work joins it', async ({ runtime, source, folder, again }, reports) => {
  await runtime.apply(specOf(source));
  await reports.until({ state: 'running' });
  const before = await stateOf(folder, a);
  const key = join(folder, 'workloads', a, 'control.key');
  await rename(key, `${key}.away`);
  const second = again();
  assert.deepEqual((await second.list()).map(({ state }) => state), ['error'], 'without the key it cannot be found');
  await assert.rejects(second.apply(specOf(source)), { name: 'Unavailable' });
  await rename(`${key}.away`, key);
  await second.apply(specOf(source));
  assert.deepEqual((await second.list()).map(({ state, incarnation }) => ({ state, incarnation })), [{ state: 'running', incarnation: 1 }]);
  assert.deepEqual(await stateOf(folder, a), before);
  assert.equal((await read(runtime)).filter(({ text }) => text.startsWith('started')).length, 1);
});
local('what a killed supervisor left running is ended before it is started again', async ({ runtime, folder, source, lose }, reports) => {
  await runtime.apply(specOf(source));
  await reports.until({ state: 'running' });
  const { leader } = await stateOf(folder, a);
  process.kill(leader.pid, 'SIGSTOP'); // so that it cannot notice by itself
  await lose(a);
  await reports.until({ state: 'error' });
  assert.ok(await lives(leader.pid));
  await runtime.apply(specOf(source));
  await reports.until({ state: 'running', incarnation: 2 });
  assert.equal(await lives(leader.pid), false);
});
local('lost while no server was there, it is told after the start', async ({ runtime, source, lose, again }, reports) => {
  await runtime.apply(specOf(source));
  await reports.until({ state: 'running' });
  await runtime.close();
  await lose(a);
  const second = again();
  const heard = new Reports(second);
  assert.deepEqual((await second.list()).map(({ state, reason }) => ({ state, reason })), [{ state: 'error', reason: 'stopped unexpectedly' }]);
  await heard.until({ state: 'error' });
});
local("a stranger that got the dead process's number is left alone", async ({ runtime, source, folder }, reports) => {
  const stranger = spawn('sleep', ['100'], { detached: true, stdio: 'ignore' });
  try {
    await mkdir(join(folder, 'workloads', a), { recursive: true });
    await writeFile(join(folder, 'workloads', a, 'state.json'), JSON.stringify({ generation: 1, state: 'running', incarnation: 4, at: clock.now(), leader: { pid: stranger.pid, started: 'another.1' } }));
    await runtime.apply(specOf(source));
    await reports.until({ state: 'running' });
    await runtime.remove(a);
    assert.ok(await lives(stranger.pid as number));
  } finally {
    stranger.kill('SIGKILL');
  }
});
local('stopping ends children, also those that left its group, and those that do not listen', async ({ runtime, put }, reports) => {
  const source = await put({ run: `#!/bin/sh\ntrap '' TERM\nsetsid sleep 301 &\necho $!\n(trap '' TERM; sleep 302) &\necho $!\necho $$\nwhile :; do sleep 1; done\n` });
  await runtime.apply(specOf(source));
  const pids = (await printedBy(runtime, 3)).map(Number);
  assert.deepEqual(await Promise.all(pids.map(lives)), [true, true, true]);
  await runtime.stop(a);
  assert.equal((await reports.until({ state: 'stopped' })).reason, 'stopped');
  assert.deepEqual(await Promise.all(pids.map(lives)), [false, false, false]);
});
local('an update takes the new code, keeps what is at home, and forgets the old code', async ({ runtime, put }, reports) => {
  await runtime.apply(specOf(await put({ run: '#!/bin/sh\ntouch "$HOME/kept" gone\necho up\nexec sleep 100\n' })));
  await printedBy(runtime, 1);
  await runtime.apply(specOf(await put({ run: '#!/bin/sh\nls "$HOME" .\n' }), { generation: 2 }));
  assert.equal((await reports.until({ state: 'stopped', generation: 2 })).reason, 'finished');
  const texts = (await read(runtime)).filter(({ stream }) => stream === 'stdout').map(({ text }) => text);
  assert.ok(texts.includes('kept') && texts.includes('run') && !texts.includes('gone'), texts.join(' '));
});
local('nothing to run is refused, told, and ends what ran before', async ({ runtime, source, put, folder }, reports) => {
  await runtime.apply(specOf(source));
  await reports.until({ state: 'running' });
  const { leader } = await stateOf(folder, a);
  const empty = specOf(await put({ 'README.md': 'nothing' }), { generation: 2 });
  for (let twice = 0; twice < 2; twice += 1) await assert.rejects(runtime.apply(empty), { name: 'Refused', code: 'NothingToRun', message: /Procfile.*package\.json.*executable/ });
  assert.deepEqual((await runtime.list()).map(({ state, generation }) => ({ state, generation })), [{ state: 'error', generation: 2 }]);
  assert.equal(await lives(leader.pid), false);
  await assert.rejects(runtime.apply(specOf(source, { generation: 3, environment: { 'A=B': '1' } })), { code: 'EnvironmentRefused', message: /"A=B"/ });
  await assert.rejects(runtime.apply(specOf(source, { workload: '../up' as WorkloadId })), { code: 'WorkloadRefused' });
});
local('a restart waits longer each time, up to a limit, and a stop need not wait for it', async ({ runtime, source }, reports) => {
  await runtime.apply(specOf(source, { command: 'exit 7', retries: 9 }));
  for (const [incarnation, reason] of [[3, '0.4 s (2 of 9)'], [4, '0.6 s (3 of 9)']] as const) {
    assert.equal((await reports.until({ incarnation, state: 'starting' })).reason, `exited with code 7, restarting in ${reason}`);
  }
  await runtime.stop(a);
  assert.equal((await runtime.list())[0]?.state, 'stopped');
}, { restartDelayMs: 200, restartDelayMaxMs: 600 });
local('a time of health makes earlier deaths forgotten', async ({ runtime, source }, reports) => {
  await runtime.apply(specOf(source, { command: 'sleep 0.1; exit 1', retries: 1 }));
  await reports.until({ incarnation: 4, state: 'running' });
}, { healthyMs: 80 });
local('long lines are cut, unended ones kept, and odd bytes do no harm', async ({ runtime, put }, reports) => {
  const source = await put({ 'a.js': "const { stdout } = process; stdout.write('é'.repeat(50_000) + '\\r\\n'); stdout.write(Buffer.from([255, 0, 10])); console.error('to stderr'); stdout.write('no end')" });
  await runtime.apply(specOf(source, { command: 'node a.js' }));
  await reports.until({ state: 'stopped' });
  const lines = await read(runtime);
  const texts = lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => text);
  assert.deepEqual(texts.map((text) => text.length), [32_768, 17_232, 2, 6]);
  assert.ok(texts.slice(0, 2).every((text) => /^é+$/.test(text)));
  assert.equal(texts[3], 'no end');
  assert.equal(lines.find(({ stream }) => stream === 'stderr')?.text, 'to stderr');
});
local('logs are rotated; what is gone leaves a mark, and a follower that keeps up misses nothing', async ({ runtime, source, print }, reports) => {
  const numbers = (lines: readonly { readonly text: string }[]): readonly number[] => lines.flatMap(({ text }) => Number(/^line (\d+)/.exec(text)?.[1] ?? 0) || []);
  await runtime.apply(specOf(source));
  await reports.until({ state: 'running' });
  const follower = runtime.logs(a, { follow: true })[Symbol.asyncIterator]();
  const followed: number[] = [];
  for (let last = 40; last <= 600; last += 40) {
    await print(a, Array.from({ length: 40 }, (_, i) => `line ${last - 39 + i} ${'x'.repeat(50)}`).join('\n'));
    while (followed.at(-1) !== last) followed.push(...numbers([(await follower.next()).value]));
  }
  assert.deepEqual(followed, Array.from({ length: 600 }, (_, i) => i + 1));
  await runtime.stop(a);
  const kept = await read(runtime);
  assert.match(kept[0]?.text ?? '', /^\d+ lines are missing here/);
  assert.equal(kept[0]?.id, (kept[1]?.id ?? 0) - 1);
  assert.ok(numbers(kept).length < 600 && numbers(kept).at(-1) === 600);
  assert.deepEqual(await read(runtime, { tail: 10_000 }), kept);
  assert.deepEqual(await read(runtime, { tail: 30 }), kept.slice(-30));
  assert.deepEqual(await read(runtime, { after: kept[0]?.id ?? 0 }), kept.slice(1));
}, { logBytes: 8_000, logFiles: 3 });
local('half a line that a kill left is no trouble, and numbers go on', async ({ runtime, source, folder }, reports) => {
  await runtime.apply(specOf(source));
  await reports.until({ state: 'running' });
  await runtime.stop(a);
  const before = await read(runtime);
  const path = join(folder, 'workloads', a, 'logs', `${'1'.padStart(15, '0')}.jsonl`);
  await writeFile(path, `${await readFile(path, 'utf8')}{"id":99,"te`);
  assert.deepEqual(await read(runtime), before);
  await runtime.apply(specOf(source, { generation: 2 }));
  await reports.until({ state: 'running', generation: 2 });
  const lines = await read(runtime);
  assert.deepEqual(lines.map(({ id }) => id), lines.map((_, index) => index + 1));
});
local('a program that has the socket but not the key is not listened to', async ({ runtime, source, folder }, reports) => {
  await runtime.apply(specOf(source, { workload: b }));
  await reports.until({ state: 'running' });
  const { connect } = await import('node:net');
  const names = (await readFile('/proc/net/unix', 'utf8')).split('\n').flatMap((line) => /@(tollgate-[0-9a-f]+-wl_b)$/.exec(line.trim())?.[1] ?? []);
  assert.equal(new Set(names).size, 1);
  for (const said of ['{"stop":true}\n', '{"key":"wrong"}\n{"stop":true}\n', 'null\n', 'x'.repeat(20_000)]) {
    const answer = await new Promise<string>((resolve) => {
      let heard = '';
      const socket = connect(`\0${names[0]}`, () => socket.write(said)).on('data', (data) => (heard += String(data))).on('error', () => undefined).on('close', () => resolve(heard));
    });
    assert.equal(answer, '');
  }
  assert.ok(await lives((await stateOf(folder, b)).leader.pid));
  assert.equal((await runtime.list())[0]?.state, 'running');
});

/** What is uploaded, and what is run then: in the words of the shell, or none. */
const starts: readonly (readonly [what: string, files: Readonly<Record<string, string>>, command: string | undefined, given?: string])[] = [
  ['what was given', { Procfile: 'web: x', run: '#!' }, 'exec node b.js "a b"', 'node b.js "a b"'],
  ["a Procfile's web line", { Procfile: '# c\nworker: w\nweb: node web.js\n', run: '#!' }, 'exec node web.js'],
  ["a Procfile's only line", { Procfile: '\n  worker :  python3 w.py  \n' }, 'exec python3 w.py'],
  ['a start script before main', { 'package.json': '{"scripts":{"start":"node a.js && echo done"},"main":"b.js"}' }, 'node a.js && echo done'],
  ['main', { 'package.json': `{"main":"it's.js"}` }, `exec node 'it'\\''s.js'`],
  ['an executable with a known name', { run: '#!', other: '#!' }, "exec './run'"],
  ['main before nothing', { main: '#!', a: '#!', b: '' }, "exec './main'"],
  ['a single executable', { 'my server': '#!', 'readme.md': '' }, "exec './my server'"],
  ['no executable but one below', { 'bin/run': '#!' }, undefined],
  ['two executables', { one: '#!', two: '#!' }, undefined],
  ['a Procfile with several lines and no web', { Procfile: 'a: x\nb: y' }, undefined],
  ['a package.json that says nothing', { 'package.json': '{"scripts":{"start":5},"main":null}' }, undefined],
  ['a package.json that is none', { 'package.json': 'null' }, undefined],
  ['a broken package.json', { 'package.json': '{' }, undefined],
  ['assignments are left to the shell', {}, 'A=1 node x', 'A=1 node x'],
  ['builtins are left to the shell', {}, 'exit 3', 'exit 3'],
];
for (const [what, files, command, given] of starts) {
  test(`what to run: ${what}`, async () => {
    const folder = await mkdtemp(join(root, 'start-'));
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
    }
    if (command === undefined) await assert.rejects(detect(folder, given, async (name) => `/usr/bin/${name}`), { name: 'Refused', code: 'NothingToRun' });
    else assert.equal(shellLine((await detect(folder, given, async (name) => `/usr/bin/${name}`)).command), command);
  });
}
