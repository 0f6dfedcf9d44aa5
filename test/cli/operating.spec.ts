import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Machine } from './run-cli.ts';
import { StandIn, problem, session } from './stand-in.ts';

const setting = async () => {
  const standIn = await StandIn.start();
  const machine = new Machine({ TOLLGATE_URL: standIn.url });
  const token = join(machine.home, 'operator.token');
  writeFileSync(token, 'tgo_secret\n');
  machine.environ['TOLLGATE_TOKEN_FILE'] = token;
  return { standIn, machine, token, async [Symbol.asyncDispose]() {
    machine[Symbol.dispose]();
    await standIn[Symbol.asyncDispose]();
  } };
};
const lines = (text: string): any[] => text.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown);

describe('the generated half', { concurrency: 4 }, () => {
  test('list follows cursors to the end: one document, no next; --limit stops earlier; filters are passed on', async () => {
    await using at = await setting();
    const item = (n: number) => ({ id: `per_${n}`, email: `a${n}@example.com`, status: 'invited', at: '2026-11-21T08:00:00.000Z' });
    at.standIn.on('GET /invites', ({ query }) => ({ body: query.get('cursor') === 'two' ? { items: [item(3)], position: '9' } : { items: [item(1), item(2)], next: 'two', position: '8' } }));
    assert.deepEqual(JSON.parse((await at.machine.run(['invite', 'list', '--json'])).stdout), { items: [item(1), item(2), item(3)], position: '9' });
    assert.deepEqual((JSON.parse((await at.machine.run(['invite', 'list', '--limit', '2', '--status', 'invited', '--json'])).stdout) as { items: object[] }).items, [item(1), item(2)]);
    assert.equal(at.standIn.asked.at(-1)?.query.toString(), 'status=invited&limit=2');
    assert.match((await at.machine.run(['invite', 'list'])).stdout, /^ID +EMAIL +STATUS +AT\nper_1 +a1@example\.com +invited +2026-11-21 08:00:00 \+00:00\n/);
  });

  test('a command takes its first required field by place, shows the record as it is after the write', async () => {
    await using at = await setting();
    at.standIn.on('POST /commands/AddInvite', { body: { position: '7', stream: 'invite-ten_1.per_1', revision: 0, events: [{ type: 'InviteAdded', id: 'e' }] } });
    at.standIn.on('GET /invites/per_1', { body: { id: 'per_1', email: 'ada@example.com', status: 'invited' } });
    const { stdout, stderr } = await at.machine.run(['invite', 'add', 'ada@example.com']);
    assert.equal(stdout, 'id      per_1\nemail   ada@example.com\nstatus  invited\n');
    assert.equal(stderr, 'Done: invite added.\n');
    assert.equal(at.standIn.of('GET /invites/per_1')[0]?.query.get('after'), '7');
    assert.equal(at.standIn.asked[0]?.headers.authorization, 'Bearer tgo_secret');
    assert.deepEqual(at.standIn.asked[0]?.body, { email: 'ada@example.com' });
  });

  test('every type of field, also by flag, and a secret from standard input', async () => {
    await using at = await setting();
    at.standIn.on('POST /commands/OfferPlan', { body: { position: '7', stream: 'plan-ten_1.pln_1', revision: 0, events: [] } });
    const { code } = await at.machine.run(['plan', 'offer', '--name', 'big', '--amount', '9900', '--currency', 'USD', '--grace-days', '0', '--on-sale', 'no', '--labels', 'a=1', '--labels', 'b=2=3', '--secret-note-file', '-', '--idempotency-key', 'k1', '--json'], 'hush\n');
    assert.equal(code, 0);
    assert.deepEqual(at.standIn.asked[0]?.body, { name: 'big', amount: 9900, currency: 'USD', graceDays: 0, onSale: false, labels: { a: '1', b: '2=3' }, secretNote: 'hush' });
    assert.equal(at.standIn.asked[0]?.headers['idempotency-key'], 'k1');
  });

  test('a dry run prints what would be appended', async () => {
    await using at = await setting();
    at.standIn.on('POST /commands/SwitchInvites', ({ query }) => ({ body: { dryRun: query.get('dryRun') === 'true', stream: 'tenant-ten_1.ten_1', events: [{ type: 'InvitesSwitched', data: { required: false } }] } }));
    const { stdout, stderr } = await at.machine.run(['invite', 'switch', 'off', '--dry-run']);
    assert.equal(stdout, 'InvitesSwitched  {"required":false}\n');
    assert.equal(stderr, 'Would append to tenant-ten_1.ten_1:\n');
  });

  test('a noun of both halves has the verbs of both; money and booleans read well', async () => {
    await using at = await setting();
    at.standIn.on('GET /accounts', { body: { items: [], position: '1' } });
    assert.equal((await at.machine.run(['account', 'list'])).stderr, 'None.\n');
    at.standIn.on('GET /plans/pln_1', ({ query }) => (query.get('asOf') === '5' ? { body: { id: 'pln_1', price: { amount: 3500, currency: 'USD' }, onSale: true, limits: { workloads: 10 } } } : problem(404, 'NotFound', 'no')));
    assert.equal((await at.machine.run(['plan', 'show', 'pln_1', '--as-of', '5'])).stdout, 'id       pln_1\nprice    35.00 USD\non sale  yes\nlimits   workloads 10\n');
  });
});

describe('operating', { concurrency: 4 }, () => {
  test('operator login keeps a session that later calls use', async () => {
    await using at = await setting();
    at.standIn.on('POST /sessions/operator', ({ headers }) => (headers.authorization === 'Bearer tgo_secret' ? { body: { ...session(), account: undefined, email: undefined, namespace: undefined, namespaces: [], operator: 'opr_1' } } : problem(401, 'NotSignedIn', 'no')));
    at.standIn.on('GET /reactors', ({ headers }) => (headers.authorization === 'Bearer access-0' ? { body: { items: [{ name: 'send-mail', position: '5', lag: 0, waiting: 0, parked: [{ subject: 'mail_1', key: 'mail_1.4', deed: 'SendMail', owner: 'per_1', email: 'ada@example.com', error: 'refused', since: '2026-11-21T08:00:00.000Z', attempts: 5 }] }] } } : problem(401, 'NotSignedIn', 'no')));
    const { TOLLGATE_TOKEN_FILE: _, ...bare } = at.machine.environ;
    assert.equal((await at.machine.run(['operator', 'login', '--token-file', at.token])).code, 0);
    Object.assign(at.machine, { environ: bare });
    const { stdout, code } = await at.machine.run(['reactor', 'list']);
    assert.equal(code, 0);
    assert.match(stdout, /send-mail +5 +0 +0 +1\n\nPARKED AT +SUBJECT +CUSTOMER +DEED +SINCE +ATTEMPTS +ERROR\nsend-mail +mail_1 +ada@example\.com +SendMail .* 5 +refused/);
  });

  test('a wrong operator token names its file', async () => {
    await using at = await setting();
    at.standIn.on('GET /projections', problem(401, 'NotSignedIn', 'this operator token is not valid'));
    const { code, stderr } = await at.machine.run(['projection', 'list']);
    assert.equal(code, 5);
    assert.ok(stderr.startsWith(`the operator token in '${at.token}' is not accepted by env 'server' at '${at.standIn.url}'\n`));
  });

  test('a rebuild that differs is refused and says how to accept; --json has the lines', async () => {
    await using at = await setting();
    at.standIn.on('POST /projections/invites/rebuild', ({ query }) => {
      const swapped = query.get('acceptDifferences') === 'true';
      return { lines: [{ position: '5', head: '9' }, { done: true, equal: false, swapped, differences: [{ key: 'per_1' }] }] };
    });
    const refused = await at.machine.run(['projection', 'rebuild', 'invites', '--json']);
    assert.equal(refused.code, 3);
    assert.deepEqual(lines(refused.stdout).slice(0, 2), [{ position: '5', head: '9' }, { done: true, equal: false, swapped: false, differences: [{ key: 'per_1' }] }]);
    assert.match(refused.stderr, /differs in 1 documents, so the old one stays\n.*--accept-differences/);
    assert.equal((await at.machine.run(['projection', 'rebuild', 'invites', '--accept-differences'])).code, 0);
  });

  test('audit log is JSON lines; a problem in the middle is a failure', async () => {
    await using at = await setting();
    const event = { position: '1', stream: 'invite-ten_1.per_1', revision: 0, type: 'InviteAdded', at: '2026-11-21T08:00:00.000Z', actor: 'opr_1', data: { person: 'per_1' } };
    at.standIn.on('GET /audit/log', ({ query }) => ({ lines: query.get('type') === 'broken' ? [event, { problem: { ...(problem(500, 'DamagedEvent', 'Stored data is damaged.').body as object) } }] : [event, { ...event, revision: 1 }] }));
    assert.deepEqual(lines((await at.machine.run(['audit', 'log', '--json', '--limit', '2'])).stdout), [event, { ...event, revision: 1 }]);
    assert.match((await at.machine.run(['audit', 'log'])).stdout, /^2026-11-21 08:00:00 \+00:00 {2}invite-ten_1\.per_1 0 {2}InviteAdded {2}opr_1 {2}\{"person":"per_1"\}\n/);
    const broken = await at.machine.run(['audit', 'log', '--type', 'broken']);
    assert.equal(broken.code, 1);
    assert.match(broken.stderr, /Stored data is damaged/);
  });

  test('audit verify fails when a stream is broken', async () => {
    await using at = await setting();
    at.standIn.on('GET /audit/verify', ({ query }) => ({ lines: [{ done: true, ok: query.get('stream') === null, events: 4, streams: 2, failures: query.get('stream') === null ? [] : [{ stream: 'x', revision: 1, problem: 'hash differs' }] }] }));
    assert.equal((await at.machine.run(['audit', 'verify'])).stdout, 'The log verifies: 4 events in 2 streams, every hash as it was written.\n');
    const broken = await at.machine.run(['audit', 'verify', '--stream', 'x']);
    assert.equal(broken.code, 1);
    assert.equal(broken.stdout, 'x 1: hash differs\n');
  });

  test('the clock is walked until everything has settled', async () => {
    await using at = await setting();
    at.standIn.on('POST /clock/advance', ({ body }) => ({ lines: [{ now: '2026-11-22T08:00:00.000Z', due: 1 }, { done: true, now: '2026-12-31T08:00:00.000Z', steps: body.duration === '40d' ? 3 : 0 }] }));
    assert.deepEqual(JSON.parse((await at.machine.run(['clock', 'advance', '40d', '--json'])).stdout), { done: true, now: '2026-12-31T08:00:00.000Z', steps: 3 });
    at.standIn.on('GET /clock', { body: { now: '2026-12-31T08:00:00.000Z', offsetMs: 3_456_000_000 } });
    assert.match((await at.machine.run(['clock', 'show'])).stdout, /ahead +40 days/);
  });

  test('account pay prints the address and waits until the page is done', async () => {
    await using at = await setting();
    let looks = 0;
    at.standIn.on('POST /sessions/otp', { body: { flowId: 'flw_1', expiresAt: '2099-01-01T00:00:00.000Z', attempts: 5 } });
    at.standIn.on('POST /sessions/otp/verify', { body: { status: 'signed-in', session: session() } });
    await at.machine.run(['login', '--otp', 'ada@example.com'], `${'a'.repeat(40)}\n`);
    at.standIn.on('POST /account/pay', { body: { url: `${at.standIn.url}/checkout/c1`, checkoutId: 'c1' } });
    at.standIn.on('GET /account/pay/c1', () => ({ body: (looks += 1) < 2 ? { status: 'open', level: 'limited' } : { status: 'done', level: 'full' } }));
    assert.equal((await at.machine.run(['account', 'pay'])).stdout, `${at.standIn.url}/checkout/c1\nPaid. Service level: full\n`);
    assert.deepEqual(JSON.parse((await at.machine.run(['account', 'pay', '--no-wait', '--json'])).stdout), { url: `${at.standIn.url}/checkout/c1`, checkoutId: 'c1' });
    at.standIn.on('GET /account/pay/c1', { body: { status: 'open', level: 'limited' } });
    assert.equal((await at.machine.run(['account', 'pay', '--timeout', '1s'])).code, 7);
  });

  test('namespace list marks the one in use; use changes it for later calls', async () => {
    await using at = await setting();
    at.standIn.on('POST /sessions/otp', { body: { flowId: 'flw_1', expiresAt: '2099-01-01T00:00:00.000Z', attempts: 5 } });
    at.standIn.on('POST /sessions/otp/verify', { body: { status: 'signed-in', session: session() } });
    at.standIn.on('GET /namespaces', { body: { items: [{ id: 'ns_1', name: 'brave-red-fox' }, { id: 'ns_2', name: 'calm-blue-owl' }], position: '3' } });
    await at.machine.run(['login', '--otp', 'ada@example.com'], `${'a'.repeat(40)}\n`);
    assert.equal((await at.machine.run(['namespace', 'use', 'calm-blue-owl'])).code, 0);
    assert.match((await at.machine.run(['namespace', 'list'])).stdout, /\* +calm-blue-owl +ns_2/);
    assert.equal(at.standIn.asked.at(-1)?.headers['micro-namespace'], 'calm-blue-owl');
    const unknown = await at.machine.run(['namespace', 'use', 'calm-blue-oul']);
    assert.equal(unknown.code, 4);
    assert.match(unknown.stderr, /did you mean 'calm-blue-owl'/);
  });
});
