import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { describe, test } from 'node:test';
import { extract } from 'tar-stream';
import { Machine } from './run-cli.ts';
import { StandIn, problem, session } from './stand-in.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const workload = (more: object = {}) => ({ id: 'wl_0123456789abcdefghjk', name: 'hello', state: 'running', address: 'http://127.0.0.1:40001', generation: 1, incarnation: 1, retries: 3, source: digest, envNames: [], namespaceId: 'ns_1', at: '2026-11-21T08:00:00.000Z', ...more });
const path = '/workloads/wl_0123456789abcdefghjk';

const setting = async () => {
  const standIn = await StandIn.start();
  const machine = new Machine({ TOLLGATE_URL: standIn.url });
  mkdirSync(dirname(machine.configFile), { recursive: true });
  writeFileSync(machine.configFile, JSON.stringify({ format: 1, env: 'server', envs: {}, credentials: { [standIn.url]: { customer: session() } } }));
  standIn
    .on('GET /gate', { body: { allow: true, level: 'full', reason: 'paid', nextStep: '' } })
    .on('PUT /sources', ({ bytes }) => ({ body: { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, size: bytes.length, files: 1 } }))
    .on('POST /commands/RunWorkload', { body: { position: '12', stream: 'workload-ten_1.wl_0123456789abcdefghjk', revision: 0, events: [{ type: 'WorkloadRunRequested', id: 'e1' }] } })
    .on('GET /workloads', ({ query }) => ({ body: { items: query.get('name') === 'nobody' ? [] : [workload()], position: '12' } }))
    .on(`GET ${path}`, { body: workload() });
  return { standIn, machine, async [Symbol.asyncDispose]() {
    machine[Symbol.dispose]();
    await standIn[Symbol.asyncDispose]();
  } };
};
const write = (root: string, files: Readonly<Record<string, string>>): string => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
};
type Entry = { readonly name: string; readonly mode: number; readonly mtime: number; readonly uid: number; readonly content: string };
const unpacked = async (bytes: Buffer): Promise<readonly Entry[]> => {
  const entries: Entry[] = [];
  for await (const entry of Readable.from([gunzipSync(bytes)]).pipe(extract() as never) as unknown as AsyncIterable<Readable & { header: { name: string; mode: number; mtime: Date; uid: number } }>) {
    const { name, mode, mtime, uid } = entry.header;
    entries.push({ name, mode, mtime: mtime.getTime(), uid, content: await text(entry) });
  }
  return entries;
};
const uploaded = async (at: Awaited<ReturnType<typeof setting>>, folder: string): Promise<readonly string[]> => {
  const { code, stderr } = await at.machine.run(['run', folder, '--name', 'hello']);
  assert.equal(code, 0, stderr);
  return (await unpacked(at.standIn.of('PUT /sources').at(-1)?.bytes as Buffer)).map(({ name }) => name);
};

describe('packing', { concurrency: 4 }, () => {
  test('the same files give the same bytes, whenever and in whatever order they were written', async () => {
    await using at = await setting();
    const long = `${'deep/'.repeat(30)}file.txt`;
    const one = write(join(at.machine.home, 'one'), { 'b.js': 'b', 'a/z.js': 'z', 'start.sh': '#!/bin/sh\n', [long]: 'x', 'empty.txt': '', 'ü.txt': 'u' });
    const two = write(join(at.machine.home, 'two'), { 'ü.txt': 'u', 'empty.txt': '', [long]: 'x', 'start.sh': '#!/bin/sh\n', 'a/z.js': 'z', 'b.js': 'b' });
    for (const root of [one, two]) chmodSync(join(root, 'start.sh'), 0o700);
    chmodSync(join(two, 'b.js'), 0o600);
    utimesSync(join(two, 'b.js'), 1, 1);
    for (const root of [one, two]) assert.equal((await at.machine.run(['run', root, '--name', 'hello'])).code, 0);
    const [first, second] = at.standIn.of('PUT /sources').map(({ bytes }) => bytes);
    assert.ok(first && second && first.equals(second));
    const entries = await unpacked(first);
    assert.deepEqual(entries.map(({ name }) => name), ['a/z.js', 'b.js', long, 'empty.txt', 'start.sh', 'ü.txt']);
    assert.ok(entries.every(({ mtime, uid }) => mtime === 0 && uid === 0));
    assert.deepEqual(entries.map(({ mode }) => mode.toString(8)), ['644', '644', '644', '644', '755', '644']);
  });

  test('.gitignore is honoured, in folders too, but node_modules stays; .git never goes', async () => {
    await using at = await setting();
    const root = write(join(at.machine.home, 'code'), {
      '.gitignore': '*.log\nnode_modules\n/build/\n!keep.log\n', 'index.js': '', 'debug.log': '', 'keep.log': '', 'build/out.js': '', '.git/config': '', 'sub/.git': 'gitdir: x',
      'sub/.gitignore': 'local.txt\n!sub.log\n', 'sub/local.txt': '', 'sub/sub.log': '', 'node_modules/x/index.js': '', 'node_modules/x/trace.log': '', 'node_modules/x/.gitignore': 'index.js',
    });
    assert.deepEqual(await uploaded(at, root), ['.gitignore', 'index.js', 'keep.log', 'node_modules/x/.gitignore', 'node_modules/x/index.js', 'node_modules/x/trace.log', 'sub/.gitignore', 'sub/sub.log']);
  });

  test('.tollgateignore takes the place of .gitignore', async () => {
    await using at = await setting();
    const root = write(join(at.machine.home, 'code'), { '.gitignore': 'index.js', '.tollgateignore': 'node_modules\n.*ignore\n', 'index.js': '', 'node_modules/x/index.js': '' });
    assert.deepEqual(await uploaded(at, root), ['index.js']);
  });

  test('a link to a file inside is packed as that file; links to outside, to folders and to nothing are refused by name', async () => {
    await using at = await setting();
    const root = write(join(at.machine.home, 'code'), { 'bin/tool.js': 'tool' });
    symlinkSync('bin/tool.js', join(root, 'tool'));
    assert.deepEqual(await uploaded(at, root), ['bin/tool.js', 'tool']);
    for (const [target, why] of [['/etc/hostname', 'outside of the folder'], ['bin', 'to a folder'], ['nowhere', 'to nothing']] as const) {
      const other = write(join(at.machine.home, `code-${why.replaceAll(' ', '-')}`), { 'bin/tool.js': 'tool' });
      symlinkSync(target, join(other, 'link'));
      const { code, stderr } = await at.machine.run(['run', other]);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`'link' cannot be packed: .*${why}.*\nLeave it out by a line in \\.tollgateignore`));
    }
  });

  test('no folder, a file, and a folder with nothing in it are refused', async () => {
    await using at = await setting();
    const empty = join(at.machine.home, 'empty');
    mkdirSync(empty);
    for (const folder of [join(at.machine.home, 'nowhere'), at.machine.configFile, empty]) assert.equal((await at.machine.run(['run', folder])).code, 2);
    assert.equal(at.standIn.of('PUT /sources').length, 0);
  });
});

describe('workloads', { concurrency: 4 }, () => {
  test('run sends the source, then the command with name, environment, command line and retries', async () => {
    await using at = await setting();
    const root = write(join(at.machine.home, 'My Café_App'), { 'index.js': '' });
    const { code, stdout } = await at.machine.run(['run', root, '--env', 'A=1', 'B=x=y', '--env', 'C=', '--command', 'node index.js', '--retries', '0', '--json']);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), workload());
    const [source] = at.standIn.of('PUT /sources');
    assert.equal(source?.headers['content-type'], 'application/gzip');
    const [command] = at.standIn.of('POST /commands/RunWorkload');
    assert.deepEqual(command?.body, { name: 'my-caf-app', source: `sha256:${createHash('sha256').update(source?.bytes ?? '').digest('hex')}`, command: 'node index.js', env: { A: '1', B: 'x=y', C: '' }, retries: 0 });
    assert.equal(command?.headers['micro-namespace'], 'brave-red-fox');
    assert.ok(command?.headers['idempotency-key']);
    assert.equal(at.standIn.of('GET /workloads')[0]?.query.get('after'), '12', 'the view is waited for');
  });

  test('run --wait returns the address when it runs, and fails when it does', async () => {
    await using at = await setting();
    const root = write(join(at.machine.home, 'hello'), { 'index.js': '' });
    at.standIn.on('GET /workloads', { body: { items: [workload({ state: 'pending', address: undefined })], position: '12' } });
    const ran = await at.machine.run(['run', root, '--wait']);
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /address +http:\/\/127\.0\.0\.1:40001/);
    at.standIn.on(`GET ${path}`, { body: workload({ state: 'error', reason: 'exited with code 1' }) });
    const failed = await at.machine.run(['run', root, '--wait']);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /'hello' has failed: exited with code 1\nSee 'tollgate logs hello'/);
    at.standIn.on(`GET ${path}`, { body: workload({ state: 'building' }) });
    assert.equal((await at.machine.run(['run', root, '--wait', '--timeout', '1s'])).code, 7);
  });

  test('status lists, shows one, and says not found with 4', async () => {
    await using at = await setting();
    const all = JSON.parse((await at.machine.run(['status', '--json'])).stdout) as object;
    assert.deepEqual(all, { items: [workload()], position: '12' });
    assert.deepEqual(JSON.parse((await at.machine.run(['status', 'hello', '--json'])).stdout), workload());
    assert.match((await at.machine.run(['status'])).stdout, /^NAME +STATE +ADDRESS +SINCE +REASON\nhello +running +http:\/\/127\.0\.0\.1:40001 +2026-11-21 08:00:00 \+00:00\n$/);
    const { code, stderr } = await at.machine.run(['status', 'nobody']);
    assert.equal(code, 4);
    assert.equal(stderr, "there is no workload 'nobody'\nSee 'tollgate status'.\n");
  });

  test('kill ends when the workload is gone', async () => {
    await using at = await setting();
    let looks = 0;
    at.standIn.on('POST /commands/KillWorkload', { body: { position: '13', stream: 's', revision: 3, events: [] } });
    at.standIn.on(`GET ${path}`, () => ((looks += 1) < 3 ? { body: workload({ state: 'stopping' }) } : problem(404, 'NotFound', 'gone')));
    assert.equal((await at.machine.run(['kill', 'hello'])).code, 0);
    assert.deepEqual(at.standIn.of('POST /commands/KillWorkload')[0]?.body, { workloadId: 'wl_0123456789abcdefghjk' });
    assert.equal(looks, 3);
  });

  test('update sends the new source for the workload of that name', async () => {
    await using at = await setting();
    const root = write(join(at.machine.home, 'hello'), { 'index.js': '2' });
    at.standIn.on('POST /commands/UpdateWorkload', { body: { position: '14', stream: 's', revision: 4, events: [] } });
    const { code, stderr } = await at.machine.run(['update', 'hello', root]);
    assert.equal(code, 0);
    assert.match(stderr, /runs this source already/);
    assert.equal(at.standIn.of('POST /commands/UpdateWorkload')[0]?.body.workloadId, 'wl_0123456789abcdefghjk');
  });

  test('logs asks for the last 15 lines, or all since a time', async () => {
    await using at = await setting();
    at.standIn.on(`GET ${path}/logs`, { lines: [{ id: 1, at: 'x', stream: 'stdout', text: 'one' }, { id: 2, at: 'x', stream: 'system', text: 'restarting' }, { id: 3, at: 'x', stream: 'stderr', text: 'two' }] });
    assert.equal((await at.machine.run(['logs', 'hello'])).stdout, 'one\n-- restarting\ntwo\n');
    await at.machine.run(['logs', 'hello', '--since', '10m']);
    const json = await at.machine.run(['logs', 'hello', '-n', '2', '--json']);
    assert.deepEqual(json.stdout.trimEnd().split('\n').map((line) => (JSON.parse(line) as { id: number }).id), [1, 2, 3]);
    assert.deepEqual(at.standIn.of(`GET ${path}/logs`).map(({ query }) => query.toString()), ['tail=15', 'since=10m', 'tail=2']);
  });

  test('logs -f goes on from the last line after a lost connection, marks gaps, and fails when the workload died', async () => {
    await using at = await setting();
    let calls = 0;
    at.standIn.on(`GET ${path}`, () => ({ body: calls < 3 ? workload() : workload({ state: 'error', reason: 'exited with code 1 (4 times)' }) }));
    at.standIn.on(`GET ${path}/logs`, () => {
      calls += 1;
      if (calls === 1) return { lines: [{ id: 1, at: 'x', stream: 'stdout', text: 'one' }], cut: true };
      if (calls === 2) return { lines: [{ id: 2, at: 'x', stream: 'stdout', text: 'two' }] };
      return { lines: [{ id: 9, at: 'x', stream: 'stdout', text: 'nine' }] };
    });
    const { code, stdout, stderr } = await at.machine.run(['logs', '-f', 'hello']);
    assert.equal(code, 1);
    assert.equal(stdout, 'one\ntwo\nnine\n');
    assert.match(stderr, /connection lost/);
    assert.match(stderr, /6 lines are missing/);
    assert.match(stderr, /'hello' has failed: exited with code 1/);
    assert.deepEqual(at.standIn.of(`GET ${path}/logs`).map(({ query }) => query.toString()), ['tail=15&follow=true', 'after=1&follow=true', 'after=2&follow=true']);
  });

  test('a reader that stops reading ends the program quietly', async () => {
    await using at = await setting();
    at.standIn.on(`GET ${path}/logs`, { lines: Array.from({ length: 20_000 }, (_, id) => ({ id: id + 1, at: 'x', stream: 'stdout', text: 'x'.repeat(80) })) });
    const run = at.machine.start(['logs', 'hello', '-n', '20000']);
    run.child.stdout.once('data', () => run.child.stdout.destroy());
    const { code, stderr } = await run.ended;
    assert.equal(code, 0);
    assert.equal(stderr, '');
  });
});
