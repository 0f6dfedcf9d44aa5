/** First start and every start: who this log is, who its operator is, what mock mode comes with. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokenHash } from './adapters/http/caller.ts';
import { StartRefused, type Config } from './config.ts';
import { OfferPlan } from './commands/plan.ts';
import { bySystem, CommandMessage, SystemMessage, type Context } from './commands/command-message.ts';
import type { Handler } from './commands/handle.ts';
import { encodeId, type LogId, type TenantId } from './domain/ids.ts';
import { installation } from './domain/installation/decide.ts';
import type { InstallationEvent } from './domain/installation/events.ts';
import type { EventStore } from './domain/ports/event-store.ts';
import type { Meta } from './domain/ports/log.ts';
import type { Random } from './domain/ports/random.ts';
import type { Derivation } from './domain/ports/tokens.ts';

/** Version of everything FORMAT.md fixes. A newer folder is refused. */
export const format = 1;
export type Identity = { readonly logId: LogId; readonly tenantId: TenantId };

type Where = Pick<Config, 'mode' | 'data'> & {
  /** Where the log is one that several servers write to: what their common secrets derive. */
  readonly shared?: Derivation;
};

/**
 * The identity that the log's first event gives it, or a new one for an empty log. Refuses another mode or a newer format. Servers that share a log
 * share their secrets: a new identity is derived from them, so that of two that found it at once both found the same, and a server with others is refused.
 */
export const identify = async (store: EventStore, random: Random, { mode, data, shared }: Where): Promise<Identity> => {
  const where = shared ? 'the event store' : data;
  for await (const [first] of store.readAll(0n, 1)) {
    const founded = JSON.parse(first?.data ?? '{}') as Partial<Extract<InstallationEvent, { type: 'InstallationFounded' }>['data']>;
    if (first?.type !== 'InstallationFounded' || !founded.logId || !founded.tenantId) throw new StartRefused(`${where} holds a log that does not begin with its founding; it is not a Tollgate ${shared ? 'log: give Tollgate a database of its own' : 'data folder'}`);
    if ((founded.format ?? 0) > format) throw new StartRefused(`${where} was written by a newer version (format ${founded.format}, this one knows ${format}); start it with that version`);
    if (founded.mode !== mode) throw new StartRefused(`${where} was founded in ${founded.mode} mode and cannot be started in ${mode} mode; choose another ${shared ? 'database with --eventstore' : 'folder with --data'}`);
    const body = { logId: founded.logId, mode: founded.mode, format: founded.format, tenantId: founded.tenantId };
    if (shared && (JSON.parse(first.meta) as Meta).fingerprint !== shared.fingerprint(body)) throw new StartRefused(`the secrets in ${join(data, 'secrets')} are not those of the server that founded the log in the event store; give every server the same ones`);
    return { logId: founded.logId, tenantId: founded.tenantId };
  }
  if (shared) return { logId: shared.id('log', 'founding'), tenantId: shared.id('ten', 'founding') };
  return { logId: encodeId('log', random.bytes(13)), tenantId: encodeId('ten', random.bytes(13)) };
};

const context = (key: string): Context => ({ ...bySystem('founding', key), idempotencyKey: key });
const developer = { name: 'developer', amount: 3500, currency: 'USD' };

/** Harmless when repeated: each step has the same idempotency key for ever. */
export const found = async (handler: Handler, { logId, tenantId }: Identity, mode: Config['mode']): Promise<void> => {
  const dispatch = (type: string, fields: object, key: string) => handler.execute(SystemMessage.inContext(new SystemMessage(type, fields), context(key)));
  await dispatch('FoundInstallation', { logId, mode, format, tenantId }, `founding.${logId}`);
  await dispatch('CreateTenant', { tenantId, name: 'platform' }, `founding.${tenantId}`);
  if (mode === 'mock') await handler.execute(CommandMessage.inContext(Object.assign(new OfferPlan(), developer), context('founding.developer')));
};

/** `DATA/operator.token`, made at first start; only its hash is in the log. Another one in the file replaces it. A server that joins others makes none. */
export const operatorToken = async (handler: Handler, identity: Identity, data: string, random: Random, shared = false): Promise<void> => {
  const file = join(data, 'operator.token');
  if (!existsSync(file)) {
    if (shared && (await handler.lookup(installation, identity.logId)).operator) return;
    writeFileSync(file, `tgo_${Buffer.from(random.bytes(20)).toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  }
  const hash = tokenHash(readFileSync(file, 'utf8').trim());
  const operatorId = `opr_${identity.tenantId.slice(4)}` as const;
  await handler.execute(SystemMessage.inContext(new SystemMessage('IssueOperatorToken', { logId: identity.logId, operatorId, hash }), context(`operator.${hash}`)));
};
