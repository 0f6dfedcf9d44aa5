import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { CustomerId } from '../ids.ts';
import type { WorkEvent } from './events.ts';
import { evolve, initial, type Work } from './state.ts';

export type DeedToPark = { readonly key: string; readonly deed: string; readonly attempts: number; readonly error: string };
export type ParkWork = Command<'ParkWork', { reactor: string; subject: string; deeds: readonly DeedToPark[]; owner?: CustomerId }>;
/** One deed by its key, or all that wait there. */
export type ReleaseWork = Command<'ReleaseWork', { reactor: string; subject: string; key?: string }>;
export type WorkCommand = ParkWork | ReleaseWork;

export const reject = rejections({
  WorkNotParked: ['not-found', 'Nothing of this subject is parked at this reactor.', "See 'tollgate reactor list'."],
  WorkNotWaiting: ['conflict', 'Nothing is left to be done there, so nothing can be parked.', "See 'tollgate audit show' for what has been done."],
  ReactorNotFound: ['not-found', "There is no reactor '{name}'.", "See 'tollgate reactor list'."],
});

/** Each deed waits by itself: one that is parked already changes nothing, another one of the same subject is an event of its own. */
const park = ({ reactor, subject, deeds, owner, facts }: ParkWork, { parked }: Work): Decision<WorkEvent> => {
  if (deeds.length === 0) return reject('WorkNotWaiting');
  return deeds.filter(({ key }) => !parked.includes(key)).map(({ key, deed, attempts, error }) => ({
    type: 'WorkParked', data: { reactor, subject, key, attempts, error, at: facts.now, deed, ...(owner === undefined ? {} : { owner }) },
  }));
};
const release = ({ reactor, subject, key, facts }: ReleaseWork, { parked }: Work): Decision<WorkEvent> => {
  if (parked.length === 0 || (key !== undefined && !parked.includes(key))) return reject('WorkNotParked');
  return [{ type: 'WorkReleased', data: { reactor, subject, at: facts.now, ...(key === undefined ? {} : { key }) } }];
};
const decide = (command: WorkCommand, state: Work): Decision<WorkEvent> => (command.type === 'ParkWork' ? park(command, state) : release(command, state));
export const work: Decider<WorkCommand, Work, WorkEvent> = { category: 'work', initial, decide, evolve };
