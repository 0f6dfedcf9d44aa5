import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Instant } from '../../domain/instant.ts';
import { fromEpochMs, toEpochMs } from '../../domain/instant.ts';
import type { CounterAnswer, RateCounters } from '../../domain/ports/counters.ts';
import { GroupCommit } from '../sqlite/group-commit.ts';
import { openDatabase } from '../sqlite/open-database.ts';

const schema = `
CREATE TABLE IF NOT EXISTS hits (id INTEGER PRIMARY KEY, key TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS hits_by_key ON hits (key, at);
CREATE INDEX IF NOT EXISTS hits_by_time ON hits (at);
`;

/** Rate counters in a SQLite file, a row a hit. A killed process loses none; a power cut may lose the last few. */
export class SqliteCounters implements RateCounters {
  readonly #database: DatabaseSync;
  readonly #writes: GroupCommit;
  readonly #count: StatementSync;
  readonly #nth: StatementSync;
  readonly #add: StatementSync;
  readonly #prune: StatementSync;
  #closed = false;

  /** Opens or makes the file; throws `DatabaseUnusable`. */
  static open(path: string): SqliteCounters {
    return new SqliteCounters(path);
  }
  private constructor(path: string) {
    const database = openDatabase(path, { schema, cacheKib: 2_048 });
    this.#database = database;
    this.#writes = new GroupCommit(database, path, { durable: false });
    this.#count = database.prepare('SELECT count(*) AS count FROM hits WHERE key = ? AND at > ?');
    this.#nth = database.prepare('SELECT at FROM hits WHERE key = ? AND at > ? ORDER BY at LIMIT 1 OFFSET ?');
    this.#add = database.prepare('INSERT INTO hits (key, at) VALUES (?, ?)');
    this.#prune = database.prepare('DELETE FROM hits WHERE at < ?');
  }
  hit(key: string, limit: number, windowMs: number, now: Instant): Promise<CounterAnswer> {
    return this.#writes.run(() => {
      const nowMs = toEpochMs(now);
      const since = nowMs - windowMs;
      const before = this.#count.get(key, since)?.['count'] as number;
      const allowed = before < limit;
      if (allowed) this.#add.run(key, nowMs);
      const counted = allowed ? before + 1 : before;
      // Where the limit was lowered meanwhile, more than one hit must leave first.
      const blocking = this.#nth.get(key, since, Math.max(0, counted - limit))?.['at'] as number | undefined;
      return { allowed, resetAt: fromEpochMs((blocking ?? nowMs) + windowMs) };
    });
  }
  async release(key: string, at: Instant): Promise<void> {
    await this.#writes.run(() => this.#database.prepare('DELETE FROM hits WHERE id = (SELECT id FROM hits WHERE key = ? AND at = ? LIMIT 1)').run(key, toEpochMs(at)));
  }
  async prune(before: Instant): Promise<void> {
    await this.#writes.run(() => this.#prune.run(toEpochMs(before)));
  }
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writes.close();
    this.#database.close();
  }
}
