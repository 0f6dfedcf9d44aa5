/** SOURCE[@REF] as people type it, and the prompt that shows no token. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Machine } from './run-cli.ts';
import { session } from './stand-in.ts';
import { Terminal, withoutTerminal } from './terminal.ts';
import { createServer } from 'node:http';
import type { Failure } from '../../cli/exit-codes.ts';
import { labelOf } from '../../cli/pack.ts';
import { nameSourceOf, sourceOf } from '../../cli/source.ts';

test('an existing folder goes first, whatever it is called', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-source-'));
  const before = process.cwd();
  try {
    for (const name of ['hello', 'hello@v1', 'github.com/owner/repository', '@scope', 'https:']) mkdirSync(join(folder, name), { recursive: true });
    process.chdir(folder);
    for (const path of ['hello', './hello', 'hello@v1', 'github.com/owner/repository', '@scope', '.', join(folder, 'hello')]) assert.deepEqual(await sourceOf(path), { kind: 'folder', path });
    await assert.rejects(sourceOf('./hello@v2'), (error: Failure) => error.exitCode === 2 && /'\.\/hello' is a folder, and folders have no '@v2'/.test(error.message));
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  }
});
test('an address is one with its scheme or without; what follows the first @ in its path is the ref', async () => {
  for (const [text, git, ref, name] of [
    ['https://github.com/owner/repository', 'https://github.com/owner/repository', undefined, 'repository'], ['github.com/owner/Repo.Name', 'https://github.com/owner/Repo.Name', undefined, 'repo-name'], ['github.com/owner/repository.git@main', 'https://github.com/owner/repository.git', 'main', 'repository'],
    ['https://git.test:8443/a/b@feature/x', 'https://git.test:8443/a/b', 'feature/x', 'b'], ['localhost:8443/a', 'https://localhost:8443/a', undefined, 'a'], ['git.test:8443/a@v1', 'https://git.test:8443/a', 'v1', 'a'], ['https://h.test/@ada/site@@scope/pkg@1.0', 'https://h.test/@ada/site', '@scope/pkg@1.0', 'site'], ['https://h.test/a/@ada', 'https://h.test/a/@ada', undefined, 'ada'],
    ['https://ada:secret@h.test/a@main', 'https://ada:secret@h.test/a', 'main', 'a'], ['http://h.test/a', 'http://h.test/a', undefined, 'a'], ['ssh://git@h.test/a.git', 'ssh://git@h.test/a.git', undefined, 'a'], [`github.com/o/r@${'a'.repeat(40)}`, 'https://github.com/o/r', 'a'.repeat(40), 'r'], ['https://github.com/o/r/', 'https://github.com/o/r/', undefined, 'r'],
  ] as const) {
    const source = await sourceOf(text);
    assert.deepEqual(source, { kind: 'git', git, ...(ref === undefined ? {} : { ref }) });
    assert.equal(labelOf(nameSourceOf(source)), name);
  }
});
test('what is neither is told what it would have to be', async () => {
  for (const [text, message] of [['git@github.com:owner/repository.git', /address for ssh/], ['github.com/owner/repository@', /a branch, tag or commit is missing/]] as const) await assert.rejects(sourceOf(text), (error: Failure) => error.exitCode === 2 && message.test(error.message));
  await taking(async (machine, sent) => {
    const { code, stderr } = await machine.run(['run', 'no-such-thing']);
    assert.deepEqual([code, stderr.split('\n')[0], sent], [2, "there is no folder 'no-such-thing'", []]);
  });
});

/** A server that takes one credential and keeps what it was sent. */
const taking = async (work: (machine: Machine, sent: { body: string; headers: IncomingMessage['headers'] }[]) => Promise<void>): Promise<void> => {
  const sent: { body: string; headers: IncomingMessage['headers'] }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => {
      sent.push({ body, headers: request.headers });
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ position: '1', stream: 's', revision: 1, events: [] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  using machine = new Machine({ TOLLGATE_URL: origin });
  mkdirSync(dirname(machine.configFile), { recursive: true });
  writeFileSync(machine.configFile, JSON.stringify({ credentials: { [origin]: { customer: session() } } }));
  try {
    await work(machine, sent);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
};
const main = fileURLToPath(new URL(`../../cli/main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url));

describe('git credential set', () => {
  test('takes the token from standard input or a file, and that file for no operator\'s token', () => taking(async (machine, sent) => {
    const file = join(machine.home, 'token.txt');
    writeFileSync(file, 'tok-in-file\n');
    assert.equal((await machine.run(['git', 'credential', 'set', 'github.com'], 'tok-on-input\nmore\n')).code, 0);
    assert.equal((await machine.run(['git', 'credential', 'set', 'github.com', '--token-file', file, '--username', 'ada'])).code, 0);
    assert.equal((await machine.run(['git', 'credential', 'set', 'github.com', '--token-file', '-'], 'tok-on-dash\n')).code, 0);
    assert.deepEqual(sent.map(({ body }) => JSON.parse(body) as unknown), [{ host: 'github.com', token: 'tok-on-input' }, { host: 'github.com', token: 'tok-in-file', username: 'ada' }, { host: 'github.com', token: 'tok-on-dash' }]);
    assert.ok(sent.every(({ headers }) => headers.authorization === `Bearer ${session().accessToken}`));
  }));
  test('has no flag for the token, and says what is missing', () => taking(async (machine, sent) => {
    for (const args of [['--token', 'x'], ['--password', 'x']]) assert.equal((await machine.run(['git', 'credential', 'set', 'github.com', ...args])).code, 2);
    assert.match((await machine.run(['git', 'credential', 'set', 'github.com'], '\n')).stderr, /no token was given\n.*--token-file FILE/);
    assert.equal((await machine.run(['git', 'credential', 'set', 'github.com'], '')).code, 3);
    assert.equal((await machine.run(['git', 'credential', 'set', 'github.com', '--no-input'], 'tok\n')).code, 2);
    assert.match((await machine.run(['git', 'credential', 'set', 'github.com', '--token-file', '/no/such'])).stderr, /cannot be read \(ENOENT\)/);
    assert.deepEqual(sent, []);
  }));
  test('on a terminal it asks, and shows nothing of what is typed', { skip: withoutTerminal }, () => taking(async (machine, sent) => {
    using terminal = new Terminal([process.execPath, main, 'git', 'credential', 'set', 'github.com'], machine.environ);
    await terminal.shows('Token or password for github.com');
    terminal.press('tok-typd\u007fed\r');
    assert.equal(await terminal.ended, 0, terminal.screen);
    assert.deepEqual(JSON.parse(sent[0]?.body ?? '{}'), { host: 'github.com', token: 'tok-typed' });
    assert.doesNotMatch(terminal.screen, /tok-/);
  }));
  test('Ctrl-C at the question ends with 130, and nothing is sent', { skip: withoutTerminal }, () => taking(async (machine, sent) => {
    using terminal = new Terminal([process.execPath, main, 'git', 'credential', 'set', 'github.com'], machine.environ);
    await terminal.shows('Token or password');
    terminal.press('half\u0003');
    assert.equal(await terminal.ended, 130, terminal.screen);
    assert.deepEqual(sent, []);
  }));
});
