import type { TenantEvent } from './events.ts';

export type Tenant = { readonly created: boolean; readonly invitesRequired: boolean };
export const initial: Tenant = { created: false, invitesRequired: true };
export const evolve = (state: Tenant, event: TenantEvent): Tenant => {
  switch (event.type) {
    case 'TenantCreated': return { ...state, created: true };
    case 'InvitesSwitched': return { ...state, invitesRequired: event.data.required };
  }
};
