/** Stripe's subscription statuses in the port's words: total, so that a future one is `unknown` and never a crash. */
import type Stripe from 'stripe';
import type { ProviderSubscriptionStatus } from '../../domain/ports/payments.ts';

/** The names Stripe's types list, without the open end they also have. */
type Listed<S> = S extends string ? (string extends S ? never : S) : never;

const statuses: Readonly<Record<Listed<Stripe.Subscription.Status>, ProviderSubscriptionStatus>> = {
  trialing: 'trialing', active: 'active', incomplete: 'incomplete', incomplete_expired: 'incomplete_expired', past_due: 'past_due', unpaid: 'unpaid', canceled: 'canceled', paused: 'paused',
};
export const subscriptionStatusOf = (stripe: string): ProviderSubscriptionStatus => (Object.hasOwn(statuses, stripe) ? statuses[stripe as keyof typeof statuses] : 'unknown');
