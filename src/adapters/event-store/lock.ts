import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DatabaseUnusable } from '../sqlite/open-database.ts';

/** Another process works on this folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
  readonly folder: string;
  constructor(folder: string) {
    super(`${folder} is in use by another process`);
    this.folder = folder;
  }
}

const busy = 5;
/** File of the lock inside the folder. Opening and closing it in the same process would drop the lock: leave it out of backups. */
export const lockFile = 'lock';

/** Referenced here, because a garbage-collected database is closed, and its lock with it. */
const held = new Set<DatabaseSync>();

/**
 * Takes a folder for this process alone. The lock is SQLite's lock on an empty database file, so the operating system
 * lets go of it when the process dies, however it dies: there is no pid to be stale.
 */
export const lockFolder = (folder: string): { release(): void } => {
  const path = join(folder, lockFile);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    if (database?.isOpen === true) database.close();
    if (error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === busy) throw new FolderInUse(folder);
    throw new DatabaseUnusable(path, error instanceof Error ? error.message : String(error));
  }
  const lock = database;
  held.add(lock);
  return {
    release: () => {
      held.delete(lock);
      if (lock.isOpen) lock.close();
    },
  };
};
