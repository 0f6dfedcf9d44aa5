/** Flags beat environment beats file (`tollgate.yaml`) beats defaults: one validated, frozen configuration. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type * as yaml from 'yaml';
import { readAuthority } from './domain/git-address.ts';
import type { Mode } from './domain/installation/events.ts';
import { readMailCarrier, readMailFrom, type MailCarrier } from './mail-config.ts';
import { StartRefused } from './start-refused.ts';
import { parseDuration } from './domain/instant.ts';

export type Config = {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly mode: Mode;
  readonly log: 'json' | 'pretty';
  /** Names, beside loopback, that requests may be addressed to. */
  readonly hostNames: readonly string[];
  readonly metrics: 'operator' | 'loopback';
  readonly mail: MailCarrier;
  readonly mailFrom: string;
  /** Numbers for workloads' own users where the server is root; undefined: none. */
  readonly workloadUsers: { readonly from: number; readonly to: number } | undefined;
  readonly buildTimeoutMs: number;
  /** Hosts that code may be fetched from. */
  readonly gitAllow: readonly string[];
  /** `embedded`, or the connection string of an EventStoreDB. */
  readonly eventStore: string;
  /** `embedded`, or the address of a MongoDB. */
  readonly readModels: string;
  readonly readModelsPasswordFile: string;
  readonly stopWorkloads: boolean;
  readonly allowRemoteMock: boolean;
};
export { StartRefused };

/** Every setting there is: rendered into docs/configuration.md. */
export const settings = {
  port: { flag: 'port', variable: 'TOLLGATE_PORT', fallback: '8081', says: 'Port to listen on; 0 takes any free one' },
  host: { flag: 'host', variable: 'TOLLGATE_HOST', fallback: '127.0.0.1', says: 'Address to listen on' },
  data: { flag: 'data', variable: 'TOLLGATE_DATA', fallback: './data', says: 'Folder for everything that is kept' },
  mode: { flag: 'mode', variable: 'TOLLGATE_MODE', fallback: 'mock', says: 'mock, staging or production' },
  log: { flag: 'log', variable: 'TOLLGATE_LOG', fallback: 'json', says: 'json or pretty' },
  hostNames: { flag: 'host-names', variable: 'TOLLGATE_HOST_NAMES', fallback: '', says: 'Comma-separated names this server may be addressed by, beside loopback' },
  mail: { flag: 'mail', variable: 'TOLLGATE_MAIL', fallback: 'mailbox', says: 'Who carries mails: mailbox (mock mode: kept and shown at /mailbox), or smtp://[user@]host[:port] or smtps://...; beyond this machine always encrypted. The password is in the file that TOLLGATE_SMTP_PASSWORD_FILE names' },
  mailFrom: { flag: 'mail-from', variable: 'TOLLGATE_MAIL_FROM', fallback: 'Tollgate <tollgate@localhost>', says: 'Who mails come from: an address, or Name <address>' },
  metrics: { flag: 'metrics', variable: 'TOLLGATE_METRICS', fallback: 'operator', says: 'Who may read /metrics: operator (with the operator token), or loopback (callers from this machine without a token, too; not where a proxy on it leads here)' },
  workloadUsers: { flag: 'workload-users', variable: 'TOLLGATE_WORKLOAD_USERS', fallback: '200000-299999', says: 'Where the server is root: numbers of the users that workloads run as, each as its own; none runs them as the server' },
  buildTimeout: { flag: 'build-timeout', variable: 'TOLLGATE_BUILD_TIMEOUT', fallback: '10m', says: 'How long a build of a workload may take, e.g. 10m' },
  'git.allow': { flag: 'git-allow', variable: 'TOLLGATE_GIT_ALLOW', fallback: 'github.com,gitlab.com,bitbucket.org,codeberg.org,git.sr.ht', says: 'Comma-separated hosts that code may be fetched from with git, on port 443 and the public internet; `*` allows any such host, `NAME:PORT` that host wherever it is, also in a private network; empty allows none' },
  eventStore: { flag: 'eventstore', variable: 'TOLLGATE_EVENTSTORE', fallback: 'embedded', says: 'Where the log is kept: embedded (in the data folder), or esdb://[user:password@]host[:port][,host...][?tls=...] as EventStoreDB has it' },
  readModels: { flag: 'readmodels', variable: 'TOLLGATE_READMODELS', fallback: 'embedded', says: 'Where read models, keys, counters and leases are kept: embedded (in the data folder), or mongodb://[user@]host[,host...][/database]' },
  readModelsPasswordFile: { flag: 'readmodels-password-file', variable: 'TOLLGATE_READMODELS_PASSWORD_FILE', fallback: '', says: 'File with the password of the user in --readmodels' },
} as const;
type Setting = keyof typeof settings;

const loopback = new Set(['127.0.0.1', '::1', 'localhost']);
export const isLoopback = (host: string): boolean => loopback.has(host);

const readFile = (path: string, required: boolean): Readonly<Record<string, unknown>> => {
  if (!existsSync(path)) {
    if (required) throw new StartRefused(`there is no configuration file ${path}; check --config`);
    return {};
  }
  try {
    const { parse } = createRequire(import.meta.url)('yaml') as typeof yaml; // only who has a file pays for loading it
    const value: unknown = parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return flat(value) as Readonly<Record<string, unknown>>;
    if (value === null || value === undefined) return {};
    throw new Error('it must hold names and values');
  } catch (error) {
    throw new StartRefused(`${path} cannot be read: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
};

/** `git: { allow: ... }` says the same as `git.allow: ...`. */
const flat = (value: object): object =>
  Object.fromEntries(Object.entries(value).flatMap(([name, item]: [string, unknown]) => (typeof item === 'object' && item !== null && !Array.isArray(item) ? Object.entries(item).map(([inner, deep]) => [`${name}.${inner}`, deep]) : [[name, item]])));
const hostsOf = (text: string): readonly string[] => {
  const entries = text.split(',').map((entry) => entry.trim().toLowerCase()).filter((entry) => entry !== '');
  const wrong = entries.find((entry) => entry !== '*' && readAuthority(entry) === undefined);
  if (wrong !== undefined) throw new StartRefused(`--git-allow takes names of hosts, like github.com or git.example.com:8443, and '*'; not '${wrong}'`);
  return entries;
};

const oneOf = <T extends string>(name: string, value: string, ...allowed: readonly T[]): T => {
  if (!allowed.includes(value as T)) throw new StartRefused(`${name} must be one of ${allowed.join(', ')}, not '${value}'`);
  return value as T;
};

const readUsers = (text: string): Config['workloadUsers'] => {
  if (text === 'none') return undefined;
  const [from = 0, to = 0] = (/^(\d{1,9})-(\d{1,9})$/.exec(text) ?? []).slice(1).map(Number);
  if (from < 1000 || to < from) throw new StartRefused(`--workload-users must be a range of numbers from 1000 on, such as 200000-299999, or none, not '${text}'`);
  return { from, to };
};
const readBuildTimeout = (text: string): number => {
  const duration = parseDuration(text);
  if (duration === undefined || duration < 1_000) throw new StartRefused(`--build-timeout must be a duration of at least a second, such as 10m, not '${text}'`);
  return duration;
};
/** The value may hold a password: what is wrong with it is said without it. */
const storeAt = (name: string, value: string, scheme: RegExp, example: string): string => {
  if (value !== 'embedded' && !scheme.test(value)) throw new StartRefused(`${name} must be 'embedded' or begin with ${example}`);
  return value;
};

const parseFlags = (args: readonly string[]) => {
  try {
    const options = { ...Object.fromEntries(Object.values(settings).map(({ flag }) => [flag, { type: 'string' as const }])), config: { type: 'string' as const }, 'stop-workloads': { type: 'boolean' as const }, 'allow-remote-mock': { type: 'boolean' as const } };
    return parseArgs({ args: [...args], options, strict: true }).values as Readonly<Record<string, string | boolean | undefined>>;
  } catch (error) {
    throw new StartRefused(`${error instanceof Error ? error.message.split('.')[0] : String(error)}; flags are ${Object.values(settings).map(({ flag }) => `--${flag}`).join(' ')} --config --stop-workloads --allow-remote-mock`);
  }
};

export const readConfig = (args: readonly string[], environment: NodeJS.ProcessEnv): Config => {
  const flags = parseFlags(args);
  const given = (setting: Setting, file: Readonly<Record<string, unknown>>): string => {
    const { flag, variable, fallback } = settings[setting];
    const fromFile = file[setting] ?? file[flag];
    return String(flags[flag] ?? environment[variable] ?? fromFile ?? fallback);
  };
  const data = resolve(given('data', {}));
  const file = readFile(typeof flags['config'] === 'string' ? resolve(flags['config']) : join(data, 'tollgate.yaml'), typeof flags['config'] === 'string');
  const unknown = Object.keys(file).find((key) => !(key in settings) && !Object.values(settings).some(({ flag }) => flag === key));
  if (unknown !== undefined) throw new StartRefused(`the configuration file has an unknown setting '${unknown}'`);
  const port = Number(given('port', file));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new StartRefused(`--port must be 0 to 65535, not '${given('port', file)}'`);
  const mode = oneOf('--mode', given('mode', file), 'mock', 'staging', 'production');
  const config: Config = {
    port, host: given('host', file), data, mode, mail: readMailCarrier(given('mail', file), mode, environment), mailFrom: readMailFrom(given('mailFrom', file)), log: oneOf('--log', given('log', file), 'json', 'pretty'),
    hostNames: given('hostNames', file).split(',').map((name) => name.trim().toLowerCase()).filter((name) => name !== ''),
    metrics: oneOf('--metrics', given('metrics', file), 'operator', 'loopback'),
    workloadUsers: readUsers(given('workloadUsers', file)), buildTimeoutMs: readBuildTimeout(given('buildTimeout', file)),
    gitAllow: hostsOf(given('git.allow', file)),
    eventStore: storeAt('--eventstore', given('eventStore', file), /^esdb(\+discover)?:\/\/[^/?]+/, 'esdb://host'),
    readModels: storeAt('--readmodels', given('readModels', file), /^mongodb(\+srv)?:\/\/[^/?]+/, 'mongodb://host'), readModelsPasswordFile: given('readModelsPasswordFile', file),
    stopWorkloads: flags['stop-workloads'] === true, allowRemoteMock: flags['allow-remote-mock'] === true,
  };
  if (config.mode === 'mock' && !isLoopback(config.host) && !config.allowRemoteMock) throw new StartRefused(`mock mode listens on loopback only, because anybody could walk its clock; to listen on ${config.host} all the same, add --allow-remote-mock`);
  if (config.mode !== 'mock') throw new StartRefused(`mode '${config.mode}' needs a payment provider and a mail carrier, which this version does not have yet; start with --mode mock`);
  return Object.freeze(config);
};
