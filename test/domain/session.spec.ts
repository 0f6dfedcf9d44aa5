/** A session and its line of refresh tokens. */
import test from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fold, isRejection } from '../../src/domain/decider.ts';
import { plus, type Instant } from '../../src/domain/instant.ts';
import { session, sessionLifeMs, type SessionCommand } from '../../src/domain/session/decide.ts';
import type { SessionEvent } from '../../src/domain/session/events.ts';
import { complete, now, specify, type Asked } from '../given.ts';
import { laws } from './laws.ts';
import { accountId, customer, operator, person, sessionId, stranger } from './samples.ts';

const given = specify(session);
const holder = { kind: 'account', accountId, person } as const;
const open = { type: 'OpenSession', sessionId, holder, kid: 'k1' } as const;
const refresh = (presented: number | undefined, facts: { now?: Instant; cutoff?: Instant } = {}) => ({ type: 'RefreshSession', sessionId, facts: { ...facts, ...(presented === undefined ? {} : { presented }) } }) as const;
const close = { type: 'CloseSession', sessionId } as const;
const opened: SessionEvent = { type: 'SessionOpened', data: { sessionId, holder, kid: 'k1', at: now } };
const refreshed = (n: number, at = now): SessionEvent => ({ type: 'SessionRefreshed', data: { sessionId, n, at } });
const closed = (reason: 'logout' | 'stolen'): SessionEvent => ({ type: 'SessionClosed', data: { sessionId, reason, at: now } });

test('a session is opened', () => void given().when(open).then(opened));
test('opening it twice changes nothing', () => void given(opened).when(open).thenNothing());
test('opening does not bring a closed session back', () => void given(opened, closed('logout')).when(open).thenNothing());

test('the next refresh token is used', () => void given(opened, refreshed(0)).when(refresh(1)).then(refreshed(1)));
test('the first one too', () => void given(opened).when(refresh(0)).then(refreshed(0)));
test('the token used last, again: its answer was lost, nothing changes and nobody is signed out', () => void given(opened, refreshed(0), refreshed(1)).when(refresh(1)).thenNothing());
test('an older one ends the session as stolen', () => void given(opened, refreshed(0), refreshed(1)).when(refresh(0)).then(closed('stolen')));
test('after that not even the newest one works', () => void given(opened, refreshed(0), refreshed(1), closed('stolen')).when(refresh(2)).thenRejected('SessionEnded'));
test('a token from further ahead than the next is refused', () => void given(opened).when(refresh(1)).thenRejected('SessionEnded'));
test('what is no refresh token is refused, and ends nothing', () => void given(opened).when(refresh(undefined)).thenRejected('SessionEnded'));
test('no session, no refresh', () => void given().when(refresh(0)).thenRejected('SessionEnded'));

test('a session lives 180 days from its last use: until the last millisecond, no further', () => {
  const end = plus(now, sessionLifeMs);
  given(opened).when(refresh(0, { now: plus(end, -1) })).thenTypes('SessionRefreshed');
  given(opened).when(refresh(0, { now: end })).thenRejected('SessionEnded');
  given(opened).when(refresh(0, { now: plus(end, 1) })).thenRejected('SessionEnded');
  const used = plus(now, 1000);
  given(opened, refreshed(0, used)).when(refresh(1, { now: end })).thenTypes('SessionRefreshed');
});
test('log out everywhere kills refresh tokens of sessions opened until then, not of later ones', () => {
  given(opened).when(refresh(0, { cutoff: plus(now, 1) })).thenRejected('SessionEnded');
  given(opened).when(refresh(0, { cutoff: now })).thenRejected('SessionEnded');
  given(opened).when(refresh(0, { cutoff: plus(now, -1) })).thenTypes('SessionRefreshed');
});

const web = { type: 'SessionOpened', data: { sessionId, holder, kid: 'k1', via: 'web', at: now } } as const;
test('a browser opens a session that says so, and that has no refresh tokens', () => {
  given().when({ ...open, via: 'web' }).then(web);
  given(web).when(refresh(0)).thenRejected('SessionEnded');
  given(web).when(close).then(closed('logout'));
});

test('a session is closed', () => void given(opened).when(close).then(closed('logout')));
test('closing twice changes nothing', () => void given(opened, closed('logout')).when(close).thenNothing());
test('closing what never was, or is somebody else\'s, is refused alike: nobody learns which sessions there are', () => {
  given().when(close).thenRejected('SessionNotFound');
  for (const actor of [stranger, operator]) given(opened).when({ ...close, facts: { actor } }).thenRejected('SessionNotFound');
  given(opened).when({ ...close, facts: { actor: customer } }).then(closed('logout'));
});

test('whatever is presented in whatever order: token n is used once, in order, and never after the end', () => {
  fc.assert(fc.property(fc.array(fc.option(fc.nat(6), { nil: undefined }), { maxLength: 30 }), (presented) => {
    const log: SessionEvent[] = [opened];
    for (const n of presented) {
      const decision = session.decide(complete<SessionCommand>(refresh(n)), fold(session, log));
      if (!isRejection(decision)) log.push(...decision);
    }
    const used = log.filter((event) => event.type === 'SessionRefreshed').map(({ data }) => data.n);
    assert.deepEqual(used, used.map((_, i) => i));
    const end = log.findIndex(({ type }) => type === 'SessionClosed');
    assert.ok(end === -1 || end === log.length - 1);
  }));
});

laws(session, fc.oneof<fc.Arbitrary<Asked<SessionCommand>>[]>(fc.constant(open), fc.constant({ ...open, via: 'web' }), fc.option(fc.nat(4), { nil: undefined }).map((n) => refresh(n)), fc.constant(close)));
