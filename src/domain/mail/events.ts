import type { Event } from '../decider.ts';
import type { MailId, PersonId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';

/** What a mail says is rendered from the template and these references when it is sent or looked at; no body is stored. */
export type MailContent =
  | { readonly template: 'one-time-token' | 'password-reset'; readonly token: { readonly flowId: string; readonly n: number; readonly kid: string; readonly issuedAt: Instant; readonly expiresAt: Instant } }
  | { readonly template: 'payment-failed' | 'grace-ending' | 'limited' | 'suspended' | 'restored' | 'ended' | 'cancellation-scheduled' | 'cancellation-withdrawn' | 'receipt' | 'welcome' | 'password-changed' | 'namespaces'; readonly values: Readonly<Record<string, string>> };

/** These names are the storage format: the outbox. */
export type MailEvent =
  | Event<'MailQueued', { mailId: MailId; person: PersonId; to: Personal; content: MailContent; at: Instant }>
  | Event<'MailAttemptFailed', { mailId: MailId; attempt: number; reason: string; retryAt: Instant }>
  | Event<'MailSent', { mailId: MailId; attempt: number; at: Instant }>
  | Event<'MailGivenUp', { mailId: MailId; attempt: number; reason: string; at: Instant }>
  | Event<'MailRetried', { mailId: MailId; at: Instant }>;
export const upcasts = {};
