import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { MailId, PersonId } from '../ids.ts';
import { hour, minute, plus, second } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { MailContent, MailEvent } from './events.ts';
import { evolve, initial, type OutboxMail } from './state.ts';

/** Waiting times between tries of a mail; after the last one it is given up, visibly. */
export const mailRetriesMs: readonly number[] = [10 * second, minute, 5 * minute, 15 * minute, hour, 4 * hour];

export type QueueMail = Command<'QueueMail', { mailId: MailId; person: PersonId; to: Personal; content: MailContent }>;
export type RecordMailOutcome = Command<'RecordMailOutcome', { mailId: MailId; outcome: { sent: true } | { sent: false; permanent: boolean; reason: string } }>;
export type RetryMail = Command<'RetryMail', { mailId: MailId }>;
export type MailCommand = QueueMail | RecordMailOutcome | RetryMail;

export const reject = rejections({
  MailNotFound: ['not-found', 'There is no such mail.', "See 'tollgate mail list'."],
});

const record = ({ mailId, outcome, facts }: RecordMailOutcome, state: OutboxMail): Decision<MailEvent> => {
  if (state.status !== 'queued') return [];
  const attempt = state.attempts + 1;
  if (outcome.sent) return [{ type: 'MailSent', data: { mailId, attempt, at: facts.now } }];
  const waitMs = mailRetriesMs[state.attempts % (mailRetriesMs.length + 1)];
  if (outcome.permanent || waitMs === undefined) return [{ type: 'MailGivenUp', data: { mailId, attempt, reason: outcome.reason, at: facts.now } }];
  return [{ type: 'MailAttemptFailed', data: { mailId, attempt, reason: outcome.reason, retryAt: plus(facts.now, waitMs) } }];
};

const decide = (command: MailCommand, state: OutboxMail): Decision<MailEvent> => {
  switch (command.type) {
    case 'QueueMail': return state.status !== 'none' ? [] : [{ type: 'MailQueued', data: { mailId: command.mailId, person: command.person, to: command.to, content: command.content, at: command.facts.now } }];
    case 'RecordMailOutcome': return record(command, state);
    case 'RetryMail':
      if (state.status === 'none') return reject('MailNotFound');
      return state.status === 'given-up' ? [{ type: 'MailRetried', data: { mailId: command.mailId, at: command.facts.now } }] : [];
  }
};
export const mail: Decider<MailCommand, OutboxMail, MailEvent> = { category: 'mail', initial, decide, evolve };
