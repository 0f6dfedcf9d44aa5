import { day, hour, latest, plus, type Instant } from '../instant.ts';
import type { DunningPolicy } from '../plan/events.ts';
import type { SubscriptionEvent } from './events.ts';
import type { ActiveSubscription, Phase } from './state.ts';

/**
 * The one policy table: what each phase becomes when money is missed, when money comes, when the provider has ended
 * it, and when its own time is up.
 * Instants follow from the *scheduled* end of the phase before, never from when somebody noticed.
 */
type Step = (state: ActiveSubscription, at: Instant) => readonly SubscriptionEvent[];
const idsOf = ({ subscriptionId, accountId }: ActiveSubscription) => ({ subscriptionId, accountId });
const nothing: Step = () => [];

const lapse: Step = (state, at) => [{ type: 'SubscriptionLapsed', data: { ...idsOf(state), suspendAt: plus(at, state.terms.policy.limitedDays * day), at } }];
const startGrace: Step = (state, at) => {
  const { graceDays, warnHours }: DunningPolicy = state.terms.policy;
  if (graceDays === 0) return lapse(state, at);
  const endsAt = plus(at, graceDays * day);
  return [{ type: 'GraceStarted', data: { ...idsOf(state), endsAt, warnAt: plus(endsAt, -Math.min(warnHours * hour, graceDays * day)) } }];
};
const restore: Step = (state, at) => [{ type: 'SubscriptionRestored', data: { ...idsOf(state), at } }];

export const policy: Readonly<Record<Phase['name'], { readonly missed: Step; readonly paid: Step; readonly lost: Step }>> = {
  active: { missed: startGrace, paid: nothing, lost: lapse },
  grace: { missed: nothing, paid: restore, lost: lapse }, // the grace clock never restarts on another failed try
  limited: { missed: nothing, paid: restore, lost: nothing },
  suspended: { missed: nothing, paid: restore, lost: nothing },
  ended: { missed: nothing, paid: restore, lost: nothing }, // any path that ends in paid ends in full
};

/** When a cancelled subscription ends: never before what has been paid for is over. */
export const cancelledEnd = ({ cancellation, paidThrough }: ActiveSubscription): Instant | undefined => cancellation && latest(cancellation.endsAt, paidThrough);
/** Cancelled, it ends with what ran stopped, and kept as long as after any other suspension. */
export const endCancelled = (state: ActiveSubscription, at: Instant): SubscriptionEvent => {
  const keptUntil = state.phase.name === 'suspended' ? state.phase.endAt : plus(at, state.terms.policy.suspendedDays * day);
  return { type: 'SubscriptionEnded', data: { ...idsOf(state), at, cause: 'cancelled', keptUntil } };
};

/** When the phase's own clock rings next, and what happens then. */
export const nextDue = (state: ActiveSubscription): Instant | undefined => {
  const { phase } = state;
  switch (phase.name) {
    case 'active': return cancelledEnd(state);
    case 'ended': return phase.keptUntil;
    case 'grace': return phase.warned ? phase.endsAt : phase.warnAt;
    case 'limited': return phase.suspendAt;
    case 'suspended': return phase.endAt;
  }
};
export const whenDue = (state: ActiveSubscription): readonly SubscriptionEvent[] => {
  const { phase } = state;
  const ids = idsOf(state);
  const cancelledAt = cancelledEnd(state);
  switch (phase.name) {
    case 'active': return cancelledAt === undefined ? [] : [endCancelled(state, cancelledAt)];
    case 'ended': return phase.keptUntil === undefined ? [] : [{ type: 'RetentionEnded', data: { ...ids, at: phase.keptUntil } }];
    case 'grace': return phase.warned ? [{ type: 'GraceEnded', data: ids }, ...lapse(state, phase.endsAt)] : [{ type: 'GraceEndingSoon', data: { ...ids, endsAt: phase.endsAt } }];
    case 'limited': return [{ type: 'SubscriptionSuspended', data: { ...ids, endAt: plus(phase.suspendAt, state.terms.policy.suspendedDays * day), at: phase.suspendAt } }];
    case 'suspended': return [{ type: 'SubscriptionEnded', data: { ...ids, at: phase.endAt, cause: 'unpaid' } }];
  }
};
