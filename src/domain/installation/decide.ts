import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { LogId, OperatorId, TenantId } from '../ids.ts';
import type { InstallationEvent, Mode } from './events.ts';
import { evolve, initial, type Installation } from './state.ts';

export type FoundInstallation = Command<'FoundInstallation', { logId: LogId; mode: Mode; format: number; tenantId: TenantId }>;
export type IssueOperatorToken = Command<'IssueOperatorToken', { logId: LogId; operatorId: OperatorId; hash: string }>;
export type AdvanceClock = Command<'AdvanceClock', { logId: LogId; offsetMs: number }>;
export type InstallationCommand = FoundInstallation | IssueOperatorToken | AdvanceClock;

const reject = rejections({
  ClockNotMovable: ['forbidden', 'The clock can be advanced in mock mode only.', 'Start a mock installation to play with time.'],
  ClockMovesForward: ['invalid', 'The clock can only be advanced.', 'Give a positive duration, e.g. 40d.'],
});

const found = ({ logId, mode, format, tenantId, facts }: FoundInstallation, state: Installation): Decision<InstallationEvent> =>
  state.founded ? [] : [{ type: 'InstallationFounded', data: { logId, mode, format, tenantId, at: facts.now } }];

const issue = ({ operatorId, hash, facts }: IssueOperatorToken, state: Installation): Decision<InstallationEvent> =>
  state.operator?.hash === hash ? [] : [{ type: 'OperatorTokenIssued', data: { operatorId, hash, at: facts.now } }];

const advance = ({ offsetMs }: AdvanceClock, state: Installation): Decision<InstallationEvent> => {
  if (state.founded?.mode !== 'mock') return reject('ClockNotMovable');
  if (offsetMs < state.offsetMs) return reject('ClockMovesForward');
  return offsetMs === state.offsetMs ? [] : [{ type: 'ClockAdvanced', data: { offsetMs } }];
};

const decide = (command: InstallationCommand, state: Installation): Decision<InstallationEvent> => {
  switch (command.type) {
    case 'FoundInstallation': return found(command, state);
    case 'IssueOperatorToken': return issue(command, state);
    case 'AdvanceClock': return advance(command, state);
  }
};
export const installation: Decider<InstallationCommand, Installation, InstallationEvent> = { category: 'installation', initial, decide, evolve };
