/** Tokens and ids derived with server keys: HMAC-SHA256, as FORMAT.md has them. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '../../domain/canonical-json.ts';
import { encodeId } from '../../domain/ids.ts';
import type { Random } from '../../domain/ports/random.ts';
import type { Derivation, Tokens } from '../../domain/ports/tokens.ts';

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
/** A digest asked for as text costs half of one asked for as bytes. */
const hexHmac = (key: Buffer, text: string): string => createHmac('sha256', key).update(text).digest('hex');

export const derivedTokens = (kid: string, keys: ReadonlyMap<string, Buffer>): Tokens => ({
  kid,
  derive: (with_, purpose, handle, n, issuedAt) => {
    const key = keys.get(with_);
    if (!key) throw new Error(`token key ${with_} is not in DATA/secrets`);
    return hexHmac(key, `${purpose}|${handle}|${n}|${issuedAt}`).slice(0, 40);
  },
  same: (presented, genuine) => {
    const [a, b] = [Buffer.from(presented.trim()), Buffer.from(genuine)];
    return a.length === b.length && timingSafeEqual(a, b);
  },
});

/** A UUID of the first 16 bytes in `hex`. */
const uuid = (hex: string, version: number): string => {
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${version}${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};
export const derivation = (idsKey: Buffer, random: Random): Derivation => ({
  commandId: (actor, command, idempotencyKey) => uuid(idempotencyKey === undefined ? Buffer.from(random.bytes(16)).toString('hex') : hexHmac(idsKey, `${actor}|${command}|${idempotencyKey}`), 8),
  id: (prefix, commandId) => encodeId(prefix, hmac(idsKey, `id|${prefix}|${commandId}`)),
  number: (text, below) => hmac(idsKey, `number|${text}`).readUInt32BE() % below,
  fingerprint: (body) => hmac(idsKey, `body|${canonicalJson(body)}`).toString('base64url', 0, 16),
});
