/** A simulated provider with a clock that stands still, and short words for what a customer does there. */
import assert from 'node:assert/strict';
import { SimulatedPayments } from '../../src/adapters/payments/simulated.ts';
import { ManualClock } from '../../src/adapters/system/clock.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { toEpochMs, type Instant } from '../../src/domain/instant.ts';
import type { Reference } from '../../src/domain/ports/payments.ts';
import { price, urls } from './payments.contract.ts';

export const secrets = ['whsec_first', 'whsec_second'];
export const reference = { purpose: 'signup', person: 'per_1', subscription: 'sub_ours' } satisfies Reference;

export const openSimulated = ({ start = '2026-03-10T08:00:00.000Z', path = ':memory:', seed = 'payments' }: { start?: string; path?: string; seed?: string } = {}) => {
  const clock = new ManualClock(start as Instant);
  const payments = SimulatedPayments.open({ path, clock, random: new SeededRandom(seed), webhookSecrets: secrets, checkoutUrl: (id) => `http://127.0.0.1:8081/checkout/${id}` });
  let serial = 0;
  const key = (): string => `key-${(serial += 1)}`;
  const createCheckout = (about: Reference = reference) => payments.createCheckout({ key: key(), reference: about, email: 'someone@example.com', ...urls });
  const world = {
    clock, payments, key, createCheckout,
    /** Stores a card and answers the method. */
    store: async (card: string, about: Reference = reference): Promise<string> => {
      const { id } = await createCheckout(about);
      if ((await payments.submitCard(id, card, false)).outcome === 'confirm') await payments.submitCard(id, card, true);
      return (await payments.readCheckout(id))!.method!;
    },
    /** Starts the subscription; answers its provider's id. */
    subscribe: async (card: string, about = reference): Promise<string> => {
      const charge = await payments.subscribe({ key: key(), reference: about, method: await world.store(card, about), price, description: 'Plan developer' });
      assert.notEqual(charge.status, 'declined');
      return (charge as { providerSubscription: string }).providerSubscription;
    },
    replace: async (providerSubscription: string, card: string): Promise<void> => payments.replaceMethod({ key: key(), providerSubscription, method: await world.store(card) }),
    /** Walks to the instant from due to due, as a clock that is advanced does, and stands there. */
    walkTo: async (text: string): Promise<void> => {
      const target = text as Instant;
      for (let due = dueOf(); due !== undefined && due <= target; due = dueOf()) {
        moveTo(due);
        await payments.run(due);
        await payments.deliver(async () => 200, due);
      }
      moveTo(target);
    },
    /** Status, and of each invoice its status, tries and period, in days where they are whole. */
    sight: async (id: string) => ({
      status: (await payments.readSubscription(id))?.status,
      invoices: payments.invoicesOf(id).map(({ status, attempts, periodStart, periodEnd }) => `${status} ${attempts} ${dayOf(periodStart)}..${dayOf(periodEnd)}`),
    }),
    types: (): string[] => payments.sentEvents().map(({ type }) => type),
    taken: (): number => payments.charges().filter(({ status }) => status === 'succeeded').length,
  };
  const dueOf = () => payments.nextDueAt();
  const moveTo = (instant: Instant): void => {
    const leadMs = toEpochMs(instant) - toEpochMs(clock.now());
    if (leadMs > 0) clock.advance(leadMs);
  };
  return world;
};
const dayOf = (instant: Instant): string => instant.replace('T08:00:00.000Z', '');
