/** Builds and updates over HTTP, on a runtime in memory: what is seen, what is undone, and what the books say. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { eventsOf, linesOf, refusal, restarted, running, runWorkload, signUp, startSystem, uploadSource, withSystem, workloadNamed, type Answer, type Customer, type Started } from './system.ts';
import { minute } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const building = ({ state }: any): boolean => state === 'building';
const updating = (view: any): boolean => view.update?.state === 'building';
const command = (started: Started, { access }: Customer, name: string, body: object): Promise<Answer> => started.call('POST', `/commands/${name}`, { token: access, body });
/** A source that must be built, and is until it is told to end. */
const slowSource = async (started: Started, customer: Customer, text = 'slow'): Promise<string> => {
  const source = await uploadSource(started, customer, { 'server.js': `// ${text}` });
  started.runtime.needsBuild(source);
  return source;
};
/** One runs, and an update of it is being built. */
const inTheMiddle = async (started: Started): Promise<{ readonly customer: Customer; readonly before: any; readonly source: string }> => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello');
  const before = await workloadNamed(started, customer, 'hello', running);
  const source = await slowSource(started, customer);
  assert.equal((await command(started, customer, 'UpdateWorkload', { workloadId: before.id, source })).status, 200);
  await workloadNamed(started, customer, 'hello', updating);
  return { customer, before, source };
};

test('what must be built is building, says how, then runs; its build has a log of its own', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello', { source: await slowSource(started, customer) });
  const view = await workloadNamed(started, customer, 'hello', building);
  assert.partialDeepStrictEqual(view, { state: 'building', how: 'pretended', incarnation: 0 });
  await started.runtime.finishBuild(view.id, 0);
  assert.partialDeepStrictEqual(await workloadNamed(started, customer, 'hello', running), { state: 'running', how: 'pretended', incarnation: 1 });
  const texts = async (log: string) => linesOf(await started.call('GET', `/workloads/${view.id}/logs?log=${log}`, { token: customer.access })).map(({ text }) => text);
  assert.deepEqual(await texts('build'), ['generation 1: pretended', 'exited with code 0']);
  assert.deepEqual(await texts('run'), ['started (generation 1, process 1)']);
  refusal(await started.call('GET', `/workloads/${view.id}/logs?log=both`, { token: customer.access }), 400, 'InvalidInput');
}));

test("the plan's limits reach the runtime, and are seen", () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello');
  const { limits } = await workloadNamed(started, customer, 'hello', running);
  assert.equal(limits, 'pretended: cpuMillis 1000, memoryMiB 512, diskMiB 1024, processes 256');
}));

test('a build that fails is an error with the reason; an update tries again', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello', { source: await slowSource(started, customer) });
  const { id } = await workloadNamed(started, customer, 'hello', building);
  await started.runtime.finishBuild(id, 2);
  const view = await workloadNamed(started, customer, 'hello', ({ state }) => state === 'error');
  assert.match(view.reason, /build failed.*code 2/);
  assert.equal(view.failed, 'build');
  await command(started, customer, 'UpdateWorkload', { workloadId: id, source: view.source });
  await workloadNamed(started, customer, 'hello', building);
  await started.runtime.finishBuild(id, 0);
  const after = await workloadNamed(started, customer, 'hello', running);
  assert.equal(after.failed, undefined);
  assert.deepEqual((await eventsOf(started, 'WorkloadBuildStarted', 'WorkloadBuildFailed')).map(({ type }) => type), ['WorkloadBuildStarted', 'WorkloadBuildFailed', 'WorkloadBuildStarted']);
}));

test('while an update is made ready what runs is shown as it is; then the new one takes its place, and the old source is given back', () => withSystem(async (started) => {
  const { customer, before, source } = await inTheMiddle(started);
  const during = await workloadNamed(started, customer, 'hello');
  assert.partialDeepStrictEqual(during, { state: 'running', address: before.address, source: before.source, generation: 1, update: { state: 'building', source, generation: 2 } });
  await started.runtime.finishBuild(before.id, 0);
  const after = await workloadNamed(started, customer, 'hello', (view) => running(view) && !view.update);
  assert.partialDeepStrictEqual(after, { source, generation: 2 });
  assert.notEqual(after.address, before.address);
  await started.advance(61 * minute);
  assert.equal(await started.adapters.sources.has(source), true);
}));

test('an update that cannot be built, or dies before it is ready, leaves what runs untouched and says why', () => withSystem(async (started) => {
  const { customer, before, source } = await inTheMiddle(started);
  await started.runtime.finishBuild(before.id, 2);
  const after = await workloadNamed(started, customer, 'hello', (view) => view.updateFailed !== undefined);
  assert.partialDeepStrictEqual(after, { state: 'running', address: before.address, source: before.source, incarnation: 1, updateFailed: { failed: 'build', source } });
  assert.match(after.updateFailed.reason, /code 2/);
  await started.settled();
  const dying = await uploadSource(started, customer, { 'server.js': '// dying' });
  started.runtime.diesAtOnce(dying);
  await command(started, customer, 'UpdateWorkload', { workloadId: before.id, source: dying });
  const second = await workloadNamed(started, customer, 'hello', (view) => view.updateFailed?.source === dying);
  assert.partialDeepStrictEqual(second, { state: 'running', address: before.address, updateFailed: { reason: 'exited with code 9 before it was ready' } });
  await started.settled();
  assert.deepEqual((await started.runtime.list()).map(({ state, incarnation }) => ({ state, incarnation })), [{ state: 'running', incarnation: 1 }]);
  assert.equal((await eventsOf(started, 'WorkloadStarted')).length, 1, 'that it goes on under later askings is no news');
}));

test('a build is cancelled: an update goes back to what runs, a first one ends at rest; then there is nothing to cancel', () => withSystem(async (started) => {
  const { customer, before } = await inTheMiddle(started);
  const cancel = (workloadId: string) => command(started, customer, 'CancelBuild', { workloadId });
  assert.equal((await cancel(before.id)).status, 200);
  const after = await workloadNamed(started, customer, 'hello', (view) => view.updateFailed !== undefined);
  assert.partialDeepStrictEqual(after, { state: 'running', address: before.address, updateFailed: { reason: 'it was cancelled' } });
  await started.settled();
  refusal(await cancel(before.id), 409, 'NothingToCancel');
  await runWorkload(started, customer, 'other', { source: await slowSource(started, customer, 'other') });
  const { id } = await workloadNamed(started, customer, 'other', building);
  assert.equal((await cancel(id)).status, 200);
  assert.partialDeepStrictEqual(await workloadNamed(started, customer, 'other', ({ state }) => state === 'stopped'), { state: 'stopped', reason: 'its build was cancelled' });
  await started.settled();
  assert.deepEqual((await started.runtime.list()).map(({ state }) => state).sort(), ['running', 'stopped']);
  const stranger = await signUp(started, 'eve@example.com');
  refusal(await command(started, stranger, 'CancelBuild', { workloadId: before.id }), 404, 'WorkloadNotFound');
}));

test('killed while it builds it is gone, its slot free', () => withSystem(async (started) => {
  const { customer, before } = await inTheMiddle(started);
  await command(started, customer, 'KillWorkload', { workloadId: before.id });
  await started.settled();
  assert.equal(await workloadNamed(started, customer, 'hello'), undefined);
  assert.deepEqual(await started.runtime.list(), []);
  assert.equal((await runWorkload(started, customer, 'hello')).status, 200);
}));

test('the server is started again in the middle of an update: it goes on, also where all was lost', async () => {
  const before = await startSystem();
  const { customer, before: view } = await inTheMiddle(before);
  const started = await restarted(before, { between: () => before.runtime.lose(view.id) });
  try {
    const lost = await workloadNamed(started, customer, 'hello', (seen) => running(seen) && seen.update?.generation === 3 && updating(seen));
    assert.partialDeepStrictEqual(lost, { state: 'running', incarnation: 2, update: { state: 'building', generation: 3 } });
    await started.runtime.finishBuild(view.id, 0);
    assert.partialDeepStrictEqual(await workloadNamed(started, customer, 'hello', (seen) => running(seen) && !seen.update), { state: 'running', generation: 3 });
  } finally {
    await started.stop();
  }
});

test('a build that ended while no server was there is known after the next start', async () => {
  const before = await startSystem();
  const { customer, before: view } = await inTheMiddle(before);
  const started = await restarted(before, { between: () => before.runtime.finishBuild(view.id, 3) });
  try {
    const after = await workloadNamed(started, customer, 'hello', (seen) => seen.updateFailed !== undefined);
    assert.partialDeepStrictEqual(after, { state: 'running', address: view.address, updateFailed: { failed: 'build' } });
  } finally {
    await started.stop();
  }
});
