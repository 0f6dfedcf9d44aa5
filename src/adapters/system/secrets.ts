/** Server secrets: files of 0600 in DATA/secrets, made at first start, each overridable by TOLLGATE_<NAME>_FILE. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../domain/ports/random.ts';

export type Secrets = {
  /** Never rotates: ids, fingerprints and command ids are derived with it. */
  readonly ids: Buffer;
  /** Wraps the keys of the keyring, and looks addresses up in it. */
  readonly keyring: Buffer;
  readonly lookup: Buffer;
  /** One-time, payment and refresh tokens, by key id. */
  readonly tokens: { readonly kid: string; readonly keys: ReadonlyMap<string, Buffer> };
  readonly session: { readonly kid: string; readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly webhook: string;
};

const overridden = (name: string, environment: NodeJS.ProcessEnv): string | undefined => environment[`TOLLGATE_${name.toUpperCase().replaceAll(/[.-]/g, '_')}_FILE`];

/** Reads every secret, making what is missing. Throws with the file's name when one cannot be read. */
export const openSecrets = (data: string, random: Random, environment: NodeJS.ProcessEnv): Secrets => {
  const folder = join(data, 'secrets');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const text = (name: string, make: () => string): string => {
    const file = overridden(name, environment) ?? join(folder, name);
    if (!existsSync(file)) writeFileSync(file, `${make()}\n`, { mode: 0o600, flag: 'wx', flush: true });
    return readFileSync(file, 'utf8').trim();
  };
  const key = (name: string): Buffer => {
    const bytes = Buffer.from(text(name, () => Buffer.from(random.bytes(32)).toString('hex')), 'hex');
    if (bytes.length !== 32) throw new Error(`the secret ${name} is not 64 hex characters`);
    return bytes;
  };
  const pem = text('session.pem', () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim());
  const privateKey = createPrivateKey(pem);
  return {
    ids: key('ids.key'), keyring: key('keyring.key'), lookup: key('lookup.key'),
    tokens: { kid: 'k1', keys: new Map([['k1', key('tokens.k1.key')]]) },
    session: { kid: 's1', privateKey, publicKey: createPublicKey(privateKey) },
    webhook: text('webhook.secret', () => `whsec_${Buffer.from(random.bytes(24)).toString('base64url')}`),
  };
};
