/** Bugs planted on purpose, to prove that the simulator bites: each changes what the system is built of. */
import type { Tampering } from './world.ts';
import type { Payments } from '../../src/domain/ports/payments.ts';
import { gate } from '../../src/projections/gate.ts';
import type { Batch, Collection, ReadModels } from '../../src/domain/ports/read-models.ts';

const replaced = <P extends object>(port: P, members: Partial<P>): P =>
  new Proxy(port, { get: (target, name) => (Object.hasOwn(members, name) ? members[name as keyof P] : (Reflect.get(target, name, target) as unknown)) });

/** Checkpoints are not written with their documents, which do not say either what they have seen: a crash between the two folds events twice. */
const unguarded = (collection: Collection): Collection => replaced(collection, {
  load: async (keys: readonly string[]) => new Map([...(await collection.load(keys))].map(([key, found]) => [key, { ...found, position: -1n }])),
  commit: async ({ expected, next, puts, deletes }: Batch) => {
    await collection.put(puts, deletes);
    await collection.commit({ expected, next, puts: [], deletes: [] });
  },
});
const skipCheckpointGuard: Tampering = (adapters) => ({
  ...adapters,
  readModels: replaced<ReadModels>(adapters.readModels, { open: async (name, indexes) => unguarded(await adapters.readModels.open(name, indexes)) }),
});

/** Money is taken under a key of its own each time. */
let askings = 0;
const dropIdempotencyKey: Tampering = (adapters) => ({
  ...adapters,
  payments: replaced<Payments>(adapters.payments, { subscribe: (input) => adapters.payments.subscribe({ ...input, key: `${input.key}.${(askings += 1)}` }) }) as typeof adapters.payments,
});

/** The gate takes a recovered customer for a limited one. */
const restoreWrongLevel: Tampering = (adapters) => {
  const { evolve } = gate;
  if (evolve !== wrongly) Object.assign(gate, { evolve: (wrongly = (view, event, key) => (event.type === 'SubscriptionRestored' ? { ...evolve(view, event, key), level: 'limited' } : evolve(view, event, key))) });
  return adapters;
};
let wrongly: typeof gate.evolve | undefined;
/** Takes back what was planted in the code itself. */
const rightly = gate.evolve;
export const pullOut = (): void => void Object.assign(gate, { evolve: rightly });

export const planted = { 'skip-checkpoint-guard': skipCheckpointGuard, 'drop-idempotency-key': dropIdempotencyKey, 'restore-wrong-level': restoreWrongLevel } as const;
export type Plant = keyof typeof planted;
