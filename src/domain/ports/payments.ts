import type { Instant } from '../instant.ts';
import type { Money } from '../money.ts';

/** What we tell the provider about ourselves; it gives it back with every object of the checkout or subscription. */
export type Reference = { readonly purpose: 'signup' | 'pay'; readonly person: string; readonly subscription?: string };

export interface Checkout {
  readonly id: string;
  readonly status: 'open' | 'complete' | 'expired';
  readonly reference: Reference;
  /** Opaque handle of the stored payment method, once complete. */
  readonly method?: string;
}
export interface ProviderInvoice {
  readonly id: string;
  readonly providerSubscription: string;
  /** What we said of ourselves when the subscription was made. */
  readonly reference: Reference;
  readonly status: 'paid' | 'open' | 'pending' | 'void';
  readonly amount: Money;
  /** How often it was tried. */
  readonly attempts: number;
  readonly periodStart: Instant;
  readonly periodEnd: Instant;
}
export type ProviderSubscriptionStatus = 'trialing' | 'active' | 'incomplete' | 'incomplete_expired' | 'past_due' | 'unpaid' | 'canceled' | 'paused' | 'unknown';
export interface ProviderSubscription {
  readonly id: string;
  readonly reference: Reference;
  readonly status: ProviderSubscriptionStatus;
  readonly latestInvoice: string;
  readonly cancelAtPeriodEnd: boolean;
}
/** What became of taking money. Unknown outcomes are `Unavailable`: ask again under the same key. */
export type Charge =
  | { readonly status: 'paid' | 'pending'; readonly providerSubscription: string; readonly invoice: ProviderInvoice }
  | { readonly status: 'declined'; readonly reason: string };

/** A verified webhook: which object it names; the object itself is read again. */
export interface ProviderEvent {
  readonly id: string;
  /** The provider's own name, e.g. `invoice.paid`. */
  readonly type: string;
  readonly at: Instant;
  readonly object: { readonly kind: 'checkout' | 'invoice' | 'subscription' | 'other'; readonly id: string };
}

/**
 * Payment provider. Every deed takes a `key`: the same key again gives the same outcome and moves no money twice.
 * A permanent refusal of a deed is `Refused`, a passing one `Unavailable`.
 */
export interface Payments {
  /** Name and mode as they stand in inbox stream names, e.g. `stripe` and `mock`. */
  readonly provider: string;
  readonly mode: string;
  /** A page where a payment method is stored; no money moves. The browser comes back to `returnUrl?checkout=ID`. */
  createCheckout(input: { key: string; reference: Reference; email: string; returnUrl: string; cancelUrl: string }): Promise<{ id: string; url: string }>;
  readCheckout(id: string): Promise<Checkout | undefined>;
  /** Starts a monthly subscription and charges its first period with `method`. */
  subscribe(input: { key: string; reference: Reference & { subscription: string }; method: string; price: Money; description: string }): Promise<Charge>;
  /** Makes `method` the one for renewals and tries whatever is open at once. Restarts a subscription that has ended. */
  replaceMethod(input: { key: string; providerSubscription: string; method: string }): Promise<void>;
  cancel(input: { key: string; providerSubscription: string; when: 'now' | 'period-end' }): Promise<void>;
  uncancel(input: { key: string; providerSubscription: string }): Promise<void>;
  readInvoice(id: string): Promise<ProviderInvoice | undefined>;
  readSubscription(id: string): Promise<ProviderSubscription | undefined>;
  /** The event in a webhook's raw bytes; throws `Refused` with code `BadSignature` when it is not the provider's, or too old. */
  verifyWebhook(raw: Uint8Array, headers: Readonly<Record<string, string | undefined>>, now: Instant): Promise<ProviderEvent>;
}
