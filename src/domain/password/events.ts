import type { Event } from '../decider.ts';
import type { FlowId, PersonId } from '../ids.ts';
import type { Instant } from '../instant.ts';

/** What lets somebody set it: a sign-up just verified, a session just opened (the first one only), the old one, or a token by mail. */
export type ChangedBy = 'signup' | 'session' | 'change' | 'reset';

/** These names are the storage format. One stream per person; neither passwords nor their hashes are in it (the keyring holds those under person and `n`). */
export type PasswordEvent =
  | Event<'PasswordChanged', { person: PersonId; n: number; by: ChangedBy; at: Instant }>
  /** Sessions are ended where that was due, the notice is queued, and older hashes are gone. */
  | Event<'PasswordChangeTold', { person: PersonId; n: number }>
  /** What the mailed token is derived from. */
  | Event<'PasswordResetRequested', { person: PersonId; flowId: FlowId; kid: string; issuedAt: Instant; expiresAt: Instant }>
  | Event<'PasswordResetMailed', { person: PersonId; flowId: FlowId }>;
export const upcasts = {};
