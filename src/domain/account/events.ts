import type { Event } from '../decider.ts';
import type { AccountId, PersonId, SubscriptionId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';

/** These names are the storage format. */
export type AccountEvent =
  | Event<'AccountCreated', { accountId: AccountId; person: PersonId; email: Personal; subscriptionId: SubscriptionId; at: Instant }>
  /** Every session and sign-up token from before `cutoff` is dead. */
  | Event<'SessionsRevoked', { accountId: AccountId; person: PersonId; cutoff: Instant }>;
export const upcasts = {};
