import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { checkout, Machine, firstLine, type Ended } from './run-cli.ts';
import { StandIn, problem, session } from './stand-in.ts';

const modeOf = (path: string) => statSync(path).mode & 0o777;
const withSession = (machine: Machine, url: string, more: object = {}): void => {
  mkdirSync(dirname(machine.configFile), { recursive: true });
  writeFileSync(machine.configFile, JSON.stringify({ format: 1, env: 'server', envs: {}, credentials: { [url]: { customer: session(), ...more } } }), { mode: 0o600 });
};
const rows = (text: string) => text.trimEnd().split('\n');

describe('config', { concurrency: 4 }, () => {
  test('the built-in envs, the star at `server`, columns aligned', async () => {
    using machine = new Machine();
    const { stdout, code } = await machine.run(['env']);
    assert.equal(code, 0);
    assert.deepEqual(rows(stdout), ['  local     none', '* server    http://127.0.0.1:8081', '  platform  none']);
    assert.equal((await machine.run(['env', 'list'])).stdout, stdout);
    assert.ok(!existsSync(machine.configFile), 'looking writes nothing');
  });

  test('envs are added, used, overridden and removed', async () => {
    using machine = new Machine();
    assert.equal((await machine.run(['env', 'add', 'staging', 'https://staging.example.com/'])).code, 0);
    await machine.run(['env', 'set', 'staging']);
    const current = async (more: Record<string, string> = {}) => (JSON.parse((await machine.run(['env', 'list', '--json'], '', more)).stdout) as { items: { name: string; url: string | null; current: boolean }[] }).items.find((item) => item.current);
    assert.deepEqual(await current(), { name: 'staging', url: 'https://staging.example.com', current: true, builtIn: false });
    assert.equal((await current({ TOLLGATE_ENV: 'server' }))?.name, 'server');
    await machine.run(['env', 'add', 'platform', 'https://platform.example.com']);
    assert.equal((await machine.run(['env', 'remove', 'staging'])).code, 0);
    assert.equal((await current())?.name, 'server');
    assert.equal((await machine.run(['env', 'remove', 'server'])).code, 3);
  });

  test('an env without an address, an unknown one and a wrong address are told apart', async () => {
    using machine = new Machine();
    await machine.run(['env', 'set', 'platform']);
    const noAddress = await machine.run(['whoami']);
    assert.equal(noAddress.code, 2);
    assert.equal(noAddress.stderr, "env 'platform' has no address\nGive it one: 'tollgate env add platform URL', or choose another: 'tollgate env list'.\n");
    assert.match((await machine.run(['env', 'set', 'platfrom'])).stderr, /no env 'platfrom'; did you mean 'platform'\?/);
    for (const wrong of ['127.0.0.1:8081', 'ftp://x', 'http://me:secret@host', 'http://host/path']) assert.equal((await machine.run(['env', 'add', 'other', wrong])).code, 2, wrong);
  });

  test('the config is for its owner only, also where the folder was open before', async () => {
    using machine = new Machine();
    mkdirSync(dirname(machine.configFile), { recursive: true });
    writeFileSync(machine.configFile, '{}');
    chmodSync(machine.configFile, 0o644);
    chmodSync(dirname(machine.configFile), 0o755);
    await machine.run(['env', 'set', 'local']);
    assert.equal(modeOf(machine.configFile), 0o600);
    assert.equal(modeOf(dirname(machine.configFile)), 0o700);
    assert.deepEqual(readdirSync(dirname(machine.configFile)), ['config.json'], 'no lock, no temporary file stays');
  });

  test('a damaged config is one line that names the file', async () => {
    using machine = new Machine();
    mkdirSync(dirname(machine.configFile), { recursive: true });
    for (const text of ['{"format":1,', '[]', '{"env":7}', '{"credentials":{"http://x":{"customer":{}}}}', '{"envs":{"x":1}}']) {
      writeFileSync(machine.configFile, text);
      const { code, stderr, stdout } = await machine.run(['whoami']);
      assert.equal(code, 2);
      assert.equal(rows(stderr).length, 1);
      assert.ok(stderr.includes(machine.configFile), stderr);
      assert.equal(stdout, '');
    }
  });

  test('many writers at once lose nothing', async () => {
    using machine = new Machine();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(names.map((name) => machine.run(['env', 'add', name, `https://${name}.example.com`])));
    assert.deepEqual(Object.keys(machine.config().envs).sort(), names);
  });

  test('a lock left behind by a dead process, or a stuck one, is taken away', async () => {
    using machine = new Machine();
    const lock = join(dirname(machine.configFile), 'config.lock');
    mkdirSync(dirname(machine.configFile), { recursive: true });
    const dead = await new Promise<number>((resolve) => {
      const run = machine.start(['version']);
      const { pid } = run.child;
      void run.ended.then(() => resolve(pid as number));
    });
    writeFileSync(lock, `${dead} ${hostname()}\n`);
    assert.equal((await machine.run(['env', 'set', 'local'])).code, 0);
    writeFileSync(lock, `${process.pid} ${hostname()}\n`); // lives, but has held it for two minutes
    utimesSync(lock, new Date(), new Date(Date.now() - 120_000));
    assert.equal((await machine.run(['env', 'set', 'server'])).code, 0);
    assert.ok(!existsSync(lock));
  });

  test('a session refused is renewed once, kept, and the namespace chosen stays', async () => {
    await using standIn = await StandIn.start();
    using machine = new Machine({ TOLLGATE_URL: standIn.url });
    withSession(machine, standIn.url, { customer: { ...session(), namespace: 'calm-blue-owl' } });
    standIn.on('POST /sessions/refresh', ({ body }) => (body.refreshToken === 'refresh-0' ? { body: session(1) } : problem(401, 'SessionEnded', 'stolen')));
    standIn.on('GET /sessions/whoami', ({ headers }) => (headers.authorization === 'Bearer access-1' ? { body: { account: 'acc_1', email: 'ada@example.com', namespace: headers['micro-namespace'], level: 'full' } } : problem(401, 'NotSignedIn', 'expired')));
    const { code, stdout } = await machine.run(['whoami', '--json']);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { account: 'acc_1', email: 'ada@example.com', namespace: 'calm-blue-owl', level: 'full', env: 'server', url: standIn.url });
    const kept = machine.config().credentials[standIn.url]?.customer;
    assert.equal(kept?.refreshToken, 'refresh-1');
    assert.equal(kept?.namespace, 'calm-blue-owl');
    await machine.run(['whoami']);
    assert.equal(standIn.of('POST /sessions/refresh').length, 1);
  });

  test('two calls at once refresh once between them: an old refresh token shown again would look stolen', async () => {
    await using standIn = await StandIn.start();
    using machine = new Machine({ TOLLGATE_URL: standIn.url });
    withSession(machine, standIn.url);
    let refusals = 0;
    let release: (() => void) | undefined;
    const bothRefused = new Promise<void>((resolve) => (release = resolve));
    standIn.on('POST /sessions/refresh', ({ body }) => (body.refreshToken === 'refresh-0' ? { body: session(1) } : problem(401, 'SessionEnded', 'stolen')));
    standIn.on('GET /sessions/whoami', async ({ headers }) => {
      if (headers.authorization === 'Bearer access-1') return { body: { account: 'acc_1', email: 'ada@example.com', namespace: 'brave-red-fox', level: 'full' } };
      refusals += 1;
      if (refusals === 2) release?.();
      await bothRefused; // both hold the old session now
      return problem(401, 'NotSignedIn', 'expired');
    });
    const ended = await Promise.all([machine.run(['whoami']), machine.run(['whoami'])]);
    assert.deepEqual(ended.map(({ code }) => code), [0, 0]);
    assert.equal(standIn.of('POST /sessions/refresh').length, 1);
  });

  test('a session that has ended is forgotten, and the call says so in the fixed words', async () => {
    await using standIn = await StandIn.start();
    using machine = new Machine({ TOLLGATE_URL: standIn.url });
    withSession(machine, standIn.url);
    standIn.on('POST /sessions/refresh', problem(401, 'SessionEnded', 'this session has ended'));
    standIn.on('GET /sessions/whoami', problem(401, 'NotSignedIn', 'this session has ended'));
    const { code, stderr } = await machine.run(['whoami']);
    assert.equal(code, 5);
    assert.equal(firstLine(stderr), `not logged in to env 'server' at '${standIn.url}', see 'tollgate login help'`);
    assert.deepEqual(machine.config().credentials, {});
  });

  test('credentials belong to an origin, whatever the env is called', async () => {
    await using standIn = await StandIn.start();
    await using other = await StandIn.start();
    using machine = new Machine();
    withSession(machine, standIn.url);
    standIn.on('GET /sessions/whoami', { body: { account: 'acc_1', email: 'ada@example.com', namespace: null, level: 'full' } });
    await machine.run(['env', 'add', 'one', standIn.url]);
    await machine.run(['env', 'add', 'two', other.url]);
    const whoami = (env: string): Promise<Ended> => machine.run(['whoami'], '', { TOLLGATE_ENV: env });
    assert.equal((await whoami('one')).code, 0);
    const refused = await whoami('two');
    assert.equal(firstLine(refused.stderr), `not logged in to env 'two' at '${other.url}', see 'tollgate login help'`);
    assert.equal(other.asked.length, 0, 'nothing was sent there');
  });

  test('logout closes the session at the server and forgets it, also when the server is away', async () => {
    await using standIn = await StandIn.start();
    using machine = new Machine({ TOLLGATE_URL: standIn.url });
    withSession(machine, standIn.url);
    standIn.on('POST /sessions/close', { status: 204 });
    assert.equal((await machine.run(['logout', '--everywhere'])).code, 0);
    assert.deepEqual(standIn.of('POST /sessions/close')[0]?.body, { everywhere: true });
    assert.deepEqual(machine.config().credentials, {});
    withSession(machine, 'http://127.0.0.1:1');
    const away = await machine.run(['logout'], '', { TOLLGATE_URL: 'http://127.0.0.1:1' });
    assert.equal(away.code, 0);
    assert.deepEqual(machine.config().credentials, {});
  });

  test('config explain says where each setting comes from, and shows no credential', async () => {
    using machine = new Machine({ TOLLGATE_URL: 'http://127.0.0.1:9' });
    withSession(machine, 'http://127.0.0.1:9');
    const { stdout } = await machine.run(['config', 'explain', '--json']);
    const { items } = JSON.parse(stdout) as { items: { name: string; value: string; from: string }[] };
    assert.deepEqual(items.find(({ name }) => name === 'url'), { name: 'url', value: 'http://127.0.0.1:9', from: 'TOLLGATE_URL' });
    assert.doesNotMatch(stdout, /access-0|refresh-0/);
  });

  test('config explain knows every variable that this program reads', async () => {
    const sources = readdirSync(join(checkout, 'cli')).filter((name) => name.endsWith('.ts') && name !== 'demo.ts').map((name) => readFileSync(join(checkout, 'cli', name), 'utf8')).join('\n');
    const variables = [...new Set([...sources.matchAll(/\b(?:TOLLGATE_[A-Z_]+|XDG_[A-Z]+_HOME|NO_COLOR|COLUMNS)\b/g)].map(([name]) => name))].sort();
    assert.ok(variables.length >= 8, variables.join(' '));
    using machine = new Machine();
    const set = Object.fromEntries(variables.filter((name) => name !== 'TOLLGATE_CATALOG_FILE').map((name) => [name, name === 'TOLLGATE_URL' ? 'http://127.0.0.1:9' : name === 'TOLLGATE_ENV' ? 'server' : name === 'COLUMNS' || name === 'TOLLGATE_COMPLETION_MS' ? '77' : join(machine.home, name)]));
    const { items } = JSON.parse((await machine.run(['config', 'explain', '--json'], '', set)).stdout) as { items: { name: string; value: string; from: string }[] };
    assert.deepEqual([...new Set(items.map(({ from }) => from))].filter((from) => /^[A-Z_]+$/.test(from)).sort(), variables);
  });

  test('with TOLLGATE_URL set, env set says that it changes nothing until that is unset', async () => {
    using machine = new Machine({ TOLLGATE_URL: 'http://127.0.0.1:9' });
    assert.match((await machine.run(['env', 'set', 'server'])).stderr, /^TOLLGATE_URL is set: calls go to 'http:\/\/127\.0\.0\.1:9' until it is unset\.\n$/);
  });
});
