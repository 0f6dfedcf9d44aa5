import type { Todo } from '../decider.ts';
import type { Inbox } from './state.ts';

export type InboxTodo = Todo<'ApplyWebhook'> & { readonly webhook: Extract<Inbox, { webhook: unknown }>['webhook'] };
export const todo = (state: Inbox): readonly InboxTodo[] =>
  state.status === 'received' ? [{ do: 'ApplyWebhook', key: `${state.webhook.provider}.${state.webhook.mode}.${state.webhook.eventId}${state.replays === 0 ? '' : `.${state.replays}`}`, webhook: state.webhook }] : [];
