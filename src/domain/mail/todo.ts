import type { Todo } from '../decider.ts';
import type { OutboxMail, QueuedMail } from './state.ts';

export type MailTodo = Todo<'SendMail'> & { readonly mail: QueuedMail };
export const todo = (state: OutboxMail): readonly MailTodo[] =>
  state.status === 'queued' ? [{ do: 'SendMail', key: `${state.mailId}.${state.attempts}`, mail: state, ...(state.retryAt === undefined ? {} : { notBefore: state.retryAt }) }] : [];
