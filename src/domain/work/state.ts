import type { WorkEvent } from './events.ts';

/** Keys of the deeds that wait, oldest first. */
export type Work = { readonly parked: readonly string[] };
export const initial: Work = { parked: [] };
export const evolve = ({ parked }: Work, { type, data }: WorkEvent): Work => {
  const { key } = data;
  const others = key === undefined ? [] : parked.filter((other) => other !== key);
  return { parked: type === 'WorkParked' ? [...others, data.key as string] : others };
};
