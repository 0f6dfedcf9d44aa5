import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { WorkEvent } from './events.ts';
import { evolve, initial, type Work } from './state.ts';

export type ParkWork = Command<'ParkWork', { reactor: string; subject: string; key: string; attempts: number; error: string }>;
export type ReleaseWork = Command<'ReleaseWork', { reactor: string; subject: string }>;
export type WorkCommand = ParkWork | ReleaseWork;

export const reject = rejections({
  WorkNotParked: ['not-found', 'Nothing of this subject is parked at this reactor.', "See 'tollgate reactor list'."],
});

const decide = (command: WorkCommand, state: Work): Decision<WorkEvent> => {
  const { reactor, subject, facts } = command;
  switch (command.type) {
    case 'ParkWork': return state.parked ? [] : [{ type: 'WorkParked', data: { reactor, subject, key: command.key, attempts: command.attempts, error: command.error, at: facts.now } }];
    case 'ReleaseWork': return state.parked ? [{ type: 'WorkReleased', data: { reactor, subject, at: facts.now } }] : reject('WorkNotParked');
  }
};
export const work: Decider<WorkCommand, Work, WorkEvent> = { category: 'work', initial, decide, evolve };
