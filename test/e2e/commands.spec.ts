/** What every command and every list promises over HTTP, whatever it is about. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import test from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { eventsOf, invite, refusal, runWorkload, signUp, storedEvents, withSystem, workloadNamed, type Answer, type Started } from './system.ts';
import { openCommands } from '../../src/commands/schemas.ts';
import { second } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const add = (started: Started, email: string, headers: Readonly<Record<string, string>> = {}, query = ''): Promise<Answer> => started.call('POST', `/commands/AddInvite${query}`, { token: started.operator, body: { email }, headers });
const offer = (started: Started, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> => started.call('POST', '/commands/OfferPlan', { token: started.operator, body, headers });
const plan = { name: 'extra', amount: 900, currency: 'USD' };

test('a command answers its position, stream, revision and events; nothing to change answers no events', () => withSystem(async (started) => {
  const { json } = await add(started, ada);
  assert.match(json.position, /^\d+$/);
  assert.match(json.stream, /^invite-ten_[0-9a-z]{20}\.per_[0-9a-z]{20}$/);
  assert.equal(json.revision, 0);
  assert.deepEqual(json.events.map(({ type }: { type: string }) => type), ['InviteAdded']);
  assert.match(json.events[0].id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const again = await add(started, ada);
  assert.equal(again.status, 200);
  assert.deepEqual([again.json.events, again.json.revision, again.json.stream], [[], 0, json.stream]);
}));

test('the same Idempotency-Key is the same request: the same answer, no second event, even at once and after a restart of nothing', () => withSystem(async (started) => {
  const headers = { 'idempotency-key': 'offer-1' };
  const answers = await Promise.all(Array.from({ length: 5 }, () => offer(started, plan, headers)));
  for (const { status, json } of answers) assert.deepEqual([status, json], [200, answers[0]?.json]);
  assert.deepEqual((await offer(started, plan, headers)).json, answers[0]?.json);
  assert.equal((await eventsOf(started, 'PlanOffered')).length, 2, 'this one, and mock mode\'s own');
  assert.notEqual((await offer(started, plan, { 'idempotency-key': 'offer-2' })).json.stream, answers[0]?.json.stream, 'another key is another plan');
}));

test('the same key with another body is refused, and changes nothing', () => withSystem(async (started) => {
  const headers = { 'idempotency-key': 'k' };
  await offer(started, plan, headers);
  refusal(await offer(started, { ...plan, amount: 901 }, headers), 422, 'IdempotencyKeyReused');
  assert.equal((await eventsOf(started, 'PlanOffered')).length, 2);
  assert.equal((await offer(started, Object.fromEntries(Object.entries(plan).reverse()), headers)).status, 200, 'another order of fields is no other body');
  assert.equal((await add(started, ada, headers)).status, 200, 'another command is another request');
  refusal(await add(started, 'x@example.com', { 'idempotency-key': 'k'.repeat(201) }), 400, 'InvalidInput');
}));

test('If-Match: the revision that ETag gave is taken, a stale one is 412 and changes nothing', () => withSystem(async (started) => {
  const [{ id }] = (await started.call('GET', '/plans')).json.items;
  const read = await started.call('GET', `/plans/${id}`);
  const etag = read.headers.get('etag') ?? '';
  assert.match(etag, /^"\d+"$/);
  const reprice = (amount: number, ifMatch: string) => started.call('POST', '/commands/RepricePlan', { token: started.operator, body: { planId: id, amount, currency: 'USD' }, headers: { 'if-match': ifMatch } });
  assert.equal((await reprice(4000, etag)).status, 200);
  refusal(await reprice(5000, etag), 412, 'StaleRevision');
  const racing = await Promise.all([reprice(6000, '"1"'), reprice(7000, '"1"')]);
  assert.deepEqual(racing.map(({ status }) => status).sort(), [200, 412], 'of two on one view one wins');
  assert.equal((await eventsOf(started, 'PlanRepriced')).length, 2);
  for (const bad of ['x', '"a"', '1.5', '*']) assert.ok([400, 412].includes((await reprice(1, bad)).status), bad);
}));

test('a dry run says what would be appended, and appends nothing, makes no person, mails nobody', () => withSystem(async (started) => {
  const events = await storedEvents(started);
  const { json } = await add(started, ada, {}, '?dryRun=true');
  assert.equal(json.dryRun, true);
  assert.deepEqual(json.events.map(({ type }: { type: string }) => type), ['InviteAdded']);
  assert.equal(await started.adapters.keyring.find(ada), undefined);
  assert.deepEqual(await storedEvents(started), events);
  refusal(await started.call('POST', '/commands/RevokeInvite?dryRun=true', { token: started.operator, body: { email: ada } }), 404, 'InviteNotFound');
  const customer = await signUp(started, 'bob@example.com');
  const before = await storedEvents(started);
  const dry = await started.call('POST', '/commands/RunWorkload?dryRun=true', { token: customer.access, body: { name: 'x', source: `sha256:${'0'.repeat(64)}` } });
  assert.ok([200, 422].includes(dry.status), dry.text);
  assert.deepEqual((await storedEvents(started)).slice(before.length).map(({ type }) => type), [], 'not even a slot is taken');
}));

test('bad bodies are 400 and name the field: missing, wrong type, unknown, too long, $ and prototype keys, too deep', () => withSystem(async (started) => {
  const events = await storedEvents(started);
  const field = async (body: unknown, name: string, command = 'OfferPlan') => {
    const answer = refusal(await started.call('POST', `/commands/${command}`, { token: started.operator, body }), 400, 'InvalidInput');
    assert.ok(answer.errors?.some((error: { field: string }) => error.field === name), `${name}: ${JSON.stringify(answer)}`);
    assert.ok(answer.detail.length > 0);
  };
  await field({ ...plan, amount: '900' }, 'amount');
  await field({ ...plan, amount: 0 }, 'amount');
  await field({ ...plan, amount: 1.5 }, 'amount');
  await field({ ...plan, amount: null }, 'amount');
  await field({ ...plan, amount: 1e300 }, 'amount');
  await field({ ...plan, currency: 'usd' }, 'currency');
  await field({ ...plan, name: ['a'] }, 'name');
  await field({ ...plan, name: { $gt: '' } }, 'name.$gt');
  await field({ ...plan, name: 'x'.repeat(41) }, 'name');
  await field({ name: 'extra', currency: 'USD' }, 'amount');
  await field({ ...plan, extra: 1 }, 'extra');
  await field({ ...plan, $where: '1' }, '$where');
  await field({ ...plan, context: { actor: { kind: 'system', id: 'system:x' } } }, 'context');
  await field({ ...plan, facts: {} }, 'facts');
  await field({ ...plan, type: 'FoundInstallation' }, 'type');
  await field({ email: 'not an address' }, 'email', 'AddInvite');
  await field({ email: `${'a'.repeat(250)}@example.com` }, 'email', 'AddInvite');
  await field({ planId: 'pln_x' }, 'planId', 'RetirePlan');
  for (const text of ['{"__proto__":{"amount":1}}', '{"constructor":{"prototype":{"x":1}}}', '[]', '"text"', '1', 'null', '{', '', `${'{"a":'.repeat(30)}1${'}'.repeat(30)}`, `{"name":"x","a":${'['.repeat(2000)}${']'.repeat(2000)}}`]) refusal(await offer(started, text), 400);
  assert.equal(({} as { amount?: number }).amount, undefined, 'nothing was polluted');
  for (const type of ['text/plain', 'application/xml']) assert.ok([400, 415].includes((await started.call('POST', '/commands/OfferPlan', { token: started.operator, body: 'name=x', headers: { 'content-type': type } })).status), type);
  refusal(await offer(started, { ...plan, name: 'x'.repeat(2_000_000) }), 413, 'TooBig');
  assert.deepEqual(await storedEvents(started), events);
}));

test('the environment of a workload: names that could change how it starts are refused, prototype keys too', () => withSystem(async (started) => {
  const customer = await signUp(started, ada);
  for (const env of [{ PORT: '1' }, { TOLLGATE_X: '1' }, { '1A': 'x' }, { 'A-B': 'x' }, { A: 1 }, { A: 'a\0b' }, { A: 'x'.repeat(5000) }, ['A=b'], 'A=b', Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`N${n}`, 'x']))]) refusal(await runWorkload(started, customer, 'x', { env }), 400, 'InvalidInput');
  const raw = await started.call('POST', '/commands/RunWorkload', { token: customer.access, body: `{"name":"x","source":"sha256:${'0'.repeat(64)}","env":{"__proto__":"x"}}` });
  assert.equal(raw.status, 400, raw.text);
  assert.equal((await runWorkload(started, customer, 'fine', { env: { constructor: 'a', toString: 'b', hasOwnProperty: 'c', valueOf: 'd' } })).status, 200);
  assert.deepEqual((await workloadNamed(started, customer, 'fine')).envNames, ['constructor', 'toString', 'hasOwnProperty', 'valueOf']);
}));

test('?after waits for one\'s own write; what was written is always in it', () => withSystem(async (started) => {
  for (let n = 0; n < 20; n += 1) {
    const { json } = await add(started, `p${n}@example.com`);
    const { items, position } = (await started.call('GET', `/invites?limit=1000&after=${json.position}`, { token: started.operator })).json;
    assert.equal(items.length, n + 1);
    assert.ok(BigInt(position) >= BigInt(json.position));
    const id = json.stream.split('.').at(-1);
    assert.equal((await started.call('GET', `/invites/${id}?after=${json.position}`, { token: started.operator })).json.email, `p${n}@example.com`);
  }
  for (const after of ['x', '-1', '1.5', '99999999999', '9'.repeat(30), '']) refusal(await started.call('GET', `/invites?after=${after}`, { token: started.operator }), 400, 'InvalidInput');
}));

test('asOf shows a record as it was, by position and by time; lists refuse it', () => withSystem(async (started) => {
  const [{ id }] = (await started.call('GET', '/plans')).json.items;
  const reprice = (amount: number) => started.call('POST', '/commands/RepricePlan', { token: started.operator, body: { planId: id, amount, currency: 'USD' } });
  const at = async (asOf: string) => started.call('GET', `/plans/${id}?asOf=${encodeURIComponent(asOf)}`);
  const before = started.adapters.clock.now();
  await started.advance(second);
  const first = (await reprice(4000)).json.position;
  await started.advance(second);
  const between = started.adapters.clock.now();
  await started.advance(second);
  const second_ = (await reprice(5000)).json.position;
  const prices = await Promise.all([before, between, started.adapters.clock.now(), first, second_, String(BigInt(first) - 1n), '2100-01-01'].map(async (asOf) => (await at(asOf)).json.price.amount));
  assert.deepEqual(prices, [3500, 4000, 5000, 4000, 5000, 3500, 5000]);
  refusal(await at('0'), 404);
  refusal(await at('2000-01-01'), 404);
  refusal(await at('yesterday'), 400, 'InvalidInput');
  refusal(await started.call('GET', `/plans?asOf=${first}`), 400, 'InvalidInput');
}));

test('lists: pages follow each other without gap or double, newest first; bad cursors, limits and filters are 400', () => withSystem(async (started) => {
  for (let n = 0; n < 25; n += 1) await add(started, `p${n}@example.com`);
  await started.settled();
  const seen: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items, next } = (await started.call('GET', `/invites?limit=7${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`, { token: started.operator })).json;
    seen.push(...items.map(({ email }: { email: string }) => email));
    cursor = next;
    if (cursor === undefined) break;
    assert.equal(items.length, 7);
  }
  assert.deepEqual(seen, Array.from({ length: 25 }, (_, n) => `p${24 - n}@example.com`));
  for (const query of ['cursor=nonsense', 'cursor=-1', 'cursor=%00', 'limit=0', 'limit=1001', 'limit=x', 'limit=1.5', 'limit=1&limit=2', 'email=p1@example.com', '__proto__=x', '$where=1', 'status[]=invited']) {
    const answer = await started.call('GET', `/invites?${query}`, { token: started.operator });
    assert.equal(answer.status, 400, `${query}: ${answer.text.slice(0, 200)}`);
    refusal(answer, 400, 'InvalidInput');
  }
  await started.call('POST', '/commands/RevokeInvite', { token: started.operator, body: { email: 'p3@example.com' } });
  await started.settled();
  assert.deepEqual((await started.call('GET', '/invites?status=revoked', { token: started.operator })).json.items.map(({ email }: { email: string }) => email), ['p3@example.com']);
  assert.equal((await started.call('GET', '/invites?status=none', { token: started.operator })).json.items.length, 0);
}));

test('invites show the address in clear, in no other field', () => withSystem(async (started) => {
  await invite(started, ada);
  await started.settled();
  const [item] = (await started.call('GET', '/invites', { token: started.operator })).json.items;
  assert.deepEqual(Object.keys(item).sort(), ['at', 'email', 'id', 'status']);
  assert.equal(item.email, ada);
  assert.equal(JSON.stringify(item).split(ada).length, 2);
}));

/** `fetch` sets Host itself. */
const asHost = (started: Started, host: string): Promise<number> => new Promise((resolve, reject) => {
  const { port } = new URL(started.origin);
  request({ host: '127.0.0.1', port, path: '/plans', headers: { host } }, (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0))).on('error', reject).end();
});
test('a Host that is neither loopback nor configured gets 421', () => withSystem(async (started) => {
  for (const host of ['localhost', 'localhost:8081', '127.0.0.1', '127.0.0.1:1', '[::1]:8081']) assert.equal(await asHost(started, host), 200, host);
  for (const host of ['evil.example', 'evil.example:8081', '127.0.0.1.evil.example', 'localhost.evil.example', '0.0.0.0', '10.0.0.1', '169.254.169.254']) assert.equal(await asHost(started, host), 421, host);
}));

test('every refusal is a problem document with a next step and a correlation id; the id given is taken over if it is harmless', () => withSystem(async (started) => {
  const asked = await started.call('GET', '/nothing-here', { headers: { 'x-correlation-id': 'my-own-id.1' } });
  assert.equal(refusal(asked, 404).correlationId, 'my-own-id.1');
  for (const given of ['a'.repeat(101), 'with blank', '<script>']) assert.notEqual((await started.call('GET', '/nothing-here', { headers: { 'x-correlation-id': given } })).headers.get('x-correlation-id'), given);
  for (const [method, path, status] of [['GET', '/invites', 401], ['GET', '/gate', 401], ['GET', '/gate?action=fly', 400], ['POST', '/plans', 405], ['DELETE', '/plans', 405], ['POST', '/nothing', 404], ['GET', '/%zz', 400], ['GET', `/plans/${'x'.repeat(400)}`, 414], ['POST', '/commands/AddInvite', 401]] as const) {
    const answer = await started.call(method, path);
    assert.equal(answer.status, status, `${method} ${path} ${answer.text}`);
    refusal(answer, status);
  }
  const page = await started.call('GET', '/nothing-here', { headers: { accept: 'text/html' } });
  assert.equal(page.status, 404);
  assert.match(page.headers.get('content-type') ?? '', /text\/html/);
}));

test('security headers are on every answer', () => withSystem(async (started) => {
  for (const path of ['/', '/subscribe', '/plans', '/nothing-here', '/openapi.json', '/mailbox']) {
    const { headers } = await started.call('GET', path);
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.notEqual(headers.get('x-correlation-id'), null, path);
  }
}));

test('the OpenAPI document is valid, names every open command, and every path in it answers', () => withSystem(async (started) => {
  const { json } = await started.call('GET', '/openapi.json');
  const { valid, errors } = await new Validator().validate(structuredClone(json));
  assert.ok(valid, JSON.stringify(errors));
  for (const { name } of openCommands()) {
    assert.ok(json.paths[`/commands/${name}`]?.post, name);
    assert.ok(json.components.schemas[name]?.properties, name);
  }
  for (const [path, item] of Object.entries<any>(json.paths)) {
    for (const method of Object.keys(item)) {
      const answer = await started.call(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x'), method === 'get' ? {} : { body: {} });
      assert.notEqual(answer.json?.detail, 'There is no such page or call.', `${method} ${path}`);
    }
  }
}));

test('health: alive and ready', () => withSystem(async (started) => {
  assert.partialDeepStrictEqual((await started.call('GET', '/healthz')).json, { status: 'ok', mode: 'mock' });
  assert.deepEqual((await started.call('GET', '/readyz')).json, { status: 'ready' });
}));

test('a reason given by staff is recorded, and never in clear', () => withSystem(async (started) => {
  const { status } = await add(started, ada, { reason: encodeURIComponent('because she asked – twice') });
  assert.equal(status, 200);
  for (const { meta } of await storedEvents(started)) assert.ok(!meta.includes('she asked'));
}));
