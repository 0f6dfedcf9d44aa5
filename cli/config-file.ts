/** The CLI's memory between calls: environments, and credentials by origin; one file, for its owner only. */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, realpathSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { Failure } from './exit-codes.ts';

/** A session as the server hands it out; `namespace` is the one in use. */
export type StoredSession = {
  readonly accessToken: string; readonly expiresAt: string; readonly refreshToken: string; readonly sessionId: string;
  readonly account?: string; readonly operator?: string; readonly email?: string; readonly namespace?: string; readonly namespaces: readonly string[];
};
export type StoredSignup = { readonly email: string; readonly token: string };
export type Credentials = { readonly customer?: StoredSession; readonly operator?: StoredSession; readonly signup?: StoredSignup };
export type Config = {
  readonly format: 1;
  readonly env: string;
  readonly envs: Readonly<Record<string, { readonly url: string }>>;
  readonly credentials: Readonly<Record<string, Credentials>>;
};
const fresh: Config = { format: 1, env: 'server', envs: {}, credentials: {} };

export const configPath = (environ = process.env): string => {
  const home = environ['XDG_CONFIG_HOME'];
  return join(home === undefined || home === '' ? join(homedir(), '.config') : home, 'tollgate', 'config.json');
};

const damaged = (path: string, why: string) => new Failure('usage', `config file '${path}' is damaged (${why}): repair it, or delete it and log in again`, '', { code: 'ConfigDamaged' });
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is in it is checked as far as it is used, so that a damaged file never ends in a stack trace. */
const check = (value: unknown, path: string): Config => {
  if (!isRecord(value)) throw damaged(path, 'no JSON object');
  if (typeof value['format'] === 'number' && value['format'] > 1) throw new Failure('usage', `config file '${path}' was written by a newer tollgate`, 'Use that one, or delete the file and log in again.', { code: 'ConfigNewer' });
  const { env = fresh.env, envs = {}, credentials = {} } = value;
  if (typeof env !== 'string') throw damaged(path, 'env is no text');
  if (!isRecord(envs) || !Object.values(envs).every((item) => isRecord(item) && typeof item['url'] === 'string')) throw damaged(path, 'envs is no map of addresses');
  if (!isRecord(credentials) || !Object.values(credentials).every(isCredentials)) throw damaged(path, 'credentials cannot be read');
  return { format: 1, env, envs: envs as Config['envs'], credentials: credentials as Config['credentials'] };
};
const isSession = (value: unknown): boolean => value === undefined || (isRecord(value) && typeof value['accessToken'] === 'string' && typeof value['refreshToken'] === 'string' && Array.isArray(value['namespaces']));
const isSignup = (value: unknown): boolean => value === undefined || (isRecord(value) && typeof value['token'] === 'string' && typeof value['email'] === 'string');
const isCredentials = (value: unknown): boolean => isRecord(value) && isSession(value['customer']) && isSession(value['operator']) && isSignup(value['signup']);

export const readConfig = (path = configPath()): Config => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return fresh;
    throw new Failure('usage', `config file '${path}' cannot be read (${code})`, 'Make it readable, or set XDG_CONFIG_HOME.', { code: 'ConfigUnreadable' });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, 'not valid JSON');
  }
  return check(value, path);
};

const write = (path: string, config: Config): void => {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(temporary, 'w', 0o600);
    try {
      writeSync(file, `${JSON.stringify(config, null, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // it was not even made
    }
    throw error;
  }
};
/** A link to the file is kept: what it points to is replaced. */
const real = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};
const prepareFolder = (path: string): void => {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
  } catch (error) {
    throw new Failure('usage', `config folder '${path}' cannot be made (${(error as NodeJS.ErrnoException).code})`, 'Make it writable, or set XDG_CONFIG_HOME.', { code: 'ConfigUnwritable' });
  }
};

/** The file under its lock: read anew, and written whole by `save`. */
export const inConfig = async <T>(work: (config: Config, save: (changed: Config) => void) => Promise<T> | T): Promise<T> => {
  const path = configPath();
  prepareFolder(dirname(path));
  const { withLock } = await import('./lock.ts');
  return withLock(join(dirname(path), 'config.lock'), () => work(readConfig(path), (changed) => write(real(path), changed)));
};
export const changeConfig = (change: (config: Config) => Config): Promise<Config> =>
  inConfig((config, save) => {
    const changed = change(config);
    save(changed);
    return changed;
  });

/** The config with the credentials of one origin changed; an origin without any is left out. */
export const withCredentials = (config: Config, origin: string, change: (credentials: Credentials) => Credentials): Config => {
  const { [origin]: before = {}, ...others } = config.credentials;
  const after = Object.fromEntries(Object.entries(change(before)).filter(([, value]) => value !== undefined)) as Credentials;
  return { ...config, credentials: Object.keys(after).length === 0 ? others : { ...others, [origin]: after } };
};
