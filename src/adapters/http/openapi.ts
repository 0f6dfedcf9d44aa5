/** OpenAPI 3.1, from the catalog, the read models and the checked bodies. */
import { OpenApiBuilder, type OperationObject, type PathItemObject, type ResponseObject, type SchemaObject } from 'openapi3-ts/oas31';
import { answers as described, components, gateActionSchema, recordOf } from './answers.ts';
import * as bodies from './bodies.ts';
import { openCommands, schemas, type OpenCommand } from '../../commands/schemas.ts';
import { projections } from '../../projections/registry.ts';

const json = (schema: SchemaObject | { $ref: string }) => ({ 'application/json': { schema } });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const problems = (...statuses: readonly number[]) => Object.fromEntries(statuses.map((status) => [status, { description: 'Refused; the body says what, why, and the next step', content: { 'application/problem+json': { schema: ref('Problem') } } }]));
const ordinary: readonly number[] = [400, 401, 402, 403, 404, 409, 410, 412, 413, 415, 422, 429, 503];
const query = (name: string, description: string, type: 'string' | 'integer' = 'string') => ({ name, in: 'query' as const, description, schema: { type } });
const path = (name: string) => ({ name, in: 'path' as const, required: true, schema: { type: 'string' as const } });
const header = (name: string, description: string) => ({ name, in: 'header' as const, description, schema: { type: 'string' as const } });
const anything: SchemaObject = { type: 'object', additionalProperties: true };
const answers = (schema: SchemaObject | { $ref: string } = anything, description = 'Done', refuses = ordinary) => ({ 200: { description, content: json(schema) }, ...problems(...refuses) });
const secured = [{ bearer: [] }];

const problem: SchemaObject = {
  type: 'object', required: ['type', 'title', 'status', 'detail', 'code', 'nextStep', 'correlationId'],
  properties: {
    type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' }, code: { type: 'string' }, nextStep: { type: 'string' }, correlationId: { type: 'string' }, resetAt: { type: 'string', format: 'date-time' }, level: { type: 'string' },
    errors: { type: 'array', items: { type: 'object', required: ['field', 'message'], properties: { field: { type: 'string' }, message: { type: 'string' } } } },
  },
};
const committed: SchemaObject = {
  type: 'object', required: ['stream', 'events'],
  properties: { position: { type: 'string', description: 'Where the log stood: pass it as ?after= to read your own write' }, stream: { type: 'string' }, revision: { type: 'integer' }, dryRun: { type: 'boolean' }, events: { type: 'array', description: 'Empty when nothing had to change', items: { type: 'object', required: ['type'], properties: { type: { type: 'string' }, id: { type: 'string' }, data: { type: 'object', additionalProperties: true, description: 'Of a dry run only' } } } } },
};

const commandPaths = (): [string, PathItemObject][] => openCommands().map(({ name, summary, noun, verb }) => [`/commands/${name}`, {
  post: {
    operationId: name, summary, tags: [noun], security: secured, 'x-cli': `${noun} ${verb}`,
    parameters: [{ ...query('dryRun', 'true: say what would be appended, and append nothing'), schema: { type: 'string', enum: ['true', 'false'] } }, header('Idempotency-Key', 'The same key again is the same request: answered from what it recorded'), header('If-Match', 'Revision that was decided on, as ETag gave it'), header('Micro-Namespace', 'Name of the namespace the call is about'), header('Reason', 'Why staff does it; recorded')],
    requestBody: { required: true, content: json(ref(name)) }, responses: answers(ref('Committed')),
  },
}]);

const modelPaths = (): [string, PathItemObject][] => projections.filter(({ columns }) => columns.length > 0).flatMap(({ name, summary, indexes, scope }): [string, PathItemObject][] => {
  const known = recordOf(name);
  const record = known === undefined ? anything : ref(known);
  const reads = scope === 'public' ? [400, 401, 503] : [400, 401, 402, 403, 503];
  const security = scope === 'public' ? [{}, ...secured] : secured;
  const list: SchemaObject = { type: 'object', required: ['items', 'position'], properties: { items: { type: 'array', items: record }, next: { type: 'string', description: 'Cursor of the next page; also in the Link header' }, position: { type: 'string', description: 'How much of the log this reflects' } } };
  return [
    [`/${name}`, { get: { summary, tags: [name], security, parameters: [query('limit', '1 to 1000; 100 when left out', 'integer'), query('cursor', '`next` of the answer before'), query('after', 'Wait until this position is reflected'), ...indexes.map((field) => query(field, 'Only those with this value'))], responses: answers(list, 'A page of them, newest first', reads) } }],
    [`/${name}/{id}`, { get: { summary: `One of: ${summary.toLowerCase()}`, tags: [name], security, parameters: [path('id'), query('after', 'Wait until this position is reflected'), query('asOf', 'As it was at a position or time'), header('If-None-Match', 'ETag that is held already: 304 when nothing has changed')], responses: { ...answers(record, 'The record; ETag is the revision that If-Match takes', [...reads, 404]), 304: { description: 'What is held is what there is' } } } }],
  ];
});

const call = (summary: string, tag: string, more: Partial<OperationObject> = {}): OperationObject => ({ summary, tags: [tag], security: secured, responses: answers(), ...more });
const body = (name: string) => ({ requestBody: { required: true, content: json(ref(name)) } });
const open = { security: [{}] };
const lines = { responses: { 200: { description: 'JSON lines, or server-sent events when Accept asks for them', content: { 'application/x-ndjson': { schema: anything }, 'text/event-stream': { schema: { type: 'string' } as SchemaObject } } }, ...problems(...ordinary) } };

const told = { 'X-Tollgate-Level': { description: 'Service level of the caller', schema: { type: 'string' as const } }, 'X-Tollgate-Reason': { description: 'Why, in printable ASCII', schema: { type: 'string' as const } }, 'X-Tollgate-Account': { description: 'Who it is, when known', schema: { type: 'string' as const } }, 'X-Tollgate-Namespace': { description: 'The namespace the call is about', schema: { type: 'string' as const } } };
const forwardAuth = { 200: { description: 'Let it through', headers: told }, ...Object.fromEntries(Object.entries(problems(400, 401, 402, 403)).map(([status, answer]) => [status, { ...answer, headers: told }])) };

const fixedPaths = (): [string, PathItemObject][] => [
  ['/sessions/otp', { post: call('Ask for a one-time token by mail', 'sessions', { ...open, ...body('OtpBody') }) }],
  ['/sessions/otp/resend', { post: call('Ask for a newer one-time token', 'sessions', { ...open, ...body('ResendBody') }) }],
  ['/sessions/otp/verify', { post: call('Present a one-time token', 'sessions', { ...open, ...body('VerifyBody') }) }],
  ['/sessions/password', { post: call('Log in by address and password', 'sessions', { ...open, ...body('PasswordLoginBody') }) }],
  ['/sessions/password/change', { post: call('Change the password; the first one needs no old one right after logging in', 'sessions', body('PasswordBody')) }],
  ['/sessions/password/reset', { post: call('Ask for a mail with a token that sets a new password', 'sessions', { ...open, ...body('OtpBody') }) }],
  ['/sessions/password/reset/confirm', { post: call('Set a new password with that token; ends every session', 'sessions', { ...open, ...body('ResetBody') }) }],
  ['/sessions/recover', { post: call('Ask for a mail with the list of one\'s namespaces', 'sessions', { ...open, ...body('OtpBody') }) }],
  ['/sessions/signup', { get: call('Where the sign-up stands', 'sessions') }],
  ['/sessions/payment', { post: call('Redeem a payment token', 'sessions', body('PaymentTokenBody')) }],
  ['/sessions/open', { post: call('Open a session after a complete sign-up', 'sessions') }],
  ['/sessions/refresh', { post: call('Trade a refresh token for the next', 'sessions', { ...open, ...body('RefreshBody') }) }],
  ['/sessions/close', { post: call('Log out, here or everywhere', 'sessions', { ...body('CloseBody'), responses: { 204: { description: 'Closed' }, ...problems(...ordinary) } }) }],
  ['/sessions/operator', { post: call('Open a session with the operator token', 'sessions') }],
  ['/sessions/whoami', { get: call('Who is calling', 'sessions') }],
  ['/account', { get: call('The account: level, plan, what restores it', 'account') }],
  ['/account/pay', { post: call('A page where another card is given', 'account') }],
  ['/account/pay/{checkout}', { get: call('What became of it', 'account', { parameters: [path('checkout')] }) }],
  ['/account/sessions', { get: call('Where one is signed in', 'account') }],
  ['/account/cancel', { post: call('End the subscription with its paid period; the answer says what that means', 'account', { parameters: [query('dryRun', 'true: only say what it would mean')] }) }],
  ['/account/resume', { post: call('Withdraw a cancellation before it takes effect', 'account', { parameters: [query('dryRun', 'true: only say what it would mean')] }) }],
  ['/gate', { get: call('May this caller do this now?', 'gate', { parameters: [{ ...query('action', 'What is to be done; read when left out'), schema: gateActionSchema }] }) }],
  ['/gate/forward-auth', { get: call('The same for a proxy in front of something else: status and headers', 'gate', { parameters: [query('action', 'read, write, run or billing; by the method of the guarded call when left out'), query('paymentRequired', '402: answer 402 instead of 403 where a payment would help'), header('X-Original-Method', 'Method of the guarded call; X-Forwarded-Method does as well')], responses: forwardAuth }) }],
  ['/sources', { put: call('Upload a source', 'workloads', { requestBody: { required: true, content: { 'application/gzip': { schema: { type: 'string', format: 'binary' } } } } }) }],
  ['/workloads/{id}/logs', { get: call('Log lines', 'workloads', { parameters: [path('id'), query('tail', 'The last so many', 'integer'), query('since', 'A time, or a duration back'), query('after', 'Lines with a greater id', 'integer'), query('follow', 'true: and on as they come'), query('log', 'run (the default), or build: what its builds print')], ...lines }) }],
  ['/webhooks/{provider}', { post: call('Incoming webhook', 'webhooks', { ...open, parameters: [path('provider')], requestBody: { required: true, content: json(anything) } }) }],
  ['/events', { get: call('Changes of read models as they happen', 'events', { parameters: [query('models', 'Only these, separated by commas; all that may be read when left out'), query('after', 'Begin after this position'), header('Last-Event-ID', 'The id of the last event seen: go on after it')], responses: { 200: { description: 'Server-sent events `ready`, `change`, `reset` (read again) and `end`', content: { 'text/event-stream': { schema: { type: 'string' } as SchemaObject } } }, ...problems(...ordinary) } }) }],
  ['/projections', { get: call('Read models and their lag', 'operations') }],
  ['/projections/{name}/rebuild', { post: call('Rebuild a read model beside the live one', 'operations', { parameters: [path('name'), query('acceptDifferences', 'true: swap even if they differ')], ...lines }) }],
  ['/reactors', { get: call('Reactors, waiting and parked work', 'operations') }],
  ['/doctor', { get: call('How this server is: checks, each with its fix', 'operations') }],
  ['/audit/log', { get: call('The log', 'audit', { parameters: [query('stream', 'Only this stream or id'), query('type', 'Only this event type'), query('since', 'From a time, a duration back, or after a position'), query('limit', 'At most so many', 'integer'), query('follow', 'true: and on as they come')], ...lines }) }],
  ['/audit/show', { get: call('Everything about one subject, as of a moment', 'audit', { parameters: [query('subject', 'Id, e-mail address or stream'), query('asOf', 'Position or time')] }) }],
  ['/audit/verify', { get: call('Verify the hash chains', 'audit', { parameters: [query('stream', 'Only this stream')], ...lines }) }],
  ['/clock', { get: call('The time here', 'operations') }],
  ['/clock/advance', { post: call('Walk time forward (mock mode)', 'operations', { ...body('DurationBody'), ...lines }) }],
  ['/mailbox.json', { get: call('The mails "sent" (mock mode)', 'operations', { ...open, parameters: [query('to', 'Only to this address')], responses: answers({ type: 'array', items: anything }) }) }],
  ['/metrics', { get: call('Metrics for Prometheus', 'health', { responses: { 200: { description: 'Text as Prometheus reads it', content: { 'text/plain': { schema: { type: 'string' } as SchemaObject } } }, ...problems(401, 403) } }) }],
  ['/healthz', { get: call('Alive?', 'health', open) }],
  ['/readyz', { get: call('Ready?', 'health', open) }],
];

/** An operation with what it really answers, its name for generated clients, and the command that does the same. */
const complete = (method: string, route: string, operation: OperationObject): OperationObject => {
  const { body: schema, line, refuses, cli } = described[`${method.toUpperCase()} ${route}`] ?? {};
  const name = `${method}${route.replaceAll(/[{}]/g, '').split(/[/.-]/).map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`;
  const given = operation.responses as Record<string, ResponseObject>;
  const done = Object.entries(given).filter(([status]) => Number(status) < 400).map(([status, response]) => [status, status !== '200' ? response : { ...response, ...(schema ? { content: json(schema) } : line ? { content: { ...response.content, 'application/x-ndjson': { schema: line } } } : {}) }]);
  const refused = refuses === undefined ? Object.entries(given).filter(([status]) => Number(status) >= 400) : Object.entries(problems(...refuses));
  return { operationId: name, ...operation, ...(cli === undefined ? {} : { 'x-cli': cli }), responses: { ...Object.fromEntries([...done, ...refused]), default: problems(500)[500] as ResponseObject } };
};
const completed = (route: string, item: PathItemObject): PathItemObject => Object.fromEntries(Object.entries(item).map(([method, operation]) => [method, complete(method, route, operation as OperationObject)]));

/** What each field is for, in the words of the CLI's help. */
const withWords = (schema: SchemaObject, { fields }: OpenCommand): SchemaObject => ({
  ...schema, properties: Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const field = fields.find((each) => each.name === name);
    return [name, field ? { ...property, description: field.description, ...(field.example === undefined || field.type === 'record' ? {} : { examples: [field.example] }) } : property];
  })),
});

export const openApi = (version: string) => {
  const all = schemas() as Record<string, SchemaObject>;
  const builder = OpenApiBuilder.create({
    openapi: '3.1.0', info: { title: 'Tollgate', version, description: 'Control plane between a platform and its customers.', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } }, paths: {},
  }).addSecurityScheme('bearer', { type: 'http', scheme: 'bearer' }).addSchema('Problem', problem).addSchema('Committed', committed);
  for (const [name, schema] of Object.entries(components)) builder.addSchema(name, schema);
  for (const command of openCommands()) builder.addSchema(command.name, withWords(all[command.name] ?? anything, command));
  for (const name of Object.keys(bodies).filter((key) => key.endsWith('Body'))) builder.addSchema(name, all[name] ?? anything);
  for (const [route, item] of [...commandPaths(), ...fixedPaths(), ...modelPaths()]) builder.addPath(route, completed(route, item));
  return builder.getSpec();
};
