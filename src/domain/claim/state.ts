import type { ClaimEvent } from './events.ts';

export type Claim = { readonly holder?: string };
export const initial: Claim = {};
export const evolve = (_: Claim, event: ClaimEvent): Claim => ({ holder: event.data.holder });
