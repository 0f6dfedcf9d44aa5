/**
 * Every secret and every address of a full journey, on a real server with the real command line: searched for afterwards in all that could hold them.
 * They may be in `operator.token`, in `DATA/secrets/`, in `keys.db` (wrapped, so not as text), and in the command line's own file, which nobody else may read.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import { firstLine, Machine, type Ended, type Run } from '../cli/run-cli.ts';
import { partsOf, SmtpCatcher } from '../contracts/smtp-catcher.ts';
import { bytesOf } from '../e2e/system.ts';
import { ServerProcess } from '../faults/server-process.ts';
import { processes } from '../git/processes.ts';

const address = 'Eve.Margarethe+tollgate@Example.org';
/** What is looked for in the forms that it may take: as typed, and as it is kept. */
const addressForms = [address, address.toLowerCase(), 'eve.margarethe', 'Eve.Margarethe'];
const smtpPassword = 'smtp-relay-Zm9vYmFy';
const [password, nextPassword, resetPassword] = ['Rosinante-geht-ueber-91', 'Dulcinea-wartet-lange-17', 'Sancho-reitet-heim-2604'];
const wrongPassword = 'Windmuehle-nicht-Riese-3';
const gitToken = 'glpat-Qm9ja3NiZXV0ZWw';
const workloadSecret = 'sk-live-Tm9yZHdpbmQ';

const ended = async (run: Run | Promise<Ended>): Promise<Ended> => {
  const result = await ('ended' in run ? run.ended : run);
  assert.equal(result.code, 0, result.stderr);
  return result;
};

test('after a full journey, secrets and addresses are where they belong, and nowhere else', { timeout: 180_000 }, async () => {
  const home = mkdtempSync(join(tmpdir(), 'tollgate-secrets-'));
  const catcher = await new SmtpCatcher({ onAuth: (auth, _session, done) => (auth.password === smtpPassword ? done(null, { user: auth.username }) : done(new Error('wrong password'))) }).listen();
  const passwordFile = join(home, 'smtp-password');
  writeFileSync(passwordFile, `${smtpPassword}\n`, { mode: 0o600 });
  const server = new ServerProcess(join(home, 'data'), { arguments: ['--mail', `smtp://tollgate@127.0.0.1:${catcher.port}`], environment: { TOLLGATE_LOG_LEVEL: 'debug', TOLLGATE_SMTP_PASSWORD_FILE: passwordFile } });
  /** Everything that was said to anybody, named. */
  const said: [string, string][] = [];
  const secrets = new Map<string, string>([['the password of the SMTP server', smtpPassword], ['a password', password], ['the next password', nextPassword], ['the password after the reset', resetPassword], ['a wrong guess', wrongPassword], ['a credential for git', gitToken], ['a secret of the workload', workloadSecret]]);
  const watched = new Map<string, string>();
  const watching = setInterval(() => {
    for (const { pid, command, environment } of processes()) watched.set(`${pid} ${command}`, environment);
  }, 25);
  using machine = new Machine();
  const mailed = async (about: RegExp): Promise<string> => {
    for (let looks = 0; looks < 600; looks += 1) {
      const found = catcher.mails.splice(0).map(({ raw }) => partsOf(raw)['text/plain']).filter((text) => about.test(text)).map((text) => /\b[0-9a-f]{40}\b/.exec(text)?.[0]).find((token) => token !== undefined);
      if (found !== undefined) {
        secrets.set(`a token by mail (${about.source})`, found);
        return found;
      }
      await sleep(50);
    }
    throw new Error(`no mail about ${about}`);
  };
  try {
    await server.start();
    machine.environ['TOLLGATE_URL'] = server.origin;
    secrets.set('the operator token', server.operator);
    const operator = { TOLLGATE_TOKEN_FILE: join(server.data, 'operator.token') };
    const staff = async (method: string, path: string, body?: object): Promise<void> => {
      const { text } = await server.ask(method, path, { token: server.operator, ...(body ? { body } : {}) });
      said.push([`${method} ${path}`, text]);
    };
    assert.equal((await server.ask('POST', '/commands/AddInvite', { token: server.operator, body: { email: address } })).status, 200);

    // The journey, typed.
    const login = machine.start(['login', '--otp', address]);
    await login.said('one-time token to');
    const otp = await mailed(/sign|token/i);
    login.type(`${otp.slice(1)}0`);
    login.type(otp);
    await login.said('/subscribe');
    const checkout = (await server.ask('POST', '/subscribe', { form: { email: address } })).headers.get('location') ?? '';
    const done = (await server.ask('POST', checkout, { form: { card: 'succeeds' } })).headers.get('location') ?? '';
    const paymentToken = /data-payment-token[^>]*>([^<]*)</.exec((await server.ask('GET', done)).text)?.[1] ?? '';
    secrets.set('the payment token', /\.([0-9a-f]{40})$/.exec(paymentToken)?.[1] ?? '');
    login.type(paymentToken);
    await ended(login);
    await ended(machine.run(['password', 'change'], `${password}\n${password}\n`));
    await ended(machine.run(['password', 'change'], `${password}\n${nextPassword}\n${nextPassword}\n`));
    const guess = await machine.run(['login', address], `${wrongPassword}\n`);
    assert.equal(guess.code, 5);
    said.push(['a refused login', firstLine(guess.stderr)]);
    const reset = machine.start(['password', 'reset', address]);
    await reset.said('paste it here');
    for (const line of [await mailed(/new .*password/i), resetPassword, resetPassword]) reset.type(line);
    assert.match((await ended(reset)).stdout, /Logged in as/);
    await ended(machine.run(['git', 'credential', 'set', 'git.example.org', '--username', 'eve'], `${gitToken}\n`));
    const source = join(home, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'run'), '#!/bin/sh\necho up\nsleep 1000\n', { mode: 0o755 });
    writeFileSync(join(home, 'settings'), `API_KEY=${workloadSecret}\n`, { mode: 0o600 });
    await ended(machine.run(['run', source, '--name', 'hello', '--env-file', join(home, 'settings'), '--wait']));
    for (const words of [['status'], ['account', 'show'], ['account', 'invoices'], ['logs', 'hello']]) await ended(machine.run(words));
    const { accessToken = '', refreshToken = '' } = machine.config().credentials[server.origin]?.customer ?? {};
    secrets.set('the access token', accessToken).set('the refresh token', refreshToken.split('.').at(-1) ?? '');
    await server.ask('POST', '/clock/advance', { token: server.operator, body: { duration: '40d' } });
    await ended(machine.run(['account', 'show']));

    // What staff, scrapers and callers who are refused are told.
    for (const path of ['/metrics', '/audit/log', '/doctor', '/webhooks', '/signups', '/workloads', '/subscriptions', '/mails']) await staff('GET', path);
    for (const { method, path, body } of [{ method: 'POST', path: '/sessions/otp/verify', body: { email: address, flowId: 'x', token: otp } }, { method: 'POST', path: '/sessions/payment', body: { paymentToken } }, { method: 'POST', path: '/sessions/refresh', body: { refreshToken, more: refreshToken } }, { method: 'POST', path: '/sessions/login', body: { email: [address], password: [password] } }]) said.push([`${method} ${path}, refused`, (await server.ask(method, path, { body })).text]);
    said.push(['doctor', (await machine.run(['doctor'], '', operator)).stdout]);
    await ended(machine.run(['kill', 'hello']));
    await server.end('SIGTERM');
    rmSync(join(server.data, 'operator.token'));
    await server.start();
    secrets.set('the operator token made next', server.operator);
    await staff('GET', '/doctor');
    await server.end('SIGTERM');
  } finally {
    clearInterval(watching);
    await server.end('SIGKILL');
    await catcher.close();
  }

  try {
    for (const [what, secret] of secrets) assert.ok(secret.length >= 16, `${what} is none: '${secret}'`);
    const looked = [...secrets, ...addressForms.map((form): [string, string] => ['the address', form])];
    said.push(['the log', server.errors]);
    assert.ok(server.errors.split('\n').length > 50, 'the log is one');
    for (const [where, text] of said) for (const [what, secret] of looked) {
      if (what === 'the address' && ['GET /mails', 'GET /signups', 'doctor'].includes(where)) continue; // staff may know whom they serve, and the doctor says who is logged in here
      assert.ok(!text.includes(secret), `${what} is in ${where}`);
    }
    assert.ok(watched.size > 20);
    for (const [seen, environment] of watched) for (const [what, secret] of secrets) {
      assert.ok(!seen.includes(secret), `${what} is in the command line ${seen}`);
      if (!/\brun\b|sleep 1000/.test(seen) || secret !== workloadSecret) assert.ok(!environment.includes(secret), `${what} is in the environment of ${seen}`);
    }
    const allowed = (name: string): boolean => name === 'operator.token' || name.startsWith('secrets/');
    const files = bytesOf(server.data).map(({ name, text }) => ({ name: relative(server.data, name), text }));
    for (const name of ['events.db', 'models.db', 'keys.db', 'operator.token']) assert.ok(files.some((file) => file.name === name && file.text.length > 0), `${name} is there`);
    for (const { name, text } of files) if (!allowed(name)) for (const [what, secret] of looked) assert.ok(!text.includes(secret), `${what} is in ${name}`);
    const keys = new DatabaseSync(join(server.data, 'keys.db'), { readOnly: true });
    assert.ok((keys.prepare("select count(*) as n from sqlite_schema where type = 'table'").get() as { n: number }).n > 0);
    keys.close();
    for (const name of ['operator.token', 'secrets', 'keys.db']) assert.equal(statSync(join(server.data, name)).mode & 0o077, 0, `others cannot read ${name}`);
    assert.equal(statSync(machine.configFile).mode & 0o777, 0o600);
    const kept = bytesOf(machine.home).map(({ name, text }) => ({ name: relative(machine.home, name), text })).filter(({ name }) => name !== relative(machine.home, machine.configFile));
    for (const { name, text } of kept) for (const [what, secret] of looked) assert.ok(!text.includes(secret), `${what} is in ${name} of the command line`);
    assert.ok(existsSync(machine.configFile));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
