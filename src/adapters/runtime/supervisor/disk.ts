/** Disk that folders take, and how a workload's own folder is removed without following it anywhere. */
import { execFile } from 'node:child_process';
import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Blocks in use, links not followed; what vanishes meanwhile counts nothing. */
export const diskBytes = async (folder: string): Promise<number> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await diskBytes(path);
    else bytes += ((await lstat(path).catch(() => undefined))?.blocks ?? 0) * 512;
  }
  return bytes;
};

const emptyAs = (folder: string, user: number): Promise<void> => new Promise((resolve) => {
  execFile('/usr/bin/find', [folder, '-mindepth', '1', '-delete'], { uid: user, gid: user, cwd: '/', env: {} }, () => resolve());
});
/**
 * Removes what a workload may have written. Processes of its user may be alive: while we looked at a folder of theirs they could put a link
 * in its place. So the contents go with its user's rights, and with ours only the folder, which is in a place that the workload cannot change.
 */
export const removeOwned = async (folder: string, user: number | undefined): Promise<void> => {
  if (user === undefined) return rm(folder, { recursive: true, force: true, maxRetries: 5 });
  await emptyAs(folder, user);
  await rmdir(folder).catch(() => undefined);
};
