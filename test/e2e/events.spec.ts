/** `GET /events`: who watches is told what changed, as soon as a read sees it, and nothing they could not read. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { openEvents, type Frame, type Reader } from './event-stream.ts';
import { PaperBrowser } from './paper-browser.ts';
import { invite, login, newestOtp, refreshed as refresh, refusal, restarted, runWorkload, running, signUp, startSystem, storedEvents, withSystem, workloadNamed, type Customer, type Started } from './system.ts';
import { projections } from '../../src/projections/registry.ts';
import { ChangeStream, waitingMax } from '../../src/adapters/http/change-stream.ts';

const ada = 'ada@example.com';
const bob = 'bob@example.com';
const watch = async (started: Started, token: string, query = '', headers: Readonly<Record<string, string>> = {}): Promise<Reader> => {
  const reader = await openEvents(`${started.origin}/events${query}`, { authorization: `Bearer ${token}`, ...headers });
  assert.equal(reader.status, 200);
  return reader;
};
const named = (model: string, kind = 'put') => ({ data }: Frame): boolean => data.model === model && data.kind === kind;
const kill = async (started: Started, customer: Customer, name: string): Promise<string> => {
  const { id } = await workloadNamed(started, customer, name, running);
  assert.equal((await started.call('POST', '/commands/KillWorkload', { token: customer.access, body: { workloadId: id } })).status, 200);
  return id;
};

test('a change is told after it can be read, with model, id, kind and position, and without the document', () => withSystem(async (started) => {
  const reader = await watch(started, started.operator, '?models=invites');
  const ready = await reader.next();
  assert.deepEqual([ready?.event, ready?.data.models], ['ready', ['invites']]);
  for (let n = 0; n < 20; n += 1) {
    await invite(started, `p${n}@example.com`);
    const frame = await reader.next();
    assert.deepEqual(Object.keys(frame?.data).sort(), ['id', 'kind', 'model', 'position']);
    assert.deepEqual([frame?.event, frame?.data.model, frame?.data.kind, frame?.id], ['change', 'invites', 'put', frame?.data.position]);
    const read = await started.call('GET', `/invites/${frame?.data.id}`, { token: started.operator });
    assert.equal(read.json.email, `p${n}@example.com`);
  }
  assert.doesNotMatch(reader.text(), /example\.com/);
  assert.match(reader.response.headers['content-type'] ?? '', /^text\/event-stream/);
  assert.equal(reader.response.headers['cache-control'], 'no-store');
  reader.close();
}));

test('customers are told of their own things only, put and removed; staff of all', () => withSystem(async (started) => {
  const [a, b] = [await signUp(started, ada), await signUp(started, bob)];
  const [own, staff] = [await watch(started, a.access), await watch(started, started.operator, '?models=workloads,namespaces&models=plans')];
  const readable = projections.filter(({ columns, scope }) => columns.length > 0 && scope !== 'staff').map(({ name }) => name);
  assert.deepEqual((await own.next())?.data.models.toSorted(), readable.toSorted(), 'by itself it watches all that they may read');
  await runWorkload(started, b, 'of-bob');
  const bobs = await kill(started, b, 'of-bob');
  await runWorkload(started, a, 'of-ada');
  const adas = await kill(started, a, 'of-ada');
  const seen = await own.until(named('workloads', 'removed'));
  assert.equal(seen.at(-1)?.data.id, adas);
  const ids = seen.map(({ data }) => data.id as string);
  assert.ok(ids.includes(adas) && !ids.includes(bobs) && !own.text().includes(bobs));
  const namespaceOf = (await started.call('GET', '/namespaces', { token: b.access })).json.items[0].id as string;
  assert.ok(!own.text().includes(namespaceOf));
  const all = await staff.until(({ data }) => data.id === adas && data.kind === 'removed');
  for (const id of [adas, bobs]) assert.ok(all.some(({ data }) => data.id === id && data.kind === 'put') && all.some(({ data }) => data.id === id && data.kind === 'removed'), id);
  own.close();
  staff.close();
}));

test('positions never go back, across models, and every id can be gone on from', () => withSystem(async (started) => {
  const reader = await watch(started, started.operator);
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello');
  await kill(started, customer, 'hello');
  await started.settled();
  await invite(started, bob); // the last of all
  const lastOf = ({ data }: Frame): boolean => data.model === 'invites' && data.id !== first?.data.id;
  const first = (await reader.until(named('invites'))).at(-1);
  const frames = [first as Frame, ...(await reader.until(lastOf))];
  const positions = frames.map(({ data }) => BigInt(data.position));
  assert.deepEqual(positions, positions.toSorted((x, y) => (x < y ? -1 : x > y ? 1 : 0)));
  assert.ok(new Set(frames.map(({ data }) => data.model)).size >= 6);
  for (const [n, { id, data }] of frames.entries()) {
    const last = frames[n + 1]?.data.position !== data.position;
    assert.equal(id, last ? data.position : undefined, 'the id comes with the last change of a position');
  }
  // Whoever was cut off anywhere and comes back hears of everything that was still to come.
  const known = frames.filter(({ id }) => id !== undefined);
  for (const cut of [known[0], known[Math.floor(known.length / 2)], known.at(-2)] as const) {
    const again = await watch(started, started.operator, '', { 'last-event-id': cut?.id ?? '' });
    const missed = (await again.until(lastOf)).slice(1).map(({ data }) => `${data.model} ${data.id}`);
    const later = new Set(frames.filter(({ data }) => BigInt(data.position) > BigInt(cut?.id ?? '')).map(({ data }) => `${data.model} ${data.id}`));
    assert.deepEqual(new Set(missed), later);
    again.close();
  }
  reader.close();
}));

test('coming back after more than is told one by one, or from beyond the end, is told to read again', () => withSystem(async (started) => {
  const [first] = await storedEvents(started);
  assert.ok(first);
  await Promise.all(Array.from({ length: 1_100 }, (_, n) => invite(started, `p${n}@example.com`)));
  for (const [query, headers] of [['?after=1', {}], ['', { 'last-event-id': '1' }], ['', { 'last-event-id': '99999999' }], ['?after=99999999', { 'last-event-id': '1' }]] as const) {
    const reader = await watch(started, started.operator, query, headers);
    const [ready, reset] = [await reader.next(), await reader.next()];
    assert.deepEqual([ready?.event, reset?.event], ['ready', 'reset']);
    await invite(started, `later${query.length}${Object.keys(headers).length}${JSON.stringify(headers).length}@example.com`);
    const change = await reader.next();
    assert.ok(change?.event === 'change' && BigInt(change.data.position) > BigInt(reset?.id ?? ''), 'and then it goes on');
    reader.close();
  }
}));

test('what somebody removed while a customer was away is told to its owner, and to nobody else', () => withSystem(async (started) => {
  const [a, b] = [await signUp(started, ada), await signUp(started, bob)];
  await runWorkload(started, a, 'hello');
  await started.settled();
  const after = String(await started.system.rim.log.head());
  const id = await kill(started, a, 'hello');
  await started.settled();
  assert.equal((await started.call('GET', `/workloads/${id}`, { token: a.access })).status, 404);
  const own = await watch(started, a.access, `?models=workloads&after=${after}`);
  assert.deepEqual((await own.until(named('workloads', 'removed'))).at(-1)?.data.id, id);
  const other = await watch(started, b.access, `?models=workloads&after=${after}`);
  await runWorkload(started, b, 'mine');
  await other.until(named('workloads'));
  assert.ok(!other.text().includes(id));
  own.close();
  other.close();
}));

test('who may not read a model may not watch it; bad questions are 400', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  refusal(await started.call('GET', '/events'), 401, 'NotSignedIn');
  refusal(await started.call('GET', '/events', { token: 'nonsense' }), 401, 'NotSignedIn');
  refusal(await started.call('GET', '/events?models=invites', { token: customer.access }), 403, 'NotAllowed');
  refusal(await started.call('GET', '/events?models=workloads', { token: customer.access, headers: { 'micro-namespace': 'not-my-own' } }), 403, 'NamespaceNotYours');
  for (const query of ['?models=nothing', '?models=gate', '?models=__proto__', '?after=x', '?after=-1', '?after=']) refusal(await started.call('GET', `/events${query}`, { token: started.operator }), 400, 'InvalidInput');
  refusal(await started.call('GET', '/events', { token: started.operator, headers: { 'last-event-id': 'x' } }), 400, 'InvalidInput');
  await invite(started, bob);
  const unpaid = (await login(started, bob)).signup.token as string;
  refusal(await started.call('GET', '/events?models=workloads', { token: unpaid }), 402, 'PaymentRequired');
}));

test('a session that ends ends its streams, and nobody else\'s', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const again = await login(started, ada);
  const [first, second, staff] = [await watch(started, customer.access), await watch(started, again.session.accessToken), await watch(started, started.operator)];
  assert.equal((await started.call('POST', '/sessions/close', { token: customer.access, body: {} })).status, 204);
  const ended = (await first.until(({ event }) => event === 'end')).at(-1);
  assert.deepEqual([ended?.data.status, ended?.data.code], [401, 'NotSignedIn']);
  assert.equal(await first.next(), undefined);
  assert.equal((await second.next())?.event, 'ready');
  assert.equal((await started.call('POST', '/sessions/close', { token: again.session.accessToken, body: { everywhere: true } })).status, 204);
  await second.until(({ event }) => event === 'end');
  await invite(started, bob);
  await staff.until(named('invites'));
  staff.close();
}));

test('a browser that is signed in to the pages watches by its cookie, until it signs out', () => withSystem(async (started) => {
  await signUp(started, ada);
  const browser = new PaperBrowser(started);
  await browser.submit('/login', '/login', { email: ada });
  await browser.submit('/login/token', '/login/token', { token: await newestOtp(started, ada) });
  const cookie = [...browser.jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const reader = await openEvents(`${started.origin}/events?models=workloads`, { cookie });
  assert.equal((await reader.next())?.event, 'ready');
  await browser.submit('/account', '/logout');
  assert.equal((await reader.next())?.event, 'end');
}));

test('an access token that runs out does not end the stream of a session that is open', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const reader = await watch(started, customer.access, '?models=workloads');
  await reader.next();
  await started.advance(3_600_000);
  refusal(await started.call('GET', '/events', { token: customer.access }), 401, 'NotSignedIn');
  await runWorkload(started, await refresh(started, customer), 'hello');
  assert.equal((await reader.next())?.data.kind, 'put');
  reader.close();
}));

test('one caller has so many streams and no more; others are not touched by that, and closing one makes room', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  const readers: Reader[] = [];
  for (;;) {
    const reader = await openEvents(`${started.origin}/events?models=workloads`, { authorization: `Bearer ${customer.access}` });
    if (reader.status !== 200) {
      assert.equal(reader.status, 429);
      assert.match(reader.response.headers['retry-after'] ?? '', /^\d+$/);
      reader.close();
      break;
    }
    readers.push(reader);
    assert.ok(readers.length < 100);
  }
  const staff = await watch(started, started.operator);
  staff.close();
  const gone = new Promise((resolve) => readers[0]?.response.once('close', resolve));
  readers[0]?.close();
  await gone;
  for (let tries = 0; ; tries += 1) {
    const reader = await openEvents(`${started.origin}/events?models=workloads`, { authorization: `Bearer ${customer.access}` });
    reader.close();
    if (reader.status === 200) break;
    assert.ok(tries < 100, 'the closed one still counts');
  }
  for (const reader of readers) reader.close();
}));

test('a rebuild that changes nothing tells nothing; one that changes something says: read again', () => withSystem(async (started) => {
  await invite(started, ada);
  await started.settled();
  const reader = await watch(started, started.operator, '?models=invites');
  await reader.next();
  assert.match((await started.call('POST', '/projections/invites/rebuild', { token: started.operator })).text, /"equal":true/);
  const runner = started.system.rim.models.get('invites');
  await runner?.collection.put([{ key: 'per_x', position: 1n, document: { id: 'per_x' } }]);
  assert.match((await started.call('POST', '/projections/invites/rebuild?acceptDifferences=true', { token: started.operator })).text, /"swapped":true/);
  assert.equal((await reader.next())?.event, 'reset');
  await invite(started, bob);
  assert.equal((await reader.next())?.event, 'change');
  reader.close();
}));

test('a stop of the server is not held up by watchers, and who comes back after the restart has missed nothing', async () => {
  const started = await startSystem();
  const reader = await watch(started, started.operator, '?models=invites');
  await reader.next();
  await invite(started, ada);
  const seen = await reader.next();
  const again = await restarted(started, { between: async () => assert.equal(await reader.next(), undefined, 'it was ended, not cut') });
  try {
    await invite(again, bob);
    const back = await watch(again, again.operator, '?models=invites', { 'last-event-id': seen?.id ?? '' });
    const missed = await back.until(named('invites'));
    assert.equal(missed.length, 2);
    assert.notEqual(missed[1]?.data.id, seen?.data.id);
    back.close();
  } finally {
    await again.stop();
  }
});

/** A server that gives one reader a stream to be filled by hand. */
const withStream = async (work: (stream: ChangeStream, reader: Reader) => Promise<void>): Promise<void> => {
  let stream: ChangeStream | undefined;
  const server = createServer((_, response) => (stream = new ChangeStream(response, {}, 7n)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reader = await openEvents(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  try {
    await work(stream as ChangeStream, reader);
  } finally {
    reader.close();
    await new Promise((resolve) => server.close(resolve));
  }
};
test('a reader that does not keep up holds a bounded buffer, then is told to read again, from where the stream stands by then', () => withStream(async (stream, reader) => {
  reader.response.pause();
  const many = 200_000;
  for (let n = 8; n < many; n += 1) stream.changes([{ model: 'workloads', id: `wl_${n}`, kind: 'put', position: String(n) }], BigInt(n));
  reader.response.resume();
  const frames = await reader.until(({ event }) => event === 'reset');
  assert.equal(frames.at(-1)?.id, String(many - 1));
  assert.ok(frames.length < many / 2, `${frames.length} frames, of which at most ${waitingMax} had waited`);
  stream.changes([{ model: 'workloads', id: 'wl_x', kind: 'removed', position: String(many) }], BigInt(many));
  assert.equal((await reader.next())?.data.id, 'wl_x');
}));
test('a quiet stream is kept alive by comments, which are no events', () => withStream(async (stream, reader) => {
  stream.beat();
  stream.ready(['plans']);
  assert.equal((await reader.next())?.event, 'ready');
  assert.match(reader.text(), /^: quiet$/m);
  assert.match(reader.text(), /^retry: \d+$/m);
}));
