/** `/metrics`: the numbers an operator watches, in Prometheus' text, without a customer in them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { openEvents } from './event-stream.ts';
import { eventStoreUnderTest } from './log-for.ts';
import { invite, refusal, running, runWorkload, signUp, storedEvents, withSystem, workloadNamed, type Answer, type Started } from './system.ts';
import { day } from '../../src/domain/instant.ts';

const scrape = (started: Started): Promise<Answer> => started.call('GET', '/metrics', { token: started.operator });
/** Samples by name and labels, as the text format has them. */
const samplesOf = (text: string): ReadonlyMap<string, number> => new Map(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
  const match = /^([a-z_:][a-z0-9_:]*(?:\{[^}]*\})?) (\S+)$/i.exec(line);
  assert.ok(match, `no sample: ${line}`);
  return [match[1] as string, Number(match[2])];
}));

test('what happened is counted: answers, commands, commits, events, gate, webhooks, mails, workloads', () => withSystem(async (started) => {
  const customer = await signUp(started, 'ada@example.com');
  await runWorkload(started, customer, 'hello');
  await workloadNamed(started, customer, 'hello', running);
  for (const action of ['read', 'run', 'run']) await started.call('GET', `/gate?action=${action}`, { token: customer.access });
  refusal(await started.call('POST', '/commands/RevokeInvite', { token: started.operator, body: { email: 'x@example.com' } }), 404);
  await invite(started, 'ada@example.com');
  await started.call('POST', '/commands/AddInvite?dryRun=true', { token: started.operator, body: { email: 'x@example.com' } });
  await started.settled();
  const answer = await scrape(started);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const samples = samplesOf(answer.text);
  const expected: Readonly<Record<string, number>> = {
    'tollgate_gate_verdicts_total{level="full",action="run",allow="true"}': 2, 'tollgate_gate_verdicts_total{level="full",action="read",allow="true"}': 1,
    'tollgate_command_duration_seconds_count{command="RevokeInvite",outcome="refused"}': 1, 'tollgate_command_duration_seconds_count{command="AddInvite",outcome="nothing to change"}': 1,
    'tollgate_command_duration_seconds_count{command="AddInvite",outcome="dry run"}': 1, 'tollgate_command_duration_seconds_count{command="RunWorkload",outcome="appended"}': 1,
    'tollgate_http_request_duration_seconds_count{method="GET",route="/gate",status="2xx"}': 3, 'tollgate_http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/gate",status="2xx"}': 3,
    'tollgate_mails_total{outcome="sent"}': (await started.call('GET', '/mails', { token: started.operator })).json.items.length, 'tollgate_events_total{type="WorkloadRunRequested"}': 1, 'tollgate_workloads{state="running"}': 1, 'tollgate_workloads{state="error"}': 0,
    'tollgate_subscriptions{phase="active"}': 1, 'tollgate_projection_up{model="workloads"}': 1, 'tollgate_projection_lag_events{model="workloads"}': 0, 'tollgate_projection_lag_seconds{model="workloads"}': 0,
    'tollgate_reactor_parked{reactor="send-mail"}': 0, 'tollgate_info{version="test",mode="mock"}': 1, tollgate_event_streams: 0,
  };
  const find = (name: string): number | undefined => samples.get(name) ?? [...samples].find(([given]) => sameSeries(given, name))?.[1];
  for (const [name, value] of Object.entries(expected)) assert.equal(find(name), value, name);
  const head = Number(await started.system.rim.log.head());
  assert.equal(find('tollgate_log_position'), head);
  assert.equal([...samples].filter(([name]) => name.startsWith('tollgate_events_total')).reduce((sum, [, value]) => sum + value, 0), (await storedEvents(started)).length, 'every event of this log was appended by this process');
  const commits = find('tollgate_commit_duration_seconds_count') ?? 0;
  if (eventStoreUnderTest === 'embedded') assert.ok(commits > 0 && commits === find('tollgate_commit_batch_size_count')); // elsewhere commits are the server's
  for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds', 'nodejs_heap_size_used_bytes', 'process_resident_memory_bytes']) assert.ok(samples.has(name), name);
  assert.ok((find('tollgate_webhooks_total{outcome="received"}') ?? 0) >= 1);
}));
/** Labels in any order. */
const sameSeries = (a: string, b: string): boolean => {
  const parts = (name: string): string[] => [...name.matchAll(/[^{},]+/g)].map(([part]) => part).sort();
  return JSON.stringify(parts(a)) === JSON.stringify(parts(b));
};

test('a histogram\'s buckets never fall, and its last is its count', () => withSystem(async (started) => {
  for (let n = 0; n < 30; n += 1) await started.call('GET', '/plans');
  const buckets = [...samplesOf((await scrape(started)).text)].filter(([name]) => name.includes('_bucket') && name.includes('route="/:model"') && name.includes('2xx')).map(([, value]) => value);
  assert.ok(buckets.length > 10);
  assert.deepEqual(buckets, buckets.toSorted((a, b) => a - b));
  assert.equal(buckets.at(-1), 30);
}));

test('no customer is in it, no id, and as many series after fifty customers as after one', () => withSystem(async (started) => {
  const customer = await signUp(started, 'ada@example.com');
  await runWorkload(started, customer, 'secret-shop');
  await started.call('GET', `/accounts/${customer.account}`, { token: customer.access });
  for (const path of ['/nothing-1', '/no/thing/2', `/${customer.account}`, '/%zz', `/plans/${'x'.repeat(400)}`]) await started.call('GET', path);
  await started.settled();
  const series = async (): Promise<string[]> => [...samplesOf((await scrape(started)).text).keys()].filter((name) => name.startsWith('tollgate'));
  await series();
  const before = await series();
  for (let n = 0; n < 50; n += 1) {
    await invite(started, `p${n}@example.com`);
    await started.call('GET', `/invites/per_${n}`, { token: started.operator });
    await started.call('GET', `/nothing-here-${n}/${n}`);
    await started.call('PROPFIND' as never, `/odd-${n}`);
  }
  const after = await series();
  assert.ok(after.length - before.length < 60, `${after.length - before.length} new series`);
  const text = after.join('\n');
  assert.doesNotMatch(text, /\b(acc|per|wl|ns|sub|ses|mail|opr|ten|flw|pln)_[0-9a-z]{20}/);
  for (const secret of ['ada@example.com', 'secret-shop', customer.namespace, 'nothing-here', 'odd-']) assert.ok(!text.includes(secret), secret);
}));

test('staff reads it with a token; customers and strangers do not', () => withSystem(async (started) => {
  const customer = await signUp(started, 'ada@example.com');
  refusal(await started.call('GET', '/metrics'), 401, 'NotSignedIn');
  refusal(await started.call('GET', '/metrics', { token: 'nonsense' }), 401, 'NotSignedIn');
  refusal(await started.call('GET', '/metrics', { token: customer.access }), 403, 'NotAllowed');
}));
test('opened to loopback, programs on this machine need no token; what came through a proxy does', () => withSystem(async (started) => {
  assert.equal((await started.call('GET', '/metrics')).status, 200);
  for (const header of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) refusal(await started.call('GET', '/metrics', { headers: { [header]: '127.0.0.1' } }), 401, 'NotSignedIn');
}, { metricsOpen: true }));

test('lag and level are what they are: a stopped read model lags, a lapse moves a subscription, an open stream counts', () => withSystem(async (started) => {
  await signUp(started, 'ada@example.com', 'succeeds-once');
  await started.settled();
  await started.advance(45 * day);
  const reader = await openEvents(`${started.origin}/events`, { authorization: `Bearer ${started.operator}` });
  await reader.next();
  await started.system.rim.models.get('invites')?.stop();
  await invite(started, 'bob@example.com');
  const samples = samplesOf((await scrape(started)).text);
  assert.equal(samples.get('tollgate_subscriptions{phase="limited"}'), 1);
  assert.equal(samples.get('tollgate_subscriptions{phase="active"}'), 0);
  assert.equal(samples.get('tollgate_event_streams'), 1);
  assert.ok((samples.get('tollgate_projection_lag_events{model="invites"}') ?? 0) >= 1);
  reader.close();
  started.system.rim.models.get('invites')?.start();
}));
