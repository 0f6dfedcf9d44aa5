/** `npm run test:engines`: every suite that an engine has, against whatever is up; what was not there is said loudly. Ends with one line of counts. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { down, engines, up } from './engines.mjs';
import { nodePath, root } from './prepare.mjs';

const wanted = process.argv.slice(2);
const wasUp = existsSync(join(root, '.cache', 'engines', 'state.json'));
const total = { passed: 0, failed: 0, skipped: 0 };
const missing = [];
/** A suite in a process of its own, with what it has to know in its environment. */
const run = (files, environment) => new Promise((resolve) => {
  const child = spawn(nodePath(), [join(root, 'scripts/test.mjs'), ...files], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...environment } });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
    process.stdout.write(chunk);
  });
  child.once('close', (code) => {
    const [, passed = '0', failed = '0', skipped = '0'] = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(text.trimEnd().split('\n').at(-1) ?? '') ?? [];
    resolve({ passed: Number(passed), failed: Number(failed) || (code === 0 ? 0 : 1), skipped: Number(skipped) });
  });
});

const state = await up();
const found = await engines();
const all = Object.fromEntries(found.flatMap(({ id, testVariable }) => (state[id] ? [[testVariable, state[id].url]] : [])));
try {
  for (const { id, name, suites, testVariable } of found) {
    if (wanted.length > 0 && !wanted.includes(id)) continue;
    const running = state[id];
    if (!running) {
      missing.push(name);
      total.skipped += suites.length;
      continue;
    }
    for (const { says, files, alone } of suites) {
      process.stdout.write(`\n=== ${name}${running.standIn ? ' (stand-in)' : ''}: ${says}\n`);
      const counts = await run(files, alone === true ? { [testVariable]: running.url } : all);
      for (const key of Object.keys(total)) total[key] += counts[key];
    }
  }
} finally {
  if (!wasUp) await down();
}
for (const { name } of found.filter(({ id }) => state[id]?.standIn)) process.stdout.write(`\n*** ${name}: proven against a stand-in only. Against a real one: see docs/engines.md ***\n`);
for (const name of missing) process.stdout.write(`\n*** ${name} WAS NOT THERE: its suites did not run ***\n`);
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
