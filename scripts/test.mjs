/**
 * `npm test`: the linter, then every test that needs nothing but the clone; ends with one line that says how it went.
 * With --suite NAME: one of the longer suites instead (`npm run test:NAME`; those of engines are `npm run test:engines`); words behind it choose files of it.
 * --screenshots lets the browser suite write the documentation's pictures.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { root } from './prepare.mjs';

/** Folders of tests with a script of their own: they take long, or need what a clone does not have. */
const suites = { browser: { concurrency: 1, timeoutMs: 600_000 }, simulation: { concurrency: 2, timeoutMs: 900_000 }, faults: { concurrency: 1, timeoutMs: 1_800_000 }, hostile: { concurrency: 1, timeoutMs: 600_000 } };
const usual = { concurrency: 2, timeoutMs: 180_000 };

const { values: { suite, screenshots }, positionals: only } = parseArgs({ allowPositionals: true, options: { suite: { type: 'string' }, screenshots: { type: 'boolean' } } });
if (suite !== undefined && !(suite in suites)) {
  console.error(`--suite takes one of ${Object.keys(suites).join(', ')}, not '${suite}'`);
  process.exit(2);
}
if (screenshots) process.env.TOLLGATE_SCREENSHOTS = '1';
const { concurrency, timeoutMs } = suites[suite] ?? usual;
const lint = suite === undefined ? spawnSync(process.execPath, [join(root, 'scripts/lint.mjs')], { cwd: root, stdio: 'inherit' }) : { status: 0 };
if (lint.status !== 0) console.error('The linter found something; see above.');

const suiteOf = (file) => Object.keys(suites).find((name) => file.startsWith(`${name}/`));
const files = (only.length > 0 ? only : ['**/*.spec.js']).flatMap((pattern) => globSync(pattern, { cwd: join(root, 'dist/test') })).filter((file) => suiteOf(file) === suite && (only.length > 0 || !file.startsWith('engines/'))).map((file) => join(root, 'dist/test', file)).sort();
const counts = { passed: 0, failed: 0, skipped: 0 };
/** A test that fails may leave a server behind that keeps its file's process for ever. (The runner's own forced exit loses tests.) */
const stuck = new AbortController();
let patience;
const heard = () => {
  clearTimeout(patience);
  patience = setTimeout(() => {
    console.error('Nothing has been heard for longer than a test may take: what still runs is ended.');
    stuck.abort();
  }, timeoutMs + 30_000);
};
heard();
const stream = run({ files, concurrency, timeout: timeoutMs, signal: stuck.signal, execArgv: ['--enable-source-maps'] });
stream.on('test:pass', ({ skip, todo, details }) => {
  heard();
  if (details.type === 'suite') return;
  if (skip || todo) counts.skipped += 1;
  else counts.passed += 1;
});
stream.on('test:fail', ({ details }) => {
  heard();
  if (details.type !== 'suite') counts.failed += 1;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  clearTimeout(patience);
  const failed = counts.failed + (lint.status === 0 ? 0 : 1);
  process.stdout.write(`\n${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped\n`);
  process.exitCode = failed === 0 && counts.passed + (suite === undefined ? 0 : counts.skipped) > 0 ? 0 : 1;
});
