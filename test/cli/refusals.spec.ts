import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { Machine, firstLine } from './run-cli.ts';
import { StandIn, problem, session } from './stand-in.ts';

const signedIn = (machine: Machine, url: string, credentials: object = { customer: session() }): void => {
  mkdirSync(dirname(machine.configFile), { recursive: true });
  writeFileSync(machine.configFile, JSON.stringify({ format: 1, env: 'server', envs: {}, credentials: { [url]: credentials } }));
};

describe('refusals', { concurrency: 4 }, () => {
  test('defect 19: not logged in: the words, the env and the address in use, exit 5, for every verb of a customer', async () => {
    using machine = new Machine();
    for (const args of [['run', '.'], ['status'], ['logs', 'x'], ['update', 'x'], ['kill', 'x'], ['whoami'], ['account', 'show'], ['account', 'pay'], ['namespace', 'list'], ['invite', 'list']]) {
      const { code, stderr, stdout } = await machine.run(args);
      assert.equal(code, 5, args.join(' '));
      assert.equal(firstLine(stderr), "not logged in to env 'server' at 'http://127.0.0.1:8081', see 'tollgate login help'", args.join(' '));
      assert.equal(stdout, '');
    }
    await machine.run(['env', 'add', 'mine', 'https://mine.example.com']);
    assert.equal(firstLine((await machine.run(['whoami'], '', { TOLLGATE_ENV: 'mine' })).stderr), "not logged in to env 'mine' at 'https://mine.example.com', see 'tollgate login help'");
  });

  test('the exit code follows the status; what, why and the next step are two lines; --json has the problem as well', async () => {
    await using standIn = await StandIn.start();
    using machine = new Machine({ TOLLGATE_URL: standIn.url });
    signedIn(machine, standIn.url);
    const expected = { 400: 2, 402: 6, 403: 5, 404: 4, 409: 3, 410: 3, 412: 8, 413: 3, 422: 3, 429: 3, 500: 1, 503: 75 } as const;
    for (const [status, exit] of Object.entries(expected)) {
      standIn.on('GET /account', { ...problem(Number(status), 'SomeCode', 'this is why', 'Do that.'), headers: { 'retry-after': '0' } });
      const { code, stderr, stdout } = await machine.run(['account', 'show', '--json']);
      assert.equal(code, exit, status);
      assert.equal(stderr, `this is why\nDo that.\n${status === '500' ? 'Correlation id: cor_1\n' : ''}`);
      assert.equal((JSON.parse(stdout) as { code: string }).code, 'SomeCode');
    }
  });

  test('who has not paid is told so in the fixed words, before anything is packed', async () => {
    await using standIn = await StandIn.start();
    using machine = new Machine({ TOLLGATE_URL: standIn.url });
    signedIn(machine, standIn.url, { signup: { email: 'ada@example.com', token: 'signup-token' } });
    standIn.on('GET /gate', ({ headers }) => (headers.authorization === 'Bearer signup-token' ? { body: { allow: false, level: 'unpaid', reason: 'payment required', nextStep: "See 'tollgate account help'." } } : problem(401, 'NotSignedIn', 'who?')));
    standIn.on('GET /account', problem(402, 'PaymentRequired', 'payment required', "See 'tollgate account help'.", { level: 'unpaid' }));
    for (const args of [['run', '.'], ['account', 'show']]) {
      const { code, stderr } = await machine.run(args);
      assert.equal(code, 6);
      assert.equal(firstLine(stderr), "payment required, see 'tollgate account help'");
    }
    assert.equal(standIn.of('PUT /sources').length, 0);
  });

  test('a limited level says what is limited and what restores it', async () => {
    await using standIn = await StandIn.start();
    using machine = new Machine({ TOLLGATE_URL: standIn.url });
    signedIn(machine, standIn.url);
    standIn.on('GET /gate', { body: { allow: false, level: 'limited', reason: 'limited: a payment was missed', nextStep: "Pay with 'tollgate account pay'." } });
    const { code, stderr, stdout } = await machine.run(['run', '.', '--json']);
    assert.equal(code, 6);
    assert.equal(stderr, "limited: a payment was missed\nPay with 'tollgate account pay'.\n");
    assert.equal((JSON.parse(stdout) as { level: string }).level, 'limited');
  });

  test('a server that is not there: 75, and what to do', async () => {
    using machine = new Machine({ TOLLGATE_URL: 'http://127.0.0.1:1' });
    signedIn(machine, 'http://127.0.0.1:1');
    const { code, stderr } = await machine.run(['whoami']);
    assert.equal(code, 75);
    assert.equal(stderr, "cannot reach 'http://127.0.0.1:1' (connection refused)\nIs the server running? Start it with 'npm start', or choose another: 'tollgate env list'.\n");
  });

  test('wrong usage: 2, a suggestion, and where to read on', async () => {
    using machine = new Machine();
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['verison'], "unknown command 'verison'; did you mean 'version'?\nSee 'tollgate --help'.\n"],
      [['help', 'verison'], "unknown command 'verison'; did you mean 'version'?\nSee 'tollgate --help'.\n"],
      [['help', 'env', 'lsit'], "unknown command 'lsit'; did you mean 'list'?\nSee 'tollgate env --help'.\n"],
      [['env', 'lsit'], "unknown command 'lsit'; did you mean 'list'?\nSee 'tollgate env --help'.\n"],
      [['invite', 'ad'], "unknown command 'ad'; did you mean 'add'?\nSee 'tollgate invite --help'.\n"],
      [['status', '--wach'], "unknown option '--wach'; did you mean '--watch'?\nSee 'tollgate status --help'.\n"],
      [['env', 'set'], "missing required argument 'name'\nSee 'tollgate env set --help'.\n"],
      [['login', '--no-input'], "'E-mail' cannot be asked: --no-input forbids it\nGive the answers on standard input, one line each; or use 'tollgate login --otp EMAIL'.\n"],
      [['login', '--otp', 'a@b', '--timeout', 'soon'], "--timeout must be a duration like 90s, 10m or 2h, not 'soon'\nFor example --timeout 10m.\n"],
      [['plan', 'offer', 'dev', '--amount', 'x'], "--amount must be a whole number, not 'x'\nSee 'tollgate plan offer --help'.\n"],
      [['plan', 'offer', 'dev', '--amount', '1'], "--currency is missing: Currency of the price\nSee 'tollgate plan offer --help'.\n"],
      [['invite', 'switch', 'maybe'], "to must be one of on, off, not 'maybe'\nSee 'tollgate invite switch --help'.\n"],
      [['invite', 'list', '--token-file', '/nowhere'], "token file '/nowhere' cannot be read (ENOENT)\nIt is the file operator.token in the server's data folder.\n"],
    ];
    for (const [args, stderr] of cases) assert.deepEqual(await machine.run(args), { code: 2, stdout: '', stderr });
    const json = await machine.run(['verison', '--json']);
    assert.equal((JSON.parse(json.stdout) as { code: string }).code, 'WrongUsage');
  });

  test('control characters of an answer do not reach the terminal', async () => {
    await using standIn = await StandIn.start();
    using machine = new Machine({ TOLLGATE_URL: standIn.url });
    signedIn(machine, standIn.url);
    standIn.on('GET /account', problem(409, 'SomeCode', 'a\u001b[2Jb\nc'));
    assert.equal(firstLine((await machine.run(['account', 'show'])).stderr), 'a\ufffd[2Jb c');
  });

  test('something else than a Tollgate server is named as such', async () => {
    await using standIn = await StandIn.start();
    using machine = new Machine({ TOLLGATE_URL: standIn.url });
    signedIn(machine, standIn.url);
    standIn.on('GET /account', { status: 418, body: 'teapot' });
    assert.match((await machine.run(['account', 'show'])).stderr, /answered 418 to \/account\nIs that a Tollgate server/);
  });

  test('busy or cut off: tried again under the same idempotency key; refused connections are not', async () => {
    await using standIn = await StandIn.start();
    using machine = new Machine({ TOLLGATE_URL: standIn.url, TOLLGATE_TOKEN_FILE: '' });
    const token = join(machine.home, 'operator.token');
    writeFileSync(token, 'tgo_secret\n');
    let tries = 0;
    standIn.on('POST /commands/AddInvite', () => {
      tries += 1;
      if (tries === 1) return { cut: true };
      if (tries === 2) return { ...problem(503, 'Unavailable', 'busy'), headers: { 'retry-after': '0' } };
      return { body: { position: '7', stream: 'invite-ten_1.per_1', revision: 0, events: [{ type: 'InviteAdded', id: 'e1' }] } };
    });
    const { code, stdout } = await machine.run(['invite', 'add', 'ada@example.com', '--json', '--token-file', token, '--reason', 'früh dabei']);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { position: '7', stream: 'invite-ten_1.per_1', revision: 0, events: [{ type: 'InviteAdded', id: 'e1' }] });
    const asked = standIn.of('POST /commands/AddInvite');
    assert.equal(asked.length, 3);
    assert.equal(new Set(asked.map(({ headers }) => headers['idempotency-key'])).size, 1);
    assert.ok(asked.every(({ headers }) => headers.authorization === 'Bearer tgo_secret' && headers['reason'] === encodeURIComponent('früh dabei')));
  });
});
