import type { Event } from '../decider.ts';
import type { LogId, OperatorId, TenantId } from '../ids.ts';
import type { Instant } from '../instant.ts';

/** These names are the storage format. */
export type Mode = 'mock' | 'staging' | 'production';
export type InstallationEvent =
  | Event<'InstallationFounded', { logId: LogId; mode: Mode; format: number; tenantId: TenantId; at: Instant }>
  | Event<'OperatorTokenIssued', { operatorId: OperatorId; hash: string; at: Instant }>
  | Event<'ClockAdvanced', { offsetMs: number }>;
export const upcasts = {};
