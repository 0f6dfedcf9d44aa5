import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Instant } from '../../domain/instant.ts';
import { plus } from '../../domain/instant.ts';
import type { Lease, Leases } from '../../domain/ports/leases.ts';
import { GroupCommit } from '../sqlite/group-commit.ts';
import { openDatabase } from '../sqlite/open-database.ts';

/** A released lease stays, without a holder, so that its fencing number goes on growing. */
const schema = `
CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder TEXT, fencing INTEGER NOT NULL, until TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/** Leases in a SQLite file, durable before they are answered: a fencing number must never be given out twice. */
export class SqliteLeases implements Leases {
  readonly #database: DatabaseSync;
  readonly #writes: GroupCommit;
  readonly #acquire: StatementSync;
  readonly #release: StatementSync;
  #closed = false;

  /** Opens or makes the file; throws `DatabaseUnusable`. */
  static open(path: string): SqliteLeases {
    return new SqliteLeases(path);
  }
  private constructor(path: string) {
    const database = openDatabase(path, { schema, cacheKib: 1_024 });
    this.#database = database;
    this.#writes = new GroupCommit(database, path, { durable: true });
    this.#acquire = database.prepare(`INSERT INTO leases (name, holder, fencing, until) VALUES (?1, ?2, 1, ?3)
      ON CONFLICT (name) DO UPDATE SET fencing = fencing + (holder IS NOT ?2), holder = ?2, until = ?3
      WHERE holder IS NULL OR holder = ?2 OR until <= ?4 RETURNING fencing`);
    this.#release = database.prepare('UPDATE leases SET holder = NULL WHERE name = ? AND holder = ?');
  }
  acquire(name: string, holder: string, ttlMs: number, now: Instant): Promise<Lease | undefined> {
    const until = plus(now, ttlMs);
    return this.#writes.run(() => {
      const row = this.#acquire.get(name, holder, until, now) as { fencing: number } | undefined;
      return row && { name, holder, fencing: row.fencing, until };
    });
  }
  async release(name: string, holder: string): Promise<void> {
    await this.#writes.run(() => this.#release.run(name, holder));
  }
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writes.close();
    this.#database.close();
  }
}
