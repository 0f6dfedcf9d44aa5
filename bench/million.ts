/** A data folder with a million events of 10,000 accounts in it, written through the same log as the server's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openAdapters } from '../src/adapters.ts';
import { assemble } from '../src/assembly.ts';
import { encodeId, streamName, type PersonId } from '../src/domain/ids.ts';
import { plus, plusMonths, type Instant } from '../src/domain/instant.ts';
import { personal } from '../src/domain/personal.ts';
import { beginning } from '../src/domain/ports/log.ts';
import type { AnyEvent } from '../src/domain/decider.ts';
import { progress } from './measure.ts';
import { makeWorld, type World } from './world.ts';
import { quiet } from './quiet.ts';

export const accountsCount = 10_000;
export const eventsEach = 100;
const terms = {
  planId: 'pln_00000000000000000000', name: 'developer', price: { amount: 3500, currency: 'USD' }, interval: 'month',
  limits: { workloads: 10, cpuMillis: 1000, memoryMiB: 512, diskMiB: 1024 }, policy: { graceDays: 7, warnHours: 24, limitedDays: 14, suspendedDays: 30 },
};

/** One account's life: sign-up's outcome, a session, and years of payments. */
export const lifeOf = (n: number, person: PersonId, at: Instant): readonly { readonly category: string; readonly id: string; readonly events: readonly AnyEvent[] }[] => {
  const id = <P extends string>(prefix: P) => encodeId(prefix, Buffer.from(`${prefix}${n}`.padEnd(16, '.')));
  const [accountId, namespaceId, subscriptionId, sessionId] = [id('acc'), id('ns'), id('sub'), id('ses')];
  const ids = { subscriptionId, accountId };
  const started = { type: 'SubscriptionStarted', data: { ...ids, person, namespaceId, terms, providerSubscription: `sub_${n}`, invoiceId: `in_${n}`, paidThrough: plusMonths(at, 1), at } };
  const payments = Array.from({ length: eventsEach - 4 }, (_, month) => ({ type: 'PaymentSucceeded', data: { ...ids, invoiceId: `in_${n}_${month}`, amount: terms.price, paidThrough: plusMonths(at, month + 2), at: plusMonths(at, month + 1) } }));
  return [
    { category: 'account', id: accountId, events: [{ type: 'AccountCreated', data: { accountId, person, email: personal(person, 'email', `member${n}@example.com`), subscriptionId, at } }] },
    { category: 'namespace', id: namespaceId, events: [{ type: 'NamespaceCreated', data: { namespaceId, name: `space-${n}`, accountId, subscriptionId, limits: terms.limits, at } }] },
    { category: 'subscription', id: subscriptionId, events: [started, ...payments] },
    { category: 'session', id: sessionId, events: [{ type: 'SessionOpened', data: { sessionId, holder: { kind: 'account', accountId, person }, kid: 'k1', at } }] },
  ];
};

/** Adds them to a folder (founded or not), and lets every read model and reactor catch up: a server that is started on it has nothing else to do. */
const fillWithMillions = async (data: string): Promise<void> => {
  const adapters = await openAdapters({ data }, () => 'http://127.0.0.1');
  const system = await assemble(adapters, { mode: 'mock', data, version: 'bench', origin: () => 'http://127.0.0.1', logger: quiet, post: async () => 200 });
  const { log } = system.rim;
  const at = plus(adapters.clock.now(), 0);
  const tenant = system.identity.tenantId;
  for (let from = 0; from < accountsCount; from += 200) {
    const persons = await Promise.all(Array.from({ length: 200 }, (_, n) => adapters.keyring.findOrCreate(`member${from + n}@example.com`)));
    const pending = await Promise.all(persons.flatMap((person, index) => lifeOf(from + index, person, at).map(({ category, id, events }) => {
      const commandId = `00000000-0000-8000-8000-${(from + index).toString().padStart(12, '0')}`;
      return log.append(streamName(category, tenant, id), beginning, events, { at, commandId, correlationId: 'bench', causationId: 'bench', actor: 'system:bench', tenant, fingerprint: 'bench' });
    })));
    await Promise.all(pending.map(({ durable }) => durable));
  }
  await system.start();
  const head = await log.head();
  await Promise.all([...system.rim.models.values()].map((model) => model.reached(head, new Promise(() => undefined))));
  while (system.rim.pumps.some(({ position }) => position < head)) await sleep(50);
  await system.stop();
  await adapters.close();
};

export interface Million {
  readonly data: string;
  readonly world: World;
}
const makeMillion = async (): Promise<Million> => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, 'data');
  const world = await makeWorld(data, { plans: 1, customers: 0 });
  progress('  writing a million events ...');
  await fillWithMillions(data);
  return { data, world };
};
let made: Promise<Million> | undefined;
/** Made once for all rows of a run that need it, which stop what they start on it. */
export const million = (): Promise<Million> => (made ??= makeMillion());
