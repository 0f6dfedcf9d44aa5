/** Finds out how to start what was uploaded, and turns it into a line for `/bin/sh -c`. */
import { access, constants, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Refused } from '../../domain/ports/failures.ts';

export type Start = { readonly command: string; /** Goes before everything else on PATH. */ readonly path?: string };

const textBytesMax = 1024 * 1024;
const readText = async (path: string): Promise<string | undefined> => {
  const seen = await stat(path).catch(() => undefined);
  return seen?.isFile() && seen.size <= textBytesMax ? readFile(path, 'utf8') : undefined;
};
const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

const procfileCommand = (text: string): string | undefined => {
  const lines = text.split('\n').flatMap((line) => {
    const match = /^\s*([A-Za-z0-9_-]+)\s*:\s*(\S.*?)\s*$/.exec(line);
    return match ? [{ name: match[1], command: match[2] ?? '' }] : [];
  });
  return (lines.find(({ name }) => name === 'web') ?? (lines.length === 1 ? lines[0] : undefined))?.command;
};
const packageStart = (text: string, folder: string): Start | undefined => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Refused('NothingToRun', `package.json is not JSON: ${(error as Error).message}.`);
  }
  const { scripts, main } = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as { scripts?: { start?: unknown } | null; main?: unknown };
  const path = join(folder, 'node_modules', '.bin');
  // `npm start` would be slow, noisy and in the way of signals; this is what it runs.
  if (typeof scripts?.start === 'string' && scripts.start.trim() !== '') return { command: scripts.start, path };
  return typeof main === 'string' && main !== '' ? { command: `node ${quote(main)}`, path } : undefined;
};
const executableCommand = async (folder: string): Promise<string | undefined> => {
  const entries = await readdir(folder, { withFileTypes: true });
  const executables: string[] = [];
  for (const entry of entries) {
    if (entry.isFile() && (await access(join(folder, entry.name), constants.X_OK).then(() => true, () => false))) executables.push(entry.name);
  }
  const named = ['run', 'start', 'main'].find((name) => executables.includes(name));
  const found = named ?? (executables.length === 1 ? executables[0] : undefined);
  return found === undefined ? undefined : quote(`./${found}`);
};

/** `run` in `folder`, as it was given or as it is found; `folder` is also where it will run. */
export const findCommand = async (folder: string, given: string | undefined, runFolder = folder): Promise<Start> => {
  if (given !== undefined && given.trim() !== '') return { command: given, path: join(runFolder, 'node_modules', '.bin') };
  const procfile = await readText(join(folder, 'Procfile'));
  const fromProcfile = procfile === undefined ? undefined : procfileCommand(procfile);
  if (fromProcfile !== undefined) return { command: fromProcfile };
  const manifest = await readText(join(folder, 'package.json'));
  const fromPackage = manifest === undefined ? undefined : packageStart(manifest, runFolder);
  if (fromPackage) return fromPackage;
  const executable = await executableCommand(folder);
  if (executable !== undefined) return { command: executable };
  throw new Refused('NothingToRun', "There is nothing to run. Looked for a 'web' line in Procfile, scripts.start or main in package.json, and an executable file named run, start or main, or a single one, at the top. Add one of them, or give --command.");
};

const builtins = new Set(['.', ':', '[', '!', '{', 'alias', 'bg', 'break', 'case', 'cd', 'command', 'continue', 'do', 'echo', 'eval', 'exec', 'exit', 'export', 'false', 'fg', 'for', 'function', 'getopts', 'hash', 'if', 'jobs', 'local', 'printf', 'pwd', 'read', 'readonly', 'return', 'select', 'set', 'shift', 'source', 'test', 'time', 'times', 'trap', 'true', 'type', 'ulimit', 'umask', 'unalias', 'unset', 'until', 'wait', 'while']);
/** A plain command takes the shell's place, so that signals and exit code are its own; anything more is left to the shell. */
export const shellLine = (command: string): string => {
  const line = command.trim();
  const [first = ''] = line.split(/\s/, 1);
  const plain = !/[;&|<>()`\n#]/.test(line) && !builtins.has(first) && !/^[A-Za-z_][A-Za-z0-9_]*=/.test(first);
  return plain ? `exec ${line}` : line;
};
