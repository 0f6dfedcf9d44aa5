/** What the machine itself says about a data folder and about the programs beside us. */
import { execFile } from 'node:child_process';
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** What others on this machine may read or write: its path in the folder, and its mode in octal. */
type Open = { readonly path: string; readonly mode: string };
/** Reading and writing. Passing through a folder is needed by workloads that run as users of their own. */
const othersBits = 0o066;
const answerMaxMs = 5_000;

const openness = async (folder: string, path: string): Promise<readonly Open[]> => {
  const { mode } = await stat(join(folder, path)).catch(() => ({ mode: 0 })); // a file of a moment, gone again
  return (mode & othersBits) === 0 ? [] : [{ path, mode: (mode & 0o777).toString(8).padStart(4, '0') }];
};
/** What must be nobody else's: the folder, the files in it (the log, the keys, the token), and every secret. */
const guarded = async (folder: string): Promise<readonly string[]> => {
  const passable = ((await stat(folder)).mode & 0o011) !== 0; // nobody comes to files in a folder that nobody comes into
  const files = passable ? (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile()).map(({ name }) => name).sort() : ['operator.token'];
  return ['.', ...files, 'secrets', ...(await readdir(join(folder, 'secrets'))).sort().map((name) => join('secrets', name))];
};

const gitVersion = (): Promise<string | undefined> => new Promise((resolve) => {
  execFile('git', ['--version'], { timeout: answerMaxMs }, (error, stdout) => resolve(error ? undefined : stdout.trim()));
});

/** The folder's rights, the room on its disk, and what `git --version` says (undefined where there is none). */
export const machineFacts = async (folder: string) => {
  const [paths, { bavail, bsize }, git] = await Promise.all([guarded(folder), statfs(folder), gitVersion()]);
  const tooOpen = (await Promise.all(paths.map((path) => openness(folder, path)))).flat();
  return { tooOpen, freeBytes: bavail * bsize, git };
};
