/** Parked work over HTTP: one customer's trouble delays nobody else, staff sees whose it is, releases it, and it is gone. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventsOf, refusal, runWorkload, signUp, startSystem, type Answer, type Customer, type Started } from './system.ts';
import { patienceMs } from '../../src/commands/reactors/pump.ts';
import { Unavailable } from '../../src/domain/ports/failures.ts';
import type { WorkloadSpec } from '../../src/domain/ports/runtime.ts';

const [ada, bea] = ['ada@example.com', 'bea@example.com'];
const withSystem = async (run: (started: Started) => Promise<void>): Promise<void> => {
  const started = await startSystem();
  try {
    await run(started);
  } finally {
    await started.stop();
  }
};
/** The runtime's answer to workloads by their names: `bug...`, `away...`, `hangs...`; all others run. */
const troubled = ({ runtime }: Started): { release: () => void } => {
  const apply = runtime.apply.bind(runtime);
  let trouble = true;
  const waiting: (() => void)[] = [];
  runtime.apply = async (spec: WorkloadSpec) => {
    if (trouble && spec.name.startsWith('bug')) throw new TypeError('undefined is no runtime');
    if (trouble && spec.name.startsWith('away')) throw new Unavailable('the runtime is away');
    if (trouble && spec.name.startsWith('hangs')) await new Promise<void>((resolve) => waiting.push(resolve));
    return apply(spec);
  };
  return { release: () => {
    trouble = false;
    for (const resolve of waiting) resolve();
  } };
};
const asOperator = (started: Started, method: string, path: string, body?: unknown): Promise<Answer> => started.call(method, path, { token: started.operator, ...(body === undefined ? {} : { body }) });
const stateOf = async (started: Started, { access, namespace }: Customer, name: string): Promise<string | undefined> =>
  (await started.call('GET', `/workloads?name=${name}`, { token: access, headers: { 'micro-namespace': namespace } })).json.items[0]?.state;
const eventually = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await sleep(2);
};

test('one customer\'s hanging, failing and broken workloads, more than there are turns, do not delay another\'s', () => withSystem(async (started) => {
  const [stuck, fine] = [await signUp(started, ada), await signUp(started, bea)];
  const world = troubled(started);
  for (const name of ['bug', 'away', ...Array.from({ length: 8 }, (_, n) => `hangs${n}`)]) assert.equal((await runWorkload(started, stuck, name)).status, 200, name);
  await eventually(async () => (await asOperator(started, 'GET', '/parked')).json.items.length === 1);
  assert.equal((await runWorkload(started, fine, 'hello')).status, 200);
  started.adapters.clock.setOffset(patienceMs); // the hanging ones have had their turns
  await eventually(async () => (await stateOf(started, fine, 'hello')) === 'running');
  assert.equal(await stateOf(started, stuck, 'hangs0'), 'pending');
  world.release();
  await started.settled();
  await eventually(async () => (await stateOf(started, stuck, 'hangs7')) === 'running');
}));

test('parked work names its customer to staff only, and leaves the list when it is released', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const world = troubled(started);
  await runWorkload(started, customer, 'bug');
  await started.settled();
  const { json: { items: [work, ...others] } } = await asOperator(started, 'GET', '/parked');
  assert.deepEqual(others, []);
  assert.partialDeepStrictEqual(work, { reactor: 'workloads', owner: customer.account, email: ada, deed: 'Apply', error: 'undefined is no runtime', attempts: 1 });
  assert.equal(work.deeds.length, 1);
  const [listed] = (await asOperator(started, 'GET', '/reactors')).json.items.flatMap((item: any) => item.parked);
  assert.partialDeepStrictEqual(listed, { subject: work.subject, key: work.deeds[0].key, deed: 'Apply', owner: customer.account, email: ada });
  assert.equal((await asOperator(started, 'GET', `/parked?owner=${customer.account}`)).json.items.length, 1);
  refusal(await started.call('GET', '/parked', { token: customer.access }), 403, 'NotAllowed');
  const [logged] = await eventsOf(started, 'WorkParked');
  assert.deepEqual([logged.owner, logged.deed, JSON.stringify(logged).includes(ada)], [customer.account, 'Apply', false], 'the log has an id, never an address');

  const dry = await asOperator(started, 'POST', '/commands/ReleaseWork?dryRun=true', { reactor: 'workloads', subject: work.subject });
  assert.deepEqual(dry.json.events.map(({ type }: { type: string }) => type), ['WorkReleased']);
  refusal(await asOperator(started, 'POST', '/commands/ReleaseWork', { reactor: 'workloads', subject: work.subject, key: 'another' }), 404, 'WorkNotParked');
  refusal(await asOperator(started, 'POST', '/commands/ReleaseWork', { reactor: 'nobody', subject: work.subject }), 404, 'ReactorNotFound');
  refusal(await started.call('POST', '/commands/ReleaseWork', { token: customer.access, body: { reactor: 'workloads', subject: work.subject } }), 403, 'NotAllowed');
  world.release();
  const id = work.subject.slice(work.subject.indexOf('.') + 1);
  assert.equal((await asOperator(started, 'POST', '/commands/ReleaseWork', { reactor: 'workloads', subject: id, key: work.deeds[0].key })).status, 200, 'by id as well as by stream');
  await eventually(async () => (await stateOf(started, customer, 'bug')) === 'running');
  await started.settled();
  assert.deepEqual((await asOperator(started, 'GET', '/parked')).json.items, []);
  refusal(await asOperator(started, 'GET', `/parked/${encodeURIComponent(work.id)}`), 404);
}));

test('a webhook is acted on again to no effect, taken aside while the provider is away, and released', () => withSystem(async (started) => {
  await signUp(started, ada);
  const { json: { items } } = await asOperator(started, 'GET', '/webhooks');
  const applied = items.filter(({ status }: { status: string }) => status !== 'received');
  assert.ok(applied.length >= 2);
  const before = started.adapters.payments.charges().length;
  for (const { id } of applied) assert.deepEqual((await asOperator(started, 'POST', '/commands/ReplayWebhook', { webhookId: id })).json.events.map(({ type }: { type: string }) => type), ['WebhookReplayed'], id);
  await started.settled();
  const after = (await asOperator(started, 'GET', '/webhooks')).json.items.filter(({ replays }: { replays?: number }) => replays === 1);
  assert.deepEqual([after.length, started.adapters.payments.charges().length], [applied.length, before], 'each was acted on again, and nobody was charged again');
  assert.ok(after.every(({ status }: { status: string }) => status !== 'received'));
  refusal(await asOperator(started, 'POST', '/commands/ParkWebhook', { webhookId: applied[0].id }), 409, 'WorkNotWaiting');

  const { payments } = started.adapters;
  const asked = { invoice: payments.readInvoice, subscription: payments.readSubscription, checkout: payments.readCheckout };
  const away = async (): Promise<never> => {
    throw new Unavailable('the provider is away');
  };
  Object.assign(payments, { readInvoice: away, readSubscription: away, readCheckout: away });
  const { id } = applied.find(({ status }: { status: string }) => status === 'applied');
  await asOperator(started, 'POST', '/commands/ReplayWebhook', { webhookId: id });
  await started.settled();
  assert.equal((await asOperator(started, 'POST', '/commands/ParkWebhook', { webhookId: id })).status, 200);
  await started.settled();
  assert.partialDeepStrictEqual((await asOperator(started, 'GET', '/parked')).json.items, [{ reactor: 'apply-webhooks', deed: 'ApplyWebhook', error: 'parked by staff', attempts: 0 }]);
  Object.assign(payments, { readInvoice: asked.invoice, readSubscription: asked.subscription, readCheckout: asked.checkout });
  assert.equal((await asOperator(started, 'POST', '/commands/ReleaseWebhook', { webhookId: id })).status, 200);
  await started.settled();
  const { json } = await asOperator(started, 'GET', `/webhooks/${encodeURIComponent(id)}`);
  assert.partialDeepStrictEqual(json, { status: 'applied', replays: 2 });
  assert.deepEqual((await asOperator(started, 'GET', '/parked')).json.items, []);
}));
