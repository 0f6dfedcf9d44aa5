import { rejections, type Actor, type Command, type Decision } from '../decider.ts';
import type { SubscriptionId } from '../ids.ts';
import { day, plus, type Instant } from '../instant.ts';
import type { SubscriptionEvent, WantedBy } from './events.ts';
import { endCancelled } from './policy.ts';
import type { ActiveSubscription } from './state.ts';

export type CancelSubscription = Command<'CancelSubscription', { subscriptionId: SubscriptionId }>;
export type ResumeSubscription = Command<'ResumeSubscription', { subscriptionId: SubscriptionId }>;

export const reject = rejections({
  SubscriptionNotFound: ['not-found', 'There is no such subscription.', "See 'tollgate subscription list'."],
  SubscriptionOver: ['conflict', 'This subscription has ended, so its cancellation cannot be withdrawn.', "Begin it again with 'tollgate account pay'."],
});

/** A renewal whose money is under way settles within this time; a cancellation in between waits for it. */
const renewalMs = day;
const idsOf = ({ subscriptionId, accountId }: ActiveSubscription) => ({ subscriptionId, accountId });
const theirs = (actor: Actor, { accountId }: ActiveSubscription): boolean => actor.kind !== 'account' || actor.id === accountId;
const wantedBy = (actor: Actor): WantedBy => (actor.kind === 'account' ? 'customer' : 'staff');

const schedule = (state: ActiveSubscription, by: WantedBy, at: Instant): SubscriptionEvent => ({
  type: 'CancellationScheduled', data: { ...idsOf(state), n: state.wish.n + 1, when: 'period-end', endsAt: state.paidThrough > at ? state.paidThrough : plus(at, renewalMs), by, at },
});
const endNow = (state: ActiveSubscription, by: WantedBy, at: Instant): readonly SubscriptionEvent[] =>
  [{ type: 'CancellationScheduled', data: { ...idsOf(state), n: state.wish.n + 1, when: 'now', endsAt: at, by, at } }, endCancelled(state, at)];

/** What is paid for is given to its end; where money is owed it ends at once, and with that very decision nothing is charged any more. */
export const cancel = ({ facts }: CancelSubscription, state: ActiveSubscription): Decision<SubscriptionEvent> => {
  if (!theirs(facts.actor, state)) return reject('SubscriptionNotFound');
  if (state.phase.name === 'ended' || state.cancellation) return [];
  return state.phase.name === 'active' ? [schedule(state, wantedBy(facts.actor), facts.now)] : endNow(state, wantedBy(facts.actor), facts.now);
};

export const goOn = ({ facts }: ResumeSubscription, state: ActiveSubscription): Decision<SubscriptionEvent> => {
  if (!theirs(facts.actor, state)) return reject('SubscriptionNotFound');
  if (state.phase.name === 'ended' || state.cancellation?.final) return reject('SubscriptionOver');
  return state.cancellation ? [{ type: 'CancellationWithdrawn', data: { ...idsOf(state), n: state.wish.n + 1, by: wantedBy(facts.actor), at: facts.now } }] : [];
};

/** A renewal that was under way when it was cancelled, and failed: there is nothing paid left to wait for. */
export const missedWhileCancelled = (state: ActiveSubscription, at: Instant): readonly SubscriptionEvent[] =>
  state.phase.name === 'active' && state.paidThrough <= at ? endNow(state, 'customer', at) : [];

/**
 * What somebody did about cancelling on the provider's own pages. Only what was read after the newest wish of ours had
 * been carried out can be anybody else's doing.
 */
export const mirrored = ({ cancelAtPeriodEnd, wish, facts }: { readonly cancelAtPeriodEnd?: boolean; readonly wish?: number; readonly facts: { readonly now: Instant } }, state: ActiveSubscription): readonly SubscriptionEvent[] => {
  if (cancelAtPeriodEnd === undefined || wish !== state.wish.n || !state.wish.carriedOut || state.phase.name !== 'active') return [];
  if (cancelAtPeriodEnd === (state.cancellation !== undefined)) return [];
  return cancelAtPeriodEnd ? [schedule(state, 'provider', facts.now)] : [{ type: 'CancellationWithdrawn', data: { ...idsOf(state), n: state.wish.n + 1, by: 'provider', at: facts.now } }];
};
