import type { InviteEvent } from './events.ts';

export type Invite = { readonly status: 'none' | 'invited' | 'revoked' };
export const initial: Invite = { status: 'none' };
export const evolve = (_: Invite, event: InviteEvent): Invite => {
  switch (event.type) {
    case 'InviteAdded': return { status: 'invited' };
    case 'InviteRevoked': return { status: 'revoked' };
  }
};
