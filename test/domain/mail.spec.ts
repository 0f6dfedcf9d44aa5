/** The outbox: a mail is sent once, tried again for a while, then given up where people see it. */
import test from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { minute, plus, second, type Instant } from '../../src/domain/instant.ts';
import { mail, mailRetriesMs, type MailCommand } from '../../src/domain/mail/decide.ts';
import type { MailEvent } from '../../src/domain/mail/events.ts';
import { todo } from '../../src/domain/mail/todo.ts';
import { now, specify, type Asked } from '../given.ts';
import { laws } from './laws.ts';
import { email, mailId, person } from './samples.ts';

const given = specify(mail, todo);
const content = { template: 'restored', values: {} } as const;
const queue = { type: 'QueueMail', mailId, person, to: email, content } as const;
const sent = { type: 'RecordMailOutcome', mailId, outcome: { sent: true } } as const;
const failed = (permanent = false) => ({ type: 'RecordMailOutcome', mailId, outcome: { sent: false, permanent, reason: 'busy' } }) as const;
const retry = { type: 'RetryMail', mailId } as const;
const queued: MailEvent = { type: 'MailQueued', data: { mailId, person, to: email, content, at: now } };
const attempted = (attempt: number, retryAt: Instant): MailEvent => ({ type: 'MailAttemptFailed', data: { mailId, attempt, reason: 'busy', retryAt } });
const wasSent: MailEvent = { type: 'MailSent', data: { mailId, attempt: 1, at: now } };
const givenUp = (attempt: number): MailEvent => ({ type: 'MailGivenUp', data: { mailId, attempt, reason: 'busy', at: now } });
const retried: MailEvent = { type: 'MailRetried', data: { mailId, at: now } };

test('a mail is queued', () => void given().when(queue).then(queued));
test('queueing it twice changes nothing', () => void given(queued).when(queue).thenNothing());
test('queueing does not send a sent mail again', () => void given(queued, wasSent).when(queue).thenNothing());
test('a mail was sent', () => void given(queued).when(sent).then(wasSent));
test('its outcome recorded twice changes nothing', () => void given(queued, wasSent).when(sent).thenNothing());
test('a late failure does not undo a sent mail', () => void given(queued, wasSent).when(failed()).thenNothing());
test('a failed try waits for the next one', () => void given(queued).when(failed()).then(attempted(1, plus(now, 10 * second))));
test('each further wait is longer', () => void given(queued, attempted(1, now)).when(failed()).then(attempted(2, plus(now, minute))));
test('what can never arrive is given up at once', () => void given(queued).when(failed(true)).then(givenUp(1)));
test('after the last wait a mail is given up', () => {
  const tries = mailRetriesMs.map((_, i) => attempted(i + 1, now));
  given(queued, ...tries).when(failed()).then(givenUp(mailRetriesMs.length + 1));
});
test('a mail given up is tried again when the operator says so', () => void given(queued, givenUp(7)).when(retry).then(retried));
test('a retried mail gets the whole line of waits again', () => {
  const waits = mailRetriesMs.length;
  const again = [queued, ...mailRetriesMs.map((_, i) => attempted(i + 1, now)), givenUp(waits + 1), retried];
  given(...again).when(failed()).then(attempted(waits + 2, plus(now, 10 * second)));
  given(...again, ...mailRetriesMs.map((_, i) => attempted(waits + 2 + i, now))).when(failed()).then(givenUp(2 * waits + 2));
});
test('asking for it twice changes nothing', () => void given(queued, givenUp(7), retried).when(retry).thenNothing());
test('a sent mail is not sent again', () => void given(queued, wasSent).when(retry).thenNothing());
test('an unknown mail cannot be retried', () => void given().when(retry).thenRejected('MailNotFound'));
test('an outcome of an unknown mail is nothing', () => void given().when(sent).thenNothing());

test('to do: a queued mail is sent at once, a failed one at its time, each try under a key of its own', () => {
  given().thenTodo();
  given(queued).thenTodo({ do: 'SendMail', key: `${mailId}.0` });
  given(queued, attempted(1, plus(now, 7))).thenTodo({ do: 'SendMail', key: `${mailId}.1`, notBefore: plus(now, 7) });
  given(queued, wasSent).thenTodo();
  given(queued, givenUp(1)).thenTodo();
});
test('to do: a retried mail does not wait for the old time', () => {
  const [item] = todo(given(queued, attempted(1, plus(now, 7)), givenUp(2), retried).state);
  assert.equal(item?.key, `${mailId}.2`);
  assert.equal(item?.notBefore, undefined);
});

laws(mail, fc.oneof<fc.Arbitrary<Asked<MailCommand>>[]>(fc.constant(queue), fc.constant(sent), fc.boolean().map(failed), fc.constant(retry)), todo, {
  again: { RecordMailOutcome: 'a second failed try is one more try; the record is keyed by the try, above the decision' },
});
