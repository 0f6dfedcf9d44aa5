import type { Event } from '../decider.ts';
import type { AccountId, FlowId, NamespaceId, PersonId, SubscriptionId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { PlanTerms } from '../plan/events.ts';

/** What a token is derived from (with a server key): the token itself is in no event. */
export type OtpIssue = { person: PersonId; flowId: FlowId; n: number; kid: string; issuedAt: Instant; expiresAt: Instant };
export type StepResult =
  | { step: 'charge'; providerSubscription: string; invoiceId: string; periodEnd: Instant; periodStart?: Instant }
  | { step: 'subscription'; subscriptionId: SubscriptionId }
  | { step: 'account'; accountId: AccountId }
  | { step: 'namespace'; namespaceId: NamespaceId; name: string };

/** These names are the storage format. The stream is keyed by the person. */
export type SignupEvent =
  | Event<'SignupStarted', { person: PersonId; email: Personal; at: Instant }>
  | Event<'OtpIssued', OtpIssue>
  | Event<'OtpResent', OtpIssue>
  | Event<'OtpMailQueued', { person: PersonId; flowId: FlowId; n: number }>
  | Event<'OtpAttemptFailed', { person: PersonId; flowId: FlowId; attempt: number }>
  | Event<'OtpLocked', { person: PersonId; flowId: FlowId }>
  | Event<'OtpExpired', { person: PersonId; flowId: FlowId }>
  | Event<'OtpVerified', { person: PersonId; flowId: FlowId; n: number; at: Instant }>
  | Event<'CheckoutStarted', { person: PersonId; n: number; terms: PlanTerms; at: Instant }>
  | Event<'CheckoutOpened', { person: PersonId; n: number; checkoutId: string }>
  | Event<'PaymentTokenIssued', { person: PersonId; n: number; kid: string; issuedAt: Instant; expiresAt: Instant; checkoutId: string; method: string; terms: PlanTerms }>
  | Event<'PaymentTokenExpired', { person: PersonId; n: number }>
  | Event<'PaymentTokenRedeemed', { person: PersonId; n: number; subscriptionId: SubscriptionId; accountId: AccountId; namespaceId: NamespaceId; at: Instant }>
  | Event<'PaymentTokenRejected', { person: PersonId; n: number; reason: string }>
  | Event<'ChargePending', { person: PersonId; n: number; providerSubscription: string; invoiceId: string; checkAt: Instant }>
  | Event<'SignupStepSucceeded', { person: PersonId } & StepResult>
  | Event<'SignupCompleted', { person: PersonId; accountId: AccountId; subscriptionId: SubscriptionId; namespaceId: NamespaceId; at: Instant }>;
export const upcasts = {};
