/** Every payment provider keeps the contract. What only the simulated one promises is in `payments-simulated.spec.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Stripe from 'stripe';
import { apiVersion } from '../../src/adapters/payments/stripe-shapes.ts';
import { subscriptionStatusOf } from '../../src/adapters/payments/stripe-status.ts';
import { paymentsContract } from './payments.contract.ts';
import { openSimulated, secrets } from './payments-simulated.ts';

paymentsContract('SimulatedPayments', async () => {
  const world = openSimulated();
  return {
    payments: world.payments,
    secrets,
    now: () => world.clock.now(),
    storeCard: async (id, card) => void (await world.payments.submitCard(id, card === 'pays' ? 'succeeds' : 'charge-fails', false)),
    close: () => world.payments.close(),
  };
});

test('stripe: every subscription status has a word of ours, and a future one is unknown', () => {
  const known = ['trialing', 'active', 'incomplete', 'incomplete_expired', 'past_due', 'unpaid', 'canceled', 'paused'];
  assert.deepEqual(known.map(subscriptionStatusOf), known);
  for (const future of ['', 'hibernating', 'constructor', '__proto__', 'ACTIVE']) assert.equal(subscriptionStatusOf(future), 'unknown');
});
test('stripe: the simulated events claim the version that the installed package speaks', () => {
  assert.equal(apiVersion, Stripe.API_VERSION);
});
