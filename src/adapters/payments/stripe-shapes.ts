/** The subset of Stripe's objects and events that the simulated provider sends: real handlers must be able to read them. */
import { toEpochMs, type Instant } from '../../domain/instant.ts';
import type { Reference } from '../../domain/ports/payments.ts';
import { referenceOf, type CheckoutRow, type InvoiceRow, type SubscriptionRow } from './simulated-database.ts';

/** The version the installed `stripe` package speaks; a test holds the two together. */
export const apiVersion = '2026-10-28.endive';

const seconds = (instant: Instant): number => Math.floor(toEpochMs(instant) / 1_000);
/** Our reference as the provider keeps it: metadata is text only. */
const metadataOf = (reference: Reference): Record<string, string> => ({ ...reference });

export const stripeCheckout = (row: CheckoutRow) => ({
  id: row.id, object: 'checkout.session', mode: 'setup', status: row.status, payment_status: 'no_payment_required', livemode: false, customer: row.customer,
  subscription: null, client_reference_id: row.person, metadata: metadataOf(referenceOf(row)), payment_method: row.method,
});

export const stripeSubscription = (row: SubscriptionRow) => ({
  id: row.id, object: 'subscription', status: row.status, livemode: false, customer: row.customer, default_payment_method: row.method,
  cancel_at_period_end: row.cancel_at !== null && row.status !== 'canceled', latest_invoice: row.latest_invoice, description: row.description,
  billing_cycle_anchor: seconds(row.anchor), metadata: metadataOf(referenceOf(row)),
  items: { object: 'list', data: [{ object: 'subscription_item', current_period_start: seconds(row.period_start), current_period_end: seconds(row.period_end), quantity: 1 }] },
});

/** Stripe has no `pending`: an invoice whose payment is under way is still open. */
export const stripeInvoice = (row: InvoiceRow, subscription: SubscriptionRow) => ({
  id: row.id, object: 'invoice', status: row.status === 'pending' ? 'open' : row.status, livemode: false, customer: subscription.customer, subscription: subscription.id,
  amount_due: row.amount, amount_paid: row.status === 'paid' ? row.amount : 0, currency: row.currency.toLowerCase(), attempt_count: row.attempts, attempted: row.attempts > 0,
  next_payment_attempt: row.retry_at === null ? null : seconds(row.retry_at), period_start: seconds(row.period_start), period_end: seconds(row.period_end),
  metadata: metadataOf(referenceOf(subscription)),
  parent: { type: 'subscription_details', subscription_details: { subscription: subscription.id, metadata: metadataOf(referenceOf(subscription)) } },
});

export const stripeEvent = (id: string, type: string, at: Instant, object: { readonly id: string; readonly object: string }) => ({
  id, object: 'event', api_version: apiVersion, created: seconds(at), livemode: false, pending_webhooks: 1, request: null, type, data: { object },
});
