import type { Todo } from '../decider.ts';
import type { GitSource } from './events.ts';
import type { ExistingWorkload, Workload } from './state.ts';

type Deed = 'Apply' | 'Stop' | 'Remove' | 'GiveSlotBack';
export type WorkloadTodo = { [D in Deed]: Todo<D> & { readonly workload: ExistingWorkload } }[Deed];
/** `generation` is the asking that named the repository, as `RecordSourceFetched` and `RecordFetchFailed` want it. */
export type FetchTodo = Todo<'Fetch'> & { readonly workload: ExistingWorkload; readonly git: GitSource; readonly generation: number };

/** What the runtime is to do. */
export const todo = (state: Workload): readonly WorkloadTodo[] => {
  if (state.status === 'none') return [];
  const item = (deed: Deed, round: number | string): WorkloadTodo => ({ do: deed, key: `${state.workloadId}.${deed.toLowerCase()}.${round}`, workload: state });
  if (state.removed) return state.slotGivenBack ? [] : [item('GiveSlotBack', 'once')];
  switch (state.desired) {
    case 'removed': return [item('Remove', 'once')];
    case 'suspended':
    case 'idle': return state.stopped ? [] : [item('Stop', state.generation)];
    case 'running': return state.source !== undefined && state.applied < state.generation ? [item('Apply', state.generation)] : [];
  }
};
/** What is to be fetched first. A reactor of its own does it, so that a slow repository holds up nobody's runtime. */
export const toFetch = (state: Workload): readonly FetchTodo[] => {
  if (state.status === 'none' || state.desired !== 'running' || state.state !== 'pending' || state.source !== undefined || state.git === undefined) return [];
  return [{ do: 'Fetch', key: `${state.workloadId}.fetch.${state.generation}`, workload: state, git: state.git, generation: state.release }];
};
