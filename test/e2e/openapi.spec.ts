/** /openapi.json says what is: real answers fit their schemas and hold nothing that is not described; and a client generated from it compiles. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { giveCard, invite, linesOf, newestOtp, payByCard, redeem, refreshed, running, runWorkload, signUp, startOtp, uploadSource, verifyOtp, verifySignup, withSystem, workloadNamed, type Answer, type Started } from './system.ts';
import { root } from '../docs/render.ts';
import { bySystem, SystemMessage } from '../../src/commands/command-message.ts';
import { day } from '../../src/domain/instant.ts';

const program = 'docs/examples/client.ts';

/** The same schemas, in which nothing may stand that is not described. */
const strict = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).filter(([key]) => key !== 'format').map(([key, value]) => [key, strict(value)])) as Record<string, any>;
  if (copy['properties']) copy['additionalProperties'] ??= false;
  return copy;
};

class Checker {
  readonly #api: any;
  readonly #ajv: Ajv2020;
  readonly #known = new Map<string, ValidateFunction>();
  readonly seen = new Set<string>();
  constructor(api: any) {
    this.#api = api;
    this.#ajv = new Ajv2020({ allErrors: true, strict: false });
    this.#ajv.addSchema({ $id: 'api', components: { schemas: strict(api.components.schemas) } });
  }
  #validate(place: string, schema: any): ValidateFunction {
    const known = this.#known.get(place);
    if (known) return known;
    const made = this.#ajv.compile(JSON.parse(JSON.stringify(strict(schema)).replaceAll('#/components', 'api#/components')));
    this.#known.set(place, made);
    return made;
  }
  /** That this answer to `METHOD /route` is one of those described. */
  check(call: string, { status, json, text, headers }: Answer): void {
    const [method = '', route = ''] = call.split(' ');
    const responses = this.#api.paths[route]?.[method.toLowerCase()]?.responses;
    assert.ok(responses, `${call} is not described`);
    const response = responses[status];
    assert.ok(response, `${call} answered ${status}, which is not described: ${text.slice(0, 200)}`);
    this.seen.add(call);
    const type = (headers.get('content-type') ?? '').split(';')[0] ?? '';
    if (text === '' && !response.content) return;
    const schema = response.content?.[type]?.schema;
    assert.ok(schema, `${call} answered ${type}, which is not described`);
    for (const body of type === 'application/x-ndjson' ? linesOf({ text } as Answer) : type.includes('json') ? [json] : []) {
      const validate = this.#validate(`${call} ${status} ${type}`, schema);
      assert.ok(validate(body), `${call} ${status}: ${JSON.stringify(validate.errors)} (say in src/adapters/http/answers.ts what it answers) in ${JSON.stringify(body).slice(0, 600)}`);
    }
  }
}

test('every call answers what the document says, and nothing that it does not say', { timeout: 60_000 }, () => withSystem(async (started) => {
  const { json: api } = await started.call('GET', '/openapi.json');
  const checker = new Checker(api);
  const { operator } = started;
  const ask = async (call: string, path: string, options: Parameters<Started['call']>[2] = {}): Promise<Answer> => {
    const answer = await started.call(call.split(' ')[0] as string, path, options);
    checker.check(call, answer);
    return answer;
  };
  const command = (name: string, body: object, query = '', token = operator) => ask(`POST /commands/${name}`, `/commands/${name}${query}`, { token, body });
  for (const path of ['/healthz', '/readyz', '/clock', '/projections', '/reactors', '/doctor', '/metrics']) await ask(`GET ${path}`, path, { token: operator });
  // A sign-up, step by step.
  await command('AddInvite', { email: 'ada@example.com' });
  await command('AddInvite', { email: 'x@example.com' }, '?dryRun=true');
  await command('RevokeInvite', { email: 'nobody@example.com' });
  await command('AddInvite', {});
  const { json: flow } = await ask('POST /sessions/otp', '/sessions/otp', { body: { email: 'ada@example.com' } });
  await ask('POST /sessions/otp', '/sessions/otp', { body: { email: 'stranger@example.com' } });
  await ask('POST /sessions/otp/resend', '/sessions/otp/resend', { body: { email: 'ada@example.com', flowId: flow.flowId } });
  await ask('GET /mailbox.json', '/mailbox.json');
  await ask('POST /sessions/otp/verify', '/sessions/otp/verify', { body: { email: 'ada@example.com', flowId: flow.flowId, token: 'a'.repeat(40) } });
  const verified = await ask('POST /sessions/otp/verify', '/sessions/otp/verify', { body: { email: 'ada@example.com', flowId: flow.flowId, token: await newestOtp(started, 'ada@example.com') } });
  const signupToken = verified.json.signup.token as string;
  await ask('GET /sessions/signup', '/sessions/signup', { token: signupToken });
  await ask('GET /sessions/whoami', '/sessions/whoami', { token: signupToken });
  await ask('GET /workloads', '/workloads', { token: signupToken });
  await ask('POST /sessions/open', '/sessions/open', { token: signupToken, body: {} });
  const paymentToken = await payByCard(started, 'ada@example.com', 'succeeds-once');
  await ask('GET /sessions/signup', '/sessions/signup', { token: signupToken });
  await ask('POST /sessions/payment', '/sessions/payment', { token: signupToken, body: { paymentToken } });
  await started.settled();
  const { json: session } = await ask('POST /sessions/open', '/sessions/open', { token: signupToken, body: {} });
  await ask('POST /sessions/operator', '/sessions/operator', { token: operator, body: {} });
  await ask('POST /sessions/refresh', '/sessions/refresh', { body: { refreshToken: 'x' } });
  let customer = await refreshed(started, { email: 'ada@example.com', access: session.accessToken, refresh: session.refreshToken, account: session.account, namespace: session.namespace, signupToken });
  const flowId = await startOtp(started, 'ada@example.com');
  checker.check('POST /sessions/otp/verify', await verifyOtp(started, 'ada@example.com', flowId, await newestOtp(started, 'ada@example.com')));
  // Passwords.
  await ask('POST /sessions/password/change', '/sessions/password/change', { token: customer.access, body: { password: 'a purple elephant sings' } });
  for (const password of ['a purple elephant sings', 'wrong']) await ask('POST /sessions/password', '/sessions/password', { body: { email: 'ada@example.com', password } });
  const { json: reset } = await ask('POST /sessions/password/reset', '/sessions/password/reset', { body: { email: 'ada@example.com' } });
  await ask('POST /sessions/password/reset/confirm', '/sessions/password/reset/confirm', { body: { email: 'ada@example.com', flowId: reset.flowId, token: 'a'.repeat(40), password: 'nine green bottles fall' } });
  await ask('POST /sessions/recover', '/sessions/recover', { body: { email: 'ada@example.com' } });
  // A declined sign-up, too.
  await invite(started, 'eve@example.com');
  const eve = await verifySignup(started, 'eve@example.com');
  checker.check('POST /sessions/payment', await redeem(started, eve, await payByCard(started, 'eve@example.com', 'charge-fails')));
  await ask('GET /sessions/signup', '/sessions/signup', { token: eve });
  // A workload, its logs, its end.
  const source = await uploadSource(started, customer);
  checker.check('POST /commands/RunWorkload', await runWorkload(started, customer, 'hello', { source, env: { COLOUR: 'blue' } }));
  await runWorkload(started, customer, 'other', { source });
  const { id } = await workloadNamed(started, customer, 'hello', running);
  await started.runtime.print(id, 'a line');
  await ask('GET /workloads/{id}/logs', `/workloads/${id}/logs`, { token: customer.access });
  await ask('GET /workloads/{id}/logs', `/workloads/wl_x/logs`, { token: customer.access });
  await command('KillWorkload', { workloadId: (await workloadNamed(started, customer, 'other')).id }, '', customer.access);
  for (const action of ['run', 'fly']) await ask('GET /gate', `/gate?action=${action}`, { token: customer.access });
  for (const token of [customer.access, 'x']) await ask('GET /gate/forward-auth', '/gate/forward-auth', { token });
  await ask('GET /account', '/account', { token: customer.access });
  for (const token of [customer.access, operator]) await ask('GET /sessions/whoami', '/sessions/whoami', { token });
  await ask('GET /events', '/events', { token: customer.access });
  await ask('GET /account/sessions', '/account/sessions', { token: customer.access });
  // A lapse and what it makes of every record.
  await ask('POST /clock/advance', '/clock/advance', { token: operator, body: { duration: '45d' } });
  customer = await refreshed(started, customer);
  await ask('GET /account', '/account', { token: customer.access });
  await ask('GET /gate', '/gate?action=run', { token: customer.access });
  checker.check('POST /commands/RunWorkload', await runWorkload(started, customer, 'more', { source }).catch(async () => started.call('POST', '/commands/RunWorkload', { token: customer.access, body: { name: 'more', source } })));
  for (const step of ['cancel', 'resume']) for (const query of ['?dryRun=true', '']) await ask(`POST /account/${step}`, `/account/${step}${query}`, { token: customer.access, body: {} });
  const { json: pay } = await ask('POST /account/pay', '/account/pay', { token: customer.access, body: {} });
  await ask('GET /account/pay/{checkout}', `/account/pay/${pay.checkoutId}`, { token: customer.access });
  await giveCard(started, pay.url, 'succeeds');
  await started.settled();
  await ask('GET /account/pay/{checkout}', `/account/pay/${pay.checkoutId}`, { token: customer.access });
  started.adapters.mailbox.faults.unavailableBefore = 1;
  await invite(started, 'late@example.com');
  await startOtp(started, 'late@example.com');
  await started.settled();
  const [mail] = (await started.call('GET', '/mails?status=queued', { token: operator })).json.items;
  const parked = { reactor: 'send-mail', subject: `mail-${started.system.rim.tenant}.${mail.id}`, owner: mail.person, deeds: [{ key: `${mail.id}.1`, deed: 'SendMail', attempts: 1, error: 'x' }] };
  await started.system.handler.execute(SystemMessage.inContext(new SystemMessage('ParkWork', parked), bySystem('test', 'park')));
  await started.settled();
  for (const model of Object.keys(api.paths).filter((path) => api.paths[`${path}/{id}`]).map((path) => path.slice(1))) {
    const { json: list } = await ask(`GET /${model}`, `/${model}?limit=2`, { token: operator });
    const [first] = list.items;
    assert.ok(first, `there is no ${model} to look at`);
    for (const query of ['', `?asOf=${list.position}`]) await ask(`GET /${model}/{id}`, `/${model}/${first.id}${query}`, { token: operator });
    await ask(`GET /${model}/{id}`, `/${model}/nothing`, { token: operator });
    await ask(`GET /${model}`, `/${model}?limit=0`, { token: operator });
    await ask(`GET /${model}`, `/${model}`, { token: 'nonsense' });
    checker.check(`GET /${model}/{id}`, await started.call('GET', `/${model}/${first.id}`, { token: operator, headers: { 'if-none-match': '*' } }));
  }
  await ask('GET /audit/show', '/audit/show?subject=ada@example.com', { token: operator });
  for (const path of ['/audit/log', '/audit/verify']) await ask(`GET ${path}`, path, { token: operator });
  for (const name of ['plans', 'nothing']) await ask('POST /projections/{name}/rebuild', `/projections/${name}/rebuild`, { token: operator });
  await ask('POST /webhooks/{provider}', '/webhooks/stripe', { body: {} });
  await ask('PUT /sources', '/sources', { token: customer.access, body: '{}' });
  await ask('POST /sessions/close', '/sessions/close', { token: customer.access, body: {} });
  const never = Object.entries<any>(api.paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`)).filter((call) => !checker.seen.has(call) && !call.includes('/commands/'));
  assert.deepEqual(never, [], 'every call was tried');
  await started.advance(day);
}));

test('every operation has a name of its own, and refusals have one body', () => withSystem(async (started) => {
  const { json: api } = await started.call('GET', '/openapi.json');
  const operations = Object.values<any>(api.paths).flatMap((item) => Object.values<any>(item));
  const names = operations.map(({ operationId }) => operationId as string);
  assert.equal(new Set(names).size, names.length);
  for (const { operationId, responses } of operations) {
    assert.match(operationId, /^[A-Za-z][A-Za-z0-9]*$/);
    for (const [status, response] of Object.entries<any>(responses)) if (status === 'default' || Number(status) >= 400) assert.equal(response.content['application/problem+json'].schema.$ref, '#/components/schemas/Problem');
  }
}));

const generator = join(root, 'scripts/openapi-types/node_modules/openapi-typescript/bin/cli.js');
const tsc = join(root, 'node_modules/typescript/bin/tsc');
/** A folder with types generated from this server's document, and the program that uses them. */
const clientFolder = (document: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-client-'));
  writeFileSync(join(folder, 'openapi.json'), document);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { target: 'es2024', lib: ['es2024', 'dom'], module: 'nodenext', strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true, erasableSyntaxOnly: true, allowImportingTsExtensions: true, noEmit: true, types: [] }, files: ['client.ts'] }));
  cpSync(join(root, program), join(folder, 'client.ts'));
  const made = spawnSync(process.execPath, [generator, 'openapi.json', '-o', 'tollgate-api.ts'], { cwd: folder, encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  return folder;
};
const compile = (folder: string) => spawnSync(process.execPath, [tsc, '-p', folder], { cwd: folder, encoding: 'utf8' });

test('types generated from the document compile with a program that uses them, which then runs; what is wrong does not compile', { timeout: 90_000 }, () => withSystem(async (started) => {
  const customer = await signUp(started, 'ada@example.com');
  const folder = clientFolder((await started.call('GET', '/openapi.json')).text);
  try {
    const { status, stdout } = compile(folder);
    assert.equal(status, 0, stdout);
    const child = spawn(process.execPath, [join(folder, 'client.ts'), started.origin, customer.access, started.operator], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [printed, complaint] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0, complaint);
    assert.match(printed, /full: paid\n.*developer 35\.00 USD\ninvited at revision 0\nrefused: InvalidInput email/s);
    const source = (await import('node:fs')).readFileSync(join(folder, 'client.ts'), 'utf8');
    for (const [right, wrong, complaintAbout] of [
      ["email: 'bob@example.com'", 'mail: 1', /mail/], ['verdict.level', 'verdict.lever', /lever/], ["'/plans'", "'/planes'", /planes/], ["action: 'run'", "action: 'fly'", /fly/], ['plan.price.amount', 'plan.price.amount.length', /length/], ["verdict.level === 'full'", "verdict.level === 'ful'", /ful/],
    ] as const) {
      assert.ok(source.includes(right), right);
      writeFileSync(join(folder, 'client.ts'), source.replace(right, wrong));
      const refused = compile(folder);
      assert.notEqual(refused.status, 0, `${wrong} compiled`);
      assert.match(refused.stdout, complaintAbout);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}));
