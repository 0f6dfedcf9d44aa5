import type { Instant } from '../instant.ts';
import { cancelledEnd } from './policy.ts';
import type { ActiveSubscription } from './state.ts';

/** What ending a subscription means for its customer, in the words every surface shows. */
export type Consequences = {
  readonly atOnce: boolean;
  /** Until when everything works. */
  readonly endsAt: Instant;
  /** Until when what has run is kept, stopped; missing before the end where that is not known yet. */
  readonly keptUntil?: Instant;
  readonly says: readonly string[];
};

const workloadsOf = (names: readonly string[]): string => (names.length === 0 ? 'Nothing runs now.' : `${names.length === 1 ? 'This workload is' : `These ${names.length} workloads are`} stopped then: ${names.join(', ')}.`);

/** Of a subscription that is, or would be, cancelled; undefined where it goes on. `workloads`: names of what runs. `endedAt`: when it ended, if it has. */
export const consequencesOf = (state: ActiveSubscription, workloads: readonly string[]): Consequences | undefined => {
  const { phase, terms } = state;
  const after = ['Account, address, namespaces and invoices stay.', "Paying again with 'tollgate account pay' begins a new period at once."];
  if (phase.name === 'ended') {
    const kept = phase.keptUntil === undefined ? 'Workloads and their data have been removed.' : `Workloads are stopped; they and their data are kept until ${phase.keptUntil}.`;
    return { atOnce: true, endsAt: phase.at, ...(phase.keptUntil === undefined ? {} : { keptUntil: phase.keptUntil }), says: ['It has ended. Nothing more is charged, and what was owed is no longer asked for.', kept, ...after] };
  }
  const endsAt = cancelledEnd(state);
  if (endsAt === undefined) return undefined;
  return {
    atOnce: false, endsAt,
    says: [`Everything works until ${endsAt}. Nothing more is charged.`, workloadsOf(workloads), `What has run is kept with its data for ${terms.policy.suspendedDays} days after that, then removed.`, "Until it ends, 'tollgate account resume' takes the cancellation back.", ...after],
  };
};
