import type { KeyId, PersonId } from './ids.ts';

/** The closed list of fields that may hold personal data; part of each ciphertext's associated data. */
export type PersonalField = 'email' | 'ip' | 'reason' | 'webhookBody' | 'environment' | 'label' | 'gitUser' | 'gitToken';
/** Secrets in the customer's keeping: used, and never shown again to anybody. */
export const neverShown: ReadonlySet<PersonalField> = new Set(['environment', 'gitToken']);
export type DataOwner = PersonId | KeyId;

/** Stored form: owner, key number, field, IV and ciphertext with tag (base64url). */
export type Sealed = { readonly $p: readonly [owner: DataOwner, keyNo: number, field: PersonalField, iv: string, ciphertext: string] };
/** Form in which a decision hands a new value to the codec; it never reaches the log. */
export type Clear = { readonly $clear: readonly [owner: DataOwner, field: PersonalField, value: string] };
/** A personal value inside commands, events, states and read models: opened only at the rim. */
export type Personal = Sealed | Clear;

export const personal = (owner: DataOwner, field: PersonalField, value: string): Personal => ({ $clear: [owner, field, value] });
export const isClear = (value: object): value is Clear => '$clear' in value;
export const isSealed = (value: object): value is Sealed => '$p' in value;
