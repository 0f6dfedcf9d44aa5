import type { Event } from '../decider.ts';
import type { Instant } from '../instant.ts';

/** These names are the storage format. Work that failed too often waits here for the operator; `subject` is the stream it belongs to. */
export type WorkEvent =
  | Event<'WorkParked', { reactor: string; subject: string; key: string; attempts: number; error: string; at: Instant }>
  | Event<'WorkReleased', { reactor: string; subject: string; at: Instant }>;
export const upcasts = {};
