/** `node scripts/run.mjs FILE [ARGS]`: prepares, then runs FILE on the project's own Node. With --build-only it stops there. */
import { spawn } from 'node:child_process';
import { nodePath, prepare, root } from './prepare.mjs';
import { join } from 'node:path';

const [file, ...args] = process.argv.slice(2);
prepare();
if (file !== '--build-only') {
  const child = spawn(nodePath(), ['--enable-source-maps', join(root, file), ...args], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // npm that is killed outright tells nobody: what it started ends in order all the same.
  const { ppid } = process;
  setInterval(() => process.ppid !== ppid && child.kill('SIGTERM'), 500).unref();
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
  child.on('error', (error) => {
    process.stderr.write(`tollgate: cannot start ${file}: ${error.message}\n`);
    process.exit(1);
  });
}
