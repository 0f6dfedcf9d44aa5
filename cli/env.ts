/** `tollgate env`: which server this CLI talks to. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Call } from './command.ts';
import { changeConfig, configPath, readConfig } from './config-file.ts';
import { Failure, usage } from './exit-codes.ts';
import { addressOf, builtIn, environmentInUse, environmentNamed, environments, targetOf } from './target.ts';

const listed = () => {
  const config = readConfig();
  const { name: current } = environmentInUse(config);
  return environments(config).map(({ name, url, builtIn: own }) => ({ name, url: url ?? null, current: name === current, builtIn: own }));
};
export const list = async ({ out }: Call): Promise<void> => {
  const items = listed();
  await out.result({ items }, () => out.table(items, [
    { title: '', value: ({ current, name }) => `${current ? '*' : ' '} ${name}` },
    { title: '', value: ({ url }) => url ?? 'none' },
  ], false));
};

export const set = async ({ args: [name], out }: Call): Promise<void> => {
  const { url = null } = environmentNamed(readConfig(), name);
  await changeConfig((config) => ({ ...config, env: name }));
  if (process.env['TOLLGATE_ENV']) out.note(`TOLLGATE_ENV is set: '${process.env['TOLLGATE_ENV']}' stays in use until it is unset.`);
  if (process.env['TOLLGATE_URL']) out.note(`TOLLGATE_URL is set: calls go to '${process.env['TOLLGATE_URL']}' until it is unset.`);
  if (url === null) out.note(`Env '${name}' has no address yet: 'tollgate env add ${name} URL'.`);
  await out.result({ name, url, current: true }, () => out.data(`now using env '${name}'${url === null ? '' : ` at '${url}'`}`));
};

export const add = async ({ args: [name, address], out }: Call): Promise<void> => {
  if (!/^[a-z0-9][a-z0-9._-]{0,39}$/.test(name)) throw usage(`'${name}' is no name for an env`, 'Names have 1 to 40 of a-z, 0-9, dot, _ and -.');
  const url = addressOf(address, 'the address');
  await changeConfig((config) => ({ ...config, envs: { ...config.envs, [name]: { url } } }));
  const current = environmentInUse(readConfig()).name === name;
  if (!current) out.note(`Use it with 'tollgate env set ${name}'.`);
  await out.result({ name, url, current }, () => out.data(`env '${name}' is at '${url}'`));
};

export const remove = async ({ args: [name], out }: Call): Promise<void> => {
  const before = readConfig();
  environmentNamed(before, name);
  if (!before.envs[name]) throw new Failure('refused', `env '${name}' is built in`, 'Only envs that were added can be removed.', { code: 'EnvBuiltIn' });
  await changeConfig((config) => {
    const { [name]: _, ...envs } = config.envs;
    return { ...config, envs, env: config.env === name && !(name in builtIn) ? 'server' : config.env };
  });
  if (before.env === name && !(name in builtIn)) out.note("Now using env 'server'.");
  await out.result({ name, removed: true }, () => out.data(`env '${name}' removed`));
};

/** Settings that only the environment has. */
const surroundings = (environ = process.env) => {
  const said = (variable: string, value: (text: string) => string | null, fallback: string | null) => (environ[variable] ? { value: value(environ[variable]), from: variable } : { value: fallback, from: fallback === null ? 'not set' : 'default' });
  const folder = (variable: string, fallback: string) => said(variable, (text) => join(text, 'tollgate'), join(homedir(), fallback, 'tollgate'));
  const dumb = environ['TERM'] === 'dumb' ? { value: 'off', from: 'TERM' } : undefined;
  return [
    { name: 'cache folder', ...folder('XDG_CACHE_HOME', '.cache') },
    { name: 'colour', ...(environ['NO_COLOR'] ? { value: 'off', from: 'NO_COLOR' } : (dumb ?? { value: 'on a terminal', from: 'default' })) },
    { name: 'width', ...said('COLUMNS', String, process.stdout.columns ? String(process.stdout.columns) : 'as wide as a line is') },
    { name: 'completion budget', ...said('TOLLGATE_COMPLETION_MS', (text) => `${text} ms`, '300 ms') },
    { name: 'catalog file', ...said('TOLLGATE_CATALOG_FILE', String, null) },
    { name: 'stack traces', ...said('TOLLGATE_DEBUG', () => 'on', null) },
  ];
};
/** `config explain`: each setting, and where it was said. Never a credential. */
export const explain = async ({ out }: Call): Promise<void> => {
  const config = readConfig();
  const { name, from } = environmentInUse(config);
  const address = () => {
    try {
      const { url, urlFrom } = targetOf(config);
      return { value: url, from: urlFrom };
    } catch (error) {
      return { value: null, from: (error as Error).message };
    }
  };
  const { value: url, from: urlFrom } = address();
  const kept = (url === null ? undefined : config.credentials[url]) ?? {};
  const file = configPath();
  const items = [
    { name: 'env', value: name, from },
    { name: 'url', value: url, from: urlFrom },
    { name: 'config file', value: file, from: process.env['XDG_CONFIG_HOME'] ? 'XDG_CONFIG_HOME' : 'default' },
    { name: 'token file', value: process.env['TOLLGATE_TOKEN_FILE'] || null, from: process.env['TOLLGATE_TOKEN_FILE'] ? 'TOLLGATE_TOKEN_FILE' : 'not set' },
    { name: 'session', value: kept.customer ? `of ${kept.customer.email ?? kept.customer.account}` : null, from: kept.customer ? file : 'not logged in' },
    { name: 'sign-up', value: kept.signup ? `of ${kept.signup.email}` : null, from: kept.signup ? file : 'none under way' },
    { name: 'operator session', value: kept.operator ? `of ${kept.operator.operator}` : null, from: kept.operator ? file : 'not logged in' },
    { name: 'namespace', value: kept.customer?.namespace ?? null, from: kept.customer?.namespace ? file : 'not set' },
    ...surroundings(),
  ];
  await out.result({ items }, () => out.table(items, [{ title: 'setting', value: (row) => row.name }, { title: 'value', value: (row) => row.value ?? 'none' }, { title: 'from', value: (row) => row.from }]));
};
