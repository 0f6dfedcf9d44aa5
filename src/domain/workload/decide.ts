import { mayTouch } from '../access.ts';
import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { AccountId, NamespaceId, WorkloadId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { GitSource, Origin, RunTerms, WorkloadEvent } from './events.ts';
import { evolve, initial, type Asking, type ExistingWorkload, type Workload } from './state.ts';

/** Either `source` or `git`. Whether a source is stored is asked only where one is named. */
export type RunWorkload = Command<'RunWorkload', RunTerms & { workloadId: WorkloadId; namespaceId: NamespaceId; accountId: AccountId; name: string; environment: readonly { name: string; value: Personal }[] }, { sourceStored: boolean }>;
export type UpdateWorkload = Command<'UpdateWorkload', Origin & { workloadId: WorkloadId }, { sourceStored: boolean }>;
export type KillWorkload = Command<'KillWorkload', { workloadId: WorkloadId }>;
/** Gives up what is being built or made ready; what ran before runs on. */
export type CancelBuild = Command<'CancelBuild', { workloadId: WorkloadId }>;
export type SuspendWorkload = Command<'SuspendWorkload', { workloadId: WorkloadId }>;
export type ResumeWorkload = Command<'ResumeWorkload', { workloadId: WorkloadId }>;
/** The runtime lost it (the machine restarted, its supervisor was killed) though it should run. */
export type RestartWorkload = Command<'RestartWorkload', { workloadId: WorkloadId; reason: string }>;
/** The repository's code is stored; `generation` is the asking that named the repository (`release` in the state). */
export type RecordSourceFetched = Command<'RecordSourceFetched', { workloadId: WorkloadId; generation: number; source: string }>;
/** The repository's code cannot be had, and asking again would not help. */
export type RecordFetchFailed = Command<'RecordFetchFailed', { workloadId: WorkloadId; generation: number; reason: string }>;
export type RecordApplied = Command<'RecordApplied', { workloadId: WorkloadId; generation: number; released?: readonly string[] }>;
/** `failed: 'build'` with an error: the code could not be built. */
export type ReportStatus = Command<'ReportStatus', { workloadId: WorkloadId; generation: number; state: 'building' | 'starting' | 'running' | 'stopped' | 'error'; incarnation: number; address?: string; reason?: string; how?: string; limits?: string; failed?: 'build' }>;
export type RecordRemoved = Command<'RecordRemoved', { workloadId: WorkloadId }>;
export type RecordSlotGivenBack = Command<'RecordSlotGivenBack', { workloadId: WorkloadId }>;
export type WorkloadCommand =
  | RunWorkload | UpdateWorkload | KillWorkload | CancelBuild | SuspendWorkload | ResumeWorkload | RestartWorkload | RecordSourceFetched | RecordFetchFailed | RecordApplied | ReportStatus | RecordRemoved | RecordSlotGivenBack;

export const reject = rejections({
  WorkloadNotFound: ['not-found', 'There is no such workload.', "See 'tollgate status'."],
  SourceUnknown: ['invalid', 'This source has not been uploaded: {source}.', 'Upload it first (PUT /sources), then run it by its digest.'],
  WorkloadSuspendedNow: ['limited', 'The workload is suspended until the subscription is paid again.', "Pay with 'tollgate account pay'."],
  NothingToCancel: ['conflict', 'Nothing of this workload is being built or made ready.', "See 'tollgate status'; 'tollgate kill' ends what runs."],
});

const originOf = ({ source, git }: Origin): Origin => ({ ...(source === undefined ? {} : { source }), ...(git === undefined ? {} : { git }) });
const sameGit = (a: GitSource | undefined, b: GitSource | undefined): boolean => a?.url === b?.url && a?.commit === b?.commit && a?.ref === b?.ref; // another ref is another to follow
/** One that was uploaded is known by its digest, one from git by its commit. */
const sameCode = (a: Origin, b: Origin): boolean => sameGit(a.git, b.git) && (a.git !== undefined || a.source === b.source);

const run = (command: RunWorkload, state: Workload): Decision<WorkloadEvent> => {
  const { workloadId, namespaceId, accountId, name, source, retries, environment, facts } = command;
  if (state.status !== 'none') return [];
  if (source !== undefined && !facts.sourceStored) return reject('SourceUnknown', { source });
  const terms = { ...originOf(command), retries, ...(command.command === undefined ? {} : { command: command.command }) };
  return [{ type: 'WorkloadRunRequested', data: { workloadId, namespaceId, accountId, name, generation: 1, ...terms, environment: [...environment], at: facts.now } }];
};

/** Is the newest asking on its way still, or fulfilled? */
const inHand = ({ desired, state, old, applied, generation }: ExistingWorkload): boolean =>
  desired === 'running' && (state === 'running' || state === 'pending' || state === 'building' || (state === 'starting' && (old !== undefined || applied < generation)));
const update = ({ facts, ...asked }: UpdateWorkload, state: ExistingWorkload): Decision<WorkloadEvent> => {
  if (state.desired === 'removed') return reject('WorkloadNotFound'); // its removal is under way and takes the data with it
  if (asked.source !== undefined && !facts.sourceStored) return reject('SourceUnknown', { source: asked.source });
  if (state.desired === 'suspended') return reject('WorkloadSuspendedNow');
  if (sameCode(asked, state) && inHand(state)) return [];
  const beside = state.desired === 'running' && (state.old !== undefined || state.state === 'starting' || state.state === 'running');
  const { workloadId, namespaceId, source: previous } = state;
  return [{ type: 'WorkloadUpdated', data: { workloadId, namespaceId, ...originOf(asked), ...(previous === undefined ? {} : { previous }), generation: state.generation + 1, at: facts.now, ...(beside ? { beside } : {}) } }];
};

const updateFailed = ({ workloadId, namespaceId, generation }: ExistingWorkload, reason: string, at: Instant): WorkloadEvent =>
  ({ type: 'WorkloadUpdateFailed', data: { workloadId, namespaceId, generation, back: generation + 1, reason, at } });
/** Why one that was made to stop has stopped: whatever the runtime says of it. */
const whyStopped = { suspended: 'suspended until the subscription is paid again', idle: 'its build was cancelled' } as const;
/** The runtime knows nothing of it, so nothing is to be stopped. */
const neverStarted = ({ workloadId, namespaceId, generation, applied, stopped }: ExistingWorkload, why: keyof typeof whyStopped, at: Instant): readonly WorkloadEvent[] =>
  applied === 0 && !stopped ? [{ type: 'WorkloadStopped', data: { workloadId, namespaceId, generation, reason: whyStopped[why], at } }] : [];
const cancel = (state: ExistingWorkload, at: Instant): Decision<WorkloadEvent> => {
  const { workloadId, namespaceId, generation, old } = state;
  if (state.desired !== 'running' || (!old && state.state !== 'pending' && state.state !== 'building')) return reject('NothingToCancel');
  return [{ type: 'WorkloadBuildCancelled', data: { workloadId, namespaceId, generation, at } }, ...(old ? [updateFailed(state, 'it was cancelled', at)] : neverStarted(state, 'idle', at))];
};
const suspend = (state: ExistingWorkload, at: Instant): Decision<WorkloadEvent> => {
  if (state.desired !== 'running') return [];
  const { workloadId, namespaceId } = state;
  return [...(state.old ? [updateFailed(state, 'the workload was suspended before the new source ran', at)] : []), { type: 'WorkloadSuspended', data: { workloadId, namespaceId, at } }, ...neverStarted(state, 'suspended', at)];
};
const fetchFailed = ({ generation, reason, facts }: RecordFetchFailed, state: ExistingWorkload): Decision<WorkloadEvent> => {
  if (generation !== state.release || state.source !== undefined || state.desired !== 'running' || state.state !== 'pending') return [];
  const { workloadId, namespaceId } = state;
  return [state.old ? updateFailed(state, reason, facts.now) : { type: 'WorkloadFailed', data: { workloadId, namespaceId, generation: state.generation, reason, at: facts.now } }];
};

/** Does the report say what is known already? */
const known = ({ state, incarnation, address }: ReportStatus, asking: Asking): boolean =>
  state === asking.state && (state === 'building' || state === 'stopped' || state === 'error' || (incarnation === asking.incarnation && (state === 'starting' || address === asking.address)));
const report = (command: ReportStatus, state: ExistingWorkload): Decision<WorkloadEvent> => {
  const { generation, incarnation, address, reason = '', how, limits, failed, facts: { now: at } } = command;
  const asking = generation === state.generation ? state : generation === state.old?.generation ? state.old : undefined;
  if (state.removed || !asking) return []; // of an asking that has been replaced
  if (asking.source === undefined && (command.state !== 'stopped' || state.desired === 'running')) return []; // nobody can have fulfilled it yet
  if (incarnation < asking.incarnation || known(command, asking)) return [];
  const ids = { workloadId: state.workloadId, namespaceId: state.namespaceId };
  const isUpdate = asking === state && state.old !== undefined;
  const built: readonly WorkloadEvent[] = failed === 'build' ? [{ type: 'WorkloadBuildFailed', data: { ...ids, generation, reason, at } }] : [];
  if (isUpdate && (command.state === 'stopped' || command.state === 'error')) return state.desired === 'running' ? [...built, updateFailed(state, reason, at)] : [];
  const wanted = state.desired === 'running';
  const terms = { ...(how === undefined ? {} : { how }), ...(limits === undefined ? {} : { limits }) };
  switch (command.state) {
    case 'building': return wanted ? [{ type: 'WorkloadBuildStarted', data: { ...ids, generation, how: how ?? '', at } }] : [];
    case 'starting': return wanted ? [{ type: 'WorkloadStarting', data: { ...ids, generation, incarnation, reason, at, ...terms } }] : [];
    case 'running': return wanted ? [{ type: 'WorkloadStarted', data: { ...ids, generation, incarnation, at, ...(address === undefined ? {} : { address }), ...(asking.state === 'starting' || asking.state === 'running' ? {} : terms) } }] : [];
    case 'stopped': return asking === state && state.stopped ? [] : [{ type: 'WorkloadStopped', data: { ...ids, generation, reason: state.desired === 'suspended' || state.desired === 'idle' ? whyStopped[state.desired] : reason, at } }];
    case 'error': return built.length > 0 ? built : [{ type: 'WorkloadFailed', data: { ...ids, generation, reason, at } }];
  }
};

const ofExisting = (command: Exclude<WorkloadCommand, RunWorkload>, state: ExistingWorkload): Decision<WorkloadEvent> => {
  const ids = { workloadId: state.workloadId, namespaceId: state.namespaceId };
  const at = command.facts.now;
  switch (command.type) {
    case 'UpdateWorkload': return update(command, state);
    case 'KillWorkload': return state.desired === 'removed' ? [] : [{ type: 'WorkloadKillRequested', data: { ...ids, at } }];
    case 'CancelBuild': return cancel(state, at);
    case 'SuspendWorkload': return suspend(state, at);
    case 'ResumeWorkload': return state.desired === 'suspended' ? [{ type: 'WorkloadResumed', data: { ...ids, generation: state.generation + 1, at } }] : [];
    case 'RestartWorkload': return state.desired === 'running' && state.applied >= state.generation ? [{ type: 'WorkloadRestartRequested', data: { ...ids, generation: state.generation + 1, reason: command.reason, at } }] : [];
    case 'RecordSourceFetched': return command.generation === state.release && state.git !== undefined && state.source === undefined && state.desired !== 'removed' ? [{ type: 'WorkloadSourceFetched', data: { ...ids, generation: command.generation, source: command.source } }] : [];
    case 'RecordFetchFailed': return fetchFailed(command, state);
    case 'RecordApplied': {
      const { generation, released = [] } = command;
      const early = generation > state.generation || (generation === state.generation && state.source === undefined);
      return state.applied >= generation || early ? [] : [{ type: 'WorkloadApplied', data: { ...ids, generation, ...(released.length === 0 ? {} : { released }) } }];
    }
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
