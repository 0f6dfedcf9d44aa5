/** Two customers, a person who has not paid, and nobody: every route there is, walked by each with the ids of the others. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  bytesOf, diskNow, eventsOf, invite, outside, payByCard, refusal, running, runWorkload, signUp, storedEvents, uploadSource, verifySignup, withSystem, workloadNamed, type Answer, type Customer, type Started,
} from './system.ts';
import { rmSync } from 'node:fs';
import { openCommands } from '../../src/commands/schemas.ts';
import { projections } from '../../src/projections/registry.ts';

const ada = 'ada@example.com';
const bob = 'bob@example.com';
const eve = 'eve@example.com';
type Scene = { readonly started: Started; readonly ada: Customer; readonly bob: Customer; readonly unpaid: string; /** What belongs to Bob, by prefix. */ readonly ids: Readonly<Record<string, string>>; readonly secrets: readonly string[] };

const scene = async (started: Started): Promise<Scene> => {
  const [a, b] = [await signUp(started, ada), await signUp(started, bob)];
  await runWorkload(started, a, 'hello');
  await runWorkload(started, b, 'secret-shop', { env: { API_KEY: 'bobs-key' } });
  await invite(started, eve);
  const unpaid = await verifySignup(started, eve);
  const workload = await workloadNamed(started, b, 'secret-shop', running);
  await started.runtime.print(workload.id, 'a line of bobs');
  const [subscription] = await eventsOf(started, 'SubscriptionStarted').then((events) => events.filter(({ accountId }) => accountId === b.account));
  const { json: pay } = await started.call('POST', '/account/pay', { token: b.access });
  const { json: mails } = await started.call('GET', '/mails', { token: started.operator });
  const { json: invites } = await started.call('GET', '/invites', { token: started.operator });
  const ids = {
    wl: workload.id, ns: workload.namespaceId, acc: b.account, sub: subscription.subscriptionId, per: invites.items.find(({ email }: { email: string }) => email === bob).id,
    mail: mails.items.find(({ to }: { to: string }) => to === bob).id, pln: subscription.terms.planId, cs: pay.checkoutId, flw: `flw_${'1'.repeat(20)}`,
  };
  await started.settled();
  return { started, ada: a, bob: b, unpaid, ids, secrets: [bob, workload.id, workload.namespaceId, b.account, subscription.subscriptionId, ids.per, b.namespace, 'secret-shop', 'a line of bobs', workload.address] };
};

/** A value for a field or parameter that is Bob's where it can be. */
const bobs = ({ ids, bob: { namespace } }: Scene, name: string, type = 'string'): unknown => {
  if (type === 'integer') return 1;
  if (type === 'boolean') return true;
  const values: Record<string, string> = {
    email: bob, workloadId: ids['wl'] ?? '', namespaceId: ids['ns'] ?? '', accountId: ids['acc'] ?? '', subscriptionId: ids['sub'] ?? '', planId: ids['pln'] ?? '', mailId: ids['mail'] ?? '', flowId: ids['flw'] ?? '', source: `sha256:${'0'.repeat(64)}`,
    subject: ids['per'] ?? '', name: 'hello', currency: 'USD', to: 'off', checkout: ids['cs'] ?? '', provider: 'stripe', duration: '1d', token: 'a'.repeat(40), paymentToken: `${ids['per']}.1.${'a'.repeat(40)}`, refreshToken: `ses_${'1'.repeat(20)}.0.${'a'.repeat(40)}`, namespace,
  };
  return type === 'object' ? { A: 'b' } : (values[name] ?? 'x');
};
const idFor = ({ ids }: Scene, path: string): string => {
  const model = path.split('/')[1] ?? '';
  const prefix: Record<string, string> = { workloads: 'wl', namespaces: 'ns', accounts: 'acc', subscriptions: 'sub', invites: 'per', signups: 'per', mails: 'mail', plans: 'pln', account: 'cs' };
  return ids[prefix[model] ?? 'per'] ?? '';
};

type Asked = { readonly method: string; readonly path: string; readonly body?: unknown; readonly headers?: Record<string, string> };
/** One call for each operation of the document, with Bob's ids in path, query and body; and the same with his namespace in the header. */
const everyCall = async (all: Scene): Promise<readonly Asked[]> => {
  const { json: api } = await all.started.call('GET', '/openapi.json');
  const calls: Asked[] = [];
  for (const [route, item] of Object.entries<any>(api.paths)) {
    for (const [method, operation] of Object.entries<any>(item)) {
      if (!['get', 'post', 'put', 'delete', 'patch'].includes(method)) continue;
      const path = route.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'id' ? idFor(all, route) : name === 'name' ? 'workloads' : String(bobs(all, name))));
      const schema = operation.requestBody?.content?.['application/json']?.schema;
      const name = schema?.$ref?.split('/').at(-1);
      const properties = name === undefined ? undefined : api.components.schemas[name]?.properties;
      const body = properties === undefined ? (schema ? {} : undefined) : Object.fromEntries(Object.entries<any>(properties).map(([field, { type }]) => [field, bobs(all, field, type)]));
      const { started: _, ...plain } = { started: 0, method: method.toUpperCase(), path, ...(body === undefined ? {} : { body }) };
      calls.push(plain, { ...plain, headers: { 'micro-namespace': all.bob.namespace } });
      const queries = (operation.parameters ?? []).filter((parameter: any) => parameter.in === 'query' && !['limit', 'cursor', 'after', 'asOf', 'dryRun', 'follow', 'tail', 'since'].includes(parameter.name)).map((parameter: any) => parameter.name as string);
      for (const query of queries) calls.push({ ...plain, path: `${path}?${query}=${encodeURIComponent(String(bobs(all, query)))}` });
      if (method === 'get' && route.endsWith('{id}')) calls.push({ ...plain, path: `${path}?asOf=${all.started.system.rim.gate.position}` });
    }
  }
  return calls;
};

const asks = async ({ started }: Scene, { method, path, body, headers = {} }: Asked, token: string | undefined): Promise<Answer> => {
  const gzip = path === '/sources';
  return started.call(method, path, { ...(token === undefined ? {} : { token }), ...(gzip ? { body: new Uint8Array([31, 139]), headers: { ...headers, 'content-type': 'application/gzip' } } : { ...(body === undefined ? {} : { body }), headers }) });
};

/** Calls that are about the caller alone, or open to everybody by design. */
const ownOnly = /^\/(sessions\/(close|otp|refresh|password\/reset$|recover)|account\/(cancel|resume)|mailbox\.json)/;

test('nobody sees or changes anything of another customer, by any route, and no call answers 500', { timeout: 60_000 }, () => withSystem(async (started) => {
  const all = await scene(started);
  const calls = (await everyCall(all)).filter(({ path }) => !ownOnly.test(path));
  assert.ok(calls.length > 80, `${calls.length} calls`);
  const ofBob = async () => (await storedEvents(started)).filter(({ stream, data }) => all.secrets.some((secret) => stream.includes(secret) || data.includes(secret)));
  const [before, world] = [await ofBob(), outside(started)];
  for (const [who, token] of [['ada', all.ada.access], ['unpaid', all.unpaid], ['anonymous', undefined]] as const) {
    for (const call of calls) {
      const answer = await asks(all, call, token);
      const story = `${who}: ${call.method} ${call.path} ${JSON.stringify(call.body)} -> ${answer.status} ${answer.text.slice(0, 300)}`;
      assert.ok(answer.status < 500, story);
      const asked = JSON.stringify([call.path, call.body ?? '', call.headers ?? '']) + decodeURIComponent(call.path);
      // What was asked may be said again ("there is no workload X"); anything else of Bob's may not.
      for (const secret of all.secrets) assert.ok(!answer.text.includes(secret) || (answer.status >= 400 && asked.includes(secret)), `${secret} in ${story}`);
      if (answer.status >= 400) refusal(answer, answer.status);
    }
  }
  await started.settled();
  assert.deepEqual((await ofBob()).map(({ type, stream }) => `${type} ${stream}`), before.map(({ type, stream }) => `${type} ${stream}`), 'nothing of Bob\'s was written');
  assert.deepEqual(outside(started), world);
  const workload = await workloadNamed(started, all.bob, 'secret-shop', running);
  assert.equal(workload.state, 'running');
}));

test('staff\'s commands and pages are refused to customers, unpaid and anonymous callers alike', () => withSystem(async (started) => {
  const all = await scene(started);
  const staffCommands = openCommands().filter(({ audience }) => audience === 'operator');
  assert.ok(staffCommands.length >= 6);
  const events = await storedEvents(started);
  for (const { name, fields } of staffCommands) {
    const body = Object.fromEntries(fields.map((field) => [field.name, bobs(all, field.name, field.type)]));
    refusal(await started.call('POST', `/commands/${name}`, { token: all.ada.access, body }), 403, 'NotAllowed');
    refusal(await started.call('POST', `/commands/${name}`, { token: all.unpaid, body }), 403, 'NotAllowed');
    refusal(await started.call('POST', `/commands/${name}`, { body }), 401, 'NotSignedIn');
  }
  for (const { name, scope } of projections) {
    if (scope !== 'staff' || name === 'gate') continue;
    for (const path of [`/${name}`, `/${name}/${all.ids['per']}`]) {
      refusal(await started.call('GET', path, { token: all.ada.access }), 403, 'NotAllowed');
      assert.ok([402, 403].includes((await started.call('GET', path, { token: all.unpaid })).status), path);
      refusal(await started.call('GET', path), 401, 'NotSignedIn');
    }
  }
  for (const path of ['/gate/acc', '/gates']) assert.ok([401, 404].includes((await started.call('GET', path, { token: all.ada.access })).status), path);
  assert.deepEqual(await storedEvents(started), events);
}));

test('the system\'s own commands cannot be sent from outside, not even by the operator', () => withSystem(async (started) => {
  const events = await storedEvents(started);
  for (const name of ['FoundInstallation', 'IssueOperatorToken', 'AdvanceClock', 'CreateTenant', 'StartSignup', 'VerifyOtp', 'RedeemPaymentToken', 'RecordCharge', 'StartSubscription', 'ObserveInvoice', 'CreateAccount', 'RevokeSessions', 'OpenSession', 'TakeWorkloadSlot', 'ReportStatus', 'IngestWebhook', 'QueueMail', 'ParkWork', 'SystemMessage', 'constructor', '__proto__', 'toString']) {
    refusal(await started.call('POST', `/commands/${name}`, { token: started.operator, body: {} }), 404, 'CommandUnknown');
  }
  assert.deepEqual(await storedEvents(started), events);
}));

test('lists hold one\'s own things only, whatever the filter and header', () => withSystem(async (started) => {
  const all = await scene(started);
  for (const model of ['workloads', 'namespaces', 'accounts', 'subscriptions', 'invoices']) {
    const { items } = (await started.call('GET', `/${model}`, { token: all.ada.access })).json;
    assert.equal(items.length, 1, model);
    for (const secret of all.secrets) assert.ok(!JSON.stringify(items).includes(secret), `${secret} in ${model}`);
    for (const [field, value] of [['accountId', all.ids['acc']], ['namespaceId', all.ids['ns']], ['name', 'secret-shop'], ['name', all.bob.namespace]] as const) {
      const answer = await started.call('GET', `/${model}?${field}=${value}`, { token: all.ada.access });
      if (answer.status === 200) for (const item of answer.json.items) for (const secret of all.secrets) assert.ok(!JSON.stringify(item).includes(secret), `${model}?${field}`);
      else refusal(answer, 400, 'InvalidInput');
    }
  }
  refusal(await started.call('GET', '/workloads', { token: all.ada.access, headers: { 'micro-namespace': all.bob.namespace } }), 403, 'NamespaceNotYours');
  refusal(await runWorkload(started, all.ada, 'mine', { namespaceId: all.ids['ns'] }), 404);
  refusal(await runWorkload(started, all.ada, 'mine', {}, { 'micro-namespace': all.bob.namespace }), 403, 'NamespaceNotYours');
  assert.equal((await started.call('GET', '/workloads', { token: started.operator })).json.items.length, 2, 'staff sees all');
}));

test('a payment of one customer changes nothing of another\'s, and a checkout is seen by its own customer only', () => withSystem(async (started) => {
  const all = await scene(started);
  refusal(await started.call('GET', `/account/pay/${all.ids['cs']}`, { token: all.ada.access }), 404);
  assert.equal((await started.call('GET', `/account/pay/${all.ids['cs']}`, { token: all.bob.access })).json.status, 'open');
  await payByCard(started, eve, 'succeeds');
  const { json } = await started.call('GET', '/sessions/signup', { token: all.unpaid });
  assert.match(json.paymentToken, /^per_/);
  refusal(await started.call('POST', '/sessions/payment', { token: all.ada.access, body: { paymentToken: json.paymentToken } }), 409, 'AlreadySignedUp');
}));

test('an uploaded source is run by its digest only by whoever may run; its content is shown to nobody', () => withSystem(async (started) => {
  const all = await scene(started);
  const digest = await uploadSource(started, all.bob, { 'app.js': 'console.log("bobs own words")' });
  for (const token of [all.ada.access, all.unpaid]) {
    for (const path of [`/sources/${digest}`, `/sources?digest=${digest}`, '/sources']) assert.ok([401, 402, 403, 404, 405].includes((await started.call('GET', path, { token })).status), path);
  }
  refusal(await started.call('PUT', '/sources', { body: new Uint8Array([31, 139]), headers: { 'content-type': 'application/gzip' } }), 401);
  refusal(await started.call('PUT', '/sources', { token: all.unpaid, body: new Uint8Array([31, 139]), headers: { 'content-type': 'application/gzip' } }), 402, 'PaymentRequired');
}));

test('no address is in any file of the data folder', () => withSystem(async (started) => {
  await scene(started);
  const disk = diskNow(started.data);
  try {
    for (const { name, text } of bytesOf(disk)) for (const address of [ada, bob, eve]) assert.ok(!text.includes(address), `${address} is in ${name}`);
  } finally {
    rmSync(disk, { recursive: true, force: true });
  }
}));
