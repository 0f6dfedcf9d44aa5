import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A database file that cannot be used; the message is one line for people. */
export class DatabaseUnusable extends Error {
  override readonly name = 'DatabaseUnusable';
  readonly path: string;
  constructor(path: string, reason: string) {
    super(`cannot use ${path}: ${reason}`);
    this.path = path;
  }
}

export interface DatabaseOptions {
  /** Statements that make what is missing; run in one transaction. */
  readonly schema: string;
  readonly cacheKib?: number;
  /** Overwrite what is deleted with zeros. */
  readonly secureDelete?: boolean;
}

/** How far the WAL may grow before the main thread checkpoints itself, should the thread for it be late or dead. */
const backstopPages = 48_000;

/** Opens (or makes) a database in WAL mode. Commits are not fsynced by SQLite: `GroupCommit` does, where it matters. */
export const openDatabase = (path: string, options: DatabaseOptions): DatabaseSync => {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 5_000, enableForeignKeyConstraints: false });
    database.exec('PRAGMA journal_mode=WAL');
    database.exec(`PRAGMA secure_delete=${options.secureDelete === true ? 'ON' : 'OFF'}`);
    database.exec(`PRAGMA cache_size=-${options.cacheKib ?? 8_192}`);
    database.exec(`PRAGMA wal_autocheckpoint=${backstopPages}`);
    // An immediate transaction even when nothing is missing: a file that can only be read is found out here.
    database.exec(`BEGIN IMMEDIATE; ${options.schema}; COMMIT`);
    // What a killed process wrote but never fsynced is made durable before anybody reads it.
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    database.exec('PRAGMA synchronous=NORMAL');
    syncFolder(dirname(path));
    return database;
  } catch (error) {
    if (database?.isOpen === true) database.close();
    throw new DatabaseUnusable(path, error instanceof Error ? error.message : String(error));
  }
};

/** A new file's name is durable only once its folder is. */
const syncFolder = (folder: string): void => {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};
