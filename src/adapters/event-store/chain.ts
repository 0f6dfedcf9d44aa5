/** Hash chain and JSON text of events, byte for byte as FORMAT.md has them: the same on every store. */
import { hash as hashOnce } from 'node:crypto';

const zeros = Buffer.alloc(32);
/** Length of `,"hash":"<43 characters base64url>"}` at the end of every stored meta. */
const suffixLength = 9 + 43 + 2;

const field = (target: Buffer, at: number, text: string, length: number): number => {
  target.writeUInt32BE(length, at);
  target.write(text, at + 4, length, 'utf8');
  return at + 4 + length;
};

/** SHA-256 over the previous hash and six length-prefixed fields; base64url. */
export const chainHash = (previous: string, stream: string, revision: number, id: string, type: string, data: string, metaWithoutHash: string): string => {
  const lengths = [stream, id, type, data, metaWithoutHash].map((text) => Buffer.byteLength(text)) as [number, number, number, number, number];
  const bytes = Buffer.allocUnsafe(32 + 6 * 4 + 8 + lengths[0] + lengths[1] + lengths[2] + lengths[3] + lengths[4]);
  if (previous === '') zeros.copy(bytes);
  else bytes.write(previous, 0, 32, 'base64url');
  let at = field(bytes, 32, stream, lengths[0]);
  bytes.writeUInt32BE(8, at);
  bytes.writeBigUInt64BE(BigInt(revision), at + 4);
  at = field(bytes, at + 12, id, lengths[1]);
  at = field(bytes, at, type, lengths[2]);
  at = field(bytes, at, data, lengths[3]);
  field(bytes, at, metaWithoutHash, lengths[4]);
  return hashOnce('sha256', bytes, 'base64url');
};

export const withHash = (metaWithoutHash: string, hash: string): string => `${metaWithoutHash.slice(0, -1)},"hash":"${hash}"}`;
export const withoutHash = (meta: string): string => `${meta.slice(0, -suffixLength)}}`;
/** '' where what stands around the hash is damaged: those letters are in no hash themselves. */
export const hashIn = (meta: string): string => (meta.slice(-suffixLength, -45) === ',"hash":"' && meta.endsWith('"}') ? meta.slice(-45, -2) : '');

/** UUIDv5: namespace is the command's id, the name is stream and index. (A digest asked for as text costs half of one asked for as bytes.) */
export const eventId = (commandId: string, stream: string, index: number): string => {
  const hex = hashOnce('sha1', Buffer.concat([Buffer.from(commandId.replaceAll('-', ''), 'hex'), Buffer.from(`${stream}|${index}`)]), 'hex');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

const integerLike = /^(0|[1-9]\d*)$/;
/** Refuses what would not survive parse and stringify unchanged. */
export const checkKey = (key: string): void => {
  if (key === '__proto__' || integerLike.test(key)) throw new Error(`an event may not have a field named '${key}'`);
};
