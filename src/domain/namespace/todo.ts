import type { Todo } from '../decider.ts';
import type { NamespaceId, WorkloadId } from '../ids.ts';
import type { NamespaceLevel } from './events.ts';
import type { Namespace } from './state.ts';

export type NamespaceTodo =
  | (Todo<'TellWorkload'> & { readonly namespaceId: NamespaceId; readonly workloadId: WorkloadId; readonly level: NamespaceLevel; readonly generation: number })
  | (Todo<'CheckSlot'> & { readonly namespaceId: NamespaceId; readonly workloadId: WorkloadId });

export const todo = (state: Namespace): readonly NamespaceTodo[] => {
  if (state.status === 'none') return [];
  const { namespaceId, level, generation } = state;
  return state.slots.flatMap((slot): NamespaceTodo[] => [
    ...(slot.told < generation ? [{ do: 'TellWorkload', key: `${slot.workloadId}.level.${generation}`, namespaceId, workloadId: slot.workloadId, level, generation } as const] : []),
    ...(slot.confirmed ? [] : [{ do: 'CheckSlot', key: `${slot.workloadId}.slot.${slot.checkAt}`, notBefore: slot.checkAt, namespaceId, workloadId: slot.workloadId } as const]),
  ]);
};
