/** What the command line says of builds and updates, and what it sends. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { Machine } from './run-cli.ts';
import { StandIn, problem, session } from './stand-in.ts';
import { parseEnvironment } from '../../cli/env-file.ts';

const id = 'wl_0123456789abcdefghjk';
const path = `/workloads/${id}`;
const workload = (more: object = {}) => ({ id, name: 'hello', state: 'running', address: 'http://127.0.0.1:40001', generation: 1, incarnation: 1, namespaceId: 'ns_1', at: '2026-11-21T08:00:00.000Z', how: "Go (go.mod): 'go build'", limits: '1 core (cgroup v1)', ...more });
const committed = { body: { position: '12', stream: `workload-ten_1.${id}`, revision: 0, events: [{ type: 'WorkloadUpdated', id: 'e1' }] } };
const setting = async () => {
  const standIn = await StandIn.start();
  const machine = new Machine({ TOLLGATE_URL: standIn.url });
  mkdirSync(dirname(machine.configFile), { recursive: true });
  writeFileSync(machine.configFile, JSON.stringify({ format: 1, env: 'server', envs: {}, credentials: { [standIn.url]: { customer: session() } } }));
  const folder = join(machine.home, 'hello');
  mkdirSync(folder);
  writeFileSync(join(folder, 'index.js'), '1');
  standIn
    .on('GET /gate', { body: { allow: true, level: 'full', reason: 'paid', nextStep: '' } })
    .on('PUT /sources', { body: { digest: `sha256:${'0'.repeat(64)}`, size: 1, files: 1 } })
    .on('POST /commands/RunWorkload', committed).on('POST /commands/UpdateWorkload', committed).on('POST /commands/CancelBuild', committed)
    .on('GET /workloads', { body: { items: [workload()], position: '12' } })
    .on(`GET ${path}`, { body: workload() });
  return { standIn, machine, folder, async [Symbol.asyncDispose]() {
    machine[Symbol.dispose]();
    await standIn[Symbol.asyncDispose]();
  } };
};
/** Answers one after the other, the last one again and again. */
const inTurn = (...bodies: readonly object[]) => {
  let turn = 0;
  return () => ({ body: bodies[Math.min((turn += 1), bodies.length) - 1] as object });
};

describe('builds and updates', { concurrency: 4 }, () => {
  test('run --wait tells each step, the build with what is done', async () => {
    await using at = await setting();
    at.standIn.on('GET /workloads', { body: { items: [workload({ state: 'pending', address: undefined })], position: '12' } });
    at.standIn.on(`GET ${path}`, inTurn(workload({ state: 'building', address: undefined }), workload({ state: 'starting', address: undefined }), workload()));
    const { code, stderr } = await at.machine.run(['run', at.folder, '--wait']);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "hello: pending\nhello: building (Go (go.mod): 'go build')\nhello: starting\nhello: running\n");
  });
  test('run --wait fails with a build, and says where its log is', async () => {
    await using at = await setting();
    at.standIn.on(`GET ${path}`, { body: workload({ state: 'error', reason: "the build failed at 'go build'", failed: 'build' }) });
    at.standIn.on('GET /workloads', { body: { items: [workload({ state: 'building' })], position: '12' } });
    const { code, stderr } = await at.machine.run(['run', at.folder, '--wait']);
    assert.equal(code, 1);
    assert.match(stderr, /'hello' has failed: the build failed at 'go build'\nSee 'tollgate logs hello --build'\.\n$/);
  });
  test('update --wait waits for the new one although the old one runs, and ends with it', async () => {
    await using at = await setting();
    at.standIn.on(`GET ${path}`, inTurn(workload({ update: { state: 'pending', generation: 2 } }), workload({ update: { state: 'building', generation: 2, how: 'make' } }), workload({ generation: 2, address: 'http://127.0.0.1:40002' })));
    const { code, stdout, stderr } = await at.machine.run(['update', 'hello', at.folder, '--wait']);
    assert.equal(code, 0);
    assert.match(stdout, /40002/);
    assert.equal(stderr, 'hello: update pending\nhello: update building (make)\nhello: running\n');
  });
  test('update --wait fails when the update does; the one before runs on, and is shown', async () => {
    await using at = await setting();
    at.standIn.on(`GET ${path}`, inTurn(workload({ update: { state: 'building', generation: 2 } }), workload({ generation: 3, updateFailed: { reason: 'the build failed', failed: 'build', at: 'x' } })));
    const { code, stdout, stderr } = await at.machine.run(['update', 'hello', at.folder, '--wait']);
    assert.equal(code, 1);
    assert.match(stdout, /address +http:\/\/127\.0\.0\.1:40001\n(.*\n)*last update +failed: the build failed\n/);
    assert.match(stderr, /the update of 'hello' has failed, and what ran before runs on: the build failed\nSee 'tollgate logs hello --build'\.\n$/);
  });
  test('an update that changes nothing does not fail for one that failed before', async () => {
    await using at = await setting();
    at.standIn.on('POST /commands/UpdateWorkload', { body: { ...committed.body, events: [] } });
    at.standIn.on(`GET ${path}`, { body: workload({ updateFailed: { reason: 'long ago', at: 'x' } }) });
    assert.equal((await at.machine.run(['update', 'hello', at.folder, '--wait'])).code, 0);
  });
  test('an update that is under way already is waited for all the same, and failed with', async () => {
    await using at = await setting();
    at.standIn.on('POST /commands/UpdateWorkload', { body: { ...committed.body, events: [] } });
    at.standIn.on(`GET ${path}`, inTurn(workload({ update: { state: 'building', generation: 2 } }), workload({ updateFailed: { reason: 'no', at: 'x' } })));
    const { code, stderr } = await at.machine.run(['update', 'hello', at.folder, '--wait']);
    assert.equal(code, 1);
    assert.match(stderr, /^'hello' is being updated to this source already\.\n/);
  });
  test('status shows how it is built, its limits, and where an update stands', async () => {
    await using at = await setting();
    at.standIn.on('GET /workloads', { body: { items: [workload({ update: { state: 'building', generation: 2, how: 'make' } })], position: '12' } });
    const { stdout } = await at.machine.run(['status', 'hello']);
    for (const row of [/^how +Go \(go.mod\)/m, /^limits +1 core \(cgroup v1\)$/m, /^update +building: make$/m]) assert.match(stdout, row);
    assert.match((await at.machine.run(['status'])).stdout, /running .* update building\n/);
    assert.deepEqual(at.standIn.of('GET /namespaces'), [], 'whose it is, a customer knows');
  });
  test('an operator sees whose each workload is', async () => {
    await using at = await setting();
    const tokenFile = join(at.machine.home, 'operator.token');
    writeFileSync(tokenFile, 'opr_token');
    at.standIn.on('GET /namespaces', { body: { items: [{ id: 'ns_1', name: 'brave-red-fox', accountId: 'acc_1' }] } }).on('GET /accounts', { body: { items: [{ id: 'acc_1', email: 'ada@example.com' }] } }).on('GET /account', problem(403, 'NotPermitted', 'no'));
    assert.match((await at.machine.run(['status', '--token-file', tokenFile])).stdout, /^NAME +NAMESPACE +OWNER +STATE.*\nhello +brave-red-fox +ada@example.com +running/);
    assert.match((await at.machine.run(['status', 'hello', '--token-file', tokenFile])).stdout, /namespace +brave-red-fox\nowner +ada@example.com\n/);
  });
  test('cancel says what is given up', async () => {
    await using at = await setting();
    at.standIn.on(`GET ${path}`, { body: workload({ updateFailed: { reason: 'it was cancelled', at: 'x' } }) });
    assert.equal((await at.machine.run(['workload', 'cancel', 'hello'])).stdout, "The update of 'hello' is given up; what ran before runs on.\n");
    at.standIn.on(`GET ${path}`, { body: workload({ state: 'stopping' }) });
    assert.equal((await at.machine.run(['workload', 'cancel', 'hello'])).stdout, "The build of 'hello' is given up.\n");
    assert.deepEqual(at.standIn.of('POST /commands/CancelBuild')[0]?.body, { workloadId: id });
    at.standIn.on('POST /commands/CancelBuild', problem(409, 'NothingToCancel', 'Nothing is being built.'));
    assert.equal((await at.machine.run(['workload', 'cancel', 'hello'])).code, 3);
  });
  test('logs --build asks for the build log; followed it ends with the build, and fails with it', async () => {
    await using at = await setting();
    at.standIn.on(`GET ${path}/logs`, { lines: [{ id: 1, at: 'x', stream: 'stdout', text: 'compiling' }] });
    assert.equal((await at.machine.run(['logs', 'hello', '--build'])).stdout, 'compiling\n');
    assert.equal(at.standIn.of(`GET ${path}/logs`)[0]?.query.toString(), 'tail=15&log=build');
    assert.equal((await at.machine.run(['logs', 'hello', '--build', '-f'])).code, 0);
    at.standIn.on(`GET ${path}`, { body: workload({ updateFailed: { reason: 'exited with code 2', failed: 'build', at: 'x' } }) });
    const failed = await at.machine.run(['logs', 'hello', '--build', '-f']);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /the build of 'hello' has failed: exited with code 2/);
  });
  test('--env-file is read, from a file or standard input, and --env counts more', async () => {
    await using at = await setting();
    const file = join(at.machine.home, 'x.env');
    writeFileSync(file, 'COLOUR=red\nSIZE=2\n');
    assert.equal((await at.machine.run(['run', at.folder, '--env-file', file, '--env', 'COLOUR=blue'])).code, 0);
    assert.equal((await at.machine.run(['run', at.folder, '--env-file', file, '--env-file', '-'], 'SIZE=3\n')).code, 0);
    assert.deepEqual(at.standIn.of('POST /commands/RunWorkload').map(({ body }) => body.env), [{ COLOUR: 'blue', SIZE: '2' }, { COLOUR: 'red', SIZE: '3' }]);
    const missing = await at.machine.run(['run', at.folder, '--env-file', join(at.machine.home, 'none')]);
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /'.*none' of --env-file cannot be read \(ENOENT\)/);
  });
});

const environments: readonly (readonly [text: string, expected: Readonly<Record<string, string>>])[] = [
  ['', {}],
  ['# c\n\nA=1\nexport B = two words  # and a comment\nC=\n', { A: '1', B: 'two words', C: '' }],
  ['A="x # y" # c\nB=\'$A \\n\'\nC="l1\\nl2\\t\\"q\\" \\$A"\n', { A: 'x # y', B: '$A \\n', C: 'l1\nl2\t"q" $A' }],
  ['KEY="-----BEGIN\nabc\n-----END"\r\nB=2\r\n', { KEY: '-----BEGIN\nabc\n-----END', B: '2' }],
  ['URL=https://x/?a=b#c\n', { URL: 'https://x/?a=b#c' }],
  ['\uFEFFA=1', { A: '1' }],
];
for (const [text, expected] of environments) test(`env file: ${JSON.stringify(text)}`, () => assert.deepEqual(parseEnvironment(text, 'f'), expected));
for (const [text, line] of [['A=1\nno assignment\n', 2], ['1A=2', 1], ['A="open\n', 1], ["A='open", 1], ['A="x"y\n', 1]] as const) {
  test(`env file refused: ${JSON.stringify(text)}`, () => assert.throws(() => parseEnvironment(text, 'f'), new RegExp(`line ${line} of 'f'`)));
}
