import { rejections, type Actor, type Command, type Decider, type Decision } from '../decider.ts';
import type { SessionId } from '../ids.ts';
import { day, plus, type Instant } from '../instant.ts';
import type { SessionEvent, SessionHolder } from './events.ts';
import { evolve, initial, type Session } from './state.ts';

/** A CLI session lives this long from its last use. */
export const sessionLifeMs = 180 * day;
/** A browser's session lives this long from its opening: its cookie never changes, so using it cannot prolong it. */
export const webSessionLifeMs = 10 * day;

export type OpenSession = Command<'OpenSession', { sessionId: SessionId; holder: SessionHolder; kid: string; via?: 'web' }>;
/** `presented`: number of the genuine refresh token that was shown; `cutoff`: the account's, if any. */
export type RefreshSession = Command<'RefreshSession', { sessionId: SessionId }, { presented?: number; cutoff?: Instant }>;
export type CloseSession = Command<'CloseSession', { sessionId: SessionId }>;
export type SessionCommand = OpenSession | RefreshSession | CloseSession;

export const reject = rejections({
  SessionNotFound: ['not-found', 'You have no such session.', "See 'tollgate account sessions'."],
  SessionEnded: ['forbidden', 'This session has ended.', "Sign in again: 'tollgate login help' says how."],
});

const open = ({ sessionId, holder, kid, via, facts }: OpenSession, state: Session): Decision<SessionEvent> =>
  state.status === 'none' ? [{ type: 'SessionOpened', data: { sessionId, holder, kid, ...(via === undefined ? {} : { via }), at: facts.now } }] : [];

const refresh = ({ sessionId, facts }: RefreshSession, state: Session): Decision<SessionEvent> => {
  const { presented, cutoff, now } = facts;
  if (state.status !== 'open' || state.via === 'web' || presented === undefined || plus(state.usedAt, sessionLifeMs) <= now) return reject('SessionEnded');
  if (cutoff !== undefined && state.openedAt <= cutoff) return reject('SessionEnded');
  if (presented === state.used + 1) return [{ type: 'SessionRefreshed', data: { sessionId, n: presented, at: now } }];
  if (presented === state.used) return []; // its answer was lost: the same next token is given again
  if (presented > state.used) return reject('SessionEnded');
  return [{ type: 'SessionClosed', data: { sessionId, reason: 'stolen', at: now } }];
};

/** Of one's own: staff does not log customers out one by one. */
const theirs = (actor: Actor, holder: SessionHolder): boolean =>
  actor.kind === 'system' || (holder.kind === 'account' ? actor.kind === 'account' && actor.id === holder.accountId : actor.kind === 'operator' && actor.id === holder.operatorId);

const close = ({ sessionId, facts }: CloseSession, state: Session): Decision<SessionEvent> => {
  if (state.status === 'none' || !theirs(facts.actor, state.holder)) return reject('SessionNotFound');
  return state.status === 'open' ? [{ type: 'SessionClosed', data: { sessionId, reason: 'logout', at: facts.now } }] : [];
};

const decide = (command: SessionCommand, state: Session): Decision<SessionEvent> => {
  switch (command.type) {
    case 'OpenSession': return open(command, state);
    case 'RefreshSession': return refresh(command, state);
    case 'CloseSession': return close(command, state);
  }
};
export const session: Decider<SessionCommand, Session, SessionEvent> = { category: 'session', initial, decide, evolve };
