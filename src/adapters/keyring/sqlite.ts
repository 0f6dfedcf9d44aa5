import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { KeyId, PersonId } from '../../domain/ids.ts';
import type { DataOwner } from '../../domain/personal.ts';
import type { DataKey, Keyring } from '../../domain/ports/keyring.ts';
import type { GroupCommitOptions } from '../sqlite/group-commit.ts';
import { GroupCommit } from '../sqlite/group-commit.ts';
import { openDatabase } from '../sqlite/open-database.ts';
import { RecentMap } from '../sqlite/recent-map.ts';
import type { KeyringSecrets } from './key-cipher.ts';
import { KeyCipher } from './key-cipher.ts';

const schema = `
CREATE TABLE IF NOT EXISTS persons (address BLOB PRIMARY KEY, person TEXT NOT NULL UNIQUE) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (owner TEXT NOT NULL, key_no INTEGER NOT NULL, wrapped BLOB NOT NULL, PRIMARY KEY (owner, key_no)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS links (person TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (person, key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passwords (person TEXT NOT NULL, n INTEGER NOT NULL, wrapped BLOB NOT NULL, PRIMARY KEY (person, n)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_key ON links (key);
`;
const poolBatch = 64;
const poolLow = 32;
const ownersRemembered = 10_000;

/**
 * The keyring in a SQLite file of its own. Every change is fsynced before it is answered, and nothing is read before
 * that. What is deleted is overwritten in the file, and the write-ahead log, which holds older pages, is emptied.
 */
export class SqliteKeyring implements Keyring {
  readonly #database: DatabaseSync;
  readonly #writes: GroupCommit;
  readonly #cipher: KeyCipher;
  /** Unwrapped keys by owner, the last one being the one to seal with. */
  readonly #unwrapped = new RecentMap<DataOwner, readonly DataKey[]>(ownersRemembered);
  readonly #findPerson: StatementSync;
  readonly #addPerson: StatementSync;
  readonly #findKeys: StatementSync;
  readonly #addKey: StatementSync;
  readonly #pool: KeyId[] = [];
  #refill: Promise<void> | undefined;
  #closed = false;

  /** Opens or makes the file; throws `DatabaseUnusable`. The options are for tests. */
  static open(path: string, secrets: KeyringSecrets, options: Pick<GroupCommitOptions, 'sync'> = {}): SqliteKeyring {
    return new SqliteKeyring(path, secrets, options);
  }
  private constructor(path: string, secrets: KeyringSecrets, options: Pick<GroupCommitOptions, 'sync'>) {
    this.#cipher = new KeyCipher(secrets);
    const database = openDatabase(path, { schema, cacheKib: 4_096, secureDelete: true });
    this.#database = database;
    this.#writes = new GroupCommit(database, path, { ...options, durable: true });
    this.#findPerson = database.prepare('SELECT person FROM persons WHERE address = ?');
    this.#addPerson = database.prepare('INSERT INTO persons (address, person) VALUES (?, ?)');
    this.#findKeys = database.prepare('SELECT key_no, wrapped FROM keys WHERE owner = ? ORDER BY key_no');
    this.#addKey = database.prepare('INSERT INTO keys (owner, key_no, wrapped) VALUES (?, ?, ?)');
  }

  async find(email: string): Promise<PersonId | undefined> {
    const address = this.#cipher.addressOf(email);
    await this.#writes.settled();
    return this.#personAt(address);
  }
  async findOrCreate(email: string): Promise<PersonId> {
    const address = this.#cipher.addressOf(email);
    await this.#writes.settled();
    const known = this.#personAt(address);
    if (known !== undefined) return known;
    return this.#writes.run(() => {
      const other = this.#personAt(address);
      if (other !== undefined) return other;
      const person = this.#cipher.newPerson();
      this.#addPerson.run(address, person);
      this.#newKey(person);
      return person;
    });
  }
  async sealingKey(owner: DataOwner): Promise<DataKey | undefined> {
    return (await this.#keysOf(owner)).at(-1);
  }
  async openingKey(owner: DataOwner, keyNo: number): Promise<Uint8Array | undefined> {
    return (await this.#keysOf(owner)).find((each) => each.keyNo === keyNo)?.key;
  }
  async takePooledKey(): Promise<KeyId> {
    for (;;) {
      if (this.#closed) throw new Error('the keyring is closed');
      const key = this.#pool.shift();
      if (this.#pool.length < poolLow) this.#refillPool();
      if (key !== undefined) return key;
      await this.#refill;
    }
  }
  async link(key: KeyId, person: PersonId): Promise<void> {
    const erased = await this.#writes.run(() => {
      // Data of somebody who was erased meanwhile goes the same way.
      if (this.#findKeys.get(person) === undefined) return true;
      this.#database.prepare('INSERT INTO links (person, key) VALUES (?, ?) ON CONFLICT DO NOTHING').run(person, key);
      return false;
    });
    if (erased) await this.erase(key);
  }
  async addPassword(person: PersonId, hash: string): Promise<number | undefined> {
    return this.#writes.run(() => {
      if (this.#findKeys.get(person) === undefined) return undefined; // erased
      const n = (this.#database.prepare('SELECT max(n) AS n FROM passwords WHERE person = ?').get(person)?.['n'] as number | null ?? 0) + 1;
      this.#database.prepare('INSERT INTO passwords (person, n, wrapped) VALUES (?, ?, ?)').run(person, n, this.#cipher.wrapHash(hash, person, n));
      return n;
    });
  }
  async password(person: PersonId, n: number): Promise<string | undefined> {
    await this.#writes.settled();
    const wrapped = this.#database.prepare('SELECT wrapped FROM passwords WHERE person = ? AND n = ?').get(person, n)?.['wrapped'] as Uint8Array | undefined;
    return wrapped && this.#cipher.unwrapHash(wrapped, person, n);
  }
  async replacePassword(person: PersonId, n: number, hash: string): Promise<void> {
    await this.#writes.run(() => this.#database.prepare('UPDATE passwords SET wrapped = ? WHERE person = ? AND n = ?').run(this.#cipher.wrapHash(hash, person, n), person, n));
  }
  async dropPasswordsBefore(person: PersonId, n: number): Promise<void> {
    await this.#writes.run(() => this.#database.prepare('DELETE FROM passwords WHERE person = ? AND n < ?').run(person, n));
  }
  async erase(owner: DataOwner): Promise<void> {
    await this.#writes.run(() => {
      const linked = this.#database.prepare('SELECT key FROM links WHERE person = ?').all(owner).map((row) => row['key'] as KeyId);
      const owners: DataOwner[] = [owner, ...linked];
      const deleteKeys = this.#database.prepare('DELETE FROM keys WHERE owner = ?');
      const deleteLinks = this.#database.prepare('DELETE FROM links WHERE person = ?1 OR key = ?1');
      for (const each of owners) {
        deleteKeys.run(each);
        deleteLinks.run(each);
        this.#unwrapped.delete(each);
      }
      for (const table of ['persons', 'passwords']) this.#database.prepare(`DELETE FROM ${table} WHERE person = ?`).run(owner);
    });
    await this.#writes.truncateWal();
  }
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#refill?.catch(() => undefined);
    const unused = this.#pool.splice(0);
    if (unused.length > 0) await this.#discard(unused);
    await this.#writes.close();
    this.#database.close();
  }

  #personAt(address: Uint8Array): PersonId | undefined {
    return this.#findPerson.get(address)?.['person'] as PersonId | undefined;
  }
  async #keysOf(owner: DataOwner): Promise<readonly DataKey[]> {
    const known = this.#unwrapped.get(owner);
    if (known !== undefined) return known;
    await this.#writes.settled();
    const keys = this.#findKeys.all(owner).map((row) => {
      const keyNo = row['key_no'] as number;
      return { keyNo, key: this.#cipher.unwrap(row['wrapped'] as Uint8Array, owner, keyNo) };
    });
    if (keys.length > 0) this.#unwrapped.set(owner, keys);
    return keys;
  }
  #newKey(owner: DataOwner): void {
    this.#addKey.run(owner, 1, this.#cipher.wrap(this.#cipher.newKey(), owner, 1));
  }
  /** Keys are made ahead, so that taking one waits for no disk. Which were taken is not kept: none is ever handed out twice. */
  #refillPool(): void {
    if (this.#refill !== undefined || this.#closed) return;
    const made = this.#writes.run(() => {
      const keys = Array.from({ length: poolBatch }, () => this.#cipher.newPooledKey());
      for (const key of keys) this.#newKey(key);
      return keys;
    });
    this.#refill = made.then((keys) => void this.#pool.push(...keys)).finally(() => (this.#refill = undefined));
    // Whoever waits for the pool hears of a failure; nobody may be waiting.
    this.#refill.catch(() => undefined);
  }
  async #discard(keys: readonly KeyId[]): Promise<void> {
    const discard = this.#database.prepare('DELETE FROM keys WHERE owner = ?');
    await this.#writes.run(() => keys.forEach((key) => discard.run(key))).catch(() => undefined);
  }
}
