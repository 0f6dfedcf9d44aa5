import type { NamespaceId, WorkloadId, AccountId } from '../ids.ts';
import type { Personal } from '../personal.ts';
import type { RunTerms, WorkloadEvent } from './events.ts';

/** What customers see. */
export type WorkloadState = 'pending' | 'building' | 'starting' | 'running' | 'stopping' | 'stopped' | 'error';
export type ExistingWorkload = RunTerms & {
  readonly status: 'existing';
  readonly workloadId: WorkloadId;
  readonly namespaceId: NamespaceId;
  readonly accountId: AccountId;
  readonly name: string;
  readonly environment: readonly { readonly name: string; readonly value: Personal }[];
  /** The source that an update replaced: held until the new one has been applied. */
  readonly previous?: string;
  readonly generation: number;
  /** The highest generation the runtime has been told to run. */
  readonly applied: number;
  readonly desired: 'running' | 'suspended' | 'removed';
  readonly stopped: boolean;
  readonly removed: boolean;
  readonly slotGivenBack: boolean;
  readonly state: WorkloadState;
  readonly incarnation: number;
  readonly address?: string;
};
export type Workload = { readonly status: 'none' } | ExistingWorkload;
export const initial: Workload = { status: 'none' };

const withoutAddress = ({ address: _, ...state }: ExistingWorkload): ExistingWorkload => state;
const again = (state: ExistingWorkload, generation: number): ExistingWorkload => ({ ...withoutAddress(state), generation, desired: 'running', stopped: false, state: 'pending', incarnation: 0 });

export const evolve = (state: Workload, event: WorkloadEvent): Workload => {
  if (event.type === 'WorkloadRunRequested') {
    const { at: _, ...data } = event.data;
    return { status: 'existing', ...data, applied: 0, desired: 'running', stopped: false, removed: false, slotGivenBack: false, state: 'pending', incarnation: 0 };
  }
  if (state.status === 'none') return state;
  switch (event.type) {
    case 'WorkloadUpdated': return again({ ...state, source: event.data.source, previous: event.data.previous }, event.data.generation);
    case 'WorkloadApplied': {
      const applied = { ...state, applied: event.data.generation };
      return state.desired === 'suspended' ? { ...applied, stopped: false, state: 'stopping' } : applied; // told to run while it was being suspended: it must be stopped after all
    }
    case 'WorkloadStarting': return { ...withoutAddress(state), state: 'starting', stopped: false, incarnation: event.data.incarnation };
    case 'WorkloadStarted': return { ...withoutAddress(state), state: 'running', stopped: false, incarnation: event.data.incarnation, ...(event.data.address === undefined ? {} : { address: event.data.address }) };
    case 'WorkloadStopped': return { ...withoutAddress(state), state: 'stopped', stopped: true };
    case 'WorkloadFailed': return { ...withoutAddress(state), state: 'error' };
    case 'WorkloadSuspended': {
      const stopped = state.stopped || state.applied === 0;
      return { ...state, desired: 'suspended', stopped, state: stopped ? 'stopped' : 'stopping' };
    }
    case 'WorkloadResumed':
    case 'WorkloadRestartRequested': return again(state, event.data.generation);
    case 'WorkloadKillRequested': return { ...state, desired: 'removed', state: 'stopping' };
    case 'WorkloadRemoved': return { ...withoutAddress(state), removed: true, state: 'stopped' };
    case 'WorkloadSlotGivenBack': return { ...state, slotGivenBack: true };
  }
};
