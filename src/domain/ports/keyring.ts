import type { DataOwner } from '../personal.ts';
import type { KeyId, PersonId } from '../ids.ts';

export interface DataKey {
  readonly keyNo: number;
  /** 32 bytes for AES-256-GCM. */
  readonly key: Uint8Array;
}

/**
 * Who is behind a `per_...`, and the keys of their data. Durable before it answers: a key exists before the first event
 * that uses it. Addresses are kept only as HMAC of their normalised form.
 */
export interface Keyring {
  /** The person with this address, without creating anything. */
  find(email: string): Promise<PersonId | undefined>;
  /** The person with this address, made (with a first key) where there is none: two at once get the same one. */
  findOrCreate(email: string): Promise<PersonId>;
  /** The key to seal new values with; undefined after erasure. */
  sealingKey(owner: DataOwner): Promise<DataKey | undefined>;
  /** The key a value was sealed with; undefined after erasure. */
  openingKey(owner: DataOwner, keyNo: number): Promise<Uint8Array | undefined>;
  /** A fresh owner for data whose person is not known yet (a webhook's body), from a pool made durable in batches. */
  takePooledKey(): Promise<KeyId>;
  /** From now on erasing `person` also destroys `key`. */
  link(key: KeyId, person: PersonId): Promise<void>;
  /** Keeps a password's hash under the person's next number; undefined after erasure. Two at once get two numbers. */
  addPassword(person: PersonId, hash: string): Promise<number | undefined>;
  /** The hash under this number. */
  password(person: PersonId, n: number): Promise<string | undefined>;
  /** Another hash of the same password, made at today's cost. Where there is none under this number, nothing. */
  replacePassword(person: PersonId, n: number, hash: string): Promise<void>;
  /** Destroys the hashes under lower numbers: they are not current any more. */
  dropPasswordsBefore(person: PersonId, n: number): Promise<void>;
  /** Destroys keys, linked keys, password hashes and the address mapping. Unknown or repeated: no error. */
  erase(owner: DataOwner): Promise<void>;
  close(): Promise<void>;
}

/** Trimmed, NFC, lower case, internationalised domain as punycode; no folding of dots or plus. */
export type NormaliseEmail = (email: string) => string;
