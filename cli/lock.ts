/** A lock file that one process holds; what a dead or stuck one left behind is taken away. */
import { closeSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from './exit-codes.ts';

const staleAfterMs = 60_000;
const breakStaleAfterMs = 10_000;
const waitMaxMs = 30_000;
const lookAgainMs = 20;
const held = new Set<string>();
process.once('exit', () => {
  for (const path of held) tryUnlink(path);
});

const tryUnlink = (path: string): void => {
  try {
    unlinkSync(path);
  } catch {
    // gone already
  }
};
const create = (path: string): boolean => {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, `${process.pid} ${hostname()}\n`);
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};
const ageMs = (path: string): number | undefined => {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
};
const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
const isStale = (path: string): boolean => {
  const age = ageMs(path);
  if (age === undefined) return false;
  if (age > staleAfterMs) return true;
  try {
    const [pid, host] = readFileSync(path, 'utf8').trim().split(' ');
    return host === hostname() && pid !== undefined && pid !== '' && !lives(Number(pid));
  } catch {
    return false;
  }
};
/** Only who holds the breaker may take a stale lock away, and looks again before: so a fresh one is never hit. */
const breakStale = (path: string): void => {
  const breaker = `${path}.break`;
  if (!create(breaker)) {
    if ((ageMs(breaker) ?? 0) > breakStaleAfterMs) tryUnlink(breaker);
    return;
  }
  try {
    if (isStale(path)) tryUnlink(path);
  } finally {
    tryUnlink(breaker);
  }
};

/** Runs `work` while holding the lock at `path`. */
export const withLock = async <T>(path: string, work: () => Promise<T> | T): Promise<T> => {
  for (let waitedMs = 0; !create(path); waitedMs += lookAgainMs) {
    if (isStale(path)) breakStale(path);
    else if (waitedMs >= waitMaxMs) throw new Failure('unavailable', `another tollgate holds '${path}'`, 'Wait for it to end, or delete that file when none runs.', { code: 'ConfigLocked' });
    await sleep(lookAgainMs);
  }
  held.add(path);
  try {
    return await work();
  } finally {
    held.delete(path);
    tryUnlink(path);
  }
};
