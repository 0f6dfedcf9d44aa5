import type { KeyId, PersonId } from '../../domain/ids.ts';
import type { DataOwner } from '../../domain/personal.ts';
import type { DataKey, Keyring } from '../../domain/ports/keyring.ts';
import { isDuplicate, type Mongo, type Stored } from '../mongodb/connect.ts';
import type { KeyringSecrets } from './key-cipher.ts';
import { KeyCipher } from './key-cipher.ts';

/** Everything of one owner in one document: it is there whole or not at all. Keys are wrapped, in base64url. */
interface Owner {
  readonly _id: DataOwner;
  /** HMAC of a person's address, in base64url. */
  readonly address?: string;
  readonly keys: readonly { readonly no: number; readonly wrapped: string }[];
  /** Whose erasure destroys this pooled key, too. */
  readonly persons?: readonly PersonId[];
  /** A person's password hashes by number, sealed. */
  readonly passwords?: readonly { readonly n: number; readonly wrapped: string }[];
}
const poolBatch = 64;
const poolLow = 32;
/** Another process may erase: what is remembered here is forgotten this often. */
const rememberMs = 1_000;

/**
 * The keyring in a MongoDB database of its own. Every answer about a change comes after it is journaled by a majority;
 * an erased key is gone from this process at once, and from others within a second.
 */
export class MongoKeyring implements Keyring {
  readonly #mongo: Mongo;
  readonly #cipher: KeyCipher;
  readonly #owners: Stored<Owner>;
  readonly #unwrapped = new Map<DataOwner, readonly DataKey[]>();
  /** What was read while one was under way, or across one, is not remembered. */
  #erasures = 0;
  #erasing = 0;
  readonly #forgetting: NodeJS.Timeout;
  readonly #pool: KeyId[] = [];
  #refill: Promise<void> | undefined;
  #closed = false;

  /** Opens, and makes its indexes where they are missing. */
  static async open(mongo: Mongo, secrets: KeyringSecrets): Promise<MongoKeyring> {
    const keyring = new MongoKeyring(mongo, secrets);
    await mongo.attempt(() => keyring.#owners.createIndexes([{ name: 'by_address', key: { address: 1 }, unique: true, sparse: true }, { name: 'by_person', key: { persons: 1 }, sparse: true }]));
    return keyring;
  }
  private constructor(mongo: Mongo, secrets: KeyringSecrets) {
    this.#mongo = mongo;
    this.#cipher = new KeyCipher(secrets);
    this.#owners = mongo.keyring.collection<Owner>('owners');
    this.#forgetting = setInterval(() => this.#unwrapped.clear(), rememberMs).unref();
  }

  find(email: string): Promise<PersonId | undefined> {
    const address = this.#addressOf(email);
    return this.#mongo.attempt(() => this.#personAt(address));
  }
  async findOrCreate(email: string): Promise<PersonId> {
    const address = this.#addressOf(email);
    const person = this.#cipher.newPerson();
    const owner: Owner = { _id: person, address, keys: [this.#newKey(person)] };
    return this.#mongo.attempt(async () => {
      const known = await this.#personAt(address);
      if (known !== undefined) return known;
      try {
        await this.#owners.insertOne(owner);
        return person;
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        // Another was faster; or this very insert was, and its answer was lost.
        return (await this.#personAt(address)) ?? this.findOrCreate(email);
      }
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
  /** The link first, then a look at the person: an erasure in between meets one or the other. */
  async link(key: KeyId, person: PersonId): Promise<void> {
    const erased = await this.#mongo.attempt(async () => {
      await this.#owners.updateOne({ _id: key }, { $addToSet: { persons: person } });
      return (await this.#owners.findOne({ _id: person }, { projection: { _id: 1 } })) === null;
    });
    if (erased) await this.erase(key);
  }
  /** A number belongs to whoever puts a hash under it; one whose answer was lost stays without use. */
  addPassword(person: PersonId, hash: string): Promise<number | undefined> {
    return this.#mongo.attempt(async () => {
      for (;;) {
        const passwords = await this.#passwordsOf(person);
        if (passwords === undefined) return undefined;
        const n = Math.max(0, ...passwords.map((each) => each.n)) + 1;
        const { matchedCount } = await this.#owners.updateOne({ _id: person, 'passwords.n': { $ne: n } }, { $push: { passwords: { n, wrapped: this.#wrappedHash(hash, person, n) } } });
        if (matchedCount === 1) return n;
      }
    });
  }
  async password(person: PersonId, n: number): Promise<string | undefined> {
    const found = (await this.#mongo.attempt(() => this.#passwordsOf(person)))?.find((each) => each.n === n);
    return found && this.#cipher.unwrapHash(Buffer.from(found.wrapped, 'base64url'), person, n);
  }
  async replacePassword(person: PersonId, n: number, hash: string): Promise<void> {
    await this.#mongo.attempt(() => this.#owners.updateOne({ _id: person, 'passwords.n': n }, { $set: { 'passwords.$.wrapped': this.#wrappedHash(hash, person, n) } }));
  }
  async dropPasswordsBefore(person: PersonId, n: number): Promise<void> {
    await this.#mongo.attempt(() => this.#owners.updateOne({ _id: person }, { $pull: { passwords: { n: { $lt: n } } } }));
  }
  /** The owner first: what is linked to them from then on is erased by whoever links it. Cut off, it is harmless to repeat. */
  async erase(owner: DataOwner): Promise<void> {
    this.#erasures += 1;
    this.#erasing += 1;
    this.#unwrapped.clear();
    try {
      await this.#mongo.attempt(async () => {
        await this.#owners.deleteOne({ _id: owner });
        await this.#owners.deleteMany({ persons: owner as PersonId });
      });
    } finally {
      this.#erasing -= 1;
      this.#unwrapped.clear();
    }
  }
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#forgetting);
    this.#unwrapped.clear();
    await this.#refill?.catch(() => undefined);
    const unused = this.#pool.splice(0);
    if (unused.length > 0) await this.#owners.deleteMany({ _id: { $in: unused } }).catch(() => undefined);
  }

  #wrappedHash(hash: string, person: PersonId, n: number): string {
    return this.#cipher.wrapHash(hash, person, n).toString('base64url');
  }
  /** Undefined where the person is not known, or erased. */
  async #passwordsOf(person: PersonId): Promise<NonNullable<Owner['passwords']> | undefined> {
    const owner = await this.#owners.findOne({ _id: person }, { projection: { passwords: 1 } });
    return owner === null ? undefined : (owner.passwords ?? []);
  }
  #addressOf(email: string): string {
    return this.#cipher.addressOf(email).toString('base64url');
  }
  async #personAt(address: string): Promise<PersonId | undefined> {
    return (await this.#owners.findOne({ address }, { projection: { _id: 1 } }))?._id as PersonId | undefined;
  }
  async #keysOf(owner: DataOwner): Promise<readonly DataKey[]> {
    const known = this.#unwrapped.get(owner);
    if (known !== undefined) return known;
    const erasures = this.#erasures;
    const stored = await this.#mongo.attempt(() => this.#owners.findOne({ _id: owner }, { projection: { keys: 1 } }));
    const keys = (stored?.keys ?? []).map(({ no, wrapped }) => ({ keyNo: no, key: this.#cipher.unwrap(Buffer.from(wrapped, 'base64url'), owner, no) }));
    if (keys.length > 0 && erasures === this.#erasures && this.#erasing === 0) this.#unwrapped.set(owner, keys);
    return keys;
  }
  #newKey(owner: DataOwner): Owner['keys'][number] {
    return { no: 1, wrapped: this.#cipher.wrap(this.#cipher.newKey(), owner, 1).toString('base64url') };
  }
  /** Keys are made ahead, so that taking one waits for no server. Which were taken is not kept: none is ever handed out twice. */
  #refillPool(): void {
    if (this.#refill !== undefined || this.#closed) return;
    const owners = Array.from({ length: poolBatch }, (): Owner => {
      const key = this.#cipher.newPooledKey();
      return { _id: key, keys: [this.#newKey(key)] };
    });
    const made = this.#mongo.attempt(async () => {
      try {
        await this.#owners.insertMany(owners, { ordered: false });
      } catch (error) {
        // Met by a try whose answer was lost: they are there.
        if (!isDuplicate(error)) throw error;
      }
    });
    this.#refill = made.then(() => void this.#pool.push(...owners.map(({ _id }) => _id as KeyId))).finally(() => (this.#refill = undefined));
    // Whoever waits for the pool hears of a failure; nobody may be waiting.
    this.#refill.catch(() => undefined);
  }
}
