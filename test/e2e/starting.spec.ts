/** Every way a start can be refused is one line that says what to do, and an exit code that is not zero. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { catalog } from '../../src/commands/catalog.ts';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const readyMaxMs = 20_000;

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
/** Runs the server until it ends by itself or is ready; a ready one is stopped in order. */
const run = (args: readonly string[], whenReady?: (origin: string) => Promise<void>, path = process.env['PATH']): Promise<Ended> => new Promise((resolve, reject) => {
  const server = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: path, TOLLGATE_LOG_LEVEL: 'error' } });
  const late = setTimeout(() => server.kill('SIGKILL'), readyMaxMs);
  let stdout = '';
  let stderr = '';
  server.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  server.stdout.on('data', (chunk: Buffer) => {
    const before = stdout;
    stdout += chunk.toString();
    const origin = /^Tollgate is ready at (\S+)/m.exec(stdout)?.[1];
    if (origin !== undefined && !before.includes('is ready')) void (whenReady?.(origin) ?? Promise.resolve()).then(() => server.kill('SIGTERM'), reject);
  });
  server.once('close', (code) => {
    clearTimeout(late);
    resolve({ code, stdout, stderr });
  });
});

const inFolder = async (what: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-start-'));
  try {
    await what(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
const refused = ({ code, stdout, stderr }: Ended, ...says: readonly RegExp[]): void => {
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  assert.match(stderr, /^tollgate: /);
  for (const words of says) assert.match(stderr, words);
};
/** Changes the founding event, as only another version or mode would have written it. */
const refound = (folder: string, change: (data: string) => string): void => {
  const database = new DatabaseSync(join(folder, 'events.db'));
  for (const { name } of database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all() as { name: string }[]) database.exec(`DROP TRIGGER "${name}"`);
  const { position, data } = database.prepare('SELECT position, data FROM events ORDER BY position LIMIT 1').get() as { position: number; data: string };
  database.prepare('UPDATE events SET data = ? WHERE position = ?').run(change(data), position);
  database.close();
};

test('a start is announced in one line, answers, and ends with 0 on SIGTERM', () => inFolder(async (folder) => {
  const { code, stdout } = await run(['--port', '0', '--data', folder], async (origin) => assert.equal((await fetch(`${origin}/readyz`)).status, 200));
  assert.equal(code, 0);
  assert.match(stdout.split('\n')[0] ?? '', /^Tollgate is ready at http:\/\/127\.0\.0\.1:\d+ \(mock mode: no real mail, money or cluster\)\. Data in /);
}));
test('a taken port', () => inFolder(async (folder) => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  refused(await run(['--port', String(port), '--data', folder]), new RegExp(`port ${port}`), /--port/);
  other.close();
}));
test('a folder that cannot be made, and one that is a file', () => inFolder(async (folder) => {
  await writeFile(join(folder, 'file'), '');
  refused(await run(['--port', '0', '--data', '/proc/tollgate/data']), /cannot write to \/proc\/tollgate\/data/, /--data/);
  refused(await run(['--port', '0', '--data', join(folder, 'file')]), /cannot write to/, /--data/);
}));
test('a second process on the same folder', () => inFolder(async (folder) => {
  await run(['--port', '0', '--data', folder], async () => refused(await run(['--port', '0', '--data', folder]), /is in use by another Tollgate/, /--data/));
}));
test('a folder of a newer format, of another mode, or of something else', () => inFolder(async (folder) => {
  await run(['--port', '0', '--data', folder]);
  refound(folder, (data) => data.replace('"format":1', '"format":99'));
  refused(await run(['--port', '0', '--data', folder]), /newer version \(format 99, this one knows 1\)/);
  refound(folder, (data) => data.replace('"format":99', '"format":1').replace('"mode":"mock"', '"mode":"production"'));
  refused(await run(['--port', '0', '--data', folder]), /founded in production mode/, /--data/);
  refound(folder, () => '{}');
  refused(await run(['--port', '0', '--data', folder]), /not a Tollgate data folder/);
}));
test('flags and files that make no sense', () => inFolder(async (folder) => {
  refused(await run(['--prot', '1']), /--prot/, /--port/);
  refused(await run(['--port', 'many']), /--port must be 0 to 65535/);
  refused(await run(['--mode', 'play']), /mock, staging, production/);
  refused(await run(['--config', join(folder, 'none.yaml')]), /no configuration file/);
  refused(await run(['--port', '0', '--data', folder, '--host', '0.0.0.0']), /--allow-remote-mock/);
  await writeFile(join(folder, 'tollgate.yaml'), 'prot: 1\n');
  refused(await run(['--data', folder]), /unknown setting 'prot'/);
}));

test('a server without git starts, and says that nothing runs from git', () => inFolder(async (folder) => {
  const { code, stdout } = await run(['--port', '0', '--data', join(folder, 'data')], undefined, folder);
  assert.equal(code, 0);
  assert.match(stdout, /^Running from git is off: git is not installed on this server \(it takes 2\.39 or newer\)\.$/m);
}));
test('hosts of git that are none are refused by name', () => inFolder(async (folder) => {
  for (const hosts of ['https://github.com', 'github.com/owner', 'git hub', '*.github.com']) {
    const { code, stderr } = await run(['--port', '0', '--data', join(folder, 'data'), '--git-allow', `gitlab.com,${hosts}`]);
    assert.deepEqual([code, stderr], [1, `tollgate: --git-allow takes names of hosts, like github.com or git.example.com:8443, and '*'; not '${hosts}'\n`]);
  }
  await writeFile(join(folder, 'tollgate.yaml'), 'git:\n  allow: [github.com, "x y"]\n');
  assert.match((await run(['--port', '0', '--data', join(folder, 'data'), '--config', join(folder, 'tollgate.yaml')])).stderr, /not 'x y'/);
}));

test('the bundle keeps the names by which commands are found', async () => {
  const bundle = new URL('../../server-bundle/', import.meta.url);
  const chunks = (await readdir(bundle)).filter((name) => /^chunk-.*\.js$/.test(name));
  const loaded = await Promise.all(chunks.map((name) => import(new URL(name, bundle).href) as Promise<{ readonly catalog?: typeof catalog }>));
  const names = (of: typeof catalog | undefined) => of?.map(({ type, message }) => `${type} ${message?.name}`);
  assert.deepEqual(names(loaded.find((chunk) => chunk.catalog)?.catalog), names(catalog));
});
