/** Read models are rebuilt beside the live ones, and the log proves that nothing in it was changed. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import test from 'node:test';
import {
  diskNow, documentsOf, eventsOf, invite, linesOf, login, refusal, restarted, runWorkload, signUp, startSystem, storedEvents, withSystem, type Answer, type Started,
} from './system.ts';
import { eventStoreUnderTest, logInFolder } from './log-for.ts';
import { CommandMessage } from '../../src/commands/command-message.ts';
import { AddInvite } from '../../src/commands/invite.ts';
import type { Keyed } from '../../src/domain/ports/read-models.ts';
import { day } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const rebuild = (started: Started, name: string, query = ''): Promise<Answer> => started.call('POST', `/projections/${name}/rebuild${query}`, { token: started.operator });
const outcome = async (started: Started, name: string, query = ''): Promise<any> => linesOf(await rebuild(started, name, query)).at(-1);
const verify = async (started: Started, query = ''): Promise<any> => linesOf(await started.call('GET', `/audit/verify${query}`, { token: started.operator })).at(-1);
/** Many invites at once, past HTTP. */
const inviteMany = (started: Started, from: number, count: number): Promise<unknown> => Promise.all(Array.from({ length: count }, (_, n) => {
  const id = `many.${from + n}`;
  return started.system.handler.execute(CommandMessage.inContext(Object.assign(new AddInvite(), { email: `p${from + n}@example.com` }), { actor: { kind: 'operator', id: 'opr_00000000000000000000' }, correlationId: id, causationId: id }));
}));

test('every read model is rebuilt to exactly what it is, however it came about', () => withSystem(async (started) => {
  const customer = await signUp(started, ada, 'succeeds-once');
  await runWorkload(started, customer, 'hello');
  await started.advance(45 * day);
  await started.settled();
  const before = await documentsOf(started);
  const { items } = (await started.call('GET', '/projections', { token: started.operator })).json;
  assert.deepEqual(items.map(({ lag, status }: any) => [lag, status]), items.map(() => [0, 'live']));
  for (const { name, count } of items) {
    const lines = linesOf(await rebuild(started, name));
    assert.deepEqual(lines.at(-1), { done: true, equal: true, differences: [], swapped: true, documents: count }, name);
    for (const { position, head } of lines.slice(0, -1)) assert.ok(BigInt(position) <= BigInt(head));
    assert.ok(lines.length > 1, 'it tells how far it is');
  }
  assert.deepEqual(await documentsOf(started), before);
  const names = await started.adapters.readModels.names();
  assert.equal(names.filter((name) => !name.startsWith('work.')).length, items.length, `nothing is left over: ${names.join(' ')}`);
  assert.equal((await rebuild(started, 'invites')).status, 200);
}));

test('the old model serves while it is rebuilt, writes go on, and nothing is missing afterwards', () => withSystem(async (started) => {
  await inviteMany(started, 0, 1_500);
  await started.settled();
  const asked = rebuild(started, 'invites');
  const seen: number[] = [];
  let written = 1_500;
  let over = false;
  void asked.then(() => (over = true));
  for (; !over; written += 20) {
    await inviteMany(started, written, 20);
    const { json } = await started.call('GET', '/invites?limit=1', { token: started.operator });
    seen.push(json.items.length);
  }
  assert.partialDeepStrictEqual(linesOf(await asked).at(-1), { done: true, equal: true, swapped: true });
  assert.ok(seen.length > 0 && seen.every((count) => count === 1), 'it answered all the while');
  await started.settled();
  assert.equal(await started.system.rim.models.get('invites')?.collection.count(), written);
  assert.partialDeepStrictEqual(await outcome(started, 'invites'), { equal: true, documents: written });
}));

test('a second rebuild of the same model at once is refused; of another one not', () => withSystem(async (started) => {
  await inviteMany(started, 0, 800);
  const first = rebuild(started, 'invites');
  await new Promise((resolve) => setTimeout(resolve, 5));
  const [second, other] = await Promise.all([rebuild(started, 'invites'), rebuild(started, 'plans')]);
  if (second.status !== 200) refusal(second, 409, 'RebuildRunning');
  assert.partialDeepStrictEqual(linesOf(other).at(-1), { done: true, equal: true });
  assert.partialDeepStrictEqual(linesOf(await first).at(-1), { done: true, equal: true });
}));

test('a damaged, a missing and an invented document are found: listed, not swapped; swapped when told to', () => withSystem(async (started) => {
  for (const email of [ada, 'bob@example.com', 'cyd@example.com']) await invite(started, email);
  await started.settled();
  const { collection } = started.system.rim.models.get('invites') as { collection: { all(): AsyncIterable<readonly Keyed[]>; put(entries: readonly Keyed[], deletes?: readonly string[]): Promise<void> } };
  const documents: Keyed[] = [];
  for await (const page of collection.all()) documents.push(...page);
  const [altered, missing] = documents as [Keyed, Keyed];
  const invented = { key: `per_${'z'.repeat(20)}`, position: 1n, document: { ...altered.document, id: `per_${'z'.repeat(20)}` } };
  await collection.put([{ ...altered, document: { ...altered.document, status: 'revoked' } }, invented], [missing.key]);
  const found = await outcome(started, 'invites');
  assert.deepEqual([found.equal, found.swapped], [false, false]);
  assert.deepEqual(found.differences.map(({ key }: { key: string }) => key).sort(), [altered.key, missing.key, invented.key].sort());
  const byKey = new Map<string, any>(found.differences.map((difference: any) => [difference.key, difference]));
  assert.deepEqual([byKey.get(altered.key).live.status, byKey.get(altered.key).rebuilt.status], ['revoked', 'invited']);
  assert.equal(byKey.get(missing.key).live, undefined);
  assert.equal(byKey.get(invented.key).rebuilt, undefined);
  assert.ok(!JSON.stringify(found).includes('@example.com'), 'differences show personal values sealed');
  assert.equal((await started.call('GET', `/invites/${altered.key}`, { token: started.operator })).json.status, 'revoked', 'as it was: refused');
  assert.partialDeepStrictEqual(await outcome(started, 'invites', '?acceptDifferences=true'), { equal: false, swapped: true });
  assert.equal((await started.call('GET', `/invites/${altered.key}`, { token: started.operator })).json.status, 'invited');
  assert.partialDeepStrictEqual(await outcome(started, 'invites'), { equal: true, swapped: true, documents: 3 });
}));

test('what was swapped in serves after a restart, too, and goes on from there', async () => {
  let started = await startSystem();
  try {
    await invite(started, ada);
    assert.partialDeepStrictEqual(await outcome(started, 'invites'), { swapped: true });
    assert.partialDeepStrictEqual(await outcome(started, 'invites'), { swapped: true });
    started = await restarted(started);
    await invite(started, 'bob@example.com');
    await started.settled();
    assert.equal((await started.call('GET', '/invites', { token: started.operator })).json.items.length, 2);
    assert.partialDeepStrictEqual(await outcome(started, 'invites'), { equal: true, documents: 2 });
  } finally {
    await started.stop();
  }
});

test('the machine dies in the middle of a rebuild: the old model serves, and the next rebuild is complete', { skip: logInFolder ? false : 'the log is not in the folder' }, async () => {
  const before = await startSystem();
  let disk = '';
  try {
    await inviteMany(before, 0, 2_500);
    await before.settled();
    const runner = before.system.rim.models.get('invites');
    const under = runner?.rebuild({ acceptDifferences: false, differencesMax: 10, progress: () => (disk ||= diskNow(before.data)) });
    await under;
  } finally {
    await before.stop();
  }
  assert.notEqual(disk, '');
  const started = await startSystem({ data: disk });
  try {
    assert.equal(await started.system.rim.models.get('invites')?.collection.count(), 2_500);
    assert.partialDeepStrictEqual(await outcome(started, 'invites'), { equal: true, swapped: true, documents: 2_500 });
  } finally {
    await started.stop();
  }
});

test('an unwatched rebuild is finished all the same', () => withSystem(async (started) => {
  await inviteMany(started, 0, 500);
  const leaving = new AbortController();
  const asked = fetch(`${started.origin}/projections/invites/rebuild`, { method: 'POST', headers: { authorization: `Bearer ${started.operator}` }, signal: leaving.signal }).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 3));
  leaving.abort();
  await asked;
  await started.settled();
  for (let looks = 0; looks < 500 && started.system.rim.models.get('invites')?.rebuilding !== undefined; looks += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.partialDeepStrictEqual(await outcome(started, 'invites'), { equal: true, documents: 500 });
}));

/** Tests that change the past change the SQLite file. What a damaged stream on EventStoreDB looks like is in test/contracts/eventstoredb.spec.ts. */
const onSqlite = { skip: eventStoreUnderTest === 'embedded' ? false : 'the log is no SQLite file' };
/** Changes stored bytes as somebody with the file in his hands could: the triggers against it are dropped first. */
const tampered = (sql: string, ...values: string[]) => async (data: string): Promise<void> => {
  const database = new DatabaseSync(join(data, 'events.db'));
  for (const { name } of database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all()) database.exec(`DROP TRIGGER ${String(name)}`);
  const { changes } = database.prepare(sql).run(...values);
  database.close();
  assert.ok(changes > 0, sql);
};
const ofStream = 'stream = (SELECT key FROM streams WHERE name = ?)';

test('audit verify finds every way to change the past, by stream and revision; nothing is decided on it, all else goes on', onSqlite, async (t) => {
  const origin = await startSystem();
  let plan = '';
  let template = '';
  try {
    await invite(origin, ada);
    plan = (await origin.call('POST', '/commands/OfferPlan', { token: origin.operator, body: { name: 'extra', amount: 3000, currency: 'USD' } })).json.stream;
    const id = plan.split('.').at(-1) ?? '';
    for (const amount of [4000, 5000, 6000]) await origin.call('POST', '/commands/RepricePlan', { token: origin.operator, body: { planId: id, amount, currency: 'USD' } });
    assert.deepEqual([(await verify(origin)).ok, (await verify(origin, `?stream=${plan}`)).events], [true, 4]);
    await origin.settled();
    await origin.stop({ keep: true });
    template = origin.data;
  } catch (error) {
    await origin.stop();
    throw error;
  }
  const ways: readonly (readonly [name: string, revision: number, change: (data: string) => Promise<void>])[] = [
    ['a flipped byte in the data', 1, tampered(`UPDATE events SET data = replace(data, '4000', '4001') WHERE revision = 1 AND ${ofStream}`, plan)],
    ['another actor in the metadata', 2, tampered(`UPDATE events SET meta = replace(meta, '"actor":"opr_', '"actor":"acc_') WHERE revision = 2 AND ${ofStream}`, plan)],
    ['another time', 3, tampered(`UPDATE events SET meta = replace(meta, '"at":"20', '"at":"21') WHERE revision = 3 AND ${ofStream}`, plan)],
    ['another type', 1, tampered(`UPDATE events SET type = 'PlanRetired' WHERE revision = 1 AND ${ofStream}`, plan)],
    ['another id', 0, tampered(`UPDATE events SET id = '00000000-0000-5000-8000-000000000000' WHERE revision = 0 AND ${ofStream}`, plan)],
    ['a taken-out event', 1, tampered(`DELETE FROM events WHERE revision = 1 AND ${ofStream}`, plan)],
    ['another hash', 2, tampered(`UPDATE events SET meta = substr(meta, 1, length(meta) - 5) || 'AAA"}' WHERE revision = 2 AND ${ofStream}`, plan)],
  ];
  for (const [name, revision, change] of ways) {
    await t.test(name, async () => {
      const disk = diskNow(template);
      await change(disk);
      const started = await startSystem({ data: disk });
      try {
        const { ok, failures } = await verify(started);
        assert.equal(ok, false);
        assert.deepEqual(failures.map(({ stream, revision: where }: any) => [stream, where]), [[plan, revision]]);
        assert.equal((await verify(started, `?stream=${plan}`)).ok, false);
        const decided = await started.call('POST', '/commands/RetirePlan', { token: started.operator, body: { planId: plan.split('.').at(-1) } });
        refusal(decided, 500, 'DamagedEvent');
        assert.match(decided.json.nextStep, /audit verify/);
        await invite(started, 'bob@example.com');
        assert.equal((await login(started, ada)).status, 'payment-required', 'all else goes on');
      } finally {
        await started.stop();
      }
    });
  }
  await t.test('text that cannot be read is named by its place, by whoever meets it first', async () => {
    const disk = diskNow(template);
    await tampered(`UPDATE events SET data = substr(data, 2) WHERE revision = 1 AND ${ofStream}`, plan)(disk);
    await assert.rejects(startSystem({ data: disk }), { name: 'BrokenChain', stream: plan, revision: 1 });
    await rm(disk, { recursive: true, force: true });
  });
  await rm(template, { recursive: true, force: true });
});

test('a damaged stream with something due parks or waits; the server goes on answering', onSqlite, async () => {
  let started = await startSystem();
  try {
    await signUp(started, ada, 'succeeds-once');
    await started.advance(33 * day);
    const stream = (await storedEvents(started)).find(({ type }) => type === 'GraceStarted')?.stream ?? '';
    started = await restarted(started, { between: tampered(`UPDATE events SET data = replace(data, '3500', '3501') WHERE revision = 0 AND ${ofStream}`, stream) });
    await invite(started, 'bob@example.com');
    started.adapters.clock.setOffset(started.adapters.clock.offsetMs + 10 * day);
    for (let n = 0; n < 10; n += 1) {
      assert.equal((await started.call('GET', '/healthz')).status, 200);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.ok(started.warnings.length < 50, `it does not go round and round: ${started.warnings.length} warnings`);
    assert.ok(started.warnings.some(({ facts }) => JSON.stringify(facts).includes('damaged')), 'and it is said');
    assert.deepEqual(await eventsOf(started, 'SubscriptionLapsed'), []);
  } finally {
    await started.stop();
  }
});
