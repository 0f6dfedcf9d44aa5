import type { Event } from '../decider.ts';
import type { AccountId, NamespaceId, WorkloadId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';

type Ids = { workloadId: WorkloadId; namespaceId: NamespaceId };
export type RunTerms = { source: string; command?: string; retries: number };

/** These names are the storage format. `generation` counts askings: a higher one replaces a lower one. */
export type WorkloadEvent =
  | Event<'WorkloadRunRequested', Ids & RunTerms & { accountId: AccountId; name: string; generation: number; environment: { readonly name: string; readonly value: Personal }[]; at: Instant }>
  | Event<'WorkloadUpdated', Ids & { source: string; previous: string; generation: number; at: Instant }>
  | Event<'WorkloadApplied', Ids & { generation: number }>
  | Event<'WorkloadStarting', Ids & { generation: number; incarnation: number; reason: string; at: Instant }>
  | Event<'WorkloadStarted', Ids & { generation: number; incarnation: number; address?: string; at: Instant }>
  | Event<'WorkloadStopped', Ids & { generation: number; reason: string; at: Instant }>
  | Event<'WorkloadFailed', Ids & { generation: number; reason: string; at: Instant }>
  | Event<'WorkloadSuspended', Ids & { at: Instant }>
  | Event<'WorkloadResumed', Ids & { generation: number; at: Instant }>
  | Event<'WorkloadRestartRequested', Ids & { generation: number; reason: string; at: Instant }>
  | Event<'WorkloadKillRequested', Ids & { at: Instant }>
  | Event<'WorkloadRemoved', Ids & { at: Instant }>
  | Event<'WorkloadSlotGivenBack', Ids>;
export const upcasts = {};
