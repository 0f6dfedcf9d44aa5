import type { Command, Decider, Decision } from '../decider.ts';
import type { TenantId } from '../ids.ts';
import type { TenantEvent } from './events.ts';
import { evolve, initial, type Tenant } from './state.ts';

export type CreateTenant = Command<'CreateTenant', { tenantId: TenantId; name: string }>;
export type SwitchInvites = Command<'SwitchInvites', { tenantId: TenantId; required: boolean }>;
export type TenantCommand = CreateTenant | SwitchInvites;

const decide = (command: TenantCommand, state: Tenant): Decision<TenantEvent> => {
  switch (command.type) {
    case 'CreateTenant': return state.created ? [] : [{ type: 'TenantCreated', data: { tenantId: command.tenantId, name: command.name } }];
    case 'SwitchInvites': return state.invitesRequired === command.required ? [] : [{ type: 'InvitesSwitched', data: { tenantId: command.tenantId, required: command.required } }];
  }
};
export const tenant: Decider<TenantCommand, Tenant, TenantEvent> = { category: 'tenant', initial, decide, evolve };
