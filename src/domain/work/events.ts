import type { Event } from '../decider.ts';
import type { CustomerId } from '../ids.ts';
import type { Instant } from '../instant.ts';

/**
 * These names are the storage format. A deed that failed too often, or was taken aside by staff, waits here; `subject` is the stream it belongs to,
 * `key` the deed's, `deed` what it would do, `owner` whose it is where that is known. A release without a `key` is of everything that waits there.
 */
export type WorkEvent =
  | Event<'WorkParked', { reactor: string; subject: string; key: string; attempts: number; error: string; at: Instant; deed?: string; owner?: CustomerId }>
  | Event<'WorkReleased', { reactor: string; subject: string; at: Instant; key?: string }>;
export const upcasts = {};
