/** `npm test`: the linter, then every test that needs nothing but the clone (those of engines are `npm run test:engines`); ends with one line that says how it went. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { root } from './prepare.mjs';

const only = process.argv.slice(2);
const lint = spawnSync(process.execPath, [join(root, 'scripts/lint.mjs')], { cwd: root, stdio: 'inherit' });
if (lint.status !== 0) console.error('The linter found something; see above.');

const files = (only.length > 0 ? only : ['**/*.spec.js']).flatMap((pattern) => globSync(pattern, { cwd: join(root, 'dist/test') })).filter((file) => !file.startsWith('browser/') && (only.length > 0 || !file.startsWith('engines/'))).map((file) => join(root, 'dist/test', file)).sort();
const counts = { passed: 0, failed: 0, skipped: 0 };
const stream = run({ files, concurrency: 2, timeout: 180_000, execArgv: ['--enable-source-maps'] });
stream.on('test:pass', ({ skip, todo, details }) => {
  if (details.type === 'suite') return;
  if (skip || todo) counts.skipped += 1;
  else counts.passed += 1;
});
stream.on('test:fail', ({ details }) => {
  if (details.type !== 'suite') counts.failed += 1;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  const failed = counts.failed + (lint.status === 0 ? 0 : 1);
  process.stdout.write(`\n${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped\n`);
  process.exitCode = failed === 0 && counts.passed > 0 ? 0 : 1;
});
