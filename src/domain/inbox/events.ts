import type { Event } from '../decider.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';

type Ids = { provider: string; eventId: string };
/** These names are the storage format. One stream per webhook: appending with `no-stream` is the de-duplication. */
export type InboxEvent =
  | Event<'WebhookReceived', Ids & { mode: string; type: string; object: { kind: string; id: string }; body: Personal; at: Instant }>
  | Event<'WebhookApplied', Ids & { effect: string }>
  | Event<'WebhookIgnored', Ids & { reason: string }>
  /** Staff had it acted on again; `n` counts how often. */
  | Event<'WebhookReplayed', Ids & { n: number; at: Instant }>;
export const upcasts = {};
