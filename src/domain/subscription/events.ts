import type { Event } from '../decider.ts';
import type { AccountId, NamespaceId, PersonId, SubscriptionId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Money } from '../money.ts';
import type { PlanTerms } from '../plan/events.ts';

type Ids = { subscriptionId: SubscriptionId; accountId: AccountId };
/** Mails that a subscription causes; the values are what the template shows. */
export type Notice = {
  readonly key: string;
  readonly template: 'payment-failed' | 'grace-ending' | 'limited' | 'suspended' | 'restored' | 'ended' | 'cancellation-scheduled' | 'cancellation-withdrawn' | 'receipt';
  readonly values: Readonly<Record<string, string>>;
};
/** Who wanted a cancellation, or its end: somebody here, or the provider's own pages. */
export type WantedBy = 'customer' | 'staff' | 'provider';

/** These names are the storage format. */
export type SubscriptionEvent =
  | Event<'SubscriptionStarted', Ids & { person: PersonId; namespaceId: NamespaceId; terms: PlanTerms; providerSubscription: string; invoiceId: string; paidThrough: Instant; at: Instant; periodStart?: Instant }>
  /** Without `periodStart` it was written before there were receipts, and causes none. */
  | Event<'PaymentSucceeded', Ids & { invoiceId: string; amount: Money; paidThrough: Instant; at: Instant; periodStart?: Instant }>
  | Event<'PaymentFailed', Ids & { invoiceId: string; attempt: number; at: Instant; amount?: Money; periodStart?: Instant; periodEnd?: Instant }>
  /** An invoice that was tried in vain is no longer asked for. */
  | Event<'InvoiceVoided', Ids & { invoiceId: string; at: Instant }>
  | Event<'GraceStarted', Ids & { endsAt: Instant; warnAt: Instant }>
  | Event<'GraceEndingSoon', Ids & { endsAt: Instant }>
  | Event<'GraceEnded', Ids>
  /** Limited from now on, until `suspendAt`. */
  | Event<'SubscriptionLapsed', Ids & { suspendAt: Instant; at: Instant }>
  | Event<'SubscriptionSuspended', Ids & { endAt: Instant; at: Instant }>
  /** `n` counts cancellations and withdrawals. With `when: now` (nothing is paid) the provider's tries stop with this very event. */
  | Event<'CancellationScheduled', Ids & { n: number; when: 'period-end' | 'now'; endsAt: Instant; by: WantedBy; at: Instant }>
  | Event<'CancellationWithdrawn', Ids & { n: number; by: WantedBy; at: Instant }>
  /** The provider does as number `n` wants. */
  | Event<'CancellationCarriedOut', Ids & { n: number }>
  /** `cause` is missing in what was written before there was another one than a payment that never came. What has run is kept, stopped, until `keptUntil`. */
  | Event<'SubscriptionEnded', Ids & { at: Instant; cause?: 'unpaid' | 'cancelled'; keptUntil?: Instant }>
  | Event<'RetentionEnded', Ids & { at: Instant }>
  | Event<'SubscriptionRestored', Ids & { at: Instant }>
  | Event<'PaymentMethodChosen', Ids & { checkoutId: string; method: string }>
  | Event<'PaymentMethodAttached', Ids & { checkoutId: string }>
  | Event<'NoticeQueued', Ids & { key: string }>
  | Event<'NamespaceLevelTold', Ids & { level: 'full' | 'limited' | 'suspended' | 'none' }>;
export const upcasts = {};
