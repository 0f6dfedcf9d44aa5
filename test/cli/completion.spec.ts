/** Completion as its users have it: the real shells, their real completion engines, and names from a server. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Machine } from './run-cli.ts';
import { problem, session, StandIn } from './stand-in.ts';
import { Terminal, without, withoutTerminal } from './terminal.ts';

const cli = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const setting = async (credentials: object = { customer: session() }) => {
  const standIn = await StandIn.start();
  const machine = new Machine({ TOLLGATE_URL: standIn.url, TOLLGATE_COMPLETION_MS: '20000' });
  mkdirSync(dirname(machine.configFile), { recursive: true, mode: 0o700 });
  writeFileSync(machine.configFile, JSON.stringify({ envs: { staging: { url: 'https://staging.example.com' } }, credentials: { [standIn.url]: credentials } }), { mode: 0o600 });
  const bin = join(machine.home, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'tollgate'), `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`);
  chmodSync(join(bin, 'tollgate'), 0o755);
  machine.environ['PATH'] = `${bin}:${machine.environ['PATH'] ?? ''}`;
  standIn.on('GET /workloads', { body: { items: [{ name: 'hello', state: 'running' }, { name: 'helper', state: 'error' }, { name: 'odd name', state: 'error' }], position: '1' } });
  const words = async (...given: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await machine.run(['completion', 'words', '--', ...given]);
    assert.deepEqual([code, stderr], [0, '']);
    return stdout.split('\n').map((line) => line.split('\t')[0] ?? '').filter((word) => word !== '');
  };
  return { standIn, machine, words, async [Symbol.asyncDispose]() {
    machine[Symbol.dispose]();
    await standIn[Symbol.asyncDispose]();
  } };
};
const shell = (program: string, args: readonly string[], environ: Record<string, string>): Promise<string> => new Promise((resolve, reject) => {
  execFile(program, [...args], { env: environ }, (error, stdout, stderr) => (error ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(stdout)));
});

describe('completion', { concurrency: 4 }, () => {
  test('nouns, verbs, flags and choices; only flags where a dash stands, and each once', async () => {
    await using at = await setting({});
    assert.deepEqual(await at.words('sta'), ['status']);
    assert.deepEqual(await at.words('env', ''), ['list', 'set', 'add', 'remove']);
    assert.deepEqual(await at.words('logs', 'hello', '--f'), ['--follow']);
    assert.deepEqual(await at.words('logs', '--follow', '--f'), []);
    assert.ok((await at.words('run', '--env', 'A=1', '--e')).includes('--env'), 'one that may be given again is offered again');
    assert.deepEqual(await at.words('help', 'acc'), ['account']);
    assert.deepEqual(await at.words('completion', ''), ['bash', 'zsh', 'fish']);
    assert.deepEqual(await at.words('run', ''), [':files']);
    assert.deepEqual(await at.words('invite', 'add', '--token-file', ''), [':files']);
    assert.deepEqual([await at.words('git', ''), await at.words('git', 'credential', 's'), await at.words('git', 'credential', 'set', '--u')], [['credential'], ['set'], ['--username']]);
    assert.deepEqual(await at.words('nonsense', ''), []);
  });

  test('live names: workloads, envs, namespaces, read models, parked subjects; a name that would need quotes is left out', async () => {
    await using at = await setting({ customer: session(), operator: { ...session(), operator: 'opr_1' } });
    at.standIn.on('GET /projections', { body: { items: [{ name: 'invites', status: 'live' }] } }).on('GET /plans', { body: { items: [{ id: 'pln_1', name: 'developer' }], position: '1' } })
      .on('GET /reactors', { body: { items: [{ name: 'send-mail', parked: [{ subject: 'mail-ten_1.mail_1', error: 'refused' }] }, { name: 'dunning', parked: [] }] } });
    assert.deepEqual(await at.words('status', 'hel'), ['hello', 'helper']);
    assert.deepEqual(await at.words('kill', ''), ['hello', 'helper']);
    assert.deepEqual(await at.words('env', 'set', ''), ['local', 'server', 'platform', 'staging']);
    assert.deepEqual(await at.words('env', 'remove', ''), ['staging']);
    assert.deepEqual(await at.words('namespace', 'use', ''), ['brave-red-fox', 'calm-blue-owl']);
    assert.deepEqual(await at.words('projection', 'rebuild', ''), ['invites']);
    assert.deepEqual(await at.words('plan', 'show', ''), ['pln_1']);
    assert.deepEqual(await at.words('reactor', 'retry', ''), ['send-mail', 'dunning']);
    assert.deepEqual(await at.words('reactor', 'retry', 'send-mail', ''), ['mail-ten_1.mail_1']);
    assert.deepEqual(await at.words('reactor', 'retry', 'dunning', ''), []);
  });

  test('silent on failure: nobody logged in, a refusal, a server that is down, a damaged config', async () => {
    await using nobody = await setting({});
    assert.deepEqual(await nobody.words('status', ''), []);
    await using at = await setting();
    at.standIn.on('GET /workloads', problem(403, 'NotAllowed', 'no'));
    assert.deepEqual(await at.words('status', ''), []);
    at.machine.environ['TOLLGATE_URL'] = 'http://127.0.0.1:1';
    assert.deepEqual(await at.words('status', ''), []);
    writeFileSync(at.machine.configFile, '{');
    assert.deepEqual(await at.words('status', ''), []);
    assert.deepEqual(await at.words('stat'), ['status'], 'and what needs nobody is still there');
  });

  test('a server that never answers does not keep the shell waiting', async () => {
    await using at = await setting();
    at.standIn.on('GET /workloads', () => new Promise(() => undefined));
    at.machine.environ['TOLLGATE_COMPLETION_MS'] = '';
    assert.deepEqual(await at.words('status', ''), []);
  });

  test("a customer's completion leaves the operators' nouns out", async () => {
    await using at = await setting();
    assert.deepEqual(await at.words('audi'), []);
    await using operator = await setting({ operator: { ...session(), operator: 'opr_1' } });
    assert.deepEqual(await operator.words('audi'), ['audit']);
  });

  test('bash', { skip: without('bash') }, async () => {
    await using at = await setting();
    const complete = (line: string, ...words: string[]) => shell('bash', ['--norc', '--noprofile', '-c', `source <(tollgate completion bash); complete -p tollgate >/dev/null || exit 9; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; COMP_LINE='${line}'; _tollgate; printf '%s\\n' "\${COMPREPLY[@]}"`], at.machine.environ);
    assert.equal(await complete('tollgate sta', 'tollgate', 'sta'), 'status\n');
    assert.equal(await complete('tollgate status hel', 'tollgate', 'status', 'hel'), 'hello\nhelper\n');
    assert.equal(await complete('tollgate run ', 'tollgate', 'run', ''), '\n', "paths are the shell's own");
  });

  test('bash at a terminal: TAB completes the line and Enter runs it', { skip: without('bash') || withoutTerminal }, async () => {
    await using at = await setting();
    using terminal = new Terminal(['bash', '--norc', '--noprofile', '-i'], { ...at.machine.environ, PS1: 'ready> ' });
    terminal.press('source <(tollgate completion bash); echo sour"ced"\r');
    await terminal.shows('sourced');
    terminal.press('tollgate vers\t');
    await terminal.shows('tollgate version');
    terminal.press('\r');
    await terminal.shows(/tollgate \d+\.\d+\.\d+/);
    terminal.press('exit\r');
    assert.equal(await terminal.ended, 0);
  });

  test('zsh at a terminal: TAB completes the line and Enter runs it', { skip: without('zsh') || withoutTerminal }, async () => {
    await using at = await setting();
    using terminal = new Terminal(['zsh', '-f', '-i'], { ...at.machine.environ, PS1: 'ready> ' }, 120);
    terminal.press('autoload -Uz compinit; compinit -u -D; source <(tollgate completion zsh); echo sour"ced"\r');
    await terminal.shows('sourced');
    terminal.press('tollgate vers\t');
    await terminal.shows('tollgate version');
    terminal.press('\r');
    await terminal.shows(/tollgate \d+\.\d+\.\d+/);
    const before = terminal.screen.length;
    terminal.press('tollgate kill hel\t\t');
    await terminal.shows('helper', before);
  });

  test('fish', { skip: without('fish') }, async () => {
    await using at = await setting();
    const complete = (line: string) => shell('fish', ['--no-config', '-c', `tollgate completion fish | source; complete -C '${line}'`], at.machine.environ);
    assert.match(await complete('tollgate sta'), /^status\tWhat runs/);
    assert.equal(await complete('tollgate status hel'), 'hello\trunning\nhelper\terror\n');
    writeFileSync(join(at.machine.home, 'folder-of-code'), '');
    assert.match(await complete(`tollgate run ${at.machine.home}/folder`), /folder-of-code/);
  });
});
