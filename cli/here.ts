/** What most verbs begin with: the server in use, and a client that may do what the verb is for. */
import { Client } from './client.ts';
import type { Call } from './command.ts';
import { readConfig } from './config-file.ts';
import { credentialFor, type Audience } from './credentials.ts';
import { targetOf } from './target.ts';

export const clientFor = (audience: Audience, { options }: Call): Client => {
  const config = readConfig();
  const target = targetOf(config);
  return new Client(target, credentialFor(target, { audience, tokenFile: options['tokenFile'] }, config));
};

/** One idempotency key for the whole invocation: a repeat of it is the same deed. */
export const commandHeaders = async ({ options }: Call): Promise<Record<string, string>> => {
  const { randomUUID } = await import('node:crypto');
  return {
    'idempotency-key': String(options['idempotencyKey'] ?? randomUUID()),
    ...(options['ifMatch'] === undefined ? {} : { 'if-match': String(options['ifMatch']) }),
    ...(options['reason'] === undefined ? {} : { reason: encodeURIComponent(String(options['reason'])) }),
  };
};
export type Committed = { readonly position: string; readonly stream: string; readonly revision: number; readonly events: readonly { readonly type: string; readonly id: string }[] };
export type WouldAppend = { readonly dryRun: true; readonly stream: string; readonly events: readonly { readonly type: string; readonly data: unknown }[] };

/** A hand-shaped write. With --dry-run: prints what it would append, changes nothing, and answers undefined. */
export const commandOrDryRun = async (client: Client, name: string, body: object, call: Call): Promise<Committed | undefined> => {
  if (call.options['dryRun'] !== true) return sendCommand(client, name, body, call);
  const answer = await client.json<WouldAppend>({ method: 'POST', path: `/commands/${name}`, body, query: { dryRun: true }, headers: await commandHeaders(call), repeatable: true });
  await call.out.result(answer, () => showDryRun(answer, call));
  return undefined;
};
export const showDryRun = async ({ stream, events }: WouldAppend, { out }: Call): Promise<void> => {
  out.note(events.length === 0 ? 'Nothing would change.' : `Would append to ${stream}:`);
  for (const { type, data } of events) await out.data(`${out.style(type, 'bold')}  ${JSON.stringify(data)}`);
};

export const sendCommand = async (client: Client, name: string, body: object, call: Call): Promise<Committed> =>
  client.json<Committed>({ method: 'POST', path: `/commands/${name}`, body, headers: await commandHeaders(call), repeatable: true });

/** All of a list: cursors are followed to the end, or until there are `limit`. */
export const wholeList = async (client: Client, path: string, query: Readonly<Record<string, string | undefined>>, limit = Infinity): Promise<{ items: any[]; position?: string }> => {
  const pageMax = 500;
  const items: any[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await client.json<{ items: any[]; next?: string; position?: string }>({ path, query: { ...query, limit: Math.min(pageMax, limit - items.length), cursor } });
    items.push(...page.items);
    cursor = page.next;
    if (cursor === undefined || items.length >= limit) return { items: items.slice(0, limit), ...(page.position === undefined ? {} : { position: page.position }) };
  }
};
