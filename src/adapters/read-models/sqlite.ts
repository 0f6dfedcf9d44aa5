import type { DatabaseSync } from 'node:sqlite';
import type { Collection, ReadModels } from '../../domain/ports/read-models.ts';
import { GroupCommit } from '../sqlite/group-commit.ts';
import { openDatabase } from '../sqlite/open-database.ts';
import type { Indexed } from './sqlite-collection.ts';
import { SqliteCollection } from './sqlite-collection.ts';

const schema = `
CREATE TABLE IF NOT EXISTS collections (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  indexes TEXT NOT NULL DEFAULT '[]',
  checkpoint INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS serving (model TEXT PRIMARY KEY, collection TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/**
 * Read models in one SQLite file: two tables a collection, one for the documents and one for the values of their
 * indexed fields. Not fsynced commit by commit: what a power cut takes away is folded again from the log.
 */
export class SqliteReadModels implements ReadModels {
  readonly #database: DatabaseSync;
  readonly #writes: GroupCommit;
  readonly #indexed = new Map<number, Indexed>();
  #closed = false;

  /** Opens or makes the file; throws `DatabaseUnusable`. */
  static open(path: string): SqliteReadModels {
    return new SqliteReadModels(path);
  }
  private constructor(path: string) {
    this.#database = openDatabase(path, { schema, cacheKib: 16_384 });
    this.#writes = new GroupCommit(this.#database, path, { durable: false });
  }

  async open(name: string, indexes: readonly string[] = []): Promise<Collection> {
    return this.#writes.run(() => {
      this.#database.prepare('INSERT INTO collections (name) VALUES (?) ON CONFLICT DO NOTHING').run(name);
      const row = this.#database.prepare('SELECT id, indexes FROM collections WHERE name = ?').get(name) as { id: number; indexes: string };
      const known = JSON.parse(row.indexes) as string[];
      const fields = [...new Set([...known, ...indexes])];
      const indexed = this.#indexed.get(row.id) ?? { fields };
      indexed.fields = fields;
      this.#indexed.set(row.id, indexed);
      this.#database.exec(tablesOf(row.id));
      const collection = new SqliteCollection(this.#database, this.#writes, row.id, name, indexed);
      if (fields.length > known.length) {
        this.#database.prepare('UPDATE collections SET indexes = ? WHERE id = ?').run(JSON.stringify(fields), row.id);
        collection.indexAgain();
      }
      return collection;
    });
  }
  async drop(name: string): Promise<void> {
    await this.#writes.run(() => {
      const row = this.#database.prepare('DELETE FROM collections WHERE name = ? RETURNING id').get(name) as { id: number } | undefined;
      if (row !== undefined) this.#database.exec(`DROP TABLE documents_${row.id}; DROP TABLE values_${row.id}`);
    });
  }
  async names(): Promise<readonly string[]> {
    return this.#database.prepare('SELECT name FROM collections ORDER BY name').all().map((row) => row['name'] as string);
  }
  async serving(model: string): Promise<string | undefined> {
    return this.#database.prepare('SELECT collection FROM serving WHERE model = ?').get(model)?.['collection'] as string | undefined;
  }
  async serve(model: string, collection: string): Promise<void> {
    await this.#writes.run(() => {
      const exists = this.#database.prepare('SELECT 1 FROM collections WHERE name = ?').get(collection);
      if (exists === undefined) throw new Error(`there is no collection ${collection}`);
      this.#database.prepare('INSERT INTO serving VALUES (?, ?) ON CONFLICT (model) DO UPDATE SET collection = excluded.collection').run(model, collection);
    });
  }
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writes.close();
    this.#database.close();
  }
}

/** `seq` is the order of first writing. `entries` repeats what `values_N` holds of a document, to know what to take away. */
const tablesOf = (id: number): string => `
CREATE TABLE IF NOT EXISTS documents_${id} (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  position INTEGER NOT NULL,
  entries TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS values_${id} (field TEXT NOT NULL, value TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (field, value, seq)) STRICT, WITHOUT ROWID;
`;
