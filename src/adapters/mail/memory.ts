/** A carrier that keeps whole mails in memory, for tests. */
import type { Mail, OutgoingMail } from '../../domain/ports/mail.ts';
import { checkMail } from './check-mail.ts';
import { failAfterAccepting, failBeforeAccepting, noMailFaults, type MailFaults } from './faults.ts';

export class MemoryMail implements Mail {
  readonly faults: MailFaults = noMailFaults();
  /** Oldest first; the same key again is here twice. */
  readonly accepted: OutgoingMail[] = [];

  async send(mail: OutgoingMail): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    checkMail(mail);
    failBeforeAccepting(this.faults, mail.key);
    this.accepted.push({ ...mail });
    failAfterAccepting(this.faults);
  }
  async close(): Promise<void> {}
}
