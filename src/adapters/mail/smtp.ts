/** A carrier over SMTP: nodemailer writes the MIME and speaks the protocol; here is what each answer means for a mail. */
import { domainToASCII } from 'node:url';
import { toEpochMs } from '../../domain/instant.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { Refused, Unavailable } from '../../domain/ports/failures.ts';
import type { Mail, OutgoingMail } from '../../domain/ports/mail.ts';
import { carrierWords } from './carrier-words.ts';
import { checkMail } from './check-mail.ts';

export type SmtpServer = {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (`smtps`); otherwise STARTTLS, which beyond this machine is not optional. */
  readonly secure: boolean;
  readonly user?: string;
  readonly password?: string;
};
export type SmtpOptions = {
  readonly server: SmtpServer;
  /** `Name <address>` or an address. */
  readonly from: string;
  readonly clock: Clock;
  /** Beside the certificate authorities that Node knows. */
  readonly ca?: string;
  /** For everything from connecting to the last answer; a server that is slower is tried again later. */
  readonly deadlineMs?: number;
};

const deadlineDefaultMs = 60_000;
const stepMs = 15_000;
const idleMs = 30_000;
const connectionsMax = 4;
const messagesPerConnection = 100;
/** Replies that say something of our sign-in, whatever they are given to. */
const aboutSignIn = new Set([530, 534, 535, 538]);

type Failure = Error & { readonly code?: string; readonly responseCode?: number; readonly response?: string; readonly command?: string };
const loadTransport = async ({ server, ca }: SmtpOptions) => {
  const { createTransport } = await import('nodemailer'); // only who sends pays for loading it
  const here = isHere(server.host);
  return createTransport({
    pool: true, maxConnections: connectionsMax, maxMessages: messagesPerConnection, maxRequeues: 1, idleTimeout: idleMs,
    host: server.host, port: server.port, secure: server.secure, requireTLS: !server.secure && !here,
    ...(server.user === undefined ? {} : { auth: { user: server.user, pass: server.password ?? '' } }),
    // On this machine there is nobody between us and the server, and its certificate is rarely one that anybody signed.
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? { rejectUnauthorized: !here } : { ca }) },
    connectionTimeout: stepMs, greetingTimeout: stepMs, dnsTimeout: stepMs, socketTimeout: stepMs,
    disableFileAccess: true, disableUrlAccess: true,
  });
};
export const isHere = (host: string): boolean => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
const hostOf = (from: string): string => domainToASCII(/@([^\s@>]+)>?$/.exec(from)?.[1] ?? '') || 'localhost';

export class SmtpMail implements Mail {
  readonly #options: SmtpOptions;
  readonly #closing = new AbortController();
  #transport: ReturnType<typeof loadTransport> | undefined;

  /** Connects when the first mail is sent. */
  constructor(options: SmtpOptions) {
    this.#options = options;
  }

  /** The Message-ID is made of the mail's key, so that a receiver who gets it twice can tell. */
  async send(mail: OutgoingMail): Promise<void> {
    checkMail(mail);
    const { from, clock, deadlineMs = deadlineDefaultMs } = this.#options;
    if (this.#closing.signal.aborted) throw new Unavailable('The server is stopping.');
    this.#transport ??= loadTransport(this.#options);
    try {
      await (await this.#transport).sendMail({
        from, to: { name: '', address: mail.to }, subject: mail.subject, text: mail.text, html: mail.html, date: new Date(toEpochMs(clock.now())),
        messageId: `<${mail.key}@${hostOf(from)}>`, headers: { 'Auto-Submitted': 'auto-generated' },
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(deadlineMs)]),
      });
    } catch (error) {
      throw this.#failureOf(error as Failure, mail.to);
    }
  }

  /** Idle connections end; what is being sent is given up, and is Unavailable. */
  async close(): Promise<void> {
    this.#closing.abort();
    (await this.#transport)?.close();
  }

  #failureOf(error: Failure, to: string): Refused | Unavailable {
    const { code = '', responseCode = 0, response, command = '' } = error;
    const said = carrierWords(response ?? error.message, to);
    const { host, port } = this.#options.server;
    if (code === 'EAUTH' || aboutSignIn.has(responseCode)) return new Unavailable(`The mail server does not accept our sign-in: ${said}; check --mail and TOLLGATE_SMTP_PASSWORD_FILE`, { cause: error });
    if (code === 'ETLS') return new Unavailable(`No encrypted connection to the mail server at ${host}:${port}: ${said}`, { cause: error });
    if (responseCode >= 500 && command === 'MAIL FROM') return new Unavailable(`The mail server takes no mail from us: ${said}; check --mail-from`, { cause: error });
    if (responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE')) return new Refused('Bounced', `The mail server refused it: ${said}`);
    if (code === 'EENVELOPE' && command === 'API') return new Refused('NoSuchMailbox', 'The address cannot be written as a mail server wants it.');
    if (responseCode >= 400) return new Unavailable(`The mail server asks to try again: ${said}`, { cause: error });
    if (code === 'EABORT' || code === 'ETIMEDOUT') return new Unavailable(`The mail server at ${host}:${port} was too slow, or we are stopping`, { cause: error });
    return new Unavailable(`The mail server at ${host}:${port} cannot be reached: ${said}`, { cause: error });
  }
}
