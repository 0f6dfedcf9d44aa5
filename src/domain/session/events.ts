import type { Event } from '../decider.ts';
import type { AccountId, OperatorId, PersonId, SessionId } from '../ids.ts';
import type { Instant } from '../instant.ts';

export type SessionHolder = { readonly kind: 'account'; readonly accountId: AccountId; readonly person: PersonId } | { readonly kind: 'operator'; readonly operatorId: OperatorId; readonly tokenHash: string };

/** These names are the storage format. One stream per session. Refresh tokens are derived from (session, n). */
export type SessionEvent =
  | Event<'SessionOpened', { sessionId: SessionId; holder: SessionHolder; kid: string; /** A browser's, held by a cookie; without it a program's, with refresh tokens. */ via?: 'web'; at: Instant }>
  /** Refresh token `n` was used: `n + 1` is the one to use next. */
  | Event<'SessionRefreshed', { sessionId: SessionId; n: number; at: Instant }>
  | Event<'SessionClosed', { sessionId: SessionId; reason: 'logout' | 'stolen'; at: Instant }>;
export const upcasts = {};
