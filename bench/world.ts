/** A founded data folder with customers and plans in it, written through the same code as the server's, and their tokens. */
import { openAdapters } from '../src/adapters.ts';
import { assemble } from '../src/assembly.ts';
import { AccessTokens } from '../src/adapters/http/access-tokens.ts';
import { tokenHash } from '../src/adapters/http/caller.ts';
import { CommandMessage, SystemMessage, type Context } from '../src/commands/command-message.ts';
import { OfferPlan } from '../src/commands/plan.ts';
import { operatorToken } from '../src/founding.ts';
import { encodeId, type PlanId } from '../src/domain/ids.ts';
import { day, plus } from '../src/domain/instant.ts';
import { personal } from '../src/domain/personal.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quiet } from './quiet.ts';

export interface World {
  readonly tenant: string;
  readonly operator: string;
  /** An operator's session's access token. */
  readonly operatorToken: string;
  readonly plans: readonly PlanId[];
  /** One customer's session's access token each. */
  readonly customerTokens: readonly string[];
  readonly webhookSecret: string;
}
const origin = 'http://127.0.0.1';
const context: Context = { actor: { kind: 'system', id: 'system:bench' }, correlationId: 'bench', causationId: 'bench' };
const limits = { workloads: 10, cpuMillis: 1000, memoryMiB: 512, diskMiB: 1024 };

export const makeWorld = async (data: string, size: { readonly plans: number; readonly customers: number }): Promise<World> => {
  const adapters = await openAdapters({ data }, () => origin);
  const { random, clock, secrets, keyring } = adapters;
  const system = await assemble(adapters, { mode: 'mock', data, version: 'bench', origin: () => origin, logger: quiet, post: async () => 200 });
  await operatorToken(system.handler, system.identity, data, random);
  const execute = (type: string, fields: object) => system.handler.execute(SystemMessage.inContext(new SystemMessage(type, fields), context));
  const tokens = new AccessTokens(secrets.session);
  const tokenOf = async (holder: object): Promise<string> => {
    const sessionId = encodeId('ses', random.bytes(13));
    await execute('OpenSession', { sessionId, holder, kid: secrets.tokens.kid });
    return tokens.sign({ kind: 'access', sid: sessionId }, clock.now(), plus(clock.now(), day));
  };
  const customer = async (n: number): Promise<string> => {
    const [accountId, namespaceId, subscriptionId] = [encodeId('acc', random.bytes(13)), encodeId('ns', random.bytes(13)), encodeId('sub', random.bytes(13))];
    const person = await keyring.findOrCreate(`customer${n}@example.com`);
    await execute('CreateAccount', { accountId, person, email: personal(person, 'email', `customer${n}@example.com`), subscriptionId });
    await execute('CreateNamespace', { namespaceId, name: `customer${n}`, accountId, subscriptionId, limits });
    return tokenOf({ kind: 'account', accountId, person });
  };
  const plan = async (n: number): Promise<PlanId> => {
    const offer = Object.assign(new OfferPlan(), { name: `plan-${n}`, amount: 3500, currency: 'USD' });
    const answer = await system.handler.execute(CommandMessage.inContext(offer, { ...context, idempotencyKey: `plan-${n}` }));
    return answer.stream.slice(answer.stream.lastIndexOf('.') + 1) as PlanId;
  };
  const many = <T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: count }, (_, n) => make(n)));
  const { tenantId } = system.identity;
  const operatorId = `opr_${tenantId.slice(4)}` as const;
  const world = {
    tenant: tenantId, operator: operatorId, webhookSecret: secrets.webhook,
    operatorToken: await tokenOf({ kind: 'operator', operatorId, tokenHash: tokenHash(readFileSync(join(data, 'operator.token'), 'utf8').trim()) }),
    plans: await many(size.plans, plan), customerTokens: await many(size.customers, customer),
  };
  await system.stop();
  await adapters.close();
  return world;
};
