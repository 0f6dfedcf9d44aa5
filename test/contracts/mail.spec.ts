/** Every carrier keeps the contract; and what only the mailbox of mock mode promises. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Mailbox } from '../../src/adapters/mail/mailbox.ts';
import { MemoryMail } from '../../src/adapters/mail/memory.ts';
import { SmtpMail } from '../../src/adapters/mail/smtp.ts';
import type { MailFaults } from '../../src/adapters/mail/faults.ts';
import { ManualClock } from '../../src/adapters/system/clock.ts';
import { hour, type Instant } from '../../src/domain/instant.ts';
import { mailContract, mailOf } from './mail.contract.ts';
import { SmtpCatcher } from './smtp-catcher.ts';

const clockOf = (): ManualClock => new ManualClock('2026-03-10T08:00:00.000Z' as Instant);
const faultsOf = (faults: MailFaults) => ({
  dropsRepeats: false,
  breakNext: (how: 'before' | 'after') => void (faults[how === 'before' ? 'unavailableBefore' : 'unavailableAfter'] = 1),
  refuse: (key: string) => void faults.refusedKeys.add(key),
});
mailContract('mailbox', async () => {
  const mail = Mailbox.open(':memory:', clockOf());
  return { mail, accepted: async () => mail.list().map(({ key }) => key).reverse(), ...faultsOf(mail.faults), close: () => mail.close() };
});
mailContract('memory', async () => {
  const mail = new MemoryMail();
  return { mail, accepted: async () => mail.accepted.map(({ key }) => key), ...faultsOf(mail.faults), close: () => mail.close() };
});
mailContract('smtp', async () => {
  const catcher = await new SmtpCatcher().listen();
  const mail = new SmtpMail({ server: { host: '127.0.0.1', port: catcher.port, secure: false }, from: 'Tollgate <tollgate@example.com>', clock: clockOf() });
  return {
    mail, dropsRepeats: false, accepted: async () => catcher.mails.map(({ key }) => key), refuse: (key) => void catcher.refusedKeys.add(key),
    breakNext: (how) => (how === 'before' ? catcher.refuse('connect', 421, '4.3.2 not now') : void (catcher.cutAfterData = 1)),
    close: async () => {
      await mail.close();
      await catcher.close();
    },
  };
});

test('mailbox: it remembers that and when, newest first, and after a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-mailbox-'));
  try {
    const path = join(folder, 'mailbox.db');
    const clock = clockOf();
    const first = Mailbox.open(path, clock);
    await first.send(mailOf({ key: 'mail_1' }));
    clock.advance(hour);
    await first.send(mailOf({ key: 'mail_2' }));
    await first.send(mailOf({ key: 'mail_1' }));
    const expected = [{ key: 'mail_1', at: '2026-03-10T09:00:00.000Z' }, { key: 'mail_2', at: '2026-03-10T09:00:00.000Z' }, { key: 'mail_1', at: '2026-03-10T08:00:00.000Z' }];
    assert.deepEqual(first.list(), expected);
    for (const file of await readdir(folder)) {
      const bytes = await readFile(join(folder, file));
      for (const personal of ['someone@example.com', 'one-time token', 'the body']) assert.ok(!bytes.includes(personal), `${file}: ${personal}`);
    }
    await first.close();
    const second = Mailbox.open(path, clock);
    assert.deepEqual(second.list(), expected);
    await second.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
