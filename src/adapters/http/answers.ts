/** What calls answer, as JSON schemas: rendered into /openapi.json and /docs, and compared with real answers by a test. */
import type { ReferenceObject, SchemaObject } from 'openapi3-ts/oas31';
import { gateActions, serviceLevels } from '../../domain/service-level.ts';

type Schema = SchemaObject | ReferenceObject;
type Fields = Readonly<Record<string, Schema>>;
const ref = (name: string): ReferenceObject => ({ $ref: `#/components/schemas/${name}` });
const text = (description?: string): SchemaObject => ({ type: 'string', ...(description === undefined ? {} : { description }) });
const time = (description?: string): SchemaObject => ({ type: 'string', format: 'date-time', ...(description === undefined ? {} : { description }) });
const whole = (description?: string): SchemaObject => ({ type: 'integer', ...(description === undefined ? {} : { description }) });
const yesNo: SchemaObject = { type: 'boolean' };
const oneOf = (...values: readonly string[]): SchemaObject => ({ type: 'string', enum: [...values] });
const orNull = (description: string): SchemaObject => ({ type: ['string', 'null'], description });
const list = (items: Schema): SchemaObject => ({ type: 'array', items });
const object = (always: Fields, sometimes: Fields = {}): SchemaObject => ({ type: 'object', required: Object.keys(always), properties: { ...always, ...sometimes } });
const anything: SchemaObject = { type: 'object', additionalProperties: true };
const exactly = (value: string): SchemaObject => ({ type: 'string', const: value });

const position = text('Position in the log: opaque, only to be compared and passed on');
const level: SchemaObject = { ...oneOf(...Object.keys(serviceLevels)), description: 'Service level' };
const limits = object({ workloads: whole(), cpuMillis: whole('Thousandths of a core'), memoryMiB: whole(), diskMiB: whole() }, { processes: whole('256 where a plan does not say') });

/** Where code comes from, and how far one asking for it is. */
const origin: Fields = { source: text('Digest of what it runs; not there before a repository has been fetched'), git: object({ url: text(), ref: text('Branch, tag or commit that was asked for; empty for the default branch'), commit: text('What that was then') }) };
const failed = { ...exactly('build'), description: 'Its build failed' };
const progress = object({ generation: whole(), state: text(), incarnation: whole(), at: time() }, { ...origin, how: text(), limits: text(), reason: text(), failed });

/** Documents of the read models, as they are shown. */
const records: Readonly<Record<string, SchemaObject>> = {
  InviteRecord: object({ id: text('The person'), email: text('In clear, for whom may read invites'), status: oneOf('invited', 'revoked'), at: time() }),
  PlanRecord: object({ id: text(), name: text(), price: ref('Money'), interval: exactly('month'), limits, policy: object({ graceDays: whole(), warnHours: whole(), limitedDays: whole(), suspendedDays: whole() }), onSale: yesNo }),
  SignupRecord: object({ id: text(), email: text(), stage: text('How far it has come'), startedAt: time(), at: time(), mails: whole('One-time tokens mailed'), wrongTokens: whole(), declined: whole('Cards declined') }, { lastRefusal: text(), accountId: text() }),
  AccountRecord: object({ id: text(), accountId: text(), email: text(), subscriptionId: text(), at: time() }),
  SubscriptionRecord: object(
    { id: text(), accountId: text(), namespaceId: text(), plan: text('Its name'), planId: text(), price: ref('Money'), phase: oneOf('active', 'grace', 'limited', 'suspended', 'ended'), since: time(), paidThrough: time(), lastPaymentAt: time(), failures: whole('Declined tries of the open invoice'), providerSubscription: text() },
    { nextAt: time('When the next phase begins, if nothing is paid'), endsAt: time('When it ends, cancelled'), cause: text('Why it has ended') },
  ),
  NamespaceRecord: object({ id: text(), namespaceId: text(), name: text('Three words: what the Micro-Namespace header takes'), accountId: text(), level, limits, workloads: whole('How many are there'), at: time() }),
  WorkloadRecord: object(
    { id: text(), name: text(), namespaceId: text(), state: oneOf('pending', 'building', 'starting', 'running', 'stopping', 'stopped', 'error'), retries: whole(), envNames: list(text('Names only: values are sealed')), generation: whole('Which asking this is'), incarnation: whole('Counts its processes'), at: time() },
    {
      ...origin, command: text(), address: text('Where it answers, while it runs'), reason: text('Why it is in this state'), failed, how: text('How it is built and started, and why so'), limits: text('What it may use, and how it is kept to it'),
      update: { ...progress, description: 'The new source, while it is made ready beside the one that runs' },
      updateFailed: { ...object({ reason: text(), at: time() }, { ...origin, failed }), description: 'The last update, where it came to nothing' },
    },
  ),
  MailRecord: object({ id: text(), person: text('Whose mail it is'), to: text(), template: text(), status: oneOf('queued', 'sent', 'given up'), attempts: whole(), at: time() }, { lastError: text('What the carrier said') }),
  WebhookRecord: object({ id: text(), provider: text(), type: text(), object: anything, status: oneOf('received', 'applied', 'ignored'), at: time() }, { effect: text(), reason: text(), replays: whole('How often it was acted on again') }),
  ParkedRecord: object({ id: text(), reactor: text(), subject: text('The stream'), error: text(), attempts: whole(), since: time(), deeds: list(object({ key: text(), error: text(), attempts: whole(), since: time() }, { deed: text() })) }, { owner: text('Whose it is'), email: text('Of whose it is'), deed: text('What was to be done') }),
  InvoiceRecord: object({ id: text(), accountId: text(), subscriptionId: text(), status: oneOf('paid', 'open', 'void'), failures: whole('Declined tries'), at: time() }, { amount: ref('Money'), periodStart: time(), periodEnd: time(), paidAt: time() }),
};
export const recordOf = (model: string): string | undefined => {
  const name = `${model.charAt(0).toUpperCase()}${model.slice(1).replace(/s$/, '')}Record`;
  return name in records ? name : undefined;
};

const standingAlways: Fields = { signupId: text(), email: text(), password: { ...yesNo, description: 'Whether one is set' }, subscribeUrl: text(), status: { ...oneOf('verified', 'charging', 'settling', 'declined', 'completed'), description: 'verified: pay on the page; declined: another card is needed' } };
const standingSometimes: Fields = { paymentToken: text('Of the finished page'), detail: text('Why it was declined'), nextStep: text() };

export const components: Readonly<Record<string, SchemaObject>> = {
  ...records,
  Money: object({ amount: whole('Minor units: 3500 is 35.00'), currency: text('ISO 4217') }),
  Verdict: object({ allow: yesNo, level, reason: text(), nextStep: text('What changes it; empty when there is nothing to do'), position }),
  Flow: object({ flowId: text('Only who asked knows it'), expiresAt: time(), attempts: whole('Tries there are') }),
  Standing: object(standingAlways, standingSometimes),
  Session: object(
    { accessToken: text('Ten minutes'), expiresAt: time(), refreshToken: text('Good for one refresh'), sessionId: text(), namespaces: list(text()) },
    { account: text(), email: text(), namespace: text(), operator: text() },
  ),
  Whoami: object({ account: orNull('null for staff and before the first payment'), email: orNull('null for staff'), namespace: orNull('null where there is none'), level }, { operator: text() }),
  Account: object({
    account: text(), email: text(), level, since: time(), reason: text(), nextStep: text(), plan: object({ id: text(), name: text(), price: ref('Money'), interval: text(), limits }), phase: oneOf('active', 'grace', 'limited', 'suspended', 'ended'),
    paidThrough: time(), subscription: text(), cancelAtPeriodEnd: yesNo, namespaces: list(object({ id: text(), name: text() })), isolation: text('How far workloads are kept apart'), password: { ...yesNo, description: 'Whether one is set' },
  }, { endsAt: time('When it ends, cancelled'), endedAt: time(), keptUntil: time('Until when what ran is kept') }),
  LogEvent: object({ position, stream: text(), revision: whole(), id: text(), type: text(), at: time(), actor: text(), data: { ...anything, description: 'Personal values are sealed' }, commandId: text(), correlationId: text(), causationId: text(), schema: whole('Version of the data'), hash: text() }),
  LogLine: object({ id: whole('Grows by one per line'), at: time(), stream: oneOf('stdout', 'stderr', 'system'), text: text() }),
  Parked: object({ subject: text('The stream'), key: text('The deed'), error: text(), since: time(), attempts: whole() }, { deed: text('What was to be done'), owner: text('Whose it is'), email: text('Of whose it is') }),
};

const standing = ref('Standing');
const consequences: Fields = { atOnce: yesNo, endsAt: time(), keptUntil: time('Until when what has run is kept'), says: list(text()) };
const change: Fields = { position, stream: text(), revision: whole(), events: list(anything), dryRun: yesNo };
const lines = (line: Schema): Answer => ({ line });
export type Answer = { readonly body?: Schema; /** One line of a body that comes line by line. */ readonly line?: Schema; readonly refuses?: readonly number[]; /** Words after `tollgate`. */ readonly cli?: string };
const difference = object({ key: text() }, { live: anything, rebuilt: anything });

const entered: Schema = { oneOf: [object({ status: exactly('signed-in'), session: ref('Session') }), object({ status: exactly('payment-required'), signup: object({ ...standingAlways, token: text('Bearer token of the sign-up: two days') }, standingSometimes) })] };

/** By `METHOD /route`. A call that is not here answers "an object", and says so. */
export const answers: Readonly<Record<string, Answer>> = {
  'POST /sessions/otp': { body: ref('Flow'), cli: 'login --otp EMAIL' },
  'POST /sessions/otp/resend': { body: ref('Flow'), cli: 'login --otp EMAIL' },
  'POST /sessions/otp/verify': { body: entered, cli: 'login --otp EMAIL' },
  'POST /sessions/password': { body: entered, cli: 'login EMAIL' },
  'POST /sessions/password/change': { body: object({ changed: yesNo }), cli: 'password change' },
  'POST /sessions/password/reset': { body: object({ flowId: text('Only who asked knows it'), expiresAt: time() }), cli: 'password reset EMAIL' },
  'POST /sessions/password/reset/confirm': { body: object({ changed: yesNo }), cli: 'password reset EMAIL' },
  'POST /sessions/recover': { body: object({ asked: yesNo }), cli: 'login recover EMAIL' },
  'GET /sessions/signup': { body: standing, cli: 'login --otp EMAIL', refuses: [401, 409] },
  'POST /sessions/payment': { body: standing, cli: 'login --otp EMAIL' },
  'POST /sessions/open': { body: ref('Session'), cli: 'login --otp EMAIL', refuses: [401, 409, 503] },
  'POST /sessions/refresh': { body: ref('Session'), refuses: [400, 401, 413, 415, 503] },
  'POST /sessions/close': { cli: 'logout', refuses: [400, 401, 413, 415, 503] },
  'POST /sessions/operator': { body: ref('Session'), cli: 'operator login --token-file PATH', refuses: [401, 503] },
  'GET /sessions/whoami': { body: ref('Whoami'), cli: 'whoami', refuses: [401] },
  'GET /account': { body: ref('Account'), cli: 'account show', refuses: [401, 402, 403, 404] },
  'POST /account/pay': { body: object({ url: text('Where the card is given'), checkoutId: text() }), cli: 'account pay', refuses: [401, 402, 403, 404, 409, 503] },
  'GET /account/pay/{checkout}': { body: object({ status: oneOf('open', 'expired', 'settling', 'done'), level }), cli: 'account pay', refuses: [401, 402, 403, 404, 503] },
  'GET /account/sessions': { body: object({ items: list(object({ id: text(), kind: oneOf('cli', 'web'), openedAt: time(), lastUsed: text('The day'), current: { ...yesNo, description: 'The one that asks' } })), position }), cli: 'account sessions', refuses: [401, 402, 403] },
  'POST /account/cancel': { body: object({ cancelled: yesNo, events: list(anything), stream: text() }, { ...change, ...consequences }), cli: 'account cancel' },
  'POST /account/resume': { body: object({ cancelled: yesNo, paidThrough: time(), events: list(anything), stream: text() }, change), cli: 'account resume' },
  'GET /doctor': { body: object({ ok: yesNo, checks: list(object({ name: text(), status: oneOf('ok', 'warn', 'fail'), detail: text() }, { fix: text() })) }), cli: 'doctor', refuses: [401, 403] },
  'GET /gate': { body: ref('Verdict'), refuses: [400, 401] },
  'PUT /sources': { body: object({ digest: text('sha256:...'), size: whole('Bytes as uploaded'), files: whole() }), cli: 'run SOURCE', refuses: [401, 402, 403, 413, 415, 422, 503] },
  'GET /workloads/{id}/logs': { ...lines(ref('LogLine')), cli: 'logs NAME', refuses: [400, 401, 402, 403, 404] },
  'POST /webhooks/{provider}': { body: object({ received: yesNo, duplicate: { ...yesNo, description: 'It had come before' }, at: time() }), refuses: [400, 404, 413, 503] },
  'GET /events': { cli: 'status --watch', refuses: [400, 401, 402, 403, 429, 503] },
  'GET /projections': { body: object({ items: list(object({ name: text(), version: whole(), position, lag: whole('Events behind'), count: whole('Documents'), status: text() })), position }), cli: 'projection list', refuses: [401, 403] },
  'POST /projections/{name}/rebuild': { ...lines({ oneOf: [object({ position, head: position }), object({ done: { type: 'boolean', const: true }, equal: yesNo, differences: list(difference), swapped: yesNo, documents: whole() })] }), cli: 'projection rebuild NAME', refuses: [401, 403, 404, 409] },
  'GET /reactors': { body: object({ items: list(object({ name: text(), position, lag: whole('Events behind'), waiting: whole('Streams with something still to do'), parked: list(ref('Parked')) })), position }), cli: 'reactor list', refuses: [401, 403] },
  'GET /audit/log': { ...lines(ref('LogEvent')), cli: 'audit log', refuses: [400, 401, 403] },
  'GET /audit/show': { body: object({ subject: text(), asOf: position, streams: list(object({ stream: text(), events: list(anything) })), documents: list(object({ model: text(), document: anything })) }), cli: 'audit show SUBJECT', refuses: [400, 401, 403, 404] },
  'GET /audit/verify': { ...lines({ oneOf: [object({ streams: whole(), of: whole(), events: whole(), head: position }), object({ done: { type: 'boolean', const: true }, ok: yesNo, events: whole(), streams: whole(), failures: list(object({ stream: text(), revision: whole(), problem: text() })) })] }), cli: 'audit verify', refuses: [401, 403, 404] },
  'GET /clock': { body: object({ now: time(), offsetMs: whole('How far ahead of the wall clock') }), cli: 'clock show', refuses: [401, 403] },
  'POST /clock/advance': { ...lines({ oneOf: [object({ now: time(), due: time() }), object({ done: { type: 'boolean', const: true }, now: time(), steps: whole() })] }), cli: 'clock advance DURATION', refuses: [400, 401, 403, 404, 413, 415] },
  'GET /mailbox.json': { body: list(object({ id: text(), to: text(), subject: text(), text: text(), html: text(), at: time(), attempts: whole(), status: text() })), refuses: [404] },
  'GET /healthz': { body: object({ status: exactly('ok'), version: text(), mode: oneOf('mock', 'staging', 'production') }), cli: 'doctor', refuses: [] },
  'GET /readyz': { body: object({ status: exactly('ready') }), cli: 'doctor', refuses: [503] },
};
export const gateActionSchema: SchemaObject = oneOf(...gateActions);
