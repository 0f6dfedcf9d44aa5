/** Which server a call goes to: environment's name, address, and where each was said. */
import { configPath, readConfig, type Config } from './config-file.ts';
import { usage, Failure } from './exit-codes.ts';
import { nearest } from './nearest.ts';

export const builtIn: Readonly<Record<string, string | undefined>> = { local: undefined, server: 'http://127.0.0.1:8081', platform: undefined };
export type Environment = { readonly name: string; readonly url: string | undefined; readonly builtIn: boolean };

export const environments = (config: Config): readonly Environment[] => [
  ...Object.entries(builtIn).map(([name, url]) => ({ name, url: config.envs[name]?.url ?? url, builtIn: true })),
  ...Object.entries(config.envs).filter(([name]) => !(name in builtIn)).map(([name, { url }]) => ({ name, url, builtIn: false })),
];

/** The origin of an address a person typed. */
export const addressOf = (text: string, what: string): string => {
  const complaint = (why: string) => usage(`${what} ${why}: '${text}'`, 'Give an address like https://tollgate.example.com.');
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw complaint('is no address');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw complaint('must begin with http:// or https://');
  if (url.username !== '' || url.password !== '') throw usage(`${what} must not hold a user name or password`, 'Give an address like https://tollgate.example.com.');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') throw complaint('must be scheme, host and port only');
  return url.origin;
};

export type Target = { readonly env: string; readonly url: string; readonly envFrom: string; readonly urlFrom: string };
export const environmentInUse = (config: Config, environ = process.env): { readonly name: string; readonly from: string } =>
  environ['TOLLGATE_ENV'] ? { name: environ['TOLLGATE_ENV'], from: 'TOLLGATE_ENV' } : { name: config.env, from: config.env === 'server' ? 'default' : configPath(environ) };

const unknownEnvironment = (name: string, known: readonly Environment[]): Failure => {
  const near = nearest(name, known.map((item) => item.name));
  return usage(`there is no env '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`, "See 'tollgate env list', or add it: 'tollgate env add NAME URL'.");
};
export const environmentNamed = (config: Config, name: string): Environment => {
  const known = environments(config);
  const found = known.find((item) => item.name === name);
  if (!found) throw unknownEnvironment(name, known);
  return found;
};

export const targetOf = (config: Config = readConfig(), environ = process.env): Target => {
  const { name, from } = environmentInUse(config, environ);
  const { url } = environmentNamed(config, name);
  const over = environ['TOLLGATE_URL'];
  if (over) return { env: name, envFrom: from, url: addressOf(over, 'TOLLGATE_URL'), urlFrom: 'TOLLGATE_URL' };
  if (url === undefined) throw usage(`env '${name}' has no address`, `Give it one: 'tollgate env add ${name} URL', or choose another: 'tollgate env list'.`);
  return { env: name, envFrom: from, url, urlFrom: config.envs[name] ? configPath(environ) : 'default' };
};

const isLoopback = (host: string): boolean => host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
/** Credentials and one-time tokens travel encrypted, or not beyond this machine. */
export const requireSecure = ({ url, env }: Target): void => {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || isLoopback(hostname)) return;
  throw new Failure('usage', `credentials are not sent to '${url}': it is plain http beyond this machine`, `Give env '${env}' an https address: 'tollgate env add ${env} https://...'.`, { code: 'NotSecure' });
};
