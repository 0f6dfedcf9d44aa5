import type { AccountId, NamespaceId, SubscriptionId, WorkloadId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { PlanLimits } from '../plan/events.ts';
import type { NamespaceEvent, NamespaceLevel } from './events.ts';

export type Slot = { readonly workloadId: WorkloadId; readonly name: string; readonly confirmed: boolean; readonly checkAt: Instant; readonly told: number };
export type GitCredentialHeld = { readonly host: string; readonly username?: Personal; readonly token: Personal };
export type ExistingNamespace = {
  readonly status: 'active';
  readonly namespaceId: NamespaceId;
  readonly name: string;
  readonly accountId: AccountId;
  readonly subscriptionId: SubscriptionId;
  readonly limits: PlanLimits;
  readonly level: NamespaceLevel;
  /** Counts level changes, so that each workload is told of each once. */
  readonly generation: number;
  readonly slots: readonly Slot[];
  readonly gitCredentials?: readonly GitCredentialHeld[];
};
export type Namespace = { readonly status: 'none' } | ExistingNamespace;
export const initial: Namespace = { status: 'none' };

const inSlot = (state: ExistingNamespace, workloadId: WorkloadId, change: Partial<Slot>): ExistingNamespace => ({ ...state, slots: state.slots.map((slot) => (slot.workloadId === workloadId ? { ...slot, ...change } : slot)) });

const withoutHost = ({ gitCredentials = [] }: ExistingNamespace, host: string): readonly GitCredentialHeld[] => gitCredentials.filter((held) => held.host !== host);

export const evolve = (state: Namespace, event: NamespaceEvent): Namespace => {
  if (event.type === 'NamespaceCreated') {
    const { namespaceId, name, accountId, subscriptionId, limits } = event.data;
    return { status: 'active', namespaceId, name, accountId, subscriptionId, limits, level: 'full', generation: 0, slots: [] };
  }
  if (state.status === 'none') return state;
  switch (event.type) {
    case 'NamespaceLevelChanged': return { ...state, level: event.data.level, generation: event.data.generation };
    case 'WorkloadSlotTaken': return { ...state, slots: [...state.slots, { workloadId: event.data.workloadId, name: event.data.name, confirmed: false, checkAt: event.data.checkAt, told: state.generation }] };
    case 'WorkloadSlotConfirmed': return inSlot(state, event.data.workloadId, { confirmed: true });
    case 'WorkloadSlotReleased': return { ...state, slots: state.slots.filter(({ workloadId }) => workloadId !== event.data.workloadId) };
    case 'GitCredentialSet': {
      const { namespaceId: _, at: __, ...held } = event.data;
      return { ...state, gitCredentials: [...withoutHost(state, held.host), held] };
    }
    case 'GitCredentialRemoved': return { ...state, gitCredentials: withoutHost(state, event.data.host) };
    case 'WorkloadTold': return inSlot(state, event.data.workloadId, { told: event.data.generation });
  }
};
