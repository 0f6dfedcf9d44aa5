import type { Event } from '../decider.ts';

/** These names are the storage format. One tiny stream per unique value that is not personal: `claim-<tenant>.<kind>.<value>`. */
export type ClaimEvent = Event<'NameClaimed', { kind: string; value: string; holder: string }>;
export const upcasts = {};
