/** What every mail carrier promises; `mail.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused, Unavailable } from '../../src/domain/ports/failures.ts';
import type { Mail, OutgoingMail } from '../../src/domain/ports/mail.ts';

export interface MailSubject {
  readonly mail: Mail;
  /** Keys of what was accepted, oldest first; a carrier that drops repeats names each once. */
  accepted(): Promise<readonly string[]>;
  readonly dropsRepeats: boolean;
  /** Makes the carrier unreachable for the next mail, or its answer to it get lost. */
  breakNext(how: 'before' | 'after'): void;
  /** Makes the carrier refuse mails with this key for good. */
  refuse(key: string): void;
  close(): Promise<void>;
}
let serial = 0;
export const mailOf = (changes: Partial<OutgoingMail> = {}): OutgoingMail => ({
  key: `mail_${process.pid}_${(serial += 1)}`, to: 'someone@example.com', subject: 'Your one-time token', text: 'the body as text', html: '<p>the body as HTML</p>', ...changes,
});

export const mailContract = (name: string, open: () => Promise<MailSubject>): void => {
  const promise = (text: string, run: (subject: MailSubject) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      const subject = await open();
      try {
        await run(subject);
      } finally {
        await subject.close();
      }
    });
  };
  promise('mails are accepted in order', async ({ mail, accepted }) => {
    const mails = [mailOf(), mailOf({ to: 'josé@bücher.example', subject: 'Grüße' }), mailOf({ text: '', html: '' })];
    for (const one of mails) await mail.send(one);
    assert.deepEqual(await accepted(), mails.map(({ key }) => key));
  });
  promise('the same mail again is no error', async ({ mail, accepted, dropsRepeats }) => {
    const one = mailOf();
    await mail.send(one);
    await mail.send(one);
    assert.deepEqual(await accepted(), dropsRepeats ? [one.key] : [one.key, one.key]);
  });
  promise('a carrier that cannot be reached is Unavailable and has accepted nothing', async ({ mail, accepted, breakNext }) => {
    const one = mailOf();
    breakNext('before');
    await assert.rejects(mail.send(one), Unavailable);
    assert.deepEqual(await accepted(), []);
    await mail.send(one);
    assert.deepEqual(await accepted(), [one.key]);
  });
  promise('an answer that is lost is Unavailable, too', async ({ mail, accepted, breakNext }) => {
    const one = mailOf();
    breakNext('after');
    await assert.rejects(mail.send(one), Unavailable);
    assert.deepEqual(await accepted(), [one.key]);
  });
  promise('a mailbox that does not exist is Refused, and only that', async ({ mail, accepted, refuse }) => {
    const one = mailOf();
    refuse(one.key);
    for (let again = 0; again < 2; again += 1) await assert.rejects(mail.send(one), Refused);
    const other = mailOf();
    await mail.send(other);
    assert.deepEqual(await accepted(), [other.key]);
  });
  promise('an address or subject that would begin another header is Refused; so is what is no address', async ({ mail, accepted }) => {
    const wrong = [{ to: 'a@example.com\r\nBcc: b@example.com' }, { to: 'a@example.com\n' }, { subject: 'Hello\r\nBcc: b@example.com' }, { to: '' }, { to: 'nobody' }, { to: 'a@b@c' }, { to: 'a b@example.com' }, { key: '' }];
    for (const changes of wrong) await assert.rejects(mail.send(mailOf(changes)), Refused, JSON.stringify(changes));
    assert.deepEqual(await accepted(), []);
  });
};
