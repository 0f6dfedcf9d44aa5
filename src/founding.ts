/** First start and every start: who this log is, who its operator is, what mock mode comes with. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokenHash } from './adapters/http/caller.ts';
import { StartRefused, type Config } from './config.ts';
import { OfferPlan } from './commands/plan.ts';
import { bySystem, CommandMessage, SystemMessage, type Context } from './commands/command-message.ts';
import type { Handler } from './commands/handle.ts';
import { encodeId, type LogId, type TenantId } from './domain/ids.ts';
import type { InstallationEvent } from './domain/installation/events.ts';
import type { EventStore } from './domain/ports/event-store.ts';
import type { Random } from './domain/ports/random.ts';

/** Version of everything FORMAT.md fixes. A newer folder is refused. */
export const format = 1;
export type Identity = { readonly logId: LogId; readonly tenantId: TenantId };

/** The identity that the log's first event gives it, or a new one for an empty log. Refuses another mode or a newer format. */
export const identify = async (store: EventStore, random: Random, { mode, data }: Pick<Config, 'mode' | 'data'>): Promise<Identity> => {
  for await (const [first] of store.readAll(0n, 1)) {
    const founded = JSON.parse(first?.data ?? '{}') as Partial<Extract<InstallationEvent, { type: 'InstallationFounded' }>['data']>;
    if (first?.type !== 'InstallationFounded' || !founded.logId || !founded.tenantId) throw new StartRefused(`${data} holds a log that does not begin with its founding; it is not a Tollgate data folder`);
    if ((founded.format ?? 0) > format) throw new StartRefused(`${data} was written by a newer version (format ${founded.format}, this one knows ${format}); start it with that version`);
    if (founded.mode !== mode) throw new StartRefused(`${data} was founded in ${founded.mode} mode and cannot be started in ${mode} mode; choose another folder with --data`);
    return { logId: founded.logId, tenantId: founded.tenantId };
  }
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

/** `DATA/operator.token`, made at first start; only its hash is in the log. Another one in the file replaces it. */
export const operatorToken = async (handler: Handler, identity: Identity, data: string, random: Random): Promise<void> => {
  const file = join(data, 'operator.token');
  if (!existsSync(file)) writeFileSync(file, `tgo_${Buffer.from(random.bytes(20)).toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  const hash = tokenHash(readFileSync(file, 'utf8').trim());
  const operatorId = `opr_${identity.tenantId.slice(4)}` as const;
  await handler.execute(SystemMessage.inContext(new SystemMessage('IssueOperatorToken', { logId: identity.logId, operatorId, hash }), context(`operator.${hash}`)));
};
