import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { Personal } from '../personal.ts';
import type { InboxEvent } from './events.ts';
import { evolve, initial, type Inbox } from './state.ts';

export type IngestWebhook = Command<'IngestWebhook', { provider: string; mode: string; eventId: string; webhookType: string; object: { kind: string; id: string }; body: Personal }>;
export type ApplyWebhook = Command<'ApplyWebhook', { inboxId: string; outcome: { applied: true; effect: string } | { applied: false; reason: string } }>;
/** Acts on a stored webhook once more. Harmless: it only names an object, which is read anew. */
export type ReplayWebhook = Command<'ReplayWebhook', { webhookId: string }>;
export type InboxCommand = IngestWebhook | ApplyWebhook | ReplayWebhook;

export const reject = rejections({
  WebhookNotFound: ['not-found', 'There is no such webhook.', "See 'tollgate webhook list'."],
});

const ingest = ({ provider, mode, eventId, webhookType, object, body, facts }: IngestWebhook, state: Inbox): Decision<InboxEvent> =>
  state.status === 'none' ? [{ type: 'WebhookReceived', data: { provider, mode, eventId, type: webhookType, object, body, at: facts.now } }] : [];

const apply = ({ outcome }: ApplyWebhook, state: Inbox): Decision<InboxEvent> => {
  if (state.status === 'none') return reject('WebhookNotFound');
  if (state.status !== 'received') return [];
  const ids = { provider: state.webhook.provider, eventId: state.webhook.eventId };
  return [outcome.applied ? { type: 'WebhookApplied', data: { ...ids, effect: outcome.effect } } : { type: 'WebhookIgnored', data: { ...ids, reason: outcome.reason } }];
};

const replay = ({ facts }: ReplayWebhook, state: Inbox): Decision<InboxEvent> => {
  if (state.status === 'none') return reject('WebhookNotFound');
  if (state.status === 'received') return []; // it is still to be acted on
  const { provider, eventId } = state.webhook;
  return [{ type: 'WebhookReplayed', data: { provider, eventId, n: state.replays + 1, at: facts.now } }];
};

const decide = (command: InboxCommand, state: Inbox): Decision<InboxEvent> => {
  switch (command.type) {
    case 'IngestWebhook': return ingest(command, state);
    case 'ApplyWebhook': return apply(command, state);
    case 'ReplayWebhook': return replay(command, state);
  }
};
export const inbox: Decider<InboxCommand, Inbox, InboxEvent> = { category: 'inbox', initial, decide, evolve };
