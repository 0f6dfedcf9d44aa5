import { mayTouch } from '../access.ts';
import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { AccountId, NamespaceId, WorkloadId } from '../ids.ts';
import type { Personal } from '../personal.ts';
import type { WorkloadEvent } from './events.ts';
import { evolve, initial, type ExistingWorkload, type Workload } from './state.ts';

export type RunWorkload = Command<'RunWorkload', { workloadId: WorkloadId; namespaceId: NamespaceId; accountId: AccountId; name: string; source: string; command?: string; retries: number; environment: readonly { name: string; value: Personal }[] }, { sourceStored: boolean }>;
export type UpdateWorkload = Command<'UpdateWorkload', { workloadId: WorkloadId; source: string }, { sourceStored: boolean }>;
export type KillWorkload = Command<'KillWorkload', { workloadId: WorkloadId }>;
export type SuspendWorkload = Command<'SuspendWorkload', { workloadId: WorkloadId }>;
export type ResumeWorkload = Command<'ResumeWorkload', { workloadId: WorkloadId }>;
/** The runtime lost it (the machine restarted, its supervisor was killed) though it should run. */
export type RestartWorkload = Command<'RestartWorkload', { workloadId: WorkloadId; reason: string }>;
export type RecordApplied = Command<'RecordApplied', { workloadId: WorkloadId; generation: number }>;
export type ReportStatus = Command<'ReportStatus', { workloadId: WorkloadId; generation: number; state: 'starting' | 'running' | 'stopped' | 'error'; incarnation: number; address?: string; reason?: string }>;
export type RecordRemoved = Command<'RecordRemoved', { workloadId: WorkloadId }>;
export type RecordSlotGivenBack = Command<'RecordSlotGivenBack', { workloadId: WorkloadId }>;
export type WorkloadCommand = RunWorkload | UpdateWorkload | KillWorkload | SuspendWorkload | ResumeWorkload | RestartWorkload | RecordApplied | ReportStatus | RecordRemoved | RecordSlotGivenBack;

export const reject = rejections({
  WorkloadNotFound: ['not-found', 'There is no such workload.', "See 'tollgate status'."],
  SourceUnknown: ['invalid', 'This source has not been uploaded: {source}.', 'Upload it first (PUT /sources), then run it by its digest.'],
  WorkloadSuspendedNow: ['limited', 'The workload is suspended until the open payment is made.', "Pay with 'tollgate account pay'."],
});

const run = (command: RunWorkload, state: Workload): Decision<WorkloadEvent> => {
  const { workloadId, namespaceId, accountId, name, source, retries, environment, facts } = command;
  if (state.status !== 'none') return [];
  if (!facts.sourceStored) return reject('SourceUnknown', { source });
  const terms = { source, retries, ...(command.command === undefined ? {} : { command: command.command }) };
  return [{ type: 'WorkloadRunRequested', data: { workloadId, namespaceId, accountId, name, generation: 1, ...terms, environment: [...environment], at: facts.now } }];
};

const update = ({ source, facts }: UpdateWorkload, state: ExistingWorkload): Decision<WorkloadEvent> => {
  if (state.desired === 'removed') return reject('WorkloadNotFound'); // its removal is under way and takes the data with it
  if (!facts.sourceStored) return reject('SourceUnknown', { source });
  if (state.desired === 'suspended') return reject('WorkloadSuspendedNow');
  if (source === state.source && (state.state === 'running' || state.applied < state.generation)) return [];
  return [{ type: 'WorkloadUpdated', data: { workloadId: state.workloadId, namespaceId: state.namespaceId, source, previous: state.source, generation: state.generation + 1, at: facts.now } }];
};

const report = ({ generation, incarnation, address, reason = '', facts, ...seen }: ReportStatus, state: ExistingWorkload): Decision<WorkloadEvent> => {
  const ids = { workloadId: state.workloadId, namespaceId: state.namespaceId };
  if (state.removed || generation !== state.generation) return []; // of an asking that has been replaced
  if (incarnation < state.incarnation) return [];
  const same = { starting: incarnation === state.incarnation, running: incarnation === state.incarnation && address === state.address, stopped: state.stopped, error: true };
  if (seen.state === state.state && same[seen.state]) return [];
  const at = facts.now;
  switch (seen.state) {
    case 'starting': return state.desired === 'running' ? [{ type: 'WorkloadStarting', data: { ...ids, generation, incarnation, reason, at } }] : [];
    case 'running': return state.desired === 'running' ? [{ type: 'WorkloadStarted', data: { ...ids, generation, incarnation, at, ...(address === undefined ? {} : { address }) } }] : [];
    case 'stopped': return state.stopped ? [] : [{ type: 'WorkloadStopped', data: { ...ids, generation, reason, at } }];
    case 'error': return [{ type: 'WorkloadFailed', data: { ...ids, generation, reason, at } }];
  }
};

const ofExisting = (command: Exclude<WorkloadCommand, RunWorkload>, state: ExistingWorkload): Decision<WorkloadEvent> => {
  const ids = { workloadId: state.workloadId, namespaceId: state.namespaceId };
  const at = command.facts.now;
  switch (command.type) {
    case 'UpdateWorkload': return update(command, state);
    case 'KillWorkload': return state.desired === 'removed' ? [] : [{ type: 'WorkloadKillRequested', data: { ...ids, at } }];
    case 'SuspendWorkload': return state.desired === 'running' ? [{ type: 'WorkloadSuspended', data: { ...ids, at } }] : [];
    case 'ResumeWorkload': return state.desired === 'suspended' ? [{ type: 'WorkloadResumed', data: { ...ids, generation: state.generation + 1, at } }] : [];
    case 'RestartWorkload': return state.desired === 'running' && state.applied >= state.generation ? [{ type: 'WorkloadRestartRequested', data: { ...ids, generation: state.generation + 1, reason: command.reason, at } }] : [];
    case 'RecordApplied': return state.applied >= command.generation || command.generation > state.generation ? [] : [{ type: 'WorkloadApplied', data: { ...ids, generation: command.generation } }];
    case 'ReportStatus': return report(command, state);
    case 'RecordRemoved': return state.removed ? [] : [{ type: 'WorkloadRemoved', data: { ...ids, at } }];
    case 'RecordSlotGivenBack': return state.slotGivenBack ? [] : [{ type: 'WorkloadSlotGivenBack', data: ids }];
  }
};
const decide = (command: WorkloadCommand, state: Workload): Decision<WorkloadEvent> => {
  if (command.type === 'RunWorkload') return run(command, state);
  if (state.status === 'none' || !mayTouch(command.facts.actor, state.namespaceId)) return reject('WorkloadNotFound');
  const fromOutside = command.facts.actor.kind !== 'system';
  return state.removed && fromOutside ? reject('WorkloadNotFound') : ofExisting(command, state);
};
export const workload: Decider<WorkloadCommand, Workload, WorkloadEvent> = { category: 'workload', initial, decide, evolve };
