/** What HTTP itself promises, whatever a call is about: methods, media types, ETags, pages of lists, and what is no request at all. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import test from 'node:test';
import { eventsOf, invite, refusal, runWorkload, running, signUp, storedEvents, withSystem, workloadNamed, type Answer, type Started } from './system.ts';

const ada = 'ada@example.com';
const ask = (started: Started, method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> => started.call(method, path, { token: started.operator, headers });

test('a known address answers 405 with what it has to a method it has not, and an unknown one 404', () => withSystem(async (started) => {
  for (const [method, path, allow] of [
    ['POST', '/plans', 'GET, HEAD, OPTIONS'], ['DELETE', '/plans', 'GET, HEAD, OPTIONS'], ['PUT', '/plans/pln_x', 'GET, HEAD, OPTIONS'], ['GET', '/commands/AddInvite', 'POST, OPTIONS'], ['HEAD', '/commands/AddInvite', 'POST, OPTIONS'],
    ['DELETE', '/commands/AddInvite', 'POST, OPTIONS'], ['GET', '/sessions/otp', 'POST, OPTIONS'], ['POST', '/gate', 'GET, HEAD, OPTIONS'], ['PATCH', '/workloads/wl_x/logs', 'GET, HEAD, OPTIONS'], ['GET', '/sources', 'PUT, OPTIONS'],
    ['POST', '/healthz', 'GET, HEAD, OPTIONS'], ['POST', '/events', 'GET, HEAD, OPTIONS'], ['DELETE', '/', 'GET, HEAD, OPTIONS'], ['GET', '/webhooks/x/y', undefined], ['PUT', '/webhooks/stripe', 'POST, GET, HEAD, OPTIONS'],
  ] as const) {
    const answer = await ask(started, method, path);
    assert.equal(answer.status, allow === undefined ? 404 : 405, `${method} ${path} ${answer.text}`);
    assert.equal(answer.headers.get('allow'), allow ?? null, `${method} ${path}`);
    if (method !== 'HEAD') refusal(answer, answer.status, allow === undefined ? 'NotFound' : 'WrongMethod');
  }
  for (const [method, path] of [['POST', '/nothing'], ['DELETE', '/nothing/here'], ['POST', '/nothing/here/at/all'], ['POST', '/plans/x/y'], ['GET', '/plans/'], ['OPTIONS', '/nothing']] as const) refusal(await ask(started, method, path), 404, 'NotFound');
  assert.equal((await started.call('POST', '/plans', { body: '{' })).status, 405, 'the body is not looked at');
  refusal(await ask(started, 'GET', '/webhooks/wh_x'), 404, 'NotFound');
}));

test('OPTIONS says what an address answers to; HEAD answers like GET without a body, also for what goes on for ever', () => withSystem(async (started) => {
  for (const [path, allow] of [['/plans', 'GET, HEAD, OPTIONS'], ['/commands/AddInvite', 'POST, OPTIONS'], ['/', 'GET, HEAD, OPTIONS']] as const) {
    const { status, headers, text } = await ask(started, 'OPTIONS', path);
    assert.deepEqual([status, headers.get('allow'), text], [204, allow, ''], path);
  }
  const customer = await signUp(started, ada);
  await runWorkload(started, customer, 'hello');
  const { id } = await workloadNamed(started, customer, 'hello', running);
  for (const path of ['/', '/plans', '/gate', '/metrics', '/openapi.json', '/events', `/workloads/${id}/logs?follow=true`, '/audit/log?follow=true', '/sessions/whoami']) {
    const head = await ask(started, 'HEAD', path);
    assert.deepEqual([head.status, head.text], [200, ''], path);
    assert.ok(head.headers.get('content-type'), path);
  }
  assert.equal((await started.call('HEAD', '/invites')).status, 401);
}));

test('the gate answers a usual request before the framework sees it, and says the same; whatever is not usual takes the long way', () => withSystem(async (started) => {
  const { access: token } = await signUp(started, ada);
  // Another parameter, which says nothing, is not usual.
  const [short, long] = [(action: string) => `/gate?action=${action}`, (action: string) => `/gate?action=${action}&long=way`];
  const shown = ({ status, headers, json }: Answer) => ({ status, json, headers: [...headers].filter(([name]) => name !== 'date') });
  const headers = { 'x-correlation-id': 'mine' };
  for (const action of ['read', 'write', 'run', 'billing']) {
    const [usual, other] = [await started.call('GET', short(action), { token, headers }), await started.call('GET', long(action), { token, headers })];
    assert.deepEqual(shown(usual), shown(other), action);
    assert.equal(usual.json.allow, true);
  }
  assert.match((await started.call('GET', '/gate', { token })).headers.get('x-correlation-id') ?? '', /^[\w-]{16}$/);
  const counted = (await ask(started, 'GET', '/metrics')).text;
  assert.match(counted, /tollgate_http_request_duration_seconds_count\{method="GET",route="\/gate",status="2xx"\} 9\n/);
  assert.match(counted, /tollgate_gate_verdicts_total\{level="full",action="run",allow="true"\} 2\n/);
  for (const path of [short('run'), long('run')]) {
    refusal(await started.call('GET', path, { token: `${token.slice(0, -4)}AAAA` }), 401);
    refusal(await started.call('GET', path), 401);
    assert.equal((await raw(started, `GET ${path} HTTP/1.1\r\nHost: elsewhere.example\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`)).split(' ')[1], '421');
  }
  refusal(await started.call('GET', short('fly'), { token }), 400, 'InvalidInput');
  assert.equal((await started.call('POST', '/sessions/close', { token, body: {} })).status, 204);
  for (const path of [short('run'), long('run')]) refusal(await started.call('GET', path, { token }), 401);
}));

test('a body that is not JSON is 415 where JSON is wanted, and nothing happens', () => withSystem(async (started) => {
  const events = await storedEvents(started);
  for (const [path, body] of [['/commands/AddInvite', 'email=x@example.com'], ['/sessions/otp', 'email=x@example.com'], ['/sessions/refresh', 'refreshToken=x']] as const) {
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', 'application/xml', 'text/json']) {
      refusal(await started.call('POST', path, { token: started.operator, body, headers: { 'content-type': type } }), 415, 'UnsupportedMediaType');
    }
  }
  assert.deepEqual(await storedEvents(started), events);
  for (const type of ['application/json', 'application/json; charset=utf-8']) assert.equal((await started.call('POST', '/commands/AddInvite', { token: started.operator, body: { email: ada }, headers: { 'content-type': type } })).status, 200, type);
}));

test('a record that is held already is 304 with its ETag; after a change it is there in full', () => withSystem(async (started) => {
  const [{ id }] = (await ask(started, 'GET', '/plans')).json.items;
  const first = await ask(started, 'GET', `/plans/${id}`);
  const etag = first.headers.get('etag') ?? '';
  assert.equal(first.headers.get('cache-control'), 'private, no-cache');
  for (const header of [etag, `W/${etag}`, `"77", ${etag}`, '*']) {
    const again = await ask(started, 'GET', `/plans/${id}`, { 'if-none-match': header });
    assert.deepEqual([again.status, again.text, again.headers.get('etag')], [304, '', etag], header);
  }
  for (const header of ['"77"', etag.replaceAll('"', ''), '']) assert.equal((await ask(started, 'GET', `/plans/${id}`, { 'if-none-match': header })).status, 200, header);
  // Whatever is read right after a write, its ETag is never ahead of what it shows.
  for (let amount = 4_000; amount < 4_040; amount += 1) {
    await started.call('POST', '/commands/RepricePlan', { token: started.operator, body: { planId: id, amount, currency: 'USD' } });
    const read = await ask(started, 'GET', `/plans/${id}`, { 'if-none-match': etag });
    assert.deepEqual([read.status, read.json?.price.amount, read.headers.get('etag')], [200, amount, `"${amount - 3_999}"`]);
  }
  const customer = await signUp(started, ada);
  const other = await signUp(started, 'bob@example.com');
  refusal(await started.call('GET', `/accounts/${customer.account}`, { token: other.access, headers: { 'if-none-match': '*' } }), 404, 'NotFound');
}));

test('If-Match takes one revision, in each way a proxy may write it, and nothing that only looks like one', () => withSystem(async (started) => {
  const [{ id }] = (await ask(started, 'GET', '/plans')).json.items;
  const reprice = (amount: number, ifMatch: string, query = '') => started.call('POST', `/commands/RepricePlan${query}`, { token: started.operator, body: { planId: id, amount, currency: 'USD' }, headers: { 'if-match': ifMatch } });
  for (const [n, good] of ['"0"', 'W/"1"', '2', ' "3" '].entries()) assert.equal((await reprice(5_000 + n, good)).status, 200, good);
  for (const bad of ['""', '"', '*', '"4", "5"', '4.0', '0x4', '4e0', '-4', '"4', 'W/', 'w/"4"', `"${'9'.repeat(20)}"`]) refusal(await reprice(6_000, bad), 400, 'InvalidInput');
  refusal(await reprice(6_000, '"3"', '?dryRun=true'), 412, 'StaleRevision');
  assert.equal((await reprice(6_000, '"4"', '?dryRun=true')).json.dryRun, true);
  assert.equal((await eventsOf(started, 'PlanRepriced')).length, 4);
}));

test('a dry run that is misspelt is refused, never done in earnest', () => withSystem(async (started) => {
  const events = await storedEvents(started);
  for (const query of ['dryRun', 'dryRun=1', 'dryRun=yes', 'dryRun=TRUE', 'dryRun=true&dryRun=false', 'dryrun=true', 'dry-run=true', 'dry_run=true', 'x=1']) {
    refusal(await started.call('POST', `/commands/AddInvite?${query}`, { token: started.operator, body: { email: ada } }), 400, 'InvalidInput');
  }
  assert.deepEqual(await storedEvents(started), events);
  assert.equal((await started.call('POST', '/commands/AddInvite?dryRun=false', { token: started.operator, body: { email: ada } })).json.events.length, 1);
}));

test('a walk through a list meets everything once, whatever is added meanwhile; Link says where it goes on', () => withSystem(async (started) => {
  const add = (name: string) => invite(started, `${name}@example.com`);
  for (let n = 0; n < 20; n += 1) await add(`p${n}`);
  await started.settled();
  const seen: string[] = [];
  let path: string | undefined = '/invites?limit=6&status=invited';
  for (let page = 0; path !== undefined; page += 1) {
    const answer: Answer = await ask(started, 'GET', path);
    seen.push(...answer.json.items.map(({ email }: { email: string }) => email.split('@')[0]));
    const link: string | undefined = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
    assert.equal(link === undefined, answer.json.next === undefined);
    path = link;
    await add(`later${page}`);
    await started.settled();
  }
  assert.deepEqual(seen, Array.from({ length: 20 }, (_, n) => `p${19 - n}`));
  assert.deepEqual([(await ask(started, 'GET', '/invites?limit=1')).json.items.length, (await ask(started, 'GET', '/invites?limit=1000')).headers.get('link')], [1, null]);
  for (const query of ['?limit=1', '?cursor=1', '?status=invited', '?x']) refusal(await ask(started, 'GET', `/plans/pln_x${query}`), 400, 'InvalidInput');
}));

/** Bytes as they are, past every client. */
const raw = (started: Started, bytes: string): Promise<string> => new Promise((resolve, reject) => {
  let text = '';
  const socket = connect(Number(new URL(started.origin).port), '127.0.0.1', () => void socket.write(bytes));
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (/\r\n\r\n[\s\S]*\}$/.test(text)) socket.end();
  }).once('close', () => resolve(text)).once('error', reject);
});
test('what is no request at all is a problem document, too, with a correlation id and the same headers', () => withSystem(async (started) => {
  const cases: readonly (readonly [status: number, code: string, bytes: string])[] = [
    [400, 'InvalidRequest', 'NONSENSE\r\n\r\n'], [400, 'InvalidRequest', 'FROBNICATE /plans HTTP/1.1\r\nHost: localhost\r\n\r\n'], [400, 'InvalidRequest', 'GET /plans HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n'],
    [431, 'HeadersTooBig', `GET /plans HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`], [400, 'InvalidRequest', 'GET /plans HTTP/1.1\r\n\r\n'],
    [400, 'InvalidRequest', 'POST /commands/AddInvite HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'], [400, 'InvalidRequest', 'GET /plans HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n'],
  ];
  for (const [status, code, bytes] of cases) {
    const answer = await raw(started, bytes);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} `), bytes.slice(0, 60));
    assert.match(head, /content-type: application\/problem\+json/i);
    assert.match(head, /x-content-type-options: nosniff/i);
    const problem = JSON.parse(body) as { status: number; code: string; correlationId: string; nextStep: string };
    assert.deepEqual([problem.status, problem.code], [status, code], bytes.slice(0, 60));
    assert.ok(head.includes(`x-correlation-id: ${problem.correlationId}`));
    assert.ok(problem.nextStep.length > 0);
  }
  assert.equal((await started.call('GET', '/healthz')).status, 200, 'and it goes on');
}));

test('too many is told with the time to wait, in seconds and as an instant', () => withSystem(async (started) => {
  await invite(started, ada);
  let answer: Answer;
  do answer = await started.call('POST', '/sessions/otp', { body: { email: ada } });
  while (answer.status === 200);
  const { resetAt } = refusal(answer, 429);
  const seconds = Number(answer.headers.get('retry-after'));
  assert.ok(Number.isInteger(seconds) && seconds >= 1);
  assert.ok(Math.abs(Date.parse(resetAt) - Date.parse(started.adapters.clock.now()) - seconds * 1_000) <= 2_000);
}));
