/** Flags beat environment beats file (`tollgate.yaml`) beats defaults: one validated, frozen configuration. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse as parseYaml } from 'yaml';
import type { Mode } from './domain/installation/events.ts';

export type Config = {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly mode: Mode;
  readonly log: 'json' | 'pretty';
  /** Names, beside loopback, that requests may be addressed to. */
  readonly hostNames: readonly string[];
  /** `embedded`, or the connection string of an EventStoreDB. */
  readonly eventStore: string;
  /** `embedded`, or the address of a MongoDB. */
  readonly readModels: string;
  readonly readModelsPasswordFile: string;
  readonly stopWorkloads: boolean;
  readonly allowRemoteMock: boolean;
};
/** Something the operator has to change before it can start: told in one line, without a stack. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}

/** Every setting there is: rendered into docs/configuration.md. */
export const settings = {
  port: { flag: 'port', variable: 'TOLLGATE_PORT', fallback: '8081', says: 'Port to listen on; 0 takes any free one' },
  host: { flag: 'host', variable: 'TOLLGATE_HOST', fallback: '127.0.0.1', says: 'Address to listen on' },
  data: { flag: 'data', variable: 'TOLLGATE_DATA', fallback: './data', says: 'Folder for everything that is kept' },
  mode: { flag: 'mode', variable: 'TOLLGATE_MODE', fallback: 'mock', says: 'mock, staging or production' },
  log: { flag: 'log', variable: 'TOLLGATE_LOG', fallback: 'json', says: 'json or pretty' },
  hostNames: { flag: 'host-names', variable: 'TOLLGATE_HOST_NAMES', fallback: '', says: 'Comma-separated names this server may be addressed by, beside loopback' },
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
    const value: unknown = parseYaml(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
    if (value === null || value === undefined) return {};
    throw new Error('it must hold names and values');
  } catch (error) {
    throw new StartRefused(`${path} cannot be read: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
};

const oneOf = <T extends string>(name: string, value: string, ...allowed: readonly T[]): T => {
  if (!allowed.includes(value as T)) throw new StartRefused(`${name} must be one of ${allowed.join(', ')}, not '${value}'`);
  return value as T;
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
  const config: Config = {
    port, host: given('host', file), data, mode: oneOf('--mode', given('mode', file), 'mock', 'staging', 'production'), log: oneOf('--log', given('log', file), 'json', 'pretty'),
    hostNames: given('hostNames', file).split(',').map((name) => name.trim().toLowerCase()).filter((name) => name !== ''),
    eventStore: storeAt('--eventstore', given('eventStore', file), /^esdb(\+discover)?:\/\/[^/?]+/, 'esdb://host'),
    readModels: storeAt('--readmodels', given('readModels', file), /^mongodb(\+srv)?:\/\/[^/?]+/, 'mongodb://host'), readModelsPasswordFile: given('readModelsPasswordFile', file),
    stopWorkloads: flags['stop-workloads'] === true, allowRemoteMock: flags['allow-remote-mock'] === true,
  };
  if (config.mode === 'mock' && !isLoopback(config.host) && !config.allowRemoteMock) throw new StartRefused(`mock mode listens on loopback only, because anybody could walk its clock; to listen on ${config.host} all the same, add --allow-remote-mock`);
  if (config.mode !== 'mock') throw new StartRefused(`mode '${config.mode}' needs a payment provider and a mail carrier, which this version does not have yet; start with --mode mock`);
  return Object.freeze(config);
};
