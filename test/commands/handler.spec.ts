/** The one handler over the whole catalog: who may, what is recorded, what a repeat, a dry run and a refused slot leave behind. */
import 'reflect-metadata';
import assert from 'node:assert/strict';
import test from 'node:test';
import { logOn, start, storedIn, TestStore } from './harness.ts';
import { StoredLog } from '../../src/adapters/event-store/log.ts';
import { KeyringVault } from '../../src/adapters/event-store/vault.ts';
import { MemoryCounters } from '../../src/adapters/counters/memory.ts';
import { MemoryKeyring } from '../../src/adapters/keyring/memory.ts';
import { ManualClock } from '../../src/adapters/system/clock.ts';
import { derivation, derivedTokens } from '../../src/adapters/system/derivation.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { catalog } from '../../src/commands/catalog.ts';
import { CommandMessage, SystemMessage, type Committed, type Context, type WouldAppend } from '../../src/commands/command-message.ts';
import { CommandRejected, Handler, IdempotencyKeyReused, NotAllowed } from '../../src/commands/handle.ts';
import { AddInvite, RevokeInvite } from '../../src/commands/invite.ts';
import { OfferPlan, RetirePlan } from '../../src/commands/plan.ts';
import { StaleRevision } from '../../src/commands/streams.ts';
import { RunWorkload } from '../../src/commands/workload.ts';
import { MemorySourceHost } from '../../src/adapters/source-host/memory.ts';
import type { Actor } from '../../src/domain/decider.ts';
import type { Personal } from '../../src/domain/personal.ts';
import { personal } from '../../src/domain/personal.ts';
import { accountId, customer, logId, namespaceId, operator, person, stranger, subscriptionId, tenantId, terms } from '../domain/samples.ts';

const system: Actor = { kind: 'system', id: 'system:test' };
const digest = 'a'.repeat(64);
const open = () => {
  const store = new TestStore();
  const random = new SeededRandom('handler');
  const keyring = new MemoryKeyring({ masterKey: random.bytes(32), hmacKey: random.bytes(32), random });
  const vault = new KeyringVault(keyring, random, logId);
  const clock = new ManualClock(start);
  const sources = new Set([digest]);
  const ports = {
    tenant: tenantId, clock, random, keyring, counters: new MemoryCounters(), tokens: derivedTokens('k1', new Map([['k1', Buffer.alloc(32, 2)]])), derive: derivation(Buffer.alloc(32, 1), random),
    sources: { has: async (source: string) => sources.has(source) }, sourceHost: new MemorySourceHost(), vault,
  };
  const handler = new Handler({ ...ports, log: new StoredLog(store, vault, {}, true) }, catalog);
  const ask = <M extends CommandMessage>(message: M, actor: Actor, more: Partial<Context> = {}): Promise<Committed | WouldAppend> => handler.execute(CommandMessage.inContext(message, { actor, correlationId: 'c', causationId: 'c', ...more }));
  const types = async (): Promise<string[]> => (await storedIn(store)).map(({ type }) => type);
  return { store, handler, keyring, vault, clock, ask, types, again: () => new Handler({ ...ports, log: new StoredLog(store, vault, {}, true) }, catalog) };
};
const invite = (email: string): AddInvite => Object.assign(new AddInvite(), { email });
const offer = (amount = 3500): OfferPlan => Object.assign(new OfferPlan(), { name: 'dev', amount, currency: 'USD' });
const run = (name = 'hello', source = digest, env?: object): RunWorkload => Object.assign(new RunWorkload(), { name, source, namespaceId, ...(env ? { env } : {}) });
const refusedWith = (code: string) => (error: unknown) => error instanceof CommandRejected && error.rejection.code === code;
/** With an account and a namespace of two slots. */
const withNamespace = async () => {
  const opened = open();
  const owner = await opened.keyring.findOrCreate('ada@example.com');
  await opened.ask(new SystemMessage('CreateAccount', { accountId, person: owner, email: personal(owner, 'email', 'ada@example.com'), subscriptionId }), system);
  await opened.ask(new SystemMessage('CreateNamespace', { namespaceId, name: 'brave-blue-fox', accountId, subscriptionId, limits: terms.limits }), system);
  return { ...opened, owner };
};

test('who is not permitted is told so: nothing is appended, and no person made', async () => {
  const { ask, types, keyring } = open();
  for (const actor of [customer, { kind: 'anonymous', id: 'anon' } as const, { kind: 'person', id: person } as const]) await assert.rejects(ask(invite('bob@example.com'), actor), NotAllowed);
  await assert.rejects(ask(new SystemMessage('CreateTenant', { tenantId, name: 'x' }), customer), NotAllowed);
  assert.deepEqual(await types(), []);
  assert.equal(await keyring.find('bob@example.com'), undefined);
});

test('what is recorded beside an event: who, when, for what; the reason sealed; an address nowhere in clear', async () => {
  const { ask, store, vault } = open();
  await ask(invite('bob@example.com'), operator, { reason: 'Bob asked at the fair', correlationId: 'corr', causationId: 'cause' });
  const [event] = await storedIn(store);
  assert.ok(event);
  const meta = JSON.parse(event.meta) as Record<string, unknown>;
  assert.partialDeepStrictEqual(meta, { schema: 1, at: start, correlationId: 'corr', causationId: 'cause', actor: operator.id, tenant: tenantId });
  assert.match(meta['commandId'] as string, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(Buffer.from(meta['fingerprint'] as string, 'base64url').length, 16);
  assert.equal(await vault.open(meta['reason'] as Personal), 'Bob asked at the fair');
  assert.equal(await vault.open((JSON.parse(event.data) as { email: Personal }).email), 'bob@example.com');
  assert.ok(!/bob|fair/i.test(`${event.stream}${event.data}${event.meta}`));
});

test('the same idempotency key: one event, the same answer, after a restart too; without a key it is another command', async () => {
  const { ask, types, again } = open();
  const first = await ask(offer(), operator, { idempotencyKey: 'k' });
  const second = await ask(offer(), operator, { idempotencyKey: 'k' });
  const third = await again().execute(CommandMessage.inContext(offer(), { actor: operator, correlationId: 'c', causationId: 'c', idempotencyKey: 'k' }));
  assert.deepEqual(second, first);
  assert.deepEqual(third, first);
  assert.deepEqual(await types(), ['PlanOffered']);
  await ask(offer(), operator);
  await ask(offer(), operator, { idempotencyKey: 'another' });
  await ask(offer(), { kind: 'operator', id: 'opr_22222222222222222222' }, { idempotencyKey: 'k' });
  assert.deepEqual((await types()).length, 4, 'keys belong to their actor');
});

test('the same idempotency key with another body is refused, and changes nothing', async () => {
  const { ask, types } = open();
  await ask(offer(3500), operator, { idempotencyKey: 'k' });
  await assert.rejects(ask(offer(3900), operator, { idempotencyKey: 'k' }), IdempotencyKeyReused);
  const both = await Promise.allSettled([ask(offer(1), operator, { idempotencyKey: 'j' }), ask(offer(2), operator, { idempotencyKey: 'j' })]);
  assert.deepEqual(both.map(({ status }) => status), ['fulfilled', 'rejected'], 'while the first is under way, too');
  assert.deepEqual(await types(), ['PlanOffered', 'PlanOffered']);
});

test('the answer of a commit whose outcome was lost is the recorded one', async () => {
  const { ask, types, store } = open();
  let losses = 1;
  store.fate = async (append) => {
    const appended = await append();
    if (losses-- > 0) throw new Error('the connection broke');
    return appended;
  };
  const answer = (await ask(offer(), operator)) as Committed;
  assert.deepEqual([answer.revision, answer.position, answer.events.map(({ type }) => type)], [0, 1n, ['PlanOffered']]);
  assert.deepEqual(await types(), ['PlanOffered']);
});

test('If-Match is the revision of the command\'s own stream', async () => {
  const { ask } = open();
  const { stream } = (await ask(offer(), operator)) as Committed;
  const planId = stream.slice(stream.indexOf('.') + 1);
  const retire = () => Object.assign(new RetirePlan(), { planId });
  await assert.rejects(ask(retire(), operator, { ifMatch: 4 }), StaleRevision);
  assert.equal(((await ask(retire(), operator, { ifMatch: 0 })) as Committed).revision, 1);
});

test('a slot is taken before its workload is asked for; a repeat takes none', async () => {
  const { ask, types, handler, store } = await withNamespace();
  const first = await ask(run(), customer, { idempotencyKey: 'k' });
  assert.deepEqual(await ask(run(), customer, { idempotencyKey: 'k' }), first);
  assert.deepEqual((await types()).slice(2), ['WorkloadSlotTaken', 'WorkloadRunRequested']);
  const [slot, requested] = (await storedIn(store)).slice(2).map(({ data }) => JSON.parse(data) as { workloadId: string });
  assert.equal(slot?.workloadId, requested?.workloadId);
  assert.ok(handler);
});

test('a refused slot refuses the command: no workload, whoever asks', async () => {
  const { ask, types } = await withNamespace();
  await ask(run('one'), customer);
  await assert.rejects(ask(run('one'), customer), refusedWith('WorkloadNameTaken'));
  await assert.rejects(ask(run('two'), stranger), refusedWith('NamespaceNotFound'));
  await ask(run('two'), customer);
  await assert.rejects(ask(run('three'), customer), refusedWith('WorkloadLimitReached'));
  assert.deepEqual((await types()).filter((type) => type === 'WorkloadRunRequested').length, 2);
  assert.deepEqual((await types()).filter((type) => type === 'WorkloadSlotTaken').length, 2);
});

test('of ten at once for two slots two get one', async () => {
  const { ask, types } = await withNamespace();
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => ask(run(`w${n}`), customer)));
  assert.deepEqual(outcomes.filter(({ status }) => status === 'fulfilled').length, 2);
  for (const outcome of outcomes) if (outcome.status === 'rejected') assert.ok(refusedWith('WorkloadLimitReached')(outcome.reason));
  assert.deepEqual((await types()).filter((type) => type === 'WorkloadRunRequested').length, 2);
});

test('the environment of a workload is sealed under its owner\'s key', async () => {
  const { ask, store, vault, keyring, owner } = await withNamespace();
  await ask(run('hello', digest, { COLOUR: 'ultramarine' }), customer);
  const event = (await storedIn(store)).find(({ type }) => type === 'WorkloadRunRequested');
  assert.ok(event && !event.data.includes('ultramarine'));
  const [{ value }] = (JSON.parse(event.data) as { environment: [{ value: Personal }] }).environment;
  assert.equal(await vault.open(value), 'ultramarine');
  await keyring.erase(owner);
  assert.equal(await vault.open(value), undefined);
});

test('a dry run says what would be appended, and leaves nothing: no event, no slot, no person', async () => {
  const { ask, types, keyring, store } = await withNamespace();
  const before = await types();
  const appends = store.appends;
  const invited = (await ask(invite('carl@example.com'), operator, { dryRun: true, reason: 'to see', idempotencyKey: 'k' })) as WouldAppend;
  assert.deepEqual([invited.dryRun, invited.events.map(({ type }) => type)], [true, ['InviteAdded']]);
  const ran = (await ask(run(), customer, { dryRun: true })) as WouldAppend;
  assert.deepEqual(ran.events.map(({ type }) => type), ['WorkloadRunRequested']);
  await assert.rejects(ask(run('hello', 'b'.repeat(64)), customer, { dryRun: true }), CommandRejected, 'a refusal is told');
  await assert.rejects(ask(invite('carl@example.com'), customer, { dryRun: true }), NotAllowed);
  assert.deepEqual(await types(), before);
  assert.equal(store.appends, appends);
  assert.equal(await keyring.find('carl@example.com'), undefined);
  assert.deepEqual(((await ask(invite('carl@example.com'), operator, { idempotencyKey: 'k' })) as Committed).events.map(({ type }) => type), ['InviteAdded'], 'its key is not used up');
});

test('looking for somebody unknown makes nobody', async () => {
  const { ask, types, keyring } = open();
  await assert.rejects(ask(Object.assign(new RevokeInvite(), { email: 'nobody@example.com' }), operator), refusedWith('InviteNotFound'));
  assert.equal(await keyring.find('nobody@example.com'), undefined);
  assert.deepEqual(await types(), []);
});

test('nothing to do is answered with the position to wait for, and no event', async () => {
  const { ask } = open();
  const first = (await ask(invite('bob@example.com'), operator)) as Committed;
  const second = (await ask(invite('bob@example.com'), operator)) as Committed;
  assert.deepEqual([second.events, second.revision, second.position >= first.position], [[], 0, true]);
});

test('a command that is in no catalog, or twice, is a bug and says so', async () => {
  const { ask, store } = open();
  await assert.rejects(ask(new SystemMessage('NoSuchCommand', {}), system), /NoSuchCommand is not in the catalog/);
  assert.throws(() => new Handler({ log: logOn(store) } as never, [...catalog, ...catalog.slice(0, 1)]), /twice/);
});
