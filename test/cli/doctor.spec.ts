/** The CLI's own checks: each thing that can be wrong on this side, what is said of it, and the exit code. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { Machine } from './run-cli.ts';
import { problem, session, StandIn } from './stand-in.ts';
import { clockCheck, nodeCheck, type Check } from '../../cli/doctor.ts';
import { versionText } from '../../cli/version.ts';

const setting = async (credentials: object = {}) => {
  const standIn = await StandIn.start();
  const machine = new Machine({ TOLLGATE_URL: standIn.url });
  mkdirSync(dirname(machine.configFile), { recursive: true, mode: 0o700 });
  writeFileSync(machine.configFile, JSON.stringify({ credentials: { [standIn.url]: credentials } }), { mode: 0o600 });
  standIn
    .on('GET /healthz', { body: { status: 'ok', version: versionText(), mode: 'mock' } }).on('GET /readyz', { body: { status: 'ready' } })
    .on('GET /sessions/whoami', { body: { account: 'acc_1', email: 'ada@example.com', namespace: 'brave-red-fox', level: 'full' } });
  return { standIn, machine, async [Symbol.asyncDispose]() {
    machine[Symbol.dispose]();
    await standIn[Symbol.asyncDispose]();
  } };
};
const checksOf = (stdout: string): Record<string, Check> => Object.fromEntries((JSON.parse(stdout) as { checks: Check[] }).checks.map((check) => [check.name, check]));

describe('doctor', { concurrency: 4 }, () => {
  test('all well: exit 0, one document with --json', async () => {
    await using at = await setting({ customer: session() });
    const { code, stdout, stderr } = await at.machine.run(['doctor']);
    assert.deepEqual([code, stderr], [0, 'All is well.\n']);
    assert.match(stdout, /^ok +session +logged in as ada@example\.com$/m);
    const json = await at.machine.run(['doctor', '--json']);
    const checks = checksOf(json.stdout);
    assert.deepEqual([json.code, json.stderr, Object.keys(checks)], [0, '', ['node', 'config file', 'env', 'server', 'ready', 'version', 'clock', 'session', 'service level', 'namespace']]);
    assert.ok(Object.values(checks).every(({ status }) => status === 'ok'));
  });

  test('a server that is down: said once, with the fix; what needs it is left out; exit 1 and still one document', async () => {
    await using at = await setting();
    const { code, stdout } = await at.machine.run(['doctor', '--json'], '', { TOLLGATE_URL: 'http://127.0.0.1:1' });
    const checks = checksOf(stdout);
    assert.deepEqual([code, Object.keys(checks)], [1, ['node', 'config file', 'env', 'server']]);
    assert.deepEqual(checks['server'], { name: 'server', status: 'fail', detail: "cannot reach 'http://127.0.0.1:1' (connection refused); nothing that needs it was checked", fix: "Start it ('npm start' in its folder), or choose another: 'tollgate env list'." });
    const words = await at.machine.run(['doctor'], '', { TOLLGATE_URL: 'http://127.0.0.1:1' });
    assert.match(words.stdout, /^fail +server .*\n +-> Start it/m);
    assert.equal(words.stderr, '1 check fails.\n');
  });

  test('something else at that address, a server that is starting, one of another version', async () => {
    await using at = await setting();
    at.standIn.on('GET /healthz', { body: 'hello' });
    assert.match(checksOf((await at.machine.run(['doctor', '--json'])).stdout)['server']?.detail ?? '', /is no Tollgate server/);
    at.standIn.on('GET /healthz', { body: { status: 'ok', version: '9.9.9', mode: 'mock' } }).on('GET /readyz', problem(503, 'NotReady', 'starting'));
    const { code, stdout } = await at.machine.run(['doctor', '--json']);
    assert.partialDeepStrictEqual(checksOf(stdout), { ready: { status: 'fail', detail: 'the server is not ready: starting' }, version: { status: 'warn' } });
    assert.equal(code, 1);
  });

  test('a config file that others may read fails, with the command that closes it; a damaged one is named', async () => {
    await using at = await setting();
    chmodSync(at.machine.configFile, 0o644);
    const open = await at.machine.run(['doctor', '--json']);
    assert.equal(open.code, 1);
    assert.partialDeepStrictEqual(checksOf(open.stdout)['config file'], { status: 'fail', fix: `chmod 700 ${dirname(at.machine.configFile)} && chmod 600 ${at.machine.configFile}` });
    writeFileSync(at.machine.configFile, '{', { mode: 0o600 });
    const damaged = await at.machine.run(['doctor', '--json']);
    assert.equal(damaged.code, 1);
    assert.match(checksOf(damaged.stdout)['config file']?.detail ?? '', /is damaged \(not valid JSON\)/);
  });

  test('an env that is none', async () => {
    await using at = await setting();
    const { code, stdout } = await at.machine.run(['doctor', '--json'], '', { TOLLGATE_URL: '', TOLLGATE_ENV: 'servr' });
    assert.equal(code, 1);
    assert.partialDeepStrictEqual(checksOf(stdout)['env'], { status: 'fail', detail: "there is no env 'servr'; did you mean 'server'?" });
  });

  test('not logged in is worth a word, a session that is refused is a failure, a level below full says what restores it', async () => {
    await using at = await setting();
    const nobody = await at.machine.run(['doctor', '--json']);
    assert.equal(nobody.code, 0);
    assert.partialDeepStrictEqual(checksOf(nobody.stdout)['session'], { status: 'warn', fix: 'tollgate login --otp EMAIL' });
    await using limited = await setting({ customer: session() });
    limited.standIn.on('GET /sessions/whoami', { body: { account: 'acc_1', email: 'ada@example.com', namespace: 'gone-away-sails', level: 'limited' } }).on('GET /gate', { body: { allow: false, level: 'limited', reason: 'A payment was missed.', nextStep: "Pay with 'tollgate account pay'." } });
    assert.partialDeepStrictEqual(checksOf((await limited.machine.run(['doctor', '--json'])).stdout)['service level'], { status: 'warn', detail: 'limited: A payment was missed.', fix: "Pay with 'tollgate account pay'." });
    limited.standIn.on('GET /sessions/whoami', problem(401, 'NotSignedIn', 'this session has ended')).on('POST /sessions/refresh', problem(401, 'SessionEnded', 'this session has ended'));
    const refused = await limited.machine.run(['doctor', '--json']);
    assert.deepEqual([refused.code, checksOf(refused.stdout)['session']?.status], [1, 'fail']);
  });

  test("an operator sees the server's own checks, and a failing one counts", async () => {
    await using at = await setting({ operator: { ...session(), operator: 'opr_1' } });
    at.standIn.on('GET /sessions/whoami', { body: { operator: 'opr_1', level: 'full' } }).on('GET /doctor', { body: { ok: false, checks: [{ name: 'disk', status: 'fail', detail: '3 MiB free', fix: 'Make room.' }] } });
    const { code, stdout } = await at.machine.run(['doctor', '--json']);
    assert.deepEqual([code, checksOf(stdout)['server: disk']], [1, { name: 'server: disk', status: 'fail', detail: '3 MiB free', fix: 'Make room.' }]);
  });

  test('clocks apart: seconds are nothing, half a minute a word, five minutes a failure; an old Node fails', () => {
    const now = Date.parse('2026-11-25T12:00:00.000Z');
    const apart = (ms: number) => clockCheck(new Date(now + ms).toUTCString(), now).status;
    assert.deepEqual([0, 20_000, -20_000, 40_000, -40_000, 400_000, -400_000].map(apart), ['ok', 'ok', 'ok', 'warn', 'warn', 'fail', 'fail']);
    assert.equal(clockCheck(undefined, now).status, 'warn');
    assert.deepEqual([nodeCheck('18.20.1').status, nodeCheck('20.0.0').status], ['fail', 'ok']);
  });
});
