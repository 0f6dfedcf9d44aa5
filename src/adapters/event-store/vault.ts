/** Seals and opens personal values: AES-256-GCM under the owner's key, bound to log, owner, key and field. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { checkKey } from './chain.ts';
import { isClear, isSealed, type Clear, type DataOwner, type Personal, type Sealed } from '../../domain/personal.ts';
import type { DataKey, Keyring } from '../../domain/ports/keyring.ts';
import type { Vault } from '../../domain/ports/log.ts';
import type { Random } from '../../domain/ports/random.ts';

const associated = (logId: string, owner: string, keyNo: number, field: string): Buffer => Buffer.from(`tollgate.p1|${logId}|${owner}|${keyNo}|${field}`);

export class KeyringVault implements Vault {
  readonly #keyring: Keyring;
  readonly #random: Random;
  readonly #logId: string;
  constructor(keyring: Keyring, random: Random, logId: string) {
    this.#keyring = keyring;
    this.#random = random;
    this.#logId = logId;
  }

  #seal({ $clear: [owner, field, value] }: Clear, { keyNo, key }: DataKey): Sealed {
    const iv = this.#random.bytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(associated(this.#logId, owner, keyNo, field));
    const sealed = Buffer.concat([cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return { $p: [owner, keyNo, field, Buffer.from(iv).toString('base64url'), sealed.toString('base64url')] };
  }

  /** A copy with every clear personal value sealed and every field checked; undefined fields are dropped, as JSON would. */
  async sealAll<T extends object>(data: T): Promise<T> {
    const owners = new Set<DataOwner>();
    collect(data, owners);
    const keys = new Map<DataOwner, DataKey>();
    for (const owner of owners) {
      const key = await this.#keyring.sealingKey(owner);
      if (!key) throw new Error(`the key of ${owner} has been destroyed: nothing new can be sealed for them`);
      keys.set(owner, key);
    }
    return this.#copy(data, keys) as T;
  }

  #copy(value: unknown, keys: ReadonlyMap<DataOwner, DataKey>): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.#copy(item, keys));
    if (isSealed(value)) return value;
    if (isClear(value)) return this.#seal(value, keys.get(value.$clear[0]) as DataKey);
    const copy: Record<string, unknown> = {};
    for (const key in value) {
      const item = (value as Record<string, unknown>)[key];
      if (item === undefined) continue;
      checkKey(key);
      copy[key] = this.#copy(item, keys);
    }
    return copy;
  }

  async open(value: Personal): Promise<string | undefined> {
    if (isClear(value)) return value.$clear[2];
    const [owner, keyNo, field, iv, text] = value.$p;
    const key = await this.#keyring.openingKey(owner, keyNo);
    if (!key) return undefined;
    const bytes = Buffer.from(text, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url')).setAAD(associated(this.#logId, owner, keyNo, field)).setAuthTag(bytes.subarray(-16));
    return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8');
  }
}

const collect = (value: unknown, owners: Set<DataOwner>): void => {
  if (typeof value !== 'object' || value === null) return;
  if (isClear(value)) owners.add(value.$clear[0]);
  else for (const item of Object.values(value)) collect(item, owners);
};
