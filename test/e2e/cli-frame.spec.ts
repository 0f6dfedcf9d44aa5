/** What all commands share, against a whole system: every exit code, dry runs, the watch, and Ctrl-C at every question on a real terminal. */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { invite, mailsTo, payByCard, signUp, storedEvents, tokenIn, verifySignup, withSystem, type Started } from './system.ts';
import { checkout, Machine, type Ended } from '../cli/run-cli.ts';
import { Terminal, withoutTerminal } from '../cli/terminal.ts';
import { Refused } from '../../src/domain/ports/failures.ts';

const ada = 'ada@example.com';
const cli = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const example = join(checkout, 'examples/hello-node');
const withMachine = (work: (started: Started, machine: Machine) => Promise<void>): Promise<void> => withSystem(async (started) => {
  using machine = new Machine({ TOLLGATE_URL: started.origin, TOLLGATE_CATALOG_FILE: join(checkout, 'cli/generated/catalog.json') });
  await work(started, machine);
});
const mailed = async (started: Started): Promise<string> => tokenIn((await mailsTo(started, ada)).find(({ text }) => tokenIn(text) !== '')?.text ?? '');
/** A customer, logged in on this machine with the CLI itself. */
const loggedIn = async (started: Started, machine: Machine): Promise<void> => {
  await signUp(started, ada);
  const run = machine.start(['login', '--otp', ada]);
  await run.said('one-time token to');
  run.type(await mailed(started));
  const { code, stderr } = await run.ended;
  assert.equal(code, 0, stderr);
};
const asOperator = (started: Started): Record<string, string> => ({ TOLLGATE_TOKEN_FILE: join(started.data, 'operator.token') });
const json = ({ stdout }: Ended): any => JSON.parse(stdout);

describe('the frame', { concurrency: 2 }, () => {
  test('every exit code there is, each by the command that ends with it', () => withMachine(async (started, machine) => {
    await loggedIn(started, machine);
    using stranger = new Machine({ TOLLGATE_URL: started.origin });
    await invite(started, 'bea@example.com');
    const unpaid = await verifySignup(started, 'bea@example.com');
    const plan = json(await machine.run(['plan', 'offer', 'extra', '--amount', '100', '--currency', 'USD', '--json'], '', asOperator(started)));
    const planId = plan.stream.slice(plan.stream.indexOf('.') + 1);
    const reprice = (amount: string, revision: string) => machine.run(['plan', 'reprice', planId, '--amount', amount, '--currency', 'USD', '--if-match', revision], '', asOperator(started));
    await machine.run(['run', example, '--name', 'taken']);
    const lines: readonly (readonly [code: number, what: string, run: () => Promise<Ended>])[] = [
      [0, 'done', () => machine.run(['whoami'])],
      [0, 'a write decided on what is there', () => reprice('200', '0')],
      [1, 'a failure of ours: the workload did not start', async () => {
        started.runtime.apply = async () => {
          throw new Refused('NoCommand', 'nothing here can be started');
        };
        return machine.run(['run', example, '--name', 'broken', '--wait']);
      }],
      [2, 'wrong usage', () => machine.run(['env', 'set', 'nowhere'])],
      [2, 'an unknown flag', () => machine.run(['status', '--wach'])],
      [3, 'refused by a rule', () => machine.run(['run', example, '--name', 'taken'])],
      [4, 'not found', () => machine.run(['status', 'nobody'])],
      [5, 'not signed in', () => stranger.run(['whoami'])],
      [5, 'not permitted', () => machine.run(['invite', 'list'])],
      [5, 'not invited', () => stranger.run(['login', '--otp', 'eve@example.com'], 'x\n')],
      [6, 'refused by the service level', async () => {
        const { writeFileSync, mkdirSync } = await import('node:fs');
        mkdirSync(join(stranger.home, 'tollgate'), { recursive: true });
        writeFileSync(stranger.configFile, JSON.stringify({ credentials: { [started.origin]: { signup: { email: 'bea@example.com', token: unpaid } } } }), { mode: 0o600 });
        return stranger.run(['run', example]);
      }],
      [7, 'gave up waiting', () => machine.run(['account', 'pay', '--timeout', '1ms'])],
      [8, 'somebody else was faster', () => reprice('300', '0')],
      [75, 'temporarily unavailable', () => machine.run(['invite', 'list'], '', { ...asOperator(started), TOLLGATE_URL: 'http://127.0.0.1:1' })],
      [130, 'interrupted', async () => {
        const run = machine.start(['account', 'pay']);
        await run.said('Waiting until the page is done');
        run.child.kill('SIGINT');
        return run.ended;
      }],
    ];
    for (const [code, what, run] of lines) {
      const ended = await run();
      assert.equal(ended.code, code, `${what}: ${ended.stderr}`);
      if (code === 0) continue;
      assert.notEqual(ended.stderr.trim(), '', `${what} is said`);
      assert.doesNotMatch(ended.stderr, /\bat .*:\d+:\d+/, `${what} shows no stack`);
    }
    assert.deepEqual([...new Set(lines.map(([code]) => code))], [0, 1, 2, 3, 4, 5, 6, 7, 8, 75, 130]);
  }));

  test('a refusal with --json is one document on stdout, the same as over HTTP, and the words on stderr', () => withMachine(async (started, machine) => {
    await loggedIn(started, machine);
    const ended = await machine.run(['status', 'nobody', '--json']);
    assert.partialDeepStrictEqual(json(ended), { status: 404, code: 'WorkloadNotFound' });
    const refused = await machine.run(['invite', 'revoke', 'nobody@example.com', '--json'], '', asOperator(started));
    assert.partialDeepStrictEqual(json(refused), { status: 404, code: 'InviteNotFound', type: 'urn:tollgate:problem:InviteNotFound' });
    assert.equal(refused.stderr, `${json(refused).detail}\n${json(refused).nextStep}\n`);
    await chmod(join(started.data, 'secrets/ids.key'), 0o644);
    const doctor = await machine.run(['doctor', '--json'], '', asOperator(started));
    assert.deepEqual([doctor.code, json(doctor).ok], [1, false], 'also where the document says itself what is wrong');
  }));

  test('a dry run of every write prints what it would append, and appends nothing', () => withMachine(async (started, machine) => {
    await loggedIn(started, machine);
    assert.equal((await machine.run(['run', example, '--name', 'hello', '--wait'])).code, 0);
    await started.settled();
    const { json: { items: [webhook] } } = await started.call('GET', '/webhooks', { token: started.operator });
    const before = (await storedEvents(started)).length;
    const operator = asOperator(started);
    for (const [args, types, environ = {}] of [
      [['run', example, '--name', 'other'], ['WorkloadRunRequested']],
      [['update', 'hello', join(checkout, 'examples/crasher')], ['WorkloadUpdated']],
      [['kill', 'hello'], ['WorkloadKillRequested']],
      [['account', 'cancel'], undefined],
      [['invite', 'add', 'new@example.com'], ['InviteAdded'], operator],
      [['webhook', 'replay', webhook.id], ['WebhookReplayed'], operator],
    ] as const) {
      const { code, stdout, stderr } = await machine.run([...args, '--dry-run', '--json'], '', environ);
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
      const answer = JSON.parse(stdout) as { dryRun: boolean; events: { type: string }[] };
      if (types) assert.deepEqual([answer.dryRun, answer.events.map(({ type }) => type)], [true, types], args.join(' '));
      else assert.ok(answer.events.length > 0, args.join(' '));
    }
    await started.settled();
    assert.equal((await storedEvents(started)).length, before);
    assert.match((await machine.run(['kill', 'hello', '--dry-run'])).stdout, /^WorkloadKillRequested {2}\{/);
  }));

  test('--verbose tells what was asked, how it was answered and under which id, and never a credential', () => withMachine(async (started, machine) => {
    await loggedIn(started, machine);
    const { stdout, stderr, code } = await machine.run(['whoami', '--verbose', '--json']);
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).email, ada);
    assert.match(stderr, /^-- GET http:\/\/127\.0\.0\.1:\d+\/sessions\/whoami: 200 after \d+ ms, correlation id [\w-]+\n$/);
    const refused = await machine.run(['status', 'wl_0123456789abcdefghjk', '--verbose']);
    assert.match(refused.stderr, /Correlation id: [\w-]+\n$/);
    assert.ok(!`${stderr}${refused.stderr}`.includes(machine.config().credentials[started.origin]?.customer?.accessToken ?? 'none'));
  }));

  test('status --watch: a line for each change as it happens, and the end of what was watched', () => withMachine(async (started, machine) => {
    await loggedIn(started, machine);
    const all = machine.start(['status', '--watch', '--json']);
    const seen = async (text: string): Promise<void> => {
      while (!all.stdout.includes(text)) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    assert.equal((await machine.run(['run', example, '--name', 'hello', '--wait'])).code, 0);
    await seen('"state":"running"');
    const one = machine.start(['status', 'hello', '--watch']);
    while (!one.stdout.includes('running')) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((await machine.run(['kill', 'hello'])).code, 0);
    const ended = await one.ended;
    assert.equal(ended.code, 0);
    assert.match(ended.stderr, /hello is removed\./);
    all.child.kill('SIGINT');
    const { code, stdout } = await all.ended;
    assert.equal(code, 130);
    const states = stdout.trimEnd().split('\n').map((line) => JSON.parse(line).state as string);
    assert.ok(states.includes('running') && states.indexOf('running') <= states.length - 1);
    assert.equal((await started.call('GET', '/workloads', { token: started.operator })).json.items.length, 0);
  }));
});

describe('on a terminal', { concurrency: 2, skip: withoutTerminal }, () => {
  const open = (machine: Machine, args: readonly string[], columns?: number): Terminal => new Terminal([process.execPath, cli, ...args], machine.environ, columns);

  test('Ctrl-C at every question ends with 130 and says how to go on, and what was done so far is kept', () => withMachine(async (started, machine) => {
    await invite(started, ada);
    const interrupted = async (args: readonly string[], question: string, says: string, before: (terminal: Terminal) => Promise<void> = async () => undefined): Promise<void> => {
      using terminal = open(machine, args);
      await before(terminal);
      await terminal.shows(question);
      terminal.press('\x03');
      assert.equal(await terminal.ended, 130, `${args.join(' ')} at '${question}': ${terminal.screen}`);
      assert.ok(terminal.screen.includes(says), `${args.join(' ')} at '${question}': ${terminal.screen}`);
    };
    await interrupted(['signup'], 'E-mail:', 'tollgate signup EMAIL');
    await interrupted(['signup', ada], 'Password:', `tollgate signup ${ada}`);
    await interrupted(['login'], 'E-mail:', 'tollgate login EMAIL');
    await interrupted(['login', ada], 'Password:', `tollgate login ${ada}`);
    await interrupted(['login', '--otp', ada], 'Please paste it here:', `tollgate login --otp ${ada}`);
    await interrupted(['login', '--otp', ada], 'or just finish the page:', `tollgate login --otp ${ada}`, async (terminal) => {
      await terminal.shows('Please paste it here:');
      terminal.press(`${await mailed(started)}\r`);
    });
    using again = open(machine, ['login', '--otp', ada]);
    await again.shows('Going on with the sign-up'); // no second one-time token
    await payByCard(started, ada, 'succeeds');
    assert.equal(await again.ended, 0);
    await interrupted(['password', 'change'], 'New password:', 'tollgate password change');
    await interrupted(['password', 'reset'], 'E-mail:', 'tollgate password reset EMAIL');
    await interrupted(['password', 'reset', ada], 'Please paste it here:', `tollgate password reset ${ada}`);
    await interrupted(['account', 'cancel'], "Type 'yes' to cancel:", 'tollgate account cancel');
    await interrupted(['account', 'pay'], 'Waiting until the page is done', 'tollgate account show');
    assert.equal((await machine.run(['whoami'])).code, 0);
  }));

  test('tables fit 60 columns, long values wrap, what is piped is whole; without colour where none is wanted', () => withMachine(async (started, machine) => {
    await loggedIn(started, machine);
    assert.equal((await machine.run(['run', example, '--name', 'a-workload-with-quite-a-long-name', '--wait'])).code, 0);
    const visible = (text: string): string[] => stripVTControlCharacters(text).split(/\r?\n/);
    for (const args of [['status'], ['account', 'show'], ['namespace', 'list'], ['workload', 'list'], ['doctor'], ['env', 'list']]) {
      using terminal = open(machine, args, 60);
      assert.equal(await terminal.ended, 0);
      const tooLong = visible(terminal.screen).filter((line) => line.length > 60 && !line.startsWith('Isolation') && !/ \S{40,}$/.test(line)) // one word that is longer is not torn;
      assert.deepEqual(tooLong, [], `${args.join(' ')}:\n${terminal.screen}`);
    }
    const [, row = ''] = (await machine.run(['status'])).stdout.split('\n');
    assert.match(row, /^a-workload-with-quite-a-long-name +running +http:\/\/127\.0\.0\.1:\d+ +\d{4}-/);
    const coloured = async (args: readonly string[], more: Record<string, string> = {}): Promise<boolean> => {
      using terminal = new Terminal([process.execPath, cli, ...args], { ...machine.environ, ...more });
      await terminal.ended;
      return terminal.screen.includes('\u001b[');
    };
    assert.deepEqual([await coloured(['status']), await coloured(['status'], { NO_COLOR: '1' }), await coloured(['status'], { TERM: 'dumb' }), await coloured(['status', '--no-color'])], [true, false, false, false]);
  }));

  test('status --watch draws the picture anew at each change', () => withMachine(async (started, machine) => {
    await loggedIn(started, machine);
    using terminal = open(machine, ['status', '--watch'], 100);
    await terminal.shows('Nothing runs here.');
    assert.equal((await machine.run(['run', example, '--name', 'hello', '--wait'])).code, 0);
    await terminal.shows(/hello +\S*running/);
    const before = terminal.screen.length;
    assert.equal((await machine.run(['kill', 'hello'])).code, 0);
    await terminal.shows('Nothing runs here.', before);
    assert.ok(terminal.screen.includes('\u001b[H\u001b[2J'));
    terminal.press('\x03');
    assert.equal(await terminal.ended, 130);
  }));
});
