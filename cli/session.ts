/** `whoami`, `logout`, `namespace`, `operator login`: the session this CLI holds. */
import { Client } from './client.ts';
import type { Call } from './command.ts';
import { changeConfig, readConfig, withCredentials, type StoredSession } from './config-file.ts';
import { credentialFor, notLoggedIn, tokenFile } from './credentials.ts';
import { Failure, usage } from './exit-codes.ts';
import { clientFor, wholeList } from './here.ts';
import { nearest } from './nearest.ts';
import { requireSecure, targetOf } from './target.ts';

export const whoami = async (call: Call): Promise<void> => {
  const client = clientFor('either', call);
  const { env, url } = client.target;
  const { account = null, email = null, namespace = null, level = null, operator } = await client.json({ path: '/sessions/whoami' });
  const who = { account, email, namespace, level, env, url, ...(operator === undefined ? {} : { operator }) };
  await call.out.result(who, () => call.out.record({ ...(operator === undefined ? {} : { operator }), account, email, namespace, 'service level': level, env, address: url }));
};

/** Ends the sessions at the server, then forgets them here; one that the server no longer knows is forgotten all the same. */
export const logout = async ({ options, out }: Call): Promise<void> => {
  const config = readConfig();
  const target = targetOf(config);
  const held = config.credentials[target.url];
  if (!held) out.note(`not logged in to env '${target.env}' at '${target.url}'`);
  for (const slot of ['customer', 'operator'] as const) {
    if (!held?.[slot]) continue;
    try {
      const only = { ...config, credentials: { [target.url]: { [slot]: held[slot] } } };
      await new Client(target, credentialFor(target, { audience: slot }, only, {})).json({ method: 'POST', path: '/sessions/close', body: options['everywhere'] ? { everywhere: true } : {}, repeatable: true });
    } catch (error) {
      if (!(error instanceof Failure) || (error.kind === 'unavailable' && options['everywhere'])) throw error;
      if (error.problem.status !== 401) out.note(`The server did not end the session: ${error.message}. It is forgotten here.`);
    }
  }
  if (held) await changeConfig((now) => withCredentials(now, target.url, () => ({})));
  await out.result({ env: target.env, url: target.url, loggedOut: held !== undefined }, () => (held ? out.data(`Logged out of env '${target.env}' at '${target.url}'${options['everywhere'] ? ', everywhere' : ''}.`) : undefined));
};

export const namespaceList = async (call: Call): Promise<void> => {
  const client = clientFor('either', call);
  const { filters = {}, limit } = call.options as { filters?: Record<string, string>; limit?: number };
  const list = await wholeList(client, '/namespaces', filters, limit);
  const current = readConfig().credentials[client.target.url]?.customer?.namespace;
  await call.out.result(list, () => call.out.table(list.items, [
    { title: '', value: ({ name }) => (name === current ? '*' : ' ') },
    { title: 'name', value: ({ name }) => name },
    { title: 'id', value: ({ id }) => id },
    { title: 'level', value: ({ level }) => level ?? '' },
    { title: 'workloads', value: ({ workloads }) => String(workloads ?? '') },
  ]));
};
export const namespaceUse = async (call: Call): Promise<void> => {
  const { args: [name], out } = call;
  const client = clientFor('customer', call);
  const { url } = client.target;
  const { items } = await wholeList(client, '/namespaces', {});
  const found = items.find((item: { id: string; name: string }) => item.name === name || item.id === name) as { id: string; name: string } | undefined;
  if (!found) {
    const near = nearest(name, items.map((item) => item.name as string));
    throw new Failure('notFound', `you have no namespace '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`, "See 'tollgate namespace list'.", { code: 'NamespaceNotFound' });
  }
  await changeConfig((config) => withCredentials(config, url, (held) => {
    if (!held.customer) throw notLoggedIn(client.target);
    return { ...held, customer: { ...held.customer, namespace: found.name } };
  }));
  await out.result({ id: found.id, name: found.name, current: true }, () => out.data(`now using namespace '${found.name}'`));
};

export const operatorLogin = async ({ options, out }: Call): Promise<void> => {
  const target = targetOf();
  requireSecure(target);
  const path: string | undefined = options['tokenFile'] ?? process.env['TOLLGATE_TOKEN_FILE'];
  if (!path) throw usage('operator login needs --token-file PATH', "It is the file operator.token in the server's data folder.");
  const operator = await new Client(target, tokenFile(target, path)).json<StoredSession>({ method: 'POST', path: '/sessions/operator' });
  await changeConfig((config) => withCredentials(config, target.url, (held) => ({ ...held, operator })));
  await out.result({ operator: operator.operator, env: target.env, url: target.url }, () => out.data(`Logged in as operator ${operator.operator} to env '${target.env}' at '${target.url}'.`));
};
