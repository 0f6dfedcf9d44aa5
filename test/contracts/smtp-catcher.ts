/** A real SMTP server on loopback that takes mails, and misbehaves when told. */
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';

export type CaughtMail = { readonly raw: string; readonly messageId: string; readonly key: string; readonly to: string; readonly secure: boolean; readonly user: string | undefined };
type At = 'connect' | 'mail' | 'rcpt' | 'data' | 'auth';
type Trouble = { readonly at: At; readonly code: number; readonly words: string; times: number };

const refusal = (code: number, words: string): Error => Object.assign(new Error(words), { responseCode: code });

export class SmtpCatcher {
  readonly mails: CaughtMail[] = [];
  /** Keys of mails that are refused for good once they have been read. */
  readonly refusedKeys = new Set<string>();
  /** So many mails are taken, and their connection cut before it is said. */
  cutAfterData = 0;
  /** So many connections are cut in the middle of a mail. */
  cutInData = 0;
  /** Answers nothing any more, and keeps the connections. */
  silent = false;
  connections = 0;
  readonly #troubles: Trouble[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: SMTPServer;
  port = 0;

  readonly #encrypted: boolean;

  constructor(options: SMTPServerOptions = {}) {
    this.#encrypted = 'key' in options;
    this.#server = new SMTPServer({
      authOptional: true, hideSTARTTLS: !('key' in options), disabledCommands: options.onAuth ? [] : ['AUTH'], closeTimeout: 100, socketTimeout: 30_000,
      onConnect: (_session, done) => {
        this.connections += 1;
        if (!this.silent) this.#answer('connect', done);
      },
      onMailFrom: (_address, _session, done) => this.#answer('mail', done),
      onRcptTo: ({ address }, _session, done) => this.#answer('rcpt', done, address),
      onData: (stream, session, done) => this.#read(stream, session, done),
      ...options,
    });
    this.#server.on('error', () => undefined); // a client that is gone
    this.#server.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', () => resolve()));
    this.port = (this.#server.server.address() as AddressInfo).port;
    return this;
  }
  /** The next `times` times it comes there it answers this; `{to}` is the address. */
  refuse(at: At, code: number, words: string, times = 1): void {
    this.#troubles.push({ at, code, words, times });
  }
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
  get open(): number {
    return this.#sockets.size;
  }
  async close(): Promise<void> {
    if (!this.#encrypted) this.cutAll(); // a socket under TLS is not to be destroyed from below: the server ends those itself
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #answer(at: At, done: (error?: Error | null) => void, to = ''): void {
    const trouble = this.#troubles.find((each) => each.at === at && each.times > 0);
    if (!trouble) return done();
    trouble.times -= 1;
    done(refusal(trouble.code, trouble.words.replaceAll('{to}', to)));
  }

  #read(stream: NodeJS.ReadableStream, session: SMTPServerSession, done: (error?: Error | null) => void): void {
    if (this.cutInData > 0) {
      this.cutInData -= 1;
      stream.once('data', () => this.cutAll());
      stream.resume();
      return;
    }
    let raw = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => (raw += chunk)).on('end', () => {
      const messageId = /^message-id: <([^>]+)>/im.exec(raw)?.[1] ?? '';
      const key = messageId.split('@')[0] ?? '';
      if (this.refusedKeys.has(key)) return done(refusal(550, '5.1.1 no such mailbox'));
      const trouble = this.#troubles.find((each) => each.at === 'data' && each.times > 0);
      if (trouble) return this.#answer('data', done, session.envelope.rcptTo[0]?.address);
      this.mails.push({ raw, messageId, key, to: session.envelope.rcptTo[0]?.address ?? '', secure: session.secure, user: session.user });
      if (this.cutAfterData > 0) {
        this.cutAfterData -= 1;
        return this.cutAll();
      }
      if (!this.silent) done();
    });
  }
}

/** The parts of a multipart mail, decoded. */
export const partsOf = (raw: string): Readonly<Record<'text/plain' | 'text/html', string>> => {
  const boundary = /boundary="([^"]+)"/.exec(raw)?.[1] ?? '';
  const parts = raw.split(`--${boundary}`).slice(1, -1).map((part) => {
    const [head = '', ...body] = part.split('\r\n\r\n');
    const text = body.join('\r\n\r\n').replace(/\r\n$/, '');
    const decoded = /quoted-printable/i.test(head) ? Buffer.from(text.replaceAll('=\r\n', '').replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1').toString('utf8') : /base64/i.test(head) ? Buffer.from(text, 'base64').toString('utf8') : text;
    return [/content-type: ([\w/]+)/i.exec(head)?.[1] ?? '', decoded.replaceAll('\r\n', '\n')] as const;
  });
  return Object.fromEntries(parts) as Readonly<Record<'text/plain' | 'text/html', string>>;
};
