/** Finds out what was uploaded: how it is built, and how it is started as a line for `/bin/sh -c`; and says why. */
import { access, constants, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Refused } from '../../domain/ports/failures.ts';
import type { Step } from './supervisor/order.ts';

/** `how` is one sentence for people. `paths` go before everything else on PATH. */
export type Plan = { readonly how: string; readonly steps: readonly Step[]; readonly command: string; readonly paths: readonly string[] };
/** Where a program is found on the workload's search path; undefined where it is not. */
export type FindProgram = (name: string) => Promise<string | undefined>;

const textBytesMax = 1024 * 1024;
const readText = async (path: string): Promise<string | undefined> => {
  const seen = await stat(path).catch(() => undefined);
  return seen?.isFile() && seen.size <= textBytesMax ? readFile(path, 'utf8') : undefined;
};
const isThere = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);
const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
const step = (command: string, says = command): Step => ({ says, command });
const toolMissing = (what: string, tool: string, instead: string): Refused =>
  new Refused('ToolMissing', `This is ${what}, but there is no ${tool} on this machine that a workload can use. ${instead}, or ask the operator to install ${tool}.`);

const builtins = new Set(['.', ':', '[', '!', '{', 'alias', 'bg', 'break', 'case', 'cd', 'command', 'continue', 'do', 'echo', 'eval', 'exec', 'exit', 'export', 'false', 'fg', 'for', 'function', 'getopts', 'hash', 'if', 'jobs', 'local', 'printf', 'pwd', 'read', 'readonly', 'return', 'select', 'set', 'shift', 'source', 'test', 'time', 'times', 'trap', 'true', 'type', 'ulimit', 'umask', 'unalias', 'unset', 'until', 'wait', 'while']);
/** A plain command takes the shell's place, so that signals and exit code are its own; anything more is left to the shell. */
export const shellLine = (command: string): string => {
  const line = command.trim();
  const [first = ''] = line.split(/\s/, 1);
  const plain = !/[;&|<>()`\n#]/.test(line) && !builtins.has(first) && !/^[A-Za-z_][A-Za-z0-9_]*=/.test(first);
  return plain ? `exec ${line}` : line;
};

/** What one look at the folder tells. `start` is undefined where a language is known and nothing says what to start. */
type Found = { readonly what: string; readonly steps: readonly Step[]; readonly start?: { readonly command: string; readonly because: string }; readonly paths?: readonly string[]; readonly missing?: string };

type Procfile = { readonly web?: string; readonly build: readonly string[] };
const procfileOf = (text: string): Procfile => {
  const lines = text.split('\n').flatMap((line) => {
    const [, name = '', command = ''] = /^\s*([A-Za-z0-9_-]+)\s*:\s*(\S.*?)\s*$/.exec(line) ?? [];
    return name === '' ? [] : [{ name, command }];
  });
  const isBuild = ({ name }: { name: string }): boolean => name === 'build' || name === 'release';
  const starts = lines.filter((line) => !isBuild(line));
  const web = (starts.find(({ name }) => name === 'web') ?? (starts.length === 1 ? starts[0] : undefined))?.command;
  return { build: lines.filter(isBuild).map(({ command }) => command), ...(web === undefined ? {} : { web }) };
};

type Manifest = { readonly scripts: Readonly<Record<string, unknown>>; readonly main: string | undefined; readonly needs: boolean };
const manifestOf = (text: string): Manifest => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Refused('NothingToRun', `package.json is not JSON: ${(error as Error).message}.`);
  }
  const { scripts, main, dependencies, devDependencies } = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Record<string, unknown>;
  const record = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {});
  const needs = [dependencies, devDependencies].some((list) => Object.keys(record(list)).length > 0);
  return { scripts: record(scripts), main: typeof main === 'string' && main !== '' ? main : undefined, needs };
};
const script = ({ scripts }: Manifest, name: string): string | undefined => {
  const line = scripts[name];
  return typeof line === 'string' && line.trim() !== '' ? line : undefined;
};
const node = async (folder: string, runFolder: string, find: FindProgram): Promise<Found | undefined> => {
  const text = await readText(join(folder, 'package.json'));
  if (text === undefined) return undefined;
  const manifest = manifestOf(text);
  const install = manifest.needs && !(await isThere(join(folder, 'node_modules')));
  const steps = [
    ...(install ? [step(`${(await isThere(join(folder, 'package-lock.json'))) ? 'npm ci' : 'npm install'} --no-audit --no-fund`)] : []),
    ...(script(manifest, 'build') === undefined ? [] : [step('npm run build')]),
  ];
  if (steps.length > 0 && (await find('npm')) === undefined) throw toolMissing('Node.js with dependencies or a build script', 'npm', 'Upload it with its node_modules and already built');
  // `npm start` would be slow, noisy and in the way of signals; this is what it runs.
  const start = script(manifest, 'start');
  const found = start !== undefined ? { command: start, because: 'scripts.start' } : manifest.main === undefined ? undefined : { command: `node ${quote(manifest.main)}`, because: 'main' };
  return { what: 'Node.js (package.json)', steps, paths: [join(runFolder, 'node_modules', '.bin')], missing: 'package.json has neither scripts.start nor main', ...(found ? { start: found } : {}) };
};

const declaresMain = async (folder: string): Promise<boolean> => {
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.endsWith('.go') && !name.endsWith('_test.go') && /^package main\b/m.test((await readText(join(folder, name))) ?? '')) return true;
  }
  return false;
};
const go = async (folder: string, find: FindProgram): Promise<Found | undefined> => {
  if (!(await isThere(join(folder, 'go.mod')))) return undefined;
  const commands = (await readdir(join(folder, 'cmd'), { withFileTypes: true }).catch(() => [])).filter((entry) => entry.isDirectory()).map(({ name }) => `cmd/${name}`);
  const mains: string[] = [];
  for (const place of ['.', ...commands]) if (await declaresMain(join(folder, place))) mains.push(place === '.' ? '.' : `./${place}`);
  const [main] = mains.includes('.') ? ['.'] : mains.length === 1 ? mains : [];
  if (main === undefined) return { what: 'Go (go.mod)', steps: [], missing: mains.length === 0 ? 'go.mod is there, but no package main at the top or below cmd/' : `there are several commands: ${mains.join(', ')}` };
  if ((await find('go')) === undefined) throw toolMissing('Go (go.mod)', 'go', 'Upload the built program as an executable named run, without go.mod');
  return { what: 'Go (go.mod)', steps: [step(`go build -o .tollgate/app ${main}`)], start: { command: '.tollgate/app', because: `package main in ${main}` } };
};

const hasLines = (text: string | undefined): boolean => (text ?? '').split('\n').some((line) => !/^\s*(#.*)?$/.test(line));
const venv: readonly Step[] = [
  step("python3 -c 'import venv, ensurepip' 2>/dev/null || { echo 'python3 on this machine cannot make virtual environments; the operator installs what is missing, on Debian: apt install python3-venv'; exit 1; }; python3 -m venv .tollgate/venv", 'python3 -m venv .tollgate/venv'),
];
const pip = (what: string): Step => step(`.tollgate/venv/bin/pip install --disable-pip-version-check ${what}`);
const python = async (folder: string, runFolder: string, find: FindProgram): Promise<Found | undefined> => {
  const [requirements, project] = [await readText(join(folder, 'requirements.txt')), await readText(join(folder, 'pyproject.toml'))];
  let main: string | undefined;
  for (const name of ['main.py', 'app.py', 'server.py']) if (main === undefined && (await isThere(join(folder, name)))) main = name;
  if (requirements === undefined && project === undefined && main === undefined) return undefined;
  if ((await find('python3')) === undefined) throw toolMissing('Python', 'python3', 'Upload something else to run');
  const needs = hasLines(requirements) ? pip('-r requirements.txt') : requirements === undefined && /^\s*dependencies\s*=\s*\[\s*[^\s\]]/m.test(project ?? '') ? pip('.') : undefined;
  const what = `Python (${requirements !== undefined ? 'requirements.txt' : project !== undefined ? 'pyproject.toml' : (main ?? '')})`;
  const start = main === undefined ? {} : { start: { command: `python3 -u ${main}`, because: `there is a ${main}` } };
  return { what, steps: needs ? [...venv, needs] : [], missing: 'there is no main.py, app.py or server.py', ...(needs ? { paths: [join(runFolder, '.tollgate', 'venv', 'bin')] } : {}), ...start };
};
const executable = async (folder: string): Promise<Found | undefined> => {
  const executables: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile() && (await access(join(folder, entry.name), constants.X_OK).then(() => true, () => false))) executables.push(entry.name);
  }
  const found = ['run', 'start', 'main'].find((name) => executables.includes(name)) ?? (executables.length === 1 ? executables[0] : undefined);
  return found === undefined ? undefined : { what: 'an executable', steps: [], start: { command: quote(`./${found}`), because: `${found} is executable` } };
};

const inWords = (what: string, steps: readonly Step[], command: string, because: string): string =>
  `${what}: ${steps.length === 0 ? '' : `${steps.map(({ says }) => `'${says}'`).join(', then ')}, `}${steps.length === 0 ? '' : 'then '}started with '${command}' (${because})`;
const nothing = (why: readonly string[]): Refused =>
  new Refused('NothingToRun', `There is nothing to run${why.length === 0 ? '' : `: ${why.join('; ')}`}. Looked for a 'web' line in Procfile, scripts.start or main in package.json, a package main beside go.mod, main.py, app.py or server.py, and an executable file named run, start or main, or a single one, at the top. Add one of them, or give --command.`);

const languageOf = async (folder: string, runFolder: string, find: FindProgram): Promise<Found | undefined> => (await node(folder, runFolder, find)) ?? (await go(folder, find)) ?? (await python(folder, runFolder, find));

/** `folder` holds the code now, `runFolder` is where it will run. A given command says what is started; how it is built is found all the same. */
export const detect = async (folder: string, given: string | undefined, find: FindProgram, runFolder = folder): Promise<Plan> => {
  const text = await readText(join(folder, 'Procfile'));
  const procfile: Procfile = text === undefined ? { build: [] } : procfileOf(text);
  const built = procfile.build.length > 0 || (await executable(folder)) !== undefined;
  const language = await languageOf(folder, runFolder, find).catch((error: unknown) => {
    if (built && error instanceof Refused && error.code === 'ToolMissing') return undefined; // it brings what it needs
    throw error;
  });
  const own = given !== undefined && given.trim() !== '' ? { command: given, because: 'as given' } : procfile.web === undefined ? undefined : { command: procfile.web, because: "Procfile's web line" };
  const found = language?.start || own ? language : ((await executable(folder)) ?? language);
  const start = own ?? found?.start;
  if (!start) throw nothing([...(text === undefined ? [] : ['Procfile has several lines and none for web']), ...(language?.missing === undefined ? [] : [language.missing])]);
  // A build line knows better than what a language usually needs.
  const steps = procfile.build.length > 0 ? procfile.build.map((command) => step(command)) : (found?.steps ?? []);
  const paths = given !== undefined && !language ? [join(runFolder, 'node_modules', '.bin')] : (found?.paths ?? []);
  return { how: inWords(found?.what ?? (text === undefined ? 'a command' : 'Procfile'), steps, start.command, start.because), steps, command: start.command, paths };
};
