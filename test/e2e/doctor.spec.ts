/** What a server says of itself to its operator: well at first, and each thing that can go wrong by its name, with a fix. */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { eventStoreUnderTest } from './log-for.ts';
import { refusal, runWorkload, signUp, startSystem, type Started } from './system.ts';
import type { Check } from '../../src/adapters/http/checks.ts';
import { day, hour } from '../../src/domain/instant.ts';
import { Refused } from '../../src/domain/ports/failures.ts';

const withSystem = async (run: (started: Started) => Promise<void>): Promise<void> => {
  const started = await startSystem();
  try {
    await run(started);
  } finally {
    await started.stop();
  }
};
const doctor = async (started: Started): Promise<{ readonly ok: boolean; readonly checks: Readonly<Record<string, Check>> }> => {
  const { json } = await started.call('GET', '/doctor', { token: started.operator });
  return { ok: json.ok, checks: Object.fromEntries(json.checks.map((check: Check) => [check.name, check])) };
};

test('a fresh server is well, and says so to staff only', () => withSystem(async (started) => {
  const customer = await signUp(started, 'ada@example.com');
  refusal(await started.call('GET', '/doctor'), 401);
  refusal(await started.call('GET', '/doctor', { token: customer.access }), 403);
  const { ok, checks } = await doctor(started);
  assert.deepEqual(Object.values(checks).filter(({ status }) => status === 'fail'), []);
  assert.equal(ok, true);
  for (const name of ['read models', 'lag', 'parked work', 'webhooks', 'mails', 'data folder', 'disk', 'git', 'isolation', 'log']) assert.ok(checks[name], name);
  for (const check of Object.values(checks)) assert.ok(check.status === 'ok' || check.fix, `${check.name} says what to do`);
  assert.match(checks['log']?.detail ?? '', /chains of [1-9]\d* streams hold/);
}));

test('secrets and the token that others may read are named, with the command that closes them', () => withSystem(async (started) => {
  await chmod(join(started.data, 'secrets/ids.key'), 0o644);
  await chmod(join(started.data, 'operator.token'), 0o640);
  const { ok, checks } = await doctor(started);
  assert.equal(ok, false);
  assert.partialDeepStrictEqual(checks['data folder'], { status: 'fail', fix: 'in the data folder: chmod go-rw operator.token secrets/ids.key' });
  await chmod(join(started.data, 'mock-provider.db'), 0o644);
  await chmod(started.data, 0o711); // passed through by workloads that are users of their own: now each file counts
  assert.match((await doctor(started)).checks['data folder']?.fix ?? '', /chmod go-rw .*\bmock-provider\.db\b/);
  await chmod(started.data, 0o700);
}));

test('a stopped read model, parked work, a mail given up, a webhook nobody acts on', () => withSystem(async (started) => {
  const { adapters, system, runtime } = started;
  const customer = await signUp(started, 'ada@example.com');
  runtime.apply = async () => {
    throw new TypeError('no runtime');
  };
  await runWorkload(started, customer, 'hello');
  await started.settled();
  const parked = (await doctor(started)).checks['parked work'];
  assert.equal(parked?.status, 'fail');
  assert.match(parked?.fix ?? '', /^tollgate reactor retry workloads workload-ten_\w+\.wl_\w+$/);

  adapters.mailbox.send = async () => {
    throw new Refused('NoSuchMailbox', 'no such mailbox');
  };
  await started.call('POST', '/sessions/otp', { body: { email: 'ada@example.com' } });
  await started.settled();
  assert.partialDeepStrictEqual((await doctor(started)).checks['mails'], { status: 'warn' });
  assert.match((await doctor(started)).checks['mails']?.detail ?? '', /no such mailbox/);

  const [{ id }] = (await started.call('GET', '/webhooks', { token: started.operator })).json.items;
  adapters.payments.readInvoice = adapters.payments.readSubscription = adapters.payments.readCheckout = async () => {
    throw new TypeError('a bug');
  };
  await started.call('POST', '/commands/ReplayWebhook', { token: started.operator, body: { webhookId: id } });
  await started.settled();
  await started.advance(hour + day);
  assert.match((await doctor(started)).checks['webhooks']?.detail ?? '', /has waited for \d+ hours/);

  const invites = system.rim.models.get('invites');
  assert.ok(invites);
  invites.failure = 'the disk was full';
  assert.partialDeepStrictEqual((await doctor(started)).checks['read models'], { status: 'fail', fix: 'tollgate projection rebuild invites' });
  delete (invites as { failure?: string }).failure;
}));

test('a damaged event is found when its stream is looked at', { skip: eventStoreUnderTest !== 'embedded' && 'the log is no SQLite file' }, async () => {
  const before = await startSystem();
  const { json } = await before.call('POST', '/commands/OfferPlan', { token: before.operator, body: { name: 'extra', amount: 3000, currency: 'USD' } });
  await before.stop({ keep: true });
  const database = new DatabaseSync(join(before.data, 'events.db'));
  for (const { name } of database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all()) database.exec(`DROP TRIGGER ${String(name)}`);
  database.prepare("UPDATE events SET data = replace(data, '3000', '3') WHERE stream = (SELECT key FROM streams WHERE name = ?)").run(json.stream);
  database.close();
  const after = await startSystem({ data: before.data });
  try {
    const { ok, checks } = await doctor(after);
    assert.equal(ok, false);
    assert.partialDeepStrictEqual(checks['log'], { status: 'fail', fix: 'tollgate audit verify' });
    assert.match(checks['log']?.detail ?? '', new RegExp(json.stream as string));
  } finally {
    await after.stop();
  }
});
