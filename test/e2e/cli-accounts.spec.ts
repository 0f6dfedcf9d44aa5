/** The command line against a whole system: signing up with a password, logging in, changing and resetting it, two machines on one sign-up. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { invite, mailsTo, payByCard, signUp, tokenIn, verifySignup, withSystem, type Started } from './system.ts';
import { Machine, type Ended, type Run } from '../cli/run-cli.ts';
import { minute, second } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const first = 'ada likes engines';
const next = 'engines like ada';
const withMachines = (count: number, work: (started: Started, ...machines: Machine[]) => Promise<void>): Promise<void> => withSystem(async (started) => {
  const machines = Array.from({ length: count }, () => new Machine({ TOLLGATE_URL: started.origin }));
  try {
    await work(started, ...machines);
  } finally {
    for (const machine of machines) machine[Symbol.dispose]();
  }
});
/** The newest one-time token of this kind, once its mail is there. */
const mailed = async (started: Started, subject = 'one-time token'): Promise<string> => tokenIn((await mailsTo(started, ada)).find((mail) => mail.subject.includes(subject))?.text ?? '');
const typed = (run: Run, ...lines: string[]): void => lines.forEach((line) => run.type(line));
const done = async (run: Run | Promise<Ended>): Promise<Ended> => {
  const ended = await ('ended' in run ? run.ended : run);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
};
const who = async (machine: Machine): Promise<any> => JSON.parse((await machine.run(['whoami', '--json'])).stdout);

test('signup: e-mail, password twice (again when they differ), one-time token, payment; then the password logs in elsewhere', () => withMachines(2, async (started, laptop, desktop) => {
  await invite(started, ada);
  const run = laptop.start(['signup']);
  typed(run, ada, first, 'ada likes engine', first, first);
  await run.said('one-time token to');
  assert.match(run.stderr, /The two differ/);
  run.type(await mailed(started));
  await run.said('/subscribe');
  await payByCard(started, ada, 'succeeds');
  const { stdout, stderr } = await done(run);
  assert.match(stderr, /sign-up is complete/);
  assert.match(stdout, /Logged in as ada@example\.com/);
  for (const text of [stdout, stderr]) assert.ok(!text.includes(first), 'a password is never said again');
  assert.match((await done(desktop.run(['login', ada], `${first}\n`))).stdout, /Logged in as ada@example\.com/);
  assert.deepEqual((await who(desktop)).account, (await who(laptop)).account);
}));

test('an interrupted signup goes on on the same machine without a one-time token, on another with one; the password stays', () => withMachines(2, async (started, laptop, desktop) => {
  await invite(started, ada);
  const run = laptop.start(['signup', ada]);
  typed(run, first, first);
  await run.said('one-time token to');
  run.type(await mailed(started));
  await run.said('/subscribe');
  run.child.kill('SIGINT');
  const interrupted = await run.ended;
  assert.equal(interrupted.code, 130);
  assert.match(interrupted.stderr, /Go on with: tollgate signup ada@example\.com/);
  const elsewhere = desktop.start(['login', '--otp', ada]);
  await elsewhere.said('one-time token to');
  elsewhere.type(await mailed(started));
  await elsewhere.said('/subscribe');
  const again = laptop.start(['signup', ada]);
  await again.said('/subscribe');
  assert.match(again.stderr, /Going on with the sign-up/);
  await payByCard(started, ada, 'succeeds');
  await done(elsewhere);
  await done(again);
  assert.equal((await who(desktop)).account, (await who(laptop)).account);
  await done(desktop.run(['login', ada], `${first}\n`));
}));

test('a second machine picks a sign-up up while the first still waits: one account, one charge, both logged in', () => withMachines(2, async (started, laptop, desktop) => {
  await invite(started, ada);
  const waiting = laptop.start(['login', '--otp', ada]);
  await waiting.said('one-time token to');
  waiting.type(await mailed(started));
  await waiting.said('/subscribe');
  const other = desktop.start(['login', '--otp', ada]);
  await other.said('one-time token to');
  other.type(await mailed(started));
  await other.said('/subscribe');
  other.type(await payByCard(started, ada, 'succeeds'));
  await done(other);
  await done(waiting);
  assert.equal((await who(desktop)).account, (await who(laptop)).account);
  assert.equal(started.adapters.payments.charges().length, 1);
  assert.equal((await started.call('GET', '/accounts', { token: started.operator })).json.items.length, 1);
}));

test('login: a wrong password exits 5 and says the other ways; too many exit 3 with the time of the next try', () => withMachines(1, async (started, laptop) => {
  await signUp(started, ada);
  const wrong = await laptop.run(['login', ada], 'a wrong guess\n');
  assert.equal(wrong.code, 5);
  assert.match(wrong.stderr, /do not go together/);
  assert.match(wrong.stderr, /login --otp EMAIL.*password reset EMAIL/);
  for (let n = 0; n < 4; n += 1) await laptop.run(['login', ada], 'a wrong guess\n');
  const refused = await laptop.run(['login', ada], 'a wrong guess\n');
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /next try is possible at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
  const none = await laptop.run(['login', ada], '');
  assert.equal(none.code, 3);
  assert.match(none.stderr, /no answer to 'Password'/);
  const silent = await laptop.run(['login', ada, '--no-input']);
  assert.equal(silent.code, 2);
  assert.match(silent.stderr, /--otp EMAIL/);
  assert.equal((await laptop.run(['login', 'nonsense'])).code, 2, 'a word that is neither verb nor address');
}));

test('password change: the first one right after logging in, then with the old one', () => withMachines(1, async (started, laptop) => {
  await signUp(started, ada);
  const login = laptop.start(['login', '--otp', ada]);
  await login.said('one-time token to');
  login.type(await mailed(started));
  await done(login);
  const old = (await who(laptop)).account;
  const short = await laptop.run(['password', 'change'], `short\n${first}\n${first}\n`);
  assert.equal(short.code, 0, short.stderr);
  assert.match(short.stderr, /too short/);
  assert.match(short.stdout, /is set/);
  assert.equal((await laptop.run(['password', 'change'], `not the old one\n${next}\n${next}\n`)).code, 5);
  assert.match((await done(laptop.run(['password', 'change'], `${first}\n${next}\n${next}\n`))).stdout, /is changed/);
  assert.match((await laptop.run(['password', 'change'], `${next}\npassword123\npassword123\n${first}\n${first}\n`)).stderr, /tried first/);
  const before = laptop.config().credentials[started.origin]?.customer?.accessToken ?? '';
  await done(laptop.run(['login', ada], `${first}\n`));
  assert.equal((await who(laptop)).account, old);
  assert.equal((await started.call('GET', '/sessions/whoami', { token: before })).status, 401, 'the session that was replaced is over');
}));

test('the session that a login replaces is ended, whatever state it is in, and never the new one', () => withMachines(1, async (started, laptop) => {
  await signUp(started, ada);
  const login = laptop.start(['login', '--otp', ada]);
  await login.said('one-time token to');
  login.type(await mailed(started));
  await done(login);
  await done(laptop.run(['password', 'change'], `${first}\n${first}\n`));
  const replaced = laptop.config().credentials[started.origin]?.customer;
  await started.advance(20 * minute); // its access token has run out
  await done(laptop.run(['login', ada], `${first}\n`));
  await who(laptop);
  assert.equal((await started.call('POST', '/sessions/refresh', { body: { refreshToken: replaced?.refreshToken } })).status, 401, 'the old one is over');
  const run = laptop.start(['password', 'reset', ada]);
  await run.said('paste it here');
  typed(run, await mailed(started, 'new Tollgate password'), next, next);
  await done(run);
  await who(laptop); // the reset had ended the one of before
}));

test('password reset: token by mail, new password twice, logged in; the answer is the same for an address nobody has', () => withMachines(2, async (started, laptop, desktop) => {
  const customer = await signUp(started, ada);
  const run = laptop.start(['password', 'reset', ada]);
  await run.said('paste it here');
  await started.advance(second);
  typed(run, 'nonsense', '0'.repeat(40), first, first, await mailed(started, 'new Tollgate password'));
  const { stdout, stderr } = await done(run);
  assert.match(stderr, /no one-time token/);
  assert.match(stderr, /not valid/);
  assert.match(stdout, /Logged in as ada@example\.com/);
  assert.equal((await started.call('GET', '/sessions/whoami', { token: customer.access })).status, 401);
  const nobody = desktop.start(['password', 'reset', 'nobody@example.com']);
  await nobody.said('paste it here');
  assert.equal(nobody.stderr.split('\n')[0], run.stderr.split('\n')[0]?.replaceAll(ada, 'nobody@example.com'));
  nobody.endInput();
  assert.equal((await nobody.ended).code, 3);
}));

test('login recover mails the namespaces; at once again it says when', () => withMachines(1, async (started, laptop) => {
  const { namespace } = await signUp(started, ada);
  assert.match((await done(laptop.run(['login', 'recover', ada]))).stdout, /on its way/);
  assert.ok((await mailsTo(started, ada)).some(({ text }) => text.includes(namespace)));
  const again = await laptop.run(['login', 'recover', ada]);
  assert.equal(again.code, 3);
  assert.match(again.stderr, /issued recently.*at \d{4}/);
  await started.advance(minute);
  await done(laptop.run(['login', 'recover', 'nobody@example.com']));
}));

test('account sessions: where one is logged in; another one is ended; invoices are listed', () => withMachines(2, async (started, laptop, desktop) => {
  await invite(started, ada);
  const token = await verifySignup(started, ada);
  await started.call('POST', '/sessions/password/change', { token, body: { password: first } });
  await started.call('POST', '/sessions/payment', { token, body: { paymentToken: await payByCard(started, ada, 'succeeds') } });
  await started.settled();
  await done(laptop.run(['login', ada], `${first}\n`));
  await done(desktop.run(['login', ada], `${first}\n`));
  await started.settled();
  const { items } = JSON.parse((await done(laptop.run(['account', 'sessions', '--json']))).stdout) as { items: { id: string; current: boolean }[] };
  const other = items.find(({ current }) => !current);
  assert.equal(items.length, 2);
  await done(laptop.run(['account', 'sessions', '--close', other?.id ?? '']));
  assert.equal((await desktop.run(['whoami'])).code, 5);
  await done(laptop.run(['whoami']));
  assert.match((await done(laptop.run(['account', 'invoices']))).stdout, /35\.00 USD +paid/);
}));
