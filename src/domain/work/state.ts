import type { WorkEvent } from './events.ts';

export type Work = { readonly parked: boolean };
export const initial: Work = { parked: false };
export const evolve = (_: Work, event: WorkEvent): Work => ({ parked: event.type === 'WorkParked' });
