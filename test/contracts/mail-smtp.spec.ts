/** SMTP spoken with a real server: what each of its answers means, what is written, and that nothing stays open. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { carrierWords } from '../../src/adapters/mail/carrier-words.ts';
import { isHere, SmtpMail, type SmtpOptions } from '../../src/adapters/mail/smtp.ts';
import { ManualClock } from '../../src/adapters/system/clock.ts';
import type { Instant } from '../../src/domain/instant.ts';
import { Refused, Unavailable } from '../../src/domain/ports/failures.ts';
import { mailOf } from './mail.contract.ts';
import { partsOf, SmtpCatcher } from './smtp-catcher.ts';

const clock = new ManualClock('2026-03-10T08:00:00.000Z' as Instant);
const from = 'Tollgate <tollgate@example.com>';
type Scene = { readonly catcher: SmtpCatcher; readonly mail: SmtpMail; open(options?: Partial<Omit<SmtpOptions, 'server'>> & { readonly server?: Partial<SmtpOptions['server']> }): SmtpMail };
const withCatcher = async (options: ConstructorParameters<typeof SmtpCatcher>[0], work: (scene: Scene) => Promise<void>): Promise<void> => {
  const catcher = await new SmtpCatcher(options).listen();
  const opened: SmtpMail[] = [];
  const open: Scene['open'] = ({ server, ...more } = {}) => {
    const mail = new SmtpMail({ from, clock, ...more, server: { host: '127.0.0.1', port: catcher.port, secure: false, ...server } });
    opened.push(mail);
    return mail;
  };
  try {
    await work({ catcher, open, mail: open() });
  } finally {
    for (const mail of opened) await mail.close();
    await catcher.close();
  }
};
const refused = (name: typeof Refused | typeof Unavailable, words: RegExp) => (error: Error): boolean => {
  assert.ok(error instanceof name, `${error.name}: ${error.message}`);
  assert.match(error.message, words);
  assert.doesNotMatch(error.message, /someone|@/);
  return true;
};

test('what is written: both parts, our Message-ID, Date of the clock, Auto-Submitted, one recipient', () => withCatcher({}, async ({ catcher, mail }) => {
  const one = mailOf({ key: 'mail_1', subject: 'Grüße – your token', text: `Hi\n.\n..dots\n${'a1b2c3d4e5'.repeat(4)}\n${'long '.repeat(60)}\nGrüße\n`, html: '<p>Grüße</p>' });
  await mail.send(one);
  const [caught] = catcher.mails;
  assert.ok(caught);
  assert.equal(caught.messageId, 'mail_1@example.com');
  const [head = ''] = caught.raw.split('\r\n\r\n');
  assert.match(head, /^From: Tollgate <tollgate@example\.com>$/m);
  assert.match(head, /^To: someone@example\.com$/m);
  assert.match(head, /^Date: Tue, 10 Mar 2026 08:00:00 \+0000$/m);
  assert.match(head, /^Auto-Submitted: auto-generated$/m);
  assert.match(head, /^Content-Type: multipart\/alternative;/m);
  assert.doesNotMatch(head, /^(Cc|Bcc|X-Mailer):/im);
  assert.deepEqual(partsOf(caught.raw), { 'text/plain': one.text.trimEnd() + '\n', 'text/html': one.html });
  await mail.send(one);
  assert.deepEqual(catcher.mails.map(({ messageId }) => messageId), ['mail_1@example.com', 'mail_1@example.com'], 'the same mail again says that it is the same');
}));

test('connections are used again, several mails go at once, and after the last is closed none is left', () => withCatcher({}, async ({ catcher, mail }) => {
  await Promise.all(Array.from({ length: 20 }, () => mail.send(mailOf())));
  assert.equal(catcher.mails.length, 20);
  assert.ok(catcher.connections > 1 && catcher.connections <= 4, `${catcher.connections} connections`);
  await mail.close();
  await assert.rejects(mail.send(mailOf()), Unavailable);
  for (let tries = 0; catcher.open > 0; tries += 1) {
    assert.ok(tries < 500);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}));

test('a greylisting server: not now, then yes', () => withCatcher({}, async ({ catcher, mail }) => {
  const one = mailOf();
  catcher.refuse('rcpt', 451, '4.7.1 <{to}>: greylisted, come back in a minute');
  await assert.rejects(mail.send(one), refused(Unavailable, /451 4\.7\.1 <the address>: greylisted/));
  await mail.send(one);
  for (const at of ['mail', 'data'] as const) {
    catcher.refuse(at, 452, '4.2.2 over quota');
    await assert.rejects(mail.send(mailOf()), refused(Unavailable, /452 4\.2\.2 over quota/), at);
  }
  assert.equal(catcher.mails.length, 1);
}));

test('a mailbox that is refused for good, at its name or after its mail: the server\'s words without the address', () => withCatcher({}, async ({ catcher, mail }) => {
  catcher.refuse('rcpt', 550, '5.1.1 <{to}>: Recipient address rejected: User unknown: SOMEONE');
  await assert.rejects(mail.send(mailOf()), refused(Refused, /^The mail server refused it: 550 5\.1\.1 <the address>: Recipient address rejected: User unknown: the address$/));
  catcher.refuse('data', 554, '5.7.1 looks like spam');
  await assert.rejects(mail.send(mailOf()), refused(Refused, /554 5\.7\.1 looks like spam/));
  await mail.send(mailOf());
  assert.equal(catcher.mails.length, 1, 'the next one goes');
}));

test('what is wrong with us is no bounce: sender not taken, sign-in not accepted', () => withCatcher({}, async ({ catcher, mail }) => {
  catcher.refuse('mail', 553, '5.7.1 sender not allowed');
  await assert.rejects(mail.send(mailOf()), refused(Unavailable, /takes no mail from us.*--mail-from/));
  catcher.refuse('rcpt', 530, '5.7.0 authentication required');
  await assert.rejects(mail.send(mailOf()), refused(Unavailable, /sign-in.*--mail/));
}));
test('signed in with user and password; a wrong password is told as what it is', () => withCatcher({
  disabledCommands: ['STARTTLS'], allowInsecureAuth: true, authOptional: false, onAuth: ({ username, password }, _session, done) => (password === 'right' ? done(null, { user: username ?? '' }) : done(Object.assign(new Error('5.7.8 bad credentials for someone@example.com'), { responseCode: 535 }))),
}, async ({ catcher, open }) => {
  await assert.rejects(open({ server: { user: 'us', password: 'wrong' } }).send(mailOf()), refused(Unavailable, /does not accept our sign-in: 535 5\.7\.8/));
  await open({ server: { user: 'us', password: 'right' } }).send(mailOf());
  assert.equal(catcher.mails[0]?.user, 'us');
}));

test('a connection that is cut in the middle of a mail, or a server that is away, is tried again later', () => withCatcher({}, async ({ catcher, mail }) => {
  catcher.cutInData = 1;
  await assert.rejects(mail.send(mailOf()), refused(Unavailable, /cannot be reached/));
  await mail.send(mailOf());
  catcher.cutAll(); // it has dropped the idle connection
  await mail.send(mailOf());
  assert.equal(catcher.mails.length, 2);
  await catcher.close();
  await assert.rejects(mail.send(mailOf()), refused(Unavailable, /cannot be reached/));
}));

test('a server that says nothing is waited for so long and no longer; closing gives up at once', () => withCatcher({}, async ({ catcher, open }) => {
  catcher.silent = true;
  await assert.rejects(open({ deadlineMs: 100 }).send(mailOf()), refused(Unavailable, /too slow/));
  const mail = open();
  const sending = mail.send(mailOf());
  const given = assert.rejects(sending, Unavailable);
  for (let tries = 0; catcher.connections < 2 && tries < 500; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  await mail.close();
  await given;
}));

/** A certificate authority of our own, and a certificate for 127.0.0.1 by it. */
const certificates = (folder: string): { readonly ca: string; readonly cert: string; readonly key: string } => {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=a test CA', '-addext', 'basicConstraints=critical,CA:TRUE');
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'mail.key', '-out', 'mail.csr', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1');
  openssl('x509', '-req', '-in', 'mail.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'mail.pem', '-days', '2', '-copy_extensions', 'copy');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { ca: read('ca.pem'), cert: read('mail.pem'), key: read('mail.key') };
};
const withoutOpenssl = ((): string | false => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' });
    return false;
  } catch {
    return 'OPENSSL IS MISSING: mail over TLS is not tried';
  }
})();
test('TLS: by STARTTLS and from the first byte, with a CA that is known, and not with one that is not', { skip: withoutOpenssl }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-ca-'));
  try {
    const [{ ca, cert, key }] = [certificates(folder)];
    const another = mkdtempSync(join(folder, 'another-'));
    const stranger = certificates(another).ca;
    for (const secure of [false, true]) {
      await withCatcher({ key, cert, secure }, async ({ catcher, open }) => {
        await open({ ca, server: { secure } }).send(mailOf());
        assert.equal(catcher.mails[0]?.secure, true);
        await assert.rejects(open({ ca: stranger, server: { secure } }).send(mailOf()), refused(Unavailable, /encrypted|certificate|reached/));
        assert.equal(catcher.mails.length, 1);
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
test('beyond this machine nothing goes unencrypted: a server without STARTTLS gets no mail and no password', () => withCatcher({ disabledCommands: ['STARTTLS'], allowInsecureAuth: true, onAuth: (_auth, _session, done) => done(null, { user: 'x' }) }, async ({ catcher, open }) => {
  // The machine's own name stands for another one: it leads here, and is not taken for here.
  const { hostname } = await import('node:os');
  const { lookup } = await import('node:dns/promises');
  const name = hostname();
  const address = await lookup(name, { family: 4 }).catch(() => undefined);
  assert.equal(isHere(name), false);
  for (const host of ['mail.example.com', '128.0.0.1', '127.0.0.1.example.com', '10.0.0.1', '']) assert.equal(isHere(host), false, host);
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) assert.equal(isHere(host), true, host);
  if (!address?.address.startsWith('127.')) return;
  await assert.rejects(open({ server: { host: name, user: 'us', password: 'secret' } }).send(mailOf()), refused(Unavailable, /No encrypted connection/));
  assert.equal(catcher.mails.length, 0);
}));

test('words for the record hold no address, in whatever way a server writes it', () => {
  const to = 'Ada.Lovelace+x@example.com';
  for (const said of [
    '550 5.1.1 <ada.lovelace+x@example.com>: unknown', '550 no mailbox "ADA.LOVELACE+X@EXAMPLE.COM" here', '550 user ada.lovelace+x unknown', "551 try 'someone.else@example.org'\r\n551 or write to postmaster@example.com", '550-a\n550 b ada.lovelace+x@example.com\u0007',
  ]) {
    const words = carrierWords(said, to);
    assert.doesNotMatch(words, /@|lovelace|[\r\n\p{C}]/iu, words);
    assert.match(words, /^55\d/);
  }
  assert.equal(carrierWords('550 no such user', 'no@example.com'), '550 no such user', 'a word of two letters is nobody\'s name');
  assert.ok(carrierWords('x'.repeat(5_000), to).length <= 240);
});
