import type { Event } from '../decider.ts';
import type { AccountId, NamespaceId, SubscriptionId, WorkloadId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { PlanLimits } from '../plan/events.ts';

export type NamespaceLevel = 'full' | 'limited' | 'suspended' | 'none';
/** These names are the storage format. A workload's slot and name are taken here, so that two requests cannot share one. */
export type NamespaceEvent =
  | Event<'NamespaceCreated', { namespaceId: NamespaceId; name: string; accountId: AccountId; subscriptionId: SubscriptionId; limits: PlanLimits; at: Instant }>
  | Event<'NamespaceLevelChanged', { namespaceId: NamespaceId; level: NamespaceLevel; generation: number }>
  | Event<'WorkloadSlotTaken', { namespaceId: NamespaceId; workloadId: WorkloadId; name: string; checkAt: Instant }>
  | Event<'WorkloadSlotConfirmed', { namespaceId: NamespaceId; workloadId: WorkloadId }>
  | Event<'WorkloadSlotReleased', { namespaceId: NamespaceId; workloadId: WorkloadId }>
  /** `host` as an address names it; what it is opened with is sealed. Another one for the same host replaces it. */
  | Event<'GitCredentialSet', { namespaceId: NamespaceId; host: string; username?: Personal; token: Personal; at: Instant }>
  | Event<'GitCredentialRemoved', { namespaceId: NamespaceId; host: string; at: Instant }>
  /** The workload has been told of this level change. */
  | Event<'WorkloadTold', { namespaceId: NamespaceId; workloadId: WorkloadId; generation: number }>;
export const upcasts = {};
