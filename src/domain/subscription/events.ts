import type { Event } from '../decider.ts';
import type { AccountId, NamespaceId, PersonId, SubscriptionId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Money } from '../money.ts';
import type { PlanTerms } from '../plan/events.ts';

type Ids = { subscriptionId: SubscriptionId; accountId: AccountId };
/** Mails that a subscription causes; the values are what the template shows. */
export type Notice = { readonly key: string; readonly template: 'payment-failed' | 'grace-ending' | 'limited' | 'suspended' | 'restored' | 'ended'; readonly values: Readonly<Record<string, string>> };

/** These names are the storage format. */
export type SubscriptionEvent =
  | Event<'SubscriptionStarted', Ids & { person: PersonId; namespaceId: NamespaceId; terms: PlanTerms; providerSubscription: string; invoiceId: string; paidThrough: Instant; at: Instant }>
  | Event<'PaymentSucceeded', Ids & { invoiceId: string; amount: Money; paidThrough: Instant; at: Instant }>
  | Event<'PaymentFailed', Ids & { invoiceId: string; attempt: number; at: Instant }>
  | Event<'GraceStarted', Ids & { endsAt: Instant; warnAt: Instant }>
  | Event<'GraceEndingSoon', Ids & { endsAt: Instant }>
  | Event<'GraceEnded', Ids>
  /** Limited from now on, until `suspendAt`. */
  | Event<'SubscriptionLapsed', Ids & { suspendAt: Instant; at: Instant }>
  | Event<'SubscriptionSuspended', Ids & { endAt: Instant; at: Instant }>
  | Event<'SubscriptionEnded', Ids & { at: Instant }>
  | Event<'SubscriptionRestored', Ids & { at: Instant }>
  | Event<'PaymentMethodChosen', Ids & { checkoutId: string; method: string }>
  | Event<'PaymentMethodAttached', Ids & { checkoutId: string }>
  | Event<'NoticeQueued', Ids & { key: string }>
  | Event<'NamespaceLevelTold', Ids & { level: 'full' | 'limited' | 'suspended' | 'none' }>;
export const upcasts = {};
