/** A self-signed certificate authority and server in one, made anew for each test: no key lies in the repository. */
import { generateKeyPairSync, sign } from 'node:crypto';

const length = (bytes: number): Buffer => (bytes < 128 ? Buffer.from([bytes]) : bytes < 256 ? Buffer.from([0x81, bytes]) : Buffer.from([0x82, bytes >> 8, bytes & 255]));
const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), length(body.length), body]);
};
const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const object = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const bitString = (bytes: Uint8Array): Buffer => der(0x03, Buffer.from([0]), bytes);
const utcTime = (text: string): Buffer => der(0x17, Buffer.from(text, 'ascii'));
const ecdsaWithSha256 = sequence(object('2a8648ce3d040302'));
const commonName = (name: string): Buffer => sequence(der(0x31, sequence(object('550403'), der(0x0c, Buffer.from(name)))));
const extension = (id: string, critical: boolean, value: Uint8Array): Buffer => sequence(object(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));

/** PEM texts of a certificate for `names` and 127.0.0.1, signed by itself, and of its key. */
export const selfSigned = (names: readonly string[]): { readonly cert: string; readonly key: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const alternatives = sequence(...names.map((name) => der(0x82, Buffer.from(name, 'ascii'))), der(0x87, Buffer.from([127, 0, 0, 1])));
  const extensions = der(0xa3, sequence(extension('551d13', true, sequence(der(0x01, Buffer.from([0xff])))), extension('551d11', false, alternatives)));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), der(0x02, Buffer.from([1])), ecdsaWithSha256, commonName('Tollgate test'),
    sequence(utcTime('250101000000Z'), utcTime('491231235959Z')), commonName('Tollgate test'), publicKey.export({ type: 'spki', format: 'der' }), extensions,
  );
  const certificate = sequence(body, ecdsaWithSha256, bitString(sign('sha256', body, privateKey)));
  const lines = certificate.toString('base64').replaceAll(/.{64}/g, '$&\n');
  return { cert: `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
};
