import type { KeyId, PersonId } from '../../domain/ids.ts';
import type { DataOwner } from '../../domain/personal.ts';
import type { DataKey, Keyring } from '../../domain/ports/keyring.ts';
import type { KeyringSecrets } from './key-cipher.ts';
import { KeyCipher } from './key-cipher.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The keyring in memory: mock mode without a folder, tests, the simulator. It never answers in the same tick. */
export class MemoryKeyring implements Keyring {
  readonly #cipher: KeyCipher;
  readonly #persons = new Map<string, PersonId>();
  readonly #keys = new Map<DataOwner, readonly Uint8Array[]>();
  readonly #passwords = new Map<PersonId, Map<number, Buffer>>();
  readonly #links = new Map<PersonId, Set<KeyId>>();

  constructor(secrets: KeyringSecrets) {
    this.#cipher = new KeyCipher(secrets);
  }
  async find(email: string): Promise<PersonId | undefined> {
    await tick();
    return this.#persons.get(this.#addressOf(email));
  }
  async findOrCreate(email: string): Promise<PersonId> {
    await tick();
    const address = this.#addressOf(email);
    const known = this.#persons.get(address);
    if (known !== undefined) return known;
    const person = this.#cipher.newPerson();
    this.#persons.set(address, person);
    this.#keys.set(person, [this.#cipher.newKey()]);
    return person;
  }
  async sealingKey(owner: DataOwner): Promise<DataKey | undefined> {
    await tick();
    const keys = this.#keys.get(owner);
    const key = keys?.at(-1);
    return keys && key && { keyNo: keys.length, key };
  }
  async openingKey(owner: DataOwner, keyNo: number): Promise<Uint8Array | undefined> {
    await tick();
    return this.#keys.get(owner)?.[keyNo - 1];
  }
  async takePooledKey(): Promise<KeyId> {
    await tick();
    const key = this.#cipher.newPooledKey();
    this.#keys.set(key, [this.#cipher.newKey()]);
    return key;
  }
  async link(key: KeyId, person: PersonId): Promise<void> {
    await tick();
    // Data of somebody who was erased meanwhile goes the same way.
    if (!this.#keys.has(person)) this.#erase(key);
    else this.#links.set(person, (this.#links.get(person) ?? new Set()).add(key));
  }
  async addPassword(person: PersonId, hash: string): Promise<number | undefined> {
    await tick();
    if (!this.#keys.has(person)) return undefined;
    const kept = this.#passwords.get(person) ?? new Map<number, Buffer>();
    const n = Math.max(0, ...kept.keys()) + 1;
    this.#passwords.set(person, kept.set(n, this.#cipher.wrapHash(hash, person, n)));
    return n;
  }
  async password(person: PersonId, n: number): Promise<string | undefined> {
    await tick();
    const wrapped = this.#passwords.get(person)?.get(n);
    return wrapped && this.#cipher.unwrapHash(wrapped, person, n);
  }
  async replacePassword(person: PersonId, n: number, hash: string): Promise<void> {
    await tick();
    const kept = this.#passwords.get(person);
    if (kept?.has(n)) kept.set(n, this.#cipher.wrapHash(hash, person, n));
  }
  async dropPasswordsBefore(person: PersonId, n: number): Promise<void> {
    await tick();
    const kept = this.#passwords.get(person);
    for (const number of kept?.keys() ?? []) if (number < n) kept?.delete(number);
  }
  async erase(owner: DataOwner): Promise<void> {
    await tick();
    this.#erase(owner);
  }
  async close(): Promise<void> {
    await tick();
  }

  #addressOf(email: string): string {
    return this.#cipher.addressOf(email).toString('base64');
  }
  #erase(owner: DataOwner): void {
    this.#keys.delete(owner);
    this.#passwords.delete(owner as PersonId);
    for (const [address, person] of this.#persons) if (person === owner) this.#persons.delete(address);
    for (const key of this.#links.get(owner as PersonId) ?? []) this.#keys.delete(key);
    this.#links.delete(owner as PersonId);
    for (const keys of this.#links.values()) keys.delete(owner as KeyId);
  }
}
