/** docs/operators.md, typed as it says: the first hour, a lapse, stuck work, and a backup that is restored. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { journeyOf, typed } from './journey.ts';
import { root } from './render.ts';
import { startServer } from './typed.ts';

const page = 'docs/operators.md';
const text = readFileSync(join(root, page), 'utf8');
const run = promisify(execFile);
/** A block of shell lines marked by what it is for; the machine's folders are ours, and its service is what we start. */
const shell = async (mark: string, home: string): Promise<void> => {
  const [, block = ''] = new RegExp(`<!-- typed by a test: ${mark} -->\\n\`\`\`sh\\n([\\s\\S]*?)\`\`\``).exec(text) ?? [];
  assert.notEqual(block, '', mark);
  const here = block.replaceAll('/var/lib/tollgate', join(home, 'data')).replaceAll('/backup', join(home, 'backup')).replaceAll(/^systemctl .*$/gm, ':');
  await run('bash', ['-euc', here]);
};
const tollgate = (home: string, origin: string, ...args: string[]) => run(process.execPath, [join(root, 'scripts/tollgate.mjs'), ...args], { env: { PATH: process.env['PATH'], TOLLGATE_URL: origin, XDG_CONFIG_HOME: join(home, 'config') } });

test(`${page} is what an operator sees who types it; the backup it makes is restored, and verifies`, { timeout: 170_000 }, async () => {
  const steps = journeyOf(page);
  assert.ok(steps.length >= 14, `${steps.length} commands`);
  const home = await mkdtemp(join(tmpdir(), 'tollgate-operators-'));
  await mkdir(join(home, 'backup'));
  let server = await startServer(join(home, 'data'));
  try {
    for (const step of steps) await typed(step, { home, origin: server.origin, card: 'succeeds-once' });
    await server.stop();
    await shell('backup', home);
    await rm(join(home, 'data'), { recursive: true });
    await shell('restore', home);
    server = await startServer(join(home, 'data'));
    const asOperator = (...args: string[]) => tollgate(home, server.origin, ...args, '--token-file', join(home, 'data/operator.token'));
    assert.match((await asOperator('audit', 'verify')).stdout, /every hash as it was written/);
    assert.match((await asOperator('account', 'list')).stdout, /ada@example\.com/, 'the keys are back: an address can be read');
    assert.match((await asOperator('subscription', 'list')).stdout, /limited/);
  } finally {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
});

test(`every command that ${page} names exists`, async () => {
  const golden = readFileSync(join(root, 'test/cli/every-help.golden.txt'), 'utf8');
  const named = [...text.matchAll(/\btollgate ((?:[a-z]+)(?: [a-z]+)?)/g)].map(([, words = '']) => words).filter((words) => golden.includes(`===== tollgate ${words.split(' ')[0]} `));
  assert.ok(named.length > 25);
  for (const words of new Set(named)) assert.ok(golden.includes(`===== tollgate ${words} --help`) || golden.includes(`===== tollgate ${words.split(' ')[0]} --help\nUsage: tollgate ${words.split(' ')[0]} [options]\n`) || /^(doctor|signup|run|completion|version)/.test(words), words);
});

test('its service file holds what the page promises: workloads outlive a restart, a stop has its ten seconds, nobody else may read', () => {
  const [, unit = ''] = /```ini\n([\s\S]*?)```/.exec(text) ?? [];
  for (const line of ['KillMode=process', 'Delegate=yes', 'UMask=0077', 'TimeoutStopSec=15']) assert.ok(unit.includes(`\n${line}\n`), line);
  const known = /^(\[(Unit|Service|Install)\]|#.*|[A-Z][A-Za-z]+=.+|)$/;
  assert.deepEqual(unit.trimEnd().split('\n').filter((line) => !known.test(line)), []);
});
