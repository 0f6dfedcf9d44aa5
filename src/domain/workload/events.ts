import type { Event } from '../decider.ts';
import type { AccountId, NamespaceId, WorkloadId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';

type Ids = { workloadId: WorkloadId; namespaceId: NamespaceId };
/** `commit` is what `ref` named when it was asked for; `ref` is '' where the default branch was meant. */
export type GitSource = { readonly url: string; readonly ref: string; readonly commit: string };
/** Where code comes from: the digest of a stored source, a git repository, or both once that has been fetched. */
export type Origin = { readonly source?: string; readonly git?: GitSource };
export type RunTerms = Origin & { readonly command?: string; readonly retries: number };

/**
 * These names are the storage format. `generation` counts askings: a higher one replaces a lower one. An update asked for `beside`
 * leaves the one before it running until the new one is ready; until then events of either generation may come.
 */
export type WorkloadEvent =
  | Event<'WorkloadRunRequested', Ids & RunTerms & { accountId: AccountId; name: string; generation: number; environment: { readonly name: string; readonly value: Personal }[]; at: Instant }>
  | Event<'WorkloadUpdated', Ids & Origin & { previous?: string; generation: number; at: Instant; beside?: true }>
  /** The source of a git repository has been stored; `generation` is the asking that named the repository. */
  | Event<'WorkloadSourceFetched', Ids & { generation: number; source: string }>
  /** `released`: digests of sources that the workload needs no more. */
  | Event<'WorkloadApplied', Ids & { generation: number; released?: readonly string[] }>
  /** `how`: what was found in the source and what is done with it, in a sentence. */
  | Event<'WorkloadBuildStarted', Ids & { generation: number; how: string; at: Instant }>
  | Event<'WorkloadBuildFailed', Ids & { generation: number; reason: string; at: Instant }>
  | Event<'WorkloadBuildCancelled', Ids & { generation: number; at: Instant }>
  /** The new source did not come to run. From the asking `back` on, the one that runs is what counts again. */
  | Event<'WorkloadUpdateFailed', Ids & { generation: number; back: number; reason: string; at: Instant }>
  | Event<'WorkloadStarting', Ids & { generation: number; incarnation: number; reason: string; at: Instant; how?: string; limits?: string }>
  /** `how` and `limits` are with the first that tells of the process: where it was quick, that is this one. */
  | Event<'WorkloadStarted', Ids & { generation: number; incarnation: number; address?: string; at: Instant; how?: string; limits?: string }>
  | Event<'WorkloadStopped', Ids & { generation: number; reason: string; at: Instant }>
  | Event<'WorkloadFailed', Ids & { generation: number; reason: string; at: Instant }>
  | Event<'WorkloadSuspended', Ids & { at: Instant }>
  | Event<'WorkloadResumed', Ids & { generation: number; at: Instant }>
  | Event<'WorkloadRestartRequested', Ids & { generation: number; reason: string; at: Instant }>
  | Event<'WorkloadKillRequested', Ids & { at: Instant }>
  | Event<'WorkloadRemoved', Ids & { at: Instant }>
  | Event<'WorkloadSlotGivenBack', Ids>;
export const upcasts = {};
