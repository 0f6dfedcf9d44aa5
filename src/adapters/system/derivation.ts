/** Tokens and ids derived with server keys: HMAC-SHA256, as FORMAT.md has them. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '../../domain/canonical-json.ts';
import { encodeId } from '../../domain/ids.ts';
import type { Random } from '../../domain/ports/random.ts';
import type { Derivation, Tokens } from '../../domain/ports/tokens.ts';

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

export const derivedTokens = (kid: string, keys: ReadonlyMap<string, Buffer>): Tokens => ({
  kid,
  derive: (with_, purpose, handle, n, issuedAt) => {
    const key = keys.get(with_);
    if (!key) throw new Error(`token key ${with_} is not in DATA/secrets`);
    return hmac(key, `${purpose}|${handle}|${n}|${issuedAt}`).toString('hex', 0, 20);
  },
  same: (presented, genuine) => {
    const [a, b] = [Buffer.from(presented.trim()), Buffer.from(genuine)];
    return a.length === b.length && timingSafeEqual(a, b);
  },
});

const uuid = (bytes: Buffer, version: number): string => {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};
export const derivation = (idsKey: Buffer, random: Random): Derivation => ({
  commandId: (actor, command, idempotencyKey) => uuid(idempotencyKey === undefined ? Buffer.from(random.bytes(16)) : hmac(idsKey, `${actor}|${command}|${idempotencyKey}`), 8),
  id: (prefix, commandId) => encodeId(prefix, hmac(idsKey, `id|${prefix}|${commandId}`)),
  number: (text, below) => hmac(idsKey, `number|${text}`).readUInt32BE() % below,
  fingerprint: (body) => hmac(idsKey, `body|${canonicalJson(body)}`).toString('base64url', 0, 16),
});
