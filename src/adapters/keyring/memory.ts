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
    for (const [address, person] of this.#persons) if (person === owner) this.#persons.delete(address);
    for (const key of this.#links.get(owner as PersonId) ?? []) this.#keys.delete(key);
    this.#links.delete(owner as PersonId);
    for (const keys of this.#links.values()) keys.delete(owner as KeyId);
  }
}
