import type { NamespaceId, WorkloadId, AccountId } from '../ids.ts';
import type { Personal } from '../personal.ts';
import type { Origin, RunTerms, WorkloadEvent } from './events.ts';

/** What customers see. */
export type WorkloadState = 'pending' | 'building' | 'starting' | 'running' | 'stopping' | 'stopped' | 'error';
/** What is known of one asking. */
export type Asking = Origin & {
  readonly generation: number;
  /** The asking that brought the code (a run or an update): what is built once for it is kept across suspension and loss. */
  readonly release: number;
  readonly state: WorkloadState;
  readonly incarnation: number;
  readonly address?: string;
};
export type ExistingWorkload = RunTerms & Asking & {
  readonly status: 'existing';
  readonly workloadId: WorkloadId;
  readonly namespaceId: NamespaceId;
  readonly accountId: AccountId;
  readonly name: string;
  readonly environment: readonly { readonly name: string; readonly value: Personal }[];
  /** What runs while an update is made ready beside it, and counts again when that fails. */
  readonly old?: Asking;
  /** Sources that are held and needed no more: given back with the next deed. */
  readonly unneeded: readonly string[];
  /** The highest generation the runtime has been told to run. */
  readonly applied: number;
  /** `idle`: its first build was cancelled; an update starts it. */
  readonly desired: 'running' | 'idle' | 'suspended' | 'removed';
  readonly stopped: boolean;
  readonly removed: boolean;
  readonly slotGivenBack: boolean;
};
export type Workload = { readonly status: 'none' } | ExistingWorkload;
export const initial: Workload = { status: 'none' };

const withoutAddress = <A extends Asking>({ address: _, ...asking }: A): A => asking as A;
/** Without what belongs to one asking; the next one brings its own. */
const common = ({ source: _, git: __, address: ___, old: ____, ...state }: ExistingWorkload): Omit<ExistingWorkload, keyof Origin | 'address' | 'old'> => state;
const askingOf = ({ source, git, generation, release, state, incarnation, address }: ExistingWorkload): Asking =>
  ({ generation, release, state, incarnation, ...(source === undefined ? {} : { source }), ...(git === undefined ? {} : { git }), ...(address === undefined ? {} : { address }) });
const again = (state: ExistingWorkload, generation: number): ExistingWorkload =>
  ({ ...withoutAddress(state), generation, desired: 'running', stopped: false, state: 'pending', incarnation: 0, ...(state.old ? { old: { ...withoutAddress(state.old), state: 'starting' } } : {}) });
/** Sources of which none is in use any more. */
const unneeded = (state: ExistingWorkload, ...sources: readonly (string | undefined)[]): readonly string[] =>
  [...new Set([...state.unneeded, ...sources])].filter((source) => source !== undefined && source !== state.source && source !== state.old?.source) as readonly string[];
const settleSources = (state: ExistingWorkload, ...sources: readonly (string | undefined)[]): ExistingWorkload => ({ ...state, unneeded: unneeded(state, ...sources) });

type Reported = Extract<WorkloadEvent, { type: 'WorkloadBuildStarted' | 'WorkloadBuildFailed' | 'WorkloadStarting' | 'WorkloadStarted' | 'WorkloadStopped' | 'WorkloadFailed' }>;
const reported = <A extends Asking>(asking: A, event: Reported): A => {
  const { address: _, ...rest } = asking;
  switch (event.type) {
    case 'WorkloadBuildStarted': return { ...rest, state: 'building' } as A;
    case 'WorkloadStarting': return { ...rest, state: 'starting', incarnation: event.data.incarnation } as A;
    case 'WorkloadStarted': return { ...rest, state: 'running', incarnation: event.data.incarnation, ...(event.data.address === undefined ? {} : { address: event.data.address }) } as A;
    case 'WorkloadStopped': return { ...rest, state: 'stopped' } as A;
    case 'WorkloadBuildFailed':
    case 'WorkloadFailed': return { ...rest, state: 'error' } as A;
  }
};
const onReport = (state: ExistingWorkload, event: Reported): ExistingWorkload => {
  if (state.old && event.data.generation === state.old.generation) return { ...state, old: reported(state.old, event) };
  const next = reported(state, event);
  switch (event.type) {
    case 'WorkloadStarted': {
      const { old, ...switched } = next;
      return { ...settleSources(switched, old?.source), stopped: false };
    }
    case 'WorkloadStopped': return { ...next, stopped: true };
    case 'WorkloadStarting': return { ...next, stopped: false };
    default: return next;
  }
};
const updated = (state: ExistingWorkload, { generation, source, git, beside }: Extract<WorkloadEvent, { type: 'WorkloadUpdated' }>['data']): ExistingWorkload => {
  const old = beside ? (state.old ?? askingOf(state)) : undefined;
  const wanted = { ...common(state), generation, release: generation, ...(source === undefined ? {} : { source }), ...(git === undefined ? {} : { git }), ...(old ? { old } : {}) };
  return settleSources({ ...wanted, desired: 'running', stopped: false, state: 'pending', incarnation: 0 }, state.source, state.old?.source);
};
/** The one that runs is adopted under the new asking; one that is over is not started again for it. */
const goneBack = (state: ExistingWorkload, back: number): ExistingWorkload => {
  if (!state.old) return state;
  const over = state.old.state === 'error' || state.old.state === 'stopped';
  return settleSources({ ...common(state), ...state.old, generation: back, stopped: state.old.state === 'stopped', applied: over ? back : state.applied }, state.source);
};

export const evolve = (state: Workload, event: WorkloadEvent): Workload => {
  if (event.type === 'WorkloadRunRequested') {
    const { at: _, ...data } = event.data;
    return { status: 'existing', ...data, release: data.generation, applied: 0, unneeded: [], desired: 'running', stopped: false, removed: false, slotGivenBack: false, state: 'pending', incarnation: 0 };
  }
  if (state.status === 'none') return state;
  switch (event.type) {
    case 'WorkloadUpdated': return updated(state, event.data);
    case 'WorkloadSourceFetched': return { ...state, source: event.data.source };
    case 'WorkloadApplied': {
      const { generation, released = [] } = event.data;
      const applied = { ...state, applied: generation, unneeded: state.unneeded.filter((source) => !released.includes(source)) };
      return state.desired === 'suspended' || state.desired === 'idle' ? { ...applied, stopped: false, state: 'stopping' } : applied; // told to run while it was being stopped: it must be stopped after all
    }
    case 'WorkloadBuildStarted': case 'WorkloadBuildFailed': case 'WorkloadStarting': case 'WorkloadStarted': case 'WorkloadStopped': case 'WorkloadFailed': return onReport(state, event);
    case 'WorkloadUpdateFailed': return goneBack(state, event.data.back);
    case 'WorkloadBuildCancelled': return state.old ? state : halted(state, 'idle');
    case 'WorkloadSuspended': return halted(state, 'suspended');
    case 'WorkloadResumed':
    case 'WorkloadRestartRequested': return again(state, event.data.generation);
    case 'WorkloadKillRequested': return { ...state, desired: 'removed', state: 'stopping' };
    case 'WorkloadRemoved': return { ...withoutAddress(state), removed: true, state: 'stopped' };
    case 'WorkloadSlotGivenBack': return { ...state, slotGivenBack: true };
  }
};
const halted = (state: ExistingWorkload, desired: 'idle' | 'suspended'): ExistingWorkload => {
  const stopped = state.stopped || state.applied === 0;
  return { ...state, desired, stopped, state: stopped ? 'stopped' : 'stopping' };
};
