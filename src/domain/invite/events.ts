import type { Event } from '../decider.ts';
import type { PersonId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';

/** These names are the storage format. The stream is keyed by the person. */
export type InviteEvent =
  | Event<'InviteAdded', { person: PersonId; email: Personal; at: Instant }>
  | Event<'InviteRevoked', { person: PersonId; at: Instant }>;
export const upcasts = {};
