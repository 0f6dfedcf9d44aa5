import type { Todo } from '../decider.ts';
import type { ExistingWorkload, Workload } from './state.ts';

type Deed = 'Apply' | 'Stop' | 'Remove' | 'GiveSlotBack';
export type WorkloadTodo = { [D in Deed]: Todo<D> & { readonly workload: ExistingWorkload } }[Deed];

export const todo = (state: Workload): readonly WorkloadTodo[] => {
  if (state.status === 'none') return [];
  const item = (deed: Deed, round: number | string): WorkloadTodo => ({ do: deed, key: `${state.workloadId}.${deed.toLowerCase()}.${round}`, workload: state });
  if (state.removed) return state.slotGivenBack ? [] : [item('GiveSlotBack', 'once')];
  switch (state.desired) {
    case 'removed': return [item('Remove', 'once')];
    case 'suspended': return state.stopped ? [] : [item('Stop', state.generation)];
    case 'running': return state.applied < state.generation ? [item('Apply', state.generation)] : [];
  }
};
