// Runs the linter over everything that is ours; warnings count. Extra arguments go to oxlint: `npm run lint -- --fix`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const oxlint = fileURLToPath(new URL('../node_modules/oxlint/bin/oxlint', import.meta.url));
if (!existsSync(oxlint)) {
  console.error('The linter is not installed. Run: npm ci');
  process.exit(1);
}
const { status, error } = spawnSync(process.execPath, [oxlint, '--deny-warnings', ...process.argv.slice(2), 'src', 'cli', 'web', 'test', 'bench'], { cwd: root, stdio: 'inherit' });
if (error) console.error(`The linter did not start: ${error.message}`);
process.exit(status ?? 1);
