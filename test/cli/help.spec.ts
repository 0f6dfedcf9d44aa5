import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import type { Command } from 'commander';
import { Machine, checkout } from './run-cli.ts';
import { session } from './stand-in.ts';
import type { Catalog } from '../../cli/catalog.ts';
import { withGenerated } from '../../cli/generated.ts';
import { handShaped } from '../../cli/hand-shaped.ts';
import { growing } from '../../cli/nouns.ts';
import { buildProgram } from '../../cli/program.ts';
import { describeForCli } from '../../src/describe-for-cli.ts';

/** Written anew with TOLLGATE_GOLDEN=write; look at the difference before committing it. */
const golden = join(checkout, 'test/cli/help.golden.txt');
const pages: readonly (readonly string[])[] = [[], ['env'], ['env', 'add'], ['login'], ['signup'], ['password'], ['password', 'reset'], ['account'], ['account', 'cancel'], ['run'], ['logs'], ['account', 'pay'], ['invite'], ['invite', 'add'], ['invite', 'list'], ['plan', 'offer'], ['audit', 'log'], ['clock', 'advance']];

test('help reads as it was agreed', async () => {
  using machine = new Machine();
  const texts = await Promise.all(pages.map(async (words) => {
    const { code, stdout, stderr } = await machine.run([...words, '--help']);
    assert.deepEqual([code, stderr], [0, '']);
    return `===== tollgate ${[...words, '--help'].join(' ')}\n${stdout}`;
  }));
  const text = texts.join('\n');
  if (process.env['TOLLGATE_GOLDEN'] === 'write') writeFileSync(golden, text);
  assert.equal(text, readFileSync(golden, 'utf8'));
});

/** Every command there is, made of the catalog as the build would write it: a verb's help cannot change unseen. */
const everyPage = (): string => {
  const pages: string[] = [];
  const visit = (command: Command, path: string): void => {
    let text = '';
    command.configureOutput({ writeOut: (more) => (text += more), getOutHelpWidth: () => 80 }).outputHelp();
    pages.push(`===== ${path} --help\n${text}`);
    for (const child of command.commands) visit(child, `${path} ${child.name()}`);
  };
  const nouns = withGenerated(handShaped, JSON.parse(JSON.stringify(describeForCli())) as Catalog);
  for (const command of buildProgram(nouns, () => '0.0.0').commands) visit(command, `tollgate ${command.name()}`);
  return pages.join('\n');
};
const everyGolden = join(checkout, 'test/cli/every-help.golden.txt');

test('help of every command reads as it was agreed, names what it takes, and gives an example', () => {
  const text = everyPage();
  if (process.env['TOLLGATE_GOLDEN'] === 'write') writeFileSync(everyGolden, text);
  assert.equal(text, readFileSync(everyGolden, 'utf8'), 'TOLLGATE_GOLDEN=write writes it anew; look at the difference');
  for (const page of text.split('===== ').slice(1)) {
    assert.match(page, /--json/, page);
    if (!/Commands:/.test(page)) assert.match(page, /Examples:\n {2}\$ /, page);
  }
});

test('every hand-shaped noun that the catalog has verbs of is known as one, so that the catalog is read for it', () => {
  const catalog = describeForCli();
  const both = new Set([...catalog.commands, ...catalog.models].map(({ noun }) => noun).filter((noun) => handShaped.some(({ name }) => name === noun)));
  // `reactor retry` and the like are wholly hand-shaped: nothing is left of them for the catalog to add.
  const more = [...both].filter((noun) => withGenerated(handShaped, JSON.parse(JSON.stringify(catalog)) as Catalog).find(({ name }) => name === noun)?.verbs.length !== handShaped.find(({ name }) => name === noun)?.verbs.length);
  assert.deepEqual(more.sort(), [...growing].sort());
});

test("a customer's help leaves the operators' nouns out and says where they are", async () => {
  using machine = new Machine();
  mkdirSync(dirname(machine.configFile), { recursive: true });
  writeFileSync(machine.configFile, JSON.stringify({ credentials: { 'http://127.0.0.1:8081': { customer: session() } } }));
  const { stdout } = await machine.run(['--help']);
  assert.doesNotMatch(stdout, /audit/);
  assert.match(stdout, /tollgate operator login/);
  assert.match((await machine.run(['--help'], '', { TOLLGATE_TOKEN_FILE: '/some/file' })).stdout, /audit/);
  assert.match((await machine.run(['help', 'audit'])).stdout, /verify/, 'hidden, not forbidden');
});

test('version, in words and as JSON', async () => {
  using machine = new Machine();
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string };
  assert.equal((await machine.run(['version'])).stdout, `tollgate ${version}\n`);
  assert.equal((JSON.parse((await machine.run(['version', '--json'])).stdout) as { version: string }).version, version);
});
