/** Workloads over HTTP, on a runtime in memory: run, update, kill, limits, crashes, restarts of the server. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { eventsOf, linesOf, refreshed, refusal, restarted, running, runWorkload, signUp, startSystem, storedEvents, uploadSource, withSystem, workloadNamed, type Answer, type Customer, type Started } from './system.ts';
import { minute } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const kill = (started: Started, { access }: Customer, workloadId: string): Promise<Answer> => started.call('POST', '/commands/KillWorkload', { token: access, body: { workloadId } });
const update = (started: Started, { access }: Customer, workloadId: string, source: string): Promise<Answer> => started.call('POST', '/commands/UpdateWorkload', { token: access, body: { workloadId, source } });
const logs = async (started: Started, { access }: Customer, id: string, query = ''): Promise<any[]> => linesOf(await started.call('GET', `/workloads/${id}/logs${query}`, { token: access }));
const space = async (started: Started): Promise<any> => (await started.call('GET', '/namespaces', { token: started.operator })).json.items[0];
/** A plan of so many workloads, the only one on sale. */
const onlyPlan = async (started: Started, workloads: number): Promise<void> => {
  const [{ id }] = (await started.call('GET', '/plans')).json.items;
  const { json } = await started.call('POST', '/commands/OfferPlan', { token: started.operator, body: { name: 'small', amount: 500, currency: 'USD', workloads } });
  await started.call('POST', '/commands/RetirePlan', { token: started.operator, body: { planId: id } });
  await started.settled();
  assert.ok(json.position);
};

test('a workload that is run comes to run: its address, its names of environment, nothing secret', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const { json } = await runWorkload(started, customer, 'hello', { env: { COLOUR: 'blue', PASSWORD: 'hush-hush' }, retries: 2 });
  assert.deepEqual(json.events.map(({ type }: { type: string }) => type), ['WorkloadRunRequested']);
  const view = await workloadNamed(started, customer, 'hello', running);
  assert.partialDeepStrictEqual(view, { name: 'hello', state: 'running', retries: 2, envNames: ['COLOUR', 'PASSWORD'], generation: 1, incarnation: 1, command: 'node server.js' });
  assert.match(view.address, /^http:\/\/127\.0\.0\.1:\d+$/);
  const seen = [await started.call('GET', `/workloads/${view.id}`, { token: customer.access }), await started.call('GET', `/audit/show?subject=${view.id}`, { token: started.operator }), await started.call('GET', '/audit/log', { token: started.operator })];
  assert.ok(!(seen[0]?.text ?? '').includes('hush-hush'));
  assert.ok(!(seen[2]?.text ?? '').includes('hush-hush'));
  assert.equal((await space(started)).workloads, 1);
}));

test('a name is taken once in a namespace, and free again after a kill; another customer may have the same', () => withSystem(async (started) => {
  const [customer, other] = [await signUp(started, ada), await signUp(started, 'bob@example.com')];
  await runWorkload(started, customer, 'hello');
  const { nextStep } = refusal(await runWorkload(started, customer, 'hello'), 409, 'WorkloadNameTaken');
  assert.match(nextStep, /tollgate update hello/);
  assert.equal((await runWorkload(started, other, 'hello')).status, 200);
  const { id } = await workloadNamed(started, customer, 'hello');
  await kill(started, customer, id);
  await started.settled();
  assert.equal((await runWorkload(started, customer, 'hello')).status, 200);
  assert.notEqual((await workloadNamed(started, customer, 'hello')).id, id);
}));

test('two requests cannot share the last slot: one runs, one is told the limit; a kill frees it', () => withSystem(async (started) => {
  await onlyPlan(started, 2);
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'first');
  const source = await uploadSource(started, customer);
  const racing = await Promise.all(['a', 'b', 'c', 'd'].map((name) => runWorkload(started, customer, name, { source })));
  assert.deepEqual(racing.map(({ status }) => status).sort(), [200, 429, 429, 429]);
  const { detail } = refusal(racing.find(({ status }) => status === 429) as Answer, 429, 'WorkloadLimitReached');
  assert.match(detail, /allows 2 workloads/);
  assert.equal((await space(started)).workloads, 2);
  const first = await workloadNamed(started, customer, 'first');
  await kill(started, customer, first.id);
  await started.settled();
  assert.equal((await space(started)).workloads, 1);
  assert.equal((await runWorkload(started, customer, 'again', { source })).status, 200);
}));

test('a refused run leaves no slot behind', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  refusal(await runWorkload(started, customer, 'ghost', { source: `sha256:${'0'.repeat(64)}` }), 422, 'SourceUnknown');
  await started.advance(6 * minute);
  assert.equal((await space(started)).workloads, 0, 'given back by itself');
  assert.equal((await runWorkload(started, customer, 'ghost')).status, 200, 'and its name is free');
}));

test('a kill stops and removes it, frees slot and source; after it nothing is found', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello');
  const { id, source } = await workloadNamed(started, customer, 'hello');
  assert.equal(await started.adapters.sources.has(source), true);
  assert.equal((await kill(started, customer, id)).status, 200);
  await started.settled();
  assert.equal(await workloadNamed(started, customer, 'hello'), undefined);
  refusal(await started.call('GET', `/workloads/${id}`, { token: customer.access }), 404);
  refusal(await started.call('GET', `/workloads/${id}/logs`, { token: customer.access }), 404);
  refusal(await update(started, customer, id, source), 404, 'WorkloadNotFound');
  assert.deepEqual(await started.runtime.list(), []);
  assert.equal((await space(started)).workloads, 0);
  assert.deepEqual((await eventsOf(started, 'WorkloadKillRequested', 'WorkloadRemoved', 'WorkloadSlotReleased', 'WorkloadSlotGivenBack')).map(({ type }) => type), ['WorkloadKillRequested', 'WorkloadRemoved', 'WorkloadSlotReleased', 'WorkloadSlotGivenBack']);
}));

test('a run and its kill at once, many times over, leave neither process nor slot', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const source = await uploadSource(started, customer);
  await Promise.all(Array.from({ length: 8 }, async (_, n) => {
    const { json } = await runWorkload(started, customer, `w${n}`, { source });
    const id = /\.(wl_\w+)$/.exec(json.stream)?.[1] ?? '';
    assert.equal((await kill(started, customer, id)).status, 200);
  }));
  await started.settled();
  assert.deepEqual(await started.runtime.list(), []);
  assert.equal((await space(started)).workloads, 0);
}));

test('an update replaces the source; the same source again changes nothing while it runs', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello');
  const before = await workloadNamed(started, customer, 'hello', running);
  assert.deepEqual((await update(started, customer, before.id, before.source)).json.events, []);
  const source = await uploadSource(started, customer, { 'server.js': '// another' });
  assert.equal((await update(started, customer, before.id, source)).status, 200);
  const after = await workloadNamed(started, customer, 'hello', (view) => running(view) && view.generation === 2);
  assert.deepEqual([after.state, after.source, after.generation], ['running', source, 2]);
  assert.notEqual(after.address, before.address);
  refusal(await update(started, customer, before.id, `sha256:${'0'.repeat(64)}`), 422, 'SourceUnknown');
}));

test('a crash is reported with its reason, tried again as often as was said, and then it is an error', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'crasher', { retries: 2 });
  const { id } = await workloadNamed(started, customer, 'crasher', running);
  for (let n = 1; n <= 2; n += 1) {
    await started.runtime.crash(id, 3);
    assert.partialDeepStrictEqual(await workloadNamed(started, customer, 'crasher', (view) => running(view) && view.incarnation === n + 1), { state: 'running', incarnation: n + 1 });
  }
  await started.runtime.crash(id, 3);
  const dead = await workloadNamed(started, customer, 'crasher', ({ state }) => state === 'error');
  assert.equal(dead.state, 'error');
  assert.match(dead.reason, /code 3.*gave up after 2/);
  assert.equal(dead.address, undefined);
  const starting = (await eventsOf(started, 'WorkloadStarting')).map(({ reason }) => reason);
  assert.equal(starting.length, 3);
  assert.match(starting[1], /exited with code 3/);
  assert.equal((await space(started)).workloads, 1, 'it keeps its slot');
  const source = await uploadSource(started, customer, { 'server.js': '// mended' });
  await update(started, customer, id, source);
  assert.equal((await workloadNamed(started, customer, 'crasher', running)).state, 'running', 'an update starts it anew');
}));

test('one that ends by itself is stopped, not an error', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'batch');
  const { id } = await workloadNamed(started, customer, 'batch', running);
  await started.runtime.crash(id, 0);
  assert.partialDeepStrictEqual(await workloadNamed(started, customer, 'batch', ({ state }) => state === 'stopped'), { state: 'stopped', reason: 'finished' });
}));

test('one that the runtime has lost is started again, once', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello');
  const { id } = await workloadNamed(started, customer, 'hello', running);
  await started.runtime.lose(id);
  const view = await workloadNamed(started, customer, 'hello', (seen) => running(seen) && seen.generation === 2);
  assert.deepEqual([view.state, view.generation], ['running', 2]);
  assert.equal((await eventsOf(started, 'WorkloadRestartRequested')).length, 1);
}));

test('after a restart of the server what runs is found again: nothing is started, stopped or recorded twice', async () => {
  const before = await startSystem();
  const customer = await signUp(before, ada);
  await runWorkload(before, customer, 'hello');
  await runWorkload(before, customer, 'crasher', { retries: 0 });
  const crasher = await workloadNamed(before, customer, 'crasher', running);
  await before.runtime.crash(crasher.id);
  await workloadNamed(before, customer, 'crasher', ({ state }) => state === 'error');
  const [view, events, told] = [await workloadNamed(before, customer, 'hello', running), (await storedEvents(before)).length, [...before.runtime.told]];
  const started = await restarted(before);
  try {
    assert.deepEqual(await workloadNamed(started, customer, 'hello'), view);
    assert.deepEqual(started.runtime.told, told);
    assert.deepEqual((await storedEvents(started)).slice(events).map(({ type }) => type), []);
    assert.equal((await kill(started, customer, view.id)).status, 200);
    await started.settled();
    assert.equal(await workloadNamed(started, customer, 'hello'), undefined);
  } finally {
    await started.stop();
  }
});

test('a crash while the server was down is known after its start; what is gone altogether is started again', async () => {
  const before = await startSystem();
  const customer = await signUp(before, ada);
  await runWorkload(before, customer, 'crasher', { retries: 0 });
  await runWorkload(before, customer, 'gone');
  const [crasher, gone] = [await workloadNamed(before, customer, 'crasher', running), await workloadNamed(before, customer, 'gone', running)];
  const started = await restarted(before, { between: async () => {
    await before.runtime.crash(crasher.id, 7);
    await before.runtime.remove(gone.id);
  } });
  try {
    assert.match((await workloadNamed(started, customer, 'crasher', ({ state }) => state === 'error')).reason, /code 7/);
    assert.partialDeepStrictEqual(await workloadNamed(started, customer, 'gone', (view) => running(view) && view.generation === 2), { state: 'running', generation: 2 });
  } finally {
    await started.stop();
  }
});

test('logs: the last lines, since a time, after a line; bad numbers are refused', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello');
  const { id } = await workloadNamed(started, customer, 'hello', running);
  for (let n = 0; n < 5; n += 1) await started.runtime.print(id, `line ${n}`);
  const all = await logs(started, customer, id);
  assert.deepEqual(all.filter(({ stream }) => stream === 'stdout').map(({ text }) => text), ['line 0', 'line 1', 'line 2', 'line 3', 'line 4']);
  assert.deepEqual((await logs(started, customer, id, '?tail=2')).map(({ text }) => text), ['line 3', 'line 4']);
  assert.deepEqual((await logs(started, customer, id, `?after=${all.at(-2).id}`)).map(({ text }) => text), ['line 4']);
  assert.equal((await logs(started, customer, id, '?since=10m')).length, all.length);
  assert.deepEqual(await logs(started, customer, id, `?since=${encodeURIComponent('2100-01-01T00:00:00Z')}`), []);
  for (const query of ['?tail=-1', '?tail=x', '?tail=1.5', '?since=yesterday', '?after=-1']) refusal(await started.call('GET', `/workloads/${id}/logs${query}`, { token: customer.access }), 400, 'InvalidInput');
  const events = await started.call('GET', `/workloads/${id}/logs?tail=1`, { token: customer.access, headers: { accept: 'text/event-stream' } });
  assert.match(events.headers.get('content-type') ?? '', /event-stream/);
  assert.match(events.text, /^id: \d+\ndata: \{.*line 4.*\}\n\n$/);
}));

test('followed logs come as they are printed, and end with the workload', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello');
  const { id } = await workloadNamed(started, customer, 'hello', running);
  const following = logs(started, customer, id, '?follow=true');
  await started.runtime.print(id, 'while followed');
  await new Promise((resolve) => setTimeout(resolve, 20));
  await kill(started, customer, id);
  const lines = await following;
  assert.ok(lines.some(({ text }) => text === 'while followed'));
}));

test('a source that is no archive, or leads out of its folder, is refused with the reason, and nothing of it is kept', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const put = (body: unknown, type = 'application/gzip') => started.call('PUT', '/sources', { token: customer.access, body, headers: { 'content-type': type } });
  for (const body of [new Uint8Array([1, 2, 3]), Buffer.from('not gzip at all')]) assert.ok([400, 422].includes((await put(body)).status));
  refusal(await put('{}', 'application/json'), 415);
  assert.equal((await started.call('PUT', '/sources', { token: customer.access })).status, 415);
}));

test('a run under one key is one workload in one slot, however often it is asked for', () => withSystem(async (started) => {
  await onlyPlan(started, 1);
  const customer = await signUp(started, ada);
  const source = await uploadSource(started, customer);
  const run = () => runWorkload(started, customer, 'once', { source }, { 'idempotency-key': 'k1' });
  const answers = await Promise.all([run(), run(), run()]);
  for (const { status, json } of answers) assert.deepEqual([status, json], [200, answers[0]?.json]);
  assert.deepEqual((await run()).json, answers[0]?.json);
  const { id } = await workloadNamed(started, customer, 'once', running);
  await kill(started, customer, id);
  await started.settled();
  assert.deepEqual((await run()).json, answers[0]?.json, 'what came and went is not run again');
  await started.advance(10 * minute);
  assert.equal((await space(started)).workloads, 0, 'and takes no slot');
  assert.equal((await runWorkload(started, await refreshed(started, customer), 'other', { source })).status, 200);
}));

test('a run that was refused, and is asked for again under its key after its slot was given back, takes a new one', () => withSystem(async (started) => {
  await onlyPlan(started, 1);
  const customer = await signUp(started, ada);
  const source = await uploadSource(started, customer);
  const late = await uploadSource(started, customer, { 'server.js': '// late' });
  await started.adapters.sources.remove(late);
  const run = () => started.call('POST', '/commands/RunWorkload', { token: customer.access, headers: { 'idempotency-key': 'k1' }, body: { name: 'late', source: late } });
  refusal(await run(), 422, 'SourceUnknown');
  await started.advance(6 * minute);
  assert.equal((await space(started)).workloads, 0);
  assert.equal((await runWorkload(started, customer, 'first', { source })).status, 200);
  await uploadSource(started, customer, { 'server.js': '// late' });
  refusal(await run(), 429, 'WorkloadLimitReached');
  await started.settled();
  assert.equal((await started.runtime.list()).length, 1, 'the plan allows one');
}));
