import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { Machine } from './run-cli.ts';
import { StandIn, session } from './stand-in.ts';

const says = ['Everything works until 2026-12-21T09:00:00.000Z. Nothing more is charged.', 'This workload is stopped then: hello.'];
const setting = async () => {
  const standIn = await StandIn.start();
  const machine = new Machine({ TOLLGATE_URL: standIn.url });
  mkdirSync(dirname(machine.configFile), { recursive: true });
  writeFileSync(machine.configFile, JSON.stringify({ credentials: { [standIn.url]: { customer: session() } } }));
  standIn.on('POST /account/cancel', ({ query }) => ({ body: { ...(query.get('dryRun') ? { dryRun: true } : { position: '9' }), stream: 's', events: [{ type: 'CancellationScheduled' }], cancelled: true, atOnce: false, endsAt: '2026-12-21T09:00:00.000Z', says } }));
  return { standIn, machine, sent: () => standIn.of('POST /account/cancel').map(({ query }) => query.get('dryRun') ?? 'for good'), async [Symbol.asyncDispose]() {
    machine[Symbol.dispose]();
    await standIn[Symbol.asyncDispose]();
  } };
};

describe('account cancel', { concurrency: 4 }, () => {
  test('says what it means before it asks; yes cancels', async () => {
    await using at = await setting();
    const run = at.machine.start(['account', 'cancel']);
    await run.said("Type 'yes'");
    assert.match(run.stderr, /works until 2026-12-21 09:00:00 \+00:00/);
    assert.match(run.stderr, /hello/);
    assert.deepEqual(at.sent(), ['true']);
    run.type('yes');
    const { code, stdout } = await run.ended;
    assert.equal(code, 0);
    assert.match(stdout, /^Cancelled: everything works until 2026-12-21 09:00:00 \+00:00\.\n$/);
    assert.deepEqual(at.sent(), ['true', 'for good']);
  });
  test('any other answer, and none, changes nothing: exit 3', async () => {
    await using at = await setting();
    for (const input of ['y\n', 'no\n', '\n', '']) {
      const { code, stderr } = await at.machine.run(['account', 'cancel'], input);
      assert.equal(code, 3, input);
      assert.match(stderr, /not cancelled|no answer/);
    }
    assert.ok(!at.sent().includes('for good'));
  });
  test('scripts: --confirm does not ask; --no-input without it names the flag; --dry-run only tells', async () => {
    await using at = await setting();
    const refused = await at.machine.run(['account', 'cancel', '--no-input']);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /--confirm/);
    const dry = await at.machine.run(['account', 'cancel', '--dry-run']);
    assert.equal(dry.code, 0);
    assert.match(dry.stdout, /hello/);
    assert.ok(!at.sent().includes('for good'));
    const done = await at.machine.run(['account', 'cancel', '--confirm', '--json']);
    assert.equal(done.code, 0);
    assert.deepEqual((JSON.parse(done.stdout) as { says: string[] }).says, says);
  });
  test('resume says what it did, and that there was nothing to do', async () => {
    await using at = await setting();
    at.standIn.on('POST /account/resume', { body: { stream: 's', events: [{ type: 'CancellationWithdrawn' }], cancelled: false, paidThrough: '2026-12-21T09:00:00.000Z' } });
    assert.match((await at.machine.run(['account', 'resume'])).stdout, /withdrawn; everything goes on\. The subscription renews on 2026-12-21/);
    at.standIn.on('POST /account/resume', { body: { stream: 's', events: [], cancelled: false, paidThrough: '2026-12-21T09:00:00.000Z' } });
    assert.match((await at.machine.run(['account', 'resume'])).stdout, /^Nothing is cancelled/);
  });
});
