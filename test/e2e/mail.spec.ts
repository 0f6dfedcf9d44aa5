/** Mails over SMTP, from the outbox to a real server on this machine: sent, sent again, bounced, given up, tried again by staff. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { partsOf, SmtpCatcher } from '../contracts/smtp-catcher.ts';
import { bytesOf, diskNow, eventsOf, invite, mailsTo, refusal, signUp, startOtp, tokenIn, verifyOtp, withSystem, type Started } from './system.ts';
import { mailRetriesMs } from '../../src/domain/mail/decide.ts';
import { day, minute, second, toEpochMs, type Instant } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const bob = 'bob@example.com';
const withSmtp = async (work: (started: Started, catcher: SmtpCatcher) => Promise<void>): Promise<void> => {
  const catcher = await new SmtpCatcher().listen();
  try {
    await withSystem((started) => work(started, catcher), { mail: { carrier: 'smtp', shown: 'smtp://127.0.0.1', server: { host: '127.0.0.1', port: catcher.port, secure: false } } });
  } finally {
    await catcher.close();
  }
};
const outbox = async (started: Started): Promise<any[]> => {
  await started.settled();
  return (await started.call('GET', '/mails', { token: started.operator })).json.items;
};

test('a sign-up by mail over SMTP: the token arrives, and the mailbox page shows the same mail', () => withSmtp(async (started, catcher) => {
  await invite(started, ada);
  const flowId = await startOtp(started, ada);
  await started.settled();
  const [caught] = catcher.mails;
  assert.ok(caught);
  assert.equal(caught.to, ada);
  const parts = partsOf(caught.raw);
  const answer = await verifyOtp(started, ada, flowId, tokenIn(parts['text/plain']));
  assert.equal(answer.json.status, 'payment-required', answer.text);
  const [shown] = await mailsTo(started, ada);
  assert.ok(shown);
  assert.deepEqual([shown.text, shown.html], [parts['text/plain'], parts['text/html']]);
  const [mail] = await outbox(started);
  assert.deepEqual([mail.status, mail.attempts, `${mail.id}@example.com`], ['sent', 1, caught.messageId]);
}));

test('a greylisting server gets the mail again after ten seconds; a lost answer sends it twice, under one Message-ID', () => withSmtp(async (started, catcher) => {
  await invite(started, ada);
  catcher.refuse('rcpt', 451, '4.7.1 greylisted');
  await startOtp(started, ada);
  assert.partialDeepStrictEqual((await outbox(started))[0], { status: 'queued', attempts: 1, lastError: 'The mail server asks to try again: 451 4.7.1 greylisted' });
  await started.advance(9 * second);
  assert.equal(catcher.mails.length, 0);
  await started.advance(second);
  assert.partialDeepStrictEqual((await outbox(started))[0], { status: 'sent', attempts: 2 });
  catcher.cutAfterData = 1;
  await startOtp(started, ada);
  await started.settled();
  await started.advance(10 * second);
  const ids = catcher.mails.map(({ messageId }) => messageId);
  assert.equal(ids.length, 3);
  assert.equal(ids[1], ids[2]);
  assert.notEqual(ids[0], ids[1]);
}));

test('a mailbox that does not exist is given up at once, with the server\'s words and without the address; staff may try again', () => withSmtp(async (started, catcher) => {
  await invite(started, ada);
  catcher.refuse('rcpt', 550, '5.1.1 <{to}>: no such user ada');
  await startOtp(started, ada);
  const [mail] = await outbox(started);
  assert.partialDeepStrictEqual(mail, { status: 'given up', attempts: 1, to: ada, lastError: 'The mail server refused it: 550 5.1.1 <the address>: no such user the address' });
  assert.deepEqual((await eventsOf(started, 'MailGivenUp')).map(({ reason }) => reason), [mail.lastError]);
  assert.partialDeepStrictEqual((await started.call('GET', `/mails/${mail.id}`, { token: started.operator })).json, { status: 'given up', lastError: mail.lastError });
  const disk = diskNow(started.data);
  for (const { name, text } of bytesOf(disk)) assert.ok(!text.includes(ada), `${ada} is in ${name}`);
  await rm(disk, { recursive: true });
  const retry = (): ReturnType<Started['call']> => started.call('POST', '/commands/RetryMail', { token: started.operator, body: { mailId: mail.id } });
  assert.deepEqual((await retry()).json.events.map(({ type }: { type: string }) => type), ['MailRetried']);
  assert.partialDeepStrictEqual((await outbox(started))[0], { status: 'sent', attempts: 2 });
  assert.equal(catcher.mails.length, 1);
  assert.deepEqual((await retry()).json.events, [], 'what has been sent is not sent again');
  refusal(await started.call('POST', '/commands/RetryMail', { token: started.operator, body: { mailId: `mail_${'1'.repeat(20)}` } }), 404, 'MailNotFound');
}));

test('tried again after the times of the table, then given up, then by staff through the table once more', () => withSmtp(async (started, catcher) => {
  await signUp(started, ada, 'succeeds-once');
  catcher.refuse('mail', 421, '4.3.0 out of order', 1_000);
  await started.advance(31 * day);
  const failures = await eventsOf(started, 'MailAttemptFailed');
  const ofOne = failures.filter(({ mailId }) => mailId === failures[0]?.mailId);
  await started.advance(day);
  const [givenUp] = await eventsOf(started, 'MailGivenUp');
  assert.ok(ofOne.length > 0 && givenUp);
  const tries = (await eventsOf(started, 'MailAttemptFailed')).filter(({ mailId }) => mailId === givenUp.mailId) as { retryAt: Instant; attempt: number }[];
  assert.deepEqual(tries.map(({ attempt }) => attempt), mailRetriesMs.map((_, n) => n + 1));
  const gaps = tries.slice(1).map(({ retryAt }, n) => toEpochMs(retryAt) - toEpochMs((tries[n] as { retryAt: Instant }).retryAt));
  for (const [n, gap] of gaps.entries()) assert.ok(Math.abs(gap - (mailRetriesMs[n + 1] as number)) < minute / 10, `${gap} for ${mailRetriesMs[n + 1]}`);
  assert.equal(givenUp.attempt, mailRetriesMs.length + 1);
  await started.call('POST', '/commands/RetryMail', { token: started.operator, body: { mailId: givenUp.mailId } });
  await started.settled();
  await started.advance(day);
  assert.equal((await eventsOf(started, 'MailGivenUp')).filter(({ mailId }) => mailId === givenUp.mailId).length, 2);
}));

test('one customer whose mail is stuck delays nobody else', () => withSmtp(async (started, catcher) => {
  for (const email of [ada, bob]) await invite(started, email);
  catcher.refuse('data', 451, '4.3.0 {to} later', 1);
  await startOtp(started, ada);
  await started.settled();
  await startOtp(started, bob);
  await started.settled();
  assert.deepEqual(catcher.mails.map(({ to }) => to), [bob]);
  await started.advance(10 * second);
  assert.deepEqual(catcher.mails.map(({ to }) => to), [bob, ada]);
}));

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
type Process = { readonly stdout: string; readonly stderr: string; readonly code: number | null };
const run = (args: readonly string[], environment: Readonly<Record<string, string>>, whenReady: (origin: string) => Promise<void>): Promise<Process> => new Promise((resolve, reject) => {
  const server = spawn(process.execPath, [main, '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], TOLLGATE_LOG_LEVEL: 'error', ...environment } });
  let [stdout, stderr, ready] = ['', '', false];
  server.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  server.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    const origin = /^Tollgate is ready at (\S+)/m.exec(stdout)?.[1];
    if (origin === undefined || ready) return;
    ready = true;
    void whenReady(origin).catch(reject).finally(() => server.kill('SIGTERM'));
  });
  server.once('close', (code) => resolve({ stdout, stderr, code }));
});
const inFolder = async (work: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-mail-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

test('the start line says where mails go; what a mock server may not promise is refused in one line', { timeout: 60_000 }, () => inFolder(async (folder) => {
  const started = await run(['--data', folder, '--mail', 'smtp://127.0.0.1:1025'], {}, async () => undefined);
  assert.match(started.stdout.split('\n')[0] ?? '', /\(mock mode: no real money or cluster; mails go to smtp:\/\/127\.0\.0\.1:1025 on this machine\)/);
  assert.equal(started.code, 0);
  await writeFile(join(folder, 'password'), 'secret\n');
  const password = { TOLLGATE_SMTP_PASSWORD_FILE: join(folder, 'password') };
  assert.equal((await run(['--data', folder], { ...password, TOLLGATE_MAIL: 'smtps://us@localhost:1025', TOLLGATE_MAIL_FROM: 'x@example.com' }, async () => undefined)).code, 0);
  for (const [args, environment, words] of [
    [['--mail', 'smtp://mail.example.com'], {}, /no mail leaves this machine.*mail\.example\.com/], [['--mail', 'smtp://us:secret@127.0.0.1'], {}, /must not hold a password.*TOLLGATE_SMTP_PASSWORD_FILE/],
    [['--mail', 'smtp://us@127.0.0.1'], {}, /user 'us'.*TOLLGATE_SMTP_PASSWORD_FILE/], [['--mail', 'smtp://us@127.0.0.1'], { TOLLGATE_SMTP_PASSWORD_FILE: join(folder, 'none') }, /cannot be read: ENOENT/],
    [['--mail', 'pigeon'], {}, /--mail must be/], [['--mail', 'http://127.0.0.1'], {}, /--mail must be/], [['--mail', 'smtp://127.0.0.1/x'], {}, /--mail must be/], [['--mail', 'smtp://'], {}, /--mail must be/],
    ...['', 'nobody', 'a@b, c@d', 'X <a@b> <c@d>', 'a@b\nBcc: c@d', '"X" <a@b>'].map((from) => [['--mail-from', from], {}, /--mail-from must be/] as const),
  ] as const) {
    const { code, stdout, stderr } = await run(['--data', folder, ...args], environment, async () => undefined);
    assert.deepEqual([code, stdout], [1, ''], `${args.join(' ')} ${stderr}`);
    assert.match(stderr, words);
    assert.doesNotMatch(stderr, /secret/);
    assert.equal(stderr.trimEnd().split('\n').length, /\n/.test(args.join('')) ? 2 : 1);
  }
}));

test('a carrier that does not answer does not hold up a stop; the mail goes after the next start', { timeout: 60_000 }, () => inFolder(async (folder) => {
  const catcher = await new SmtpCatcher().listen();
  const args = ['--data', folder, '--mail', `smtp://127.0.0.1:${catcher.port}`];
  try {
    catcher.silent = true;
    const { readFile } = await import('node:fs/promises');
    const stopped = await run(args, {}, async (origin) => {
      const post = (path: string, body: object, headers: Readonly<Record<string, string>> = {}) => fetch(`${origin}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
      await post('/commands/AddInvite', { email: ada }, { authorization: `Bearer ${(await readFile(join(folder, 'operator.token'), 'utf8')).trim()}` });
      assert.equal((await post('/sessions/otp', { email: ada })).status, 200);
      for (let tries = 0; catcher.connections === 0 && tries < 500; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(catcher.connections, 1);
    });
    assert.equal(stopped.code, 0, stopped.stderr);
    catcher.silent = false;
    const arrived = await run(args, {}, async (origin) => {
      const token = (await readFile(join(folder, 'operator.token'), 'utf8')).trim();
      const advance = await fetch(`${origin}/clock/advance`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: '{"duration":"1m"}' });
      await advance.text();
    });
    assert.equal(arrived.code, 0, arrived.stderr);
    assert.deepEqual(catcher.mails.map(({ to }) => to), [ada]);
  } finally {
    await catcher.close();
  }
}));
