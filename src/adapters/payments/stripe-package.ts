/** The `stripe` package, loaded when it is first needed: it takes longer to load than the rest of a start. */
import type Stripe from 'stripe';

let loading: Promise<typeof Stripe> | undefined;
export const loadStripe = (): Promise<typeof Stripe> => (loading ??= import('stripe').then(({ default: stripe }) => stripe));
