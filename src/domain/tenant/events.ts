import type { Event } from '../decider.ts';
import type { TenantId } from '../ids.ts';

/** These names are the storage format. */
export type TenantEvent =
  | Event<'TenantCreated', { tenantId: TenantId; name: string }>
  | Event<'InvitesSwitched', { tenantId: TenantId; required: boolean }>;
export const upcasts = {};
