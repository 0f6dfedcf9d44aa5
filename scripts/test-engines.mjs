/** `npm run test:engines [-- NAME]`: every suite that an engine has, against whatever is up; what was not there is said loudly. Ends with one line of counts. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { anyUp, down, engines, up } from './engines.mjs';
import { nodePath, root } from './prepare.mjs';

const wanted = process.argv.slice(2);
/** For an engine whose module names none: the contracts that list it. */
const contracts = [{ says: 'the contracts of what it keeps', files: ['contracts/*.spec.js'] }];
const wasUp = await anyUp();
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
    const [, passed = '0', failed = '0', skipped = '0'] = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(text.trimEnd().split('\n').at(-1) ?? '') ?? [];
    resolve({ passed: Number(passed), failed: Number(failed) || (code === 0 ? 0 : 1), skipped: Number(skipped) });
  });
});

const running = await up();
const everywhere = Object.assign({}, ...running.map(({ environment }) => environment));
try {
  for (const engine of await engines()) {
    if (wanted.length > 0 && !wanted.includes(engine.name)) continue;
    const found = running.find((each) => each.engine === engine);
    if (!found) {
      missing.push(engine.name);
      total.skipped += 1;
      continue;
    }
    for (const { says, files, environment, withOthers } of engine.suites ?? contracts) {
      process.stdout.write(`\n=== ${engine.name}${found.real ? '' : ' (stand-in)'}: ${says}\n`);
      const counts = await run(files, { ...(withOthers === true ? everywhere : found.environment), ...(found.real ? {} : environment) });
      for (const key of Object.keys(total)) total[key] += counts[key];
    }
  }
} finally {
  if (!wasUp) await down();
}
for (const { engine, real } of running) if (!real) process.stdout.write(`\n*** ${engine.name}: proven against a stand-in only; against a real server: docs/engines.md ***\n`);
for (const name of missing) process.stdout.write(`\n*** ${name} WAS NOT THERE: its suites did not run ***\n`);
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
