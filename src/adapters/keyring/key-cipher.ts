/** What every keyring does alike: address to HMAC, data keys wrapped by the master key, new ids. */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import type { KeyId, PersonId } from '../../domain/ids.ts';
import { encodeId } from '../../domain/ids.ts';
import type { DataOwner } from '../../domain/personal.ts';
import type { Random } from '../../domain/ports/random.ts';
import { normaliseEmail } from './normalise-email.ts';

export interface KeyringSecrets {
  /** 32 bytes; wraps every data key. */
  readonly masterKey: Uint8Array;
  /** 32 bytes; without it an address cannot be matched with what is stored. */
  readonly hmacKey: Uint8Array;
  readonly random: Random;
}
const ivBytes = 12;
const tagBytes = 16;
const idBytes = 13;

export class KeyCipher {
  readonly #secrets: KeyringSecrets;
  constructor(secrets: KeyringSecrets) {
    if (secrets.masterKey.length !== 32 || secrets.hmacKey.length !== 32) throw new Error('the keyring needs two keys of 32 bytes');
    this.#secrets = secrets;
  }
  addressOf(email: string): Buffer {
    return createHmac('sha256', this.#secrets.hmacKey).update(normaliseEmail(email)).digest();
  }
  newPerson(): PersonId {
    return encodeId('per', this.#secrets.random.bytes(idBytes));
  }
  newPooledKey(): KeyId {
    return encodeId('key', this.#secrets.random.bytes(idBytes));
  }
  newKey(): Uint8Array {
    return this.#secrets.random.bytes(32);
  }
  /** A password's hash is sealed as keys are, under a name of its own: without the master key there is nothing to guess at. */
  wrapHash(hash: string, person: PersonId, n: number): Buffer {
    return this.wrap(Buffer.from(hash, 'utf8'), `password.${person}` as DataOwner, n);
  }
  unwrapHash(wrapped: Uint8Array, person: PersonId, n: number): string {
    return Buffer.from(this.unwrap(wrapped, `password.${person}` as DataOwner, n)).toString('utf8');
  }
  /** AES-256-GCM; owner and number are bound in, so that rows cannot be exchanged. */
  wrap(key: Uint8Array, owner: DataOwner, keyNo: number): Buffer {
    const iv = this.#secrets.random.bytes(ivBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#secrets.masterKey, iv);
    cipher.setAAD(aad(owner, keyNo));
    return Buffer.concat([iv, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
  }
  unwrap(wrapped: Uint8Array, owner: DataOwner, keyNo: number): Uint8Array {
    const decipher = createDecipheriv('aes-256-gcm', this.#secrets.masterKey, wrapped.subarray(0, ivBytes), { authTagLength: tagBytes });
    decipher.setAAD(aad(owner, keyNo));
    decipher.setAuthTag(wrapped.subarray(-tagBytes));
    try {
      return Buffer.concat([decipher.update(wrapped.subarray(ivBytes, -tagBytes)), decipher.final()]);
    } catch {
      throw new Error(`the key of ${owner} does not open with this master key`);
    }
  }
}
const aad = (owner: DataOwner, keyNo: number): Buffer => Buffer.from(`tollgate.k1|${owner}|${keyNo}`);
