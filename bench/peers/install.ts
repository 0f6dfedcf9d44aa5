/** The peers are no dependencies of the project: the first bench that needs them installs them into the user's cache. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { progress } from '../measure.ts';

const native = 'sqlite3';
const packages = ['@event-driven-io/emmett@0.38.5', '@event-driven-io/emmett-sqlite@0.38.5', `${native}@5.1.7`];
const npmMaxMs = 600_000;

const loads = (folder: string): boolean => spawnSync(process.execPath, ['-e', "require('@event-driven-io/emmett-sqlite')"], { cwd: folder, stdio: 'ignore' }).status === 0;

/** Says why it failed, in one line. */
const npm = (folder: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): string | undefined => {
  const { status, error, stderr } = spawnSync('npm', [...args, '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder, env: { ...process.env, ...environment }, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], timeout: npmMaxMs, shell: process.platform === 'win32',
  });
  if (status === 0) return undefined;
  const lines = (stderr ?? '').split('\n').map((line) => line.replace(/^(npm (error|ERR!) ?|gyp ERR! stack )+/, '').trim()).filter((line) => line !== '');
  return error?.message ?? lines.find((line) => /^Error: |E404|ENOTFOUND|ECONN/.test(line)) ?? lines[0] ?? `npm ended with ${status}`;
};
/** The only package whose script may run: it fetches its binary or builds it. */
const build = (folder: string, environment: NodeJS.ProcessEnv = {}): string | undefined =>
  npm(folder, ['rebuild', native, '--ignore-scripts=false'], environment) ?? (loads(folder) ? undefined : `${native} was built and does not load`);

/** Where some Node on the path has its headers: those of any version do, since what is built against them uses N-API. */
const headers = (): string | undefined => (process.env['PATH'] ?? '').split(delimiter).map(dirname).find((prefix) => existsSync(join(prefix, 'include', 'node', 'node.h')));

const install = (folder: string): string | undefined => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  progress(`  installing ${packages.join(', ')} into ${folder} (once; about a minute) ...`);
  const why = npm(folder, ['install', '--ignore-scripts', ...packages]);
  if (why !== undefined) return why;
  const unbuilt = build(folder);
  const prefix = headers();
  if (unbuilt === undefined || prefix === undefined) return unbuilt;
  progress(`  ${unbuilt}; building it with the headers in ${prefix} ...`);
  return build(folder, { npm_config_nodedir: prefix, npm_config_build_from_source: 'true' });
};

/** Where emmett-sqlite can be required from, or why it cannot. */
export const emmettFolder = (): { readonly folder: string } | { readonly why: string } => {
  const key = packages.map((name) => name.replace(/^@[^/]+\//, '').replace('@', '-')).join('_');
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tollgate', 'peers', `${key}_${process.platform}-${process.arch}`);
  const why = existsSync(folder) && loads(folder) ? undefined : install(folder);
  return why === undefined ? { folder } : { why: `emmett-sqlite could not be installed: ${why}` };
};
