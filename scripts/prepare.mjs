/**
 * Installs what is missing and builds what is stale, and nothing twice. Runs on any Node >= 20, before anything is installed.
 * What was installed for is stamped in node_modules, what was built from in dist.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);
const bundles = ['bundle-cli.mjs', 'bundle-server.mjs'];
const built = ['src', 'cli', 'web', 'test', 'bench'];

const fail = (message) => {
  process.stderr.write(`tollgate: ${message}\n`);
  process.exit(1);
};
const digest = (...texts) => createHash('sha256').update(texts.join('\0')).digest('hex');
const stampIs = (file, value) => existsSync(file) && readFileSync(file, 'utf8') === value;

const run = (command, args, what) => {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (error || status !== 0) fail(`${what} failed${error ? `: ${error.message}` : ''}; see above`);
};

const install = () => {
  const stamp = at('node_modules', '.tollgate-installed');
  const value = digest(readFileSync(at('package-lock.json'), 'utf8'), process.platform, process.arch);
  if (stampIs(stamp, value)) return;
  process.stderr.write('Installing what is missing (once)...\n');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci');
  writeFileSync(stamp, value);
};

/** Names, sizes and times of all sources: cheap, and different whenever a build could be. */
const fingerprint = (folder) => readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((entry) => {
  const path = join(folder, entry.name);
  if (entry.isDirectory()) return entry.name === 'generated' ? [] : fingerprint(path);
  const { size, mtimeMs } = statSync(path);
  return [`${path}:${size}:${mtimeMs}`];
});

const build = () => {
  const stamp = at('dist', '.tollgate-built');
  const value = digest(...built.flatMap((folder) => fingerprint(at(folder))), readFileSync(at('tsconfig.json'), 'utf8'), readFileSync(at('package-lock.json'), 'utf8'), ...bundles.map((file) => readFileSync(at('scripts', file), 'utf8')));
  if (stampIs(stamp, value)) return;
  process.stderr.write('Building...\n');
  mkdirSync(at('dist'), { recursive: true });
  rmSync(stamp, { force: true });
  const node = nodePath();
  run(node, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', root], 'the build');
  for (const file of bundles) run(node, [at('scripts', file)], `bundling (${file})`);
  writeFileSync(stamp, value);
};

/** The Node that everything runs on: the one of the lockfile, where there is one for this platform. */
export const nodePath = () => {
  const ours = at('node_modules', '.bin', 'node');
  return existsSync(ours) ? ours : process.execPath;
};

export const prepare = () => {
  if (Number(process.versions.node.split('.')[0]) < 20) fail(`Node ${process.versions.node} is too old; install Node 20 or newer`);
  if (!existsSync(at('package-lock.json'))) fail('package-lock.json is missing; clone the repository again');
  install();
  build();
};
