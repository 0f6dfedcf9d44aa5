/**
 * The pretended carrier of mock mode. It remembers *that* a mail was accepted, never its address, subject or body: those are
 * rendered from the outbox when somebody looks, so that erasing a person empties their mailbox, too.
 */
import type { Instant } from '../../domain/instant.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { Mail, OutgoingMail } from '../../domain/ports/mail.ts';
import { inOurWords } from '../sqlite/in-our-words.ts';
import { openDatabase } from '../sqlite/open-database.ts';
import { checkMail } from './check-mail.ts';
import { failAfterAccepting, failBeforeAccepting, noMailFaults, type MailFaults } from './faults.ts';

export type AcceptedMail = { readonly key: string; readonly at: Instant };

const schema = 'CREATE TABLE IF NOT EXISTS accepted (n INTEGER PRIMARY KEY, key TEXT NOT NULL, at TEXT NOT NULL) STRICT';
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class Mailbox implements Mail {
  readonly faults: MailFaults = noMailFaults();
  readonly #database: ReturnType<typeof openDatabase>;
  readonly #clock: Clock;

  /** Opens or makes the file (or `:memory:`); throws `DatabaseUnusable`. */
  static open(path: string, clock: Clock): Mailbox {
    return new Mailbox(path, clock);
  }
  private constructor(path: string, clock: Clock) {
    this.#database = openDatabase(path, { schema, cacheKib: 512 });
    // A carrier that said yes has the mail.
    this.#database.exec('PRAGMA synchronous=FULL');
    this.#clock = clock;
  }
  /** The same key again is a second row: repeats are seen, not hidden. */
  async send(mail: OutgoingMail): Promise<void> {
    await tick();
    checkMail(mail);
    failBeforeAccepting(this.faults, mail.key);
    try {
      this.#database.prepare('INSERT INTO accepted (key, at) VALUES (?, ?)').run(mail.key, this.#clock.now());
    } catch (error) {
      throw inOurWords(error);
    }
    failAfterAccepting(this.faults);
  }
  /** Newest first. */
  list(): AcceptedMail[] {
    return this.#database.prepare('SELECT key, at FROM accepted ORDER BY n DESC').all().map(({ key, at }) => ({ key: key as string, at: at as Instant }));
  }
  async close(): Promise<void> {
    await tick();
    if (this.#database.isOpen) this.#database.close();
  }
}
