import type { PersonId, MailId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { MailContent, MailEvent } from './events.ts';

export type QueuedMail = { readonly status: 'queued' | 'sent' | 'given-up'; readonly mailId: MailId; readonly person: PersonId; readonly to: Personal; readonly content: MailContent; readonly attempts: number; readonly retryAt?: Instant; readonly round: number };
export type OutboxMail = { readonly status: 'none' } | QueuedMail;
export const initial: OutboxMail = { status: 'none' };
export const evolve = (state: OutboxMail, event: MailEvent): OutboxMail => {
  if (event.type === 'MailQueued') return { status: 'queued', mailId: event.data.mailId, person: event.data.person, to: event.data.to, content: event.data.content, attempts: 0, round: 0 };
  if (state.status === 'none') return state;
  switch (event.type) {
    case 'MailAttemptFailed': return { ...state, attempts: event.data.attempt, retryAt: event.data.retryAt };
    case 'MailSent': return { ...state, attempts: event.data.attempt, status: 'sent' };
    case 'MailGivenUp': return { ...state, attempts: event.data.attempt, status: 'given-up' };
    case 'MailRetried': {
      const { retryAt: _, ...rest } = state;
      return { ...rest, status: 'queued', round: state.round + 1 };
    }
  }
};
