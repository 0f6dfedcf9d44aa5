/** `git credential`: what opens private repositories, by host. A token is never an argument or a variable: those are anybody's to see. */
import { readFileSync } from 'node:fs';
import { askSecret } from './ask.ts';
import type { Call } from './command.ts';
import { readConfig } from './config-file.ts';
import { Failure, usage } from './exit-codes.ts';
import { clientFor, sendCommand, wholeList } from './here.ts';
import { localTime, type Output } from './output.ts';

type Held = { readonly host: string; readonly username?: string; readonly at: string };

const tokenFrom = async (host: string, file: string | undefined, out: Output): Promise<string> => {
  if (file !== undefined && file !== '-') {
    try {
      return readFileSync(file, 'utf8').trim();
    } catch (error) {
      throw usage(`--token-file '${file}' cannot be read (${(error as NodeJS.ErrnoException).code})`, 'Check its path and rights.');
    }
  }
  const { LineReader } = await import('./line-reader.ts');
  const asking = { out, lines: new LineReader(), instead: 'Give it by --token-file FILE, or on standard input.' };
  return (await askSecret(asking, `Token or password for ${host} (it is not shown): `)).trim();
};

export const set = async (call: Call): Promise<void> => {
  const { args: [host], options, out } = call;
  const client = clientFor('customer', { ...call, options: {} }); // its --token-file is no operator's
  const token = await tokenFrom(host, options['tokenFile'], out);
  if (token === '') throw usage('no token was given', `Type it when asked, or: tollgate git credential set ${host} --token-file FILE`);
  const { username } = options as { username?: string };
  const committed = await sendCommand(client, 'SetGitCredential', { host, token, ...(username === undefined ? {} : { username }) }, call);
  await out.result(committed, () => out.data(`The credential for ${host} is stored, sealed. It is not shown again.`));
};

export const remove = async (call: Call): Promise<void> => {
  const { args: [host], out } = call;
  const committed = await sendCommand(clientFor('customer', call), 'RemoveGitCredential', { host }, call);
  await out.result(committed, () => out.data(`The credential for ${host} is removed.`));
};

export const list = async (call: Call): Promise<void> => {
  const { out } = call;
  const client = clientFor('customer', call);
  const { items } = await wholeList(client, '/namespaces', {});
  const name = readConfig().credentials[client.target.url]?.customer?.namespace;
  const home = items.find((item) => item.name === name) ?? items[0];
  if (!home) throw new Failure('notFound', 'you have no namespace', "See 'tollgate namespace list'.", { code: 'NamespaceNotFound' });
  const held: readonly Held[] = home.gitCredentials ?? [];
  await out.result({ items: held }, async () => {
    if (held.length === 0) return out.note("None. Store one: 'tollgate git credential set HOST'.");
    return out.table(held, [
      { title: 'host', value: ({ host }: Held) => host },
      { title: 'user name', value: ({ username = '' }: Held) => username },
      { title: 'since', value: ({ at }: Held) => localTime(at) },
    ]);
  });
};
