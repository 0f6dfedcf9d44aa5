/** With users of their own, workloads cannot reach each other, the server or its data: tried from inside, by a program that really tries. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { a, b, read, specOf } from '../contracts/runtime.contract.ts';
import { LocalRuntime } from '../../src/adapters/runtime/local.ts';
import type { Runtime } from '../../src/domain/ports/runtime.ts';
import { local, root, userOf, users, processesWith } from './world.ts';

const asRoot = { users, needs: root, without: 'only root can give workloads users of their own' };
/** What it has printed, once it is over. */
const printed = async (runtime: Runtime): Promise<readonly string[]> => {
  const texts: string[] = [];
  for await (const { stream, text } of runtime.logs(a, { follow: true })) if (stream !== 'system') texts.push(text);
  return texts;
};
const victim = { 'run': '#!/bin/sh\necho mine > "$HOME/secret"\necho up\nexec sleep 4321\n' };

local('each workload runs as a user of its own, and its folders are closed to everybody else', async ({ runtime, reports, put, own }) => {
  const source = await put(victim);
  await runtime.apply(specOf(source));
  await runtime.apply(specOf(source, { workload: b }));
  await reports.until({ state: 'running', workload: a });
  await reports.until({ state: 'running', workload: b });
  const owners = await Promise.all([a, b].map(async (id) => (await stat(own(id, 'home'))).uid));
  assert.equal(new Set(owners).size, 2);
  assert.ok(owners.every((uid) => uid >= users.from && uid <= users.to));
  for (const id of [a, b]) for (const folder of ['home', 'releases/1']) assert.equal((await stat(own(id, folder))).mode & 0o777, 0o700, folder);
  for (const file of ['state.json', 'control.key', 'user']) assert.equal((await stat(own(a, file))).mode & 0o077, 0, file);
  const { leader } = JSON.parse(await readFile(own(a, 'state.json'), 'utf8')) as { leader: { pid: number } };
  assert.equal(await userOf(leader.pid), owners[0]);
}, asRoot);

local('a workload that tries reads nothing of the server, of another workload, or of its own keeper', async ({ runtime, reports, put, folder, own, supervisorOf }) => {
  const secrets = join(folder, 'secrets');
  await mkdir(secrets, { mode: 0o700 });
  await writeFile(join(secrets, 'ids.key'), 'of the server', { mode: 0o600 });
  await writeFile(join(folder, 'events.db'), 'of the server', { mode: 0o600 });
  await runtime.apply(specOf(await put(victim), { workload: b, environment: { TOKEN: 'not yours' } }));
  await reports.until({ state: 'running', workload: b });
  const { leader } = JSON.parse(await readFile(own(b, 'state.json'), 'utf8')) as { leader: { pid: number } };
  const paths = [
    join(secrets, 'ids.key'), join(folder, 'events.db'), own(b, 'home', 'secret'), own(b, 'releases', '1', 'run'), own(b, 'state.json'), own(a, 'state.json'), own(a, 'control.key'), own(a, 'logs'),
    `/proc/${leader.pid}/environ`, `/proc/${process.pid}/environ`, `/proc/${await supervisorOf(b)}/environ`, `/proc/${leader.pid}/cwd/run`,
  ];
  const intruder = `
    const { readFileSync, readdirSync, writeFileSync, chmodSync } = require('fs');
    const attempt = (what, deed) => { try { deed(); console.log('WORKED', what); } catch (error) { console.log('refused', what, error.code); } };
    for (const path of ${JSON.stringify(paths)}) attempt(path, () => { try { readFileSync(path); } catch (error) { if (error.code !== 'EISDIR') throw error; readdirSync(path); } });
    for (const folder of ${JSON.stringify([folder, own(b), own(b, 'home'), join(folder, 'workloads')])}) { attempt('list ' + folder, () => readdirSync(folder)); attempt('write into ' + folder, () => writeFileSync(folder + '/planted', '')); }
    attempt('kill another', () => process.kill(${leader.pid}, 'SIGKILL'));
    attempt('kill the server', () => process.kill(${process.pid}, 0));
    attempt('become root', () => process.setuid(0));
    attempt('open its own folder', () => chmodSync(${JSON.stringify(own(a))}, 0o777));
    console.log('id', process.getuid(), process.getgid(), JSON.stringify(process.getgroups()));
    console.log('own', readFileSync(__filename).length > 0);`;
  await runtime.apply(specOf(await put({ 'a.js': intruder }), { command: 'node a.js' }));
  const lines = await printed(runtime);
  assert.deepEqual(lines.filter((line) => line.startsWith('WORKED')), []);
  assert.equal(lines.filter((line) => line.startsWith('refused')).length, paths.length + 12);
  const [uid] = /\d+/.exec(lines.find((line) => line.startsWith('id')) ?? '') ?? [];
  assert.equal(lines.find((line) => line.startsWith('id')), `id ${uid} ${uid} [${uid}]`);
  assert.ok(lines.includes('own true'));
  assert.ok(Number(uid) >= users.from);
}, asRoot);

local('a build runs as the workload, too, and what it wants loaded first is loaded as the workload only', async ({ runtime, put }) => {
  const source = await put({ Procfile: 'build: id -u > built-by; grep NoNewPrivs /proc/self/status >> built-by\nweb: cat built-by; id -u\n' });
  await runtime.apply(specOf(source, { environment: { LD_PRELOAD: '/nowhere.so' } }));
  const [built, privileges, ran] = (await printed(runtime)).filter((line) => !line.includes('preload'));
  assert.equal(built, ran);
  assert.ok(Number(ran) >= users.from);
  assert.match(privileges ?? '', /NoNewPrivs:\s*1/);
}, asRoot);

local('nothing of its environment is on disk or in a process list', async ({ runtime, reports, put, own }) => {
  await runtime.apply(specOf(await put(victim), { environment: { TOKEN: "it's-very-secret" } }));
  await reports.until({ state: 'running' });
  assert.deepEqual(await processesWith('very-secret'), []);
  for (const file of ['state.json', 'releases/1.built', 'user']) assert.doesNotMatch(await readFile(own(a, file), 'utf8'), /very-secret/);
  assert.ok(!(await read(runtime)).some(({ text }) => text.includes('very-secret')));
}, asRoot);

local('a removed workload leaves nothing: no process of its user, no folder', async ({ runtime, reports, put, own }) => {
  const source = await put({ run: '#!/bin/sh\ncd /\nenv -i setsid sh -c "exec sleep 8765" &\nenv -i setsid sh -c "trap \'\' TERM; sleep 8766" &\necho up\nexec sleep 8767\n' });
  await runtime.apply(specOf(source));
  await reports.until({ state: 'running' });
  for await (const { text } of runtime.logs(a, { follow: true })) if (text === 'up') break;
  await runtime.remove(a);
  for (const which of ['8765', '8766', '8767']) assert.deepEqual(await processesWith(which), []);
  await assert.rejects(stat(own(a)), { code: 'ENOENT' });
}, asRoot);

local('it says why workloads are not kept apart, where they are not', async ({ folder, runtime }) => {
  assert.match(runtime.isolation(), new RegExp(`of ${users.from} to ${users.to}`));
  await chmod(folder, 0o700);
  const sources = { put: undefined } as never;
  const closed = new LocalRuntime({ folder: join(folder, 'workloads'), sources, clock: undefined as never, users });
  assert.match(closed.isolation(), new RegExp(`could not pass through ${folder};`));
  await closed.close();
  const off = new LocalRuntime({ folder: join(folder, 'workloads'), sources, clock: undefined as never, cgroups: false });
  assert.match(off.isolation(), /switched off.*CPU not limited/);
  await off.close();
  await chmod(folder, 0o711);
}, asRoot);
