import type { InboxEvent } from './events.ts';

type Received = Extract<InboxEvent, { type: 'WebhookReceived' }>['data'];
export type Inbox = { readonly status: 'none' } | { readonly status: 'received' | 'applied' | 'ignored'; readonly webhook: Received; /** How often it was acted on again. */ readonly replays: number };
export const initial: Inbox = { status: 'none' };
export const evolve = (state: Inbox, event: InboxEvent): Inbox => {
  if (event.type === 'WebhookReceived') return { status: 'received', webhook: event.data, replays: 0 };
  if (state.status === 'none') return state;
  switch (event.type) {
    case 'WebhookApplied': return { ...state, status: 'applied' };
    case 'WebhookIgnored': return { ...state, status: 'ignored' };
    case 'WebhookReplayed': return { ...state, status: 'received', replays: event.data.n };
  }
};
