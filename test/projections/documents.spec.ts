/** What each read model says after which events: given events, then documents. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { folded, minuteAt, opened, placed, TestLog, type Placed } from './harness.ts';
import type { AnyEvent } from '../../src/domain/decider.ts';
import { projections } from '../../src/projections/registry.ts';
import { accountId, mailId, namespaceId, operatorId, otherWorkloadId, person, planId, sessionId, subscriptionId, tenantId, terms, workloadId } from '../domain/samples.ts';
import { stories } from '../golden/samples.ts';

/** A sample by its type, with what a story needs differently. */
const a = (type: string, change: object = {}): Placed => {
  const event = stories.flatMap(({ events }) => events).find((sample) => sample.type === type) as AnyEvent;
  return placed({ type, data: { ...event.data, ...change } });
};
const documents = async (model: string, events: readonly Placed[]): Promise<Record<string, any>> => {
  const log = new TestLog();
  await log.append(...events);
  const projection = projections.find(({ name }) => name === model);
  assert.ok(projection, model);
  return (await opened(folded(projection, await log.events()))) as Record<string, any>;
};
/** Each line: what happens next, and how the one document changes; `undefined` is a removed one. */
type Line = readonly [event: Placed, change: object | undefined];
const table = (model: string, title: string, key: string, lines: readonly Line[]): void => {
  test(`${model}: ${title}`, async () => {
    let expected: Record<string, unknown> | undefined;
    for (const [n, [, change]] of lines.entries()) {
      expected = change === undefined ? undefined : Object.fromEntries(Object.entries({ ...expected, ...change }).filter(([, value]) => value !== undefined));
      assert.deepEqual((await documents(model, lines.slice(0, n + 1).map(([event]) => event)))[key], expected, `after ${lines[n]?.[0].event.type} (line ${n + 1})`);
    }
  });
};
const at = minuteAt(0);

table('invites', 'an invite, taken back, given again', person, [
  [a('InviteAdded'), { id: person, email: 'ada@example.com', status: 'invited', at }],
  [a('InviteRevoked', { at: minuteAt(1) }), { status: 'revoked', at: minuteAt(1) }],
  [a('InviteAdded', { at: minuteAt(2) }), { status: 'invited', at: minuteAt(2) }],
]);
table('plans', 'on sale, repriced, off sale', planId, [
  [a('PlanOffered'), { id: planId, name: 'Dev', price: terms.price, interval: 'month', limits: terms.limits, policy: terms.policy, onSale: true }],
  [a('PlanRepriced'), { price: { amount: 3900, currency: 'USD' } }],
  [a('PlanRetired'), { onSale: false }],
]);
table('signups', 'from the first token to the account', person, [
  [a('SignupStarted'), { id: person, email: 'ada@example.com', stage: 'unverified', startedAt: at, at, mails: 0, wrongTokens: 0, declined: 0 }],
  [a('OtpIssued'), { mails: 1, at: minuteAt(1) }],
  [a('OtpResent'), { mails: 2, at: minuteAt(2) }],
  [a('OtpAttemptFailed'), { wrongTokens: 1, at: minuteAt(3) }],
  [a('OtpVerified'), { stage: 'verified', at: minuteAt(4) }],
  [a('CheckoutStarted'), { stage: 'at checkout', at: minuteAt(5) }],
  [a('OtpVerified'), {}],
  [a('PaymentTokenIssued'), { stage: 'payment token issued', at: minuteAt(7) }],
  [a('PaymentTokenRedeemed'), { stage: 'charging', at: minuteAt(8) }],
  [a('ChargePending'), { stage: 'settling', at: minuteAt(9) }],
  [a('PaymentTokenRejected'), { stage: 'declined', declined: 1, lastRefusal: 'the card was declined', at: minuteAt(10) }],
  [a('SignupCompleted'), { stage: 'completed', accountId, at: minuteAt(11) }],
]);
table('accounts', 'an account', accountId, [
  [a('AccountCreated'), { id: accountId, accountId, email: 'ada@example.com', subscriptionId, at }],
  [a('SessionsRevoked'), {}],
]);
table('subscriptions', 'through the whole of dunning and back', subscriptionId, [
  [a('SubscriptionStarted', { at }), { id: subscriptionId, accountId, namespaceId, plan: 'Dev', planId, price: terms.price, phase: 'active', since: at, paidThrough: '2026-04-01T12:00:00.000Z', lastPaymentAt: at, failures: 0, providerSubscription: 'sub_p1' }],
  [a('PaymentFailed', { attempt: 2 }), { failures: 2 }],
  [a('GraceStarted'), { phase: 'grace', since: minuteAt(2), nextAt: '2026-05-08T12:00:00.000Z' }],
  [a('GraceEndingSoon'), {}],
  [a('GraceEnded'), {}],
  [a('SubscriptionLapsed'), { phase: 'limited', since: '2026-05-08T12:00:00.000Z', nextAt: '2026-05-22T12:00:00.000Z' }],
  [a('SubscriptionSuspended'), { phase: 'suspended', since: '2026-05-22T12:00:00.000Z', nextAt: '2026-06-21T12:00:00.000Z' }],
  [a('PaymentSucceeded'), { paidThrough: '2026-05-01T12:00:00.000Z', lastPaymentAt: '2026-04-01T12:00:00.000Z', failures: 0 }],
  [a('SubscriptionRestored'), { phase: 'active', since: '2026-05-23T12:00:00.000Z', nextAt: undefined }],
  [a('SubscriptionEnded'), { phase: 'ended', since: '2026-06-21T12:00:00.000Z', nextAt: undefined, cause: 'unpaid' }],
]);
table('subscriptions', 'cancelled, withdrawn, cancelled again, paid once more, over, begun again', subscriptionId, [
  [a('SubscriptionStarted', { at }), { id: subscriptionId, accountId, namespaceId, plan: 'Dev', planId, price: terms.price, phase: 'active', since: at, paidThrough: '2026-04-01T12:00:00.000Z', lastPaymentAt: at, failures: 0, providerSubscription: 'sub_p1' }],
  [a('CancellationScheduled', { endsAt: '2026-04-01T12:00:00.000Z' }), { endsAt: '2026-04-01T12:00:00.000Z' }],
  [a('CancellationWithdrawn'), { endsAt: undefined }],
  [a('CancellationScheduled', { endsAt: '2026-04-01T12:00:00.000Z' }), { endsAt: '2026-04-01T12:00:00.000Z' }],
  [a('PaymentSucceeded'), { endsAt: '2026-05-01T12:00:00.000Z', paidThrough: '2026-05-01T12:00:00.000Z', lastPaymentAt: '2026-04-01T12:00:00.000Z' }],
  [a('SubscriptionEnded', { at: '2026-05-01T12:00:00.000Z', cause: 'cancelled', keptUntil: '2026-05-31T12:00:00.000Z' }), { phase: 'ended', since: '2026-05-01T12:00:00.000Z', endsAt: undefined, cause: 'cancelled', nextAt: '2026-05-31T12:00:00.000Z' }],
  [a('RetentionEnded'), { nextAt: undefined }],
  [a('SubscriptionRestored'), { phase: 'active', since: '2026-05-23T12:00:00.000Z', cause: undefined }],
]);
table('sessions', 'opened, used on another day, closed', sessionId, [
  [a('SessionOpened', { at }), { id: sessionId, accountId, kind: 'cli', openedAt: at, lastUsed: at.slice(0, 10) }],
  [a('SessionRefreshed', { at: '2026-05-01T12:00:00.000Z' }), { lastUsed: '2026-05-01' }],
  [a('SessionClosed'), undefined],
]);
table('sessions', 'a browser\'s', sessionId, [[a('SessionOpened', { at, via: 'web' }), { id: sessionId, accountId, kind: 'web', openedAt: at, lastUsed: at.slice(0, 10) }]]);
table('sessions', 'an operator\'s is nobody\'s account', sessionId, [[a('SessionOpened', { at, holder: { kind: 'operator', operatorId, tokenHash: 'h' } }), { id: sessionId, kind: 'operator', openedAt: at, lastUsed: at.slice(0, 10) }]]);
table('invoices', 'missed, missed again, no longer asked for', 'in_3', [
  [a('PaymentFailed', { at, amount: terms.price, periodStart: '2026-05-01T12:00:00.000Z', periodEnd: '2026-06-01T12:00:00.000Z' }), { id: 'in_3', accountId, subscriptionId, status: 'open', failures: 1, amount: terms.price, periodStart: '2026-05-01T12:00:00.000Z', periodEnd: '2026-06-01T12:00:00.000Z', at }],
  [a('PaymentFailed', { at: minuteAt(1), attempt: 2 }), { failures: 2, at: minuteAt(1) }],
  [a('InvoiceVoided', { at: minuteAt(2) }), { status: 'void', at: minuteAt(2) }],
]);
table('invoices', 'missed, then paid; what old events do not say is left out', 'in_2', [
  [a('PaymentFailed', { at, invoiceId: 'in_2' }), { id: 'in_2', accountId, subscriptionId, status: 'open', failures: 1, at }],
  [a('PaymentSucceeded', { at: minuteAt(1) }), { status: 'paid', amount: terms.price, periodEnd: '2026-05-01T12:00:00.000Z', paidAt: minuteAt(1), at: minuteAt(1) }],
]);
table('invoices', 'the first one comes with the subscription', 'in_1', [
  [a('SubscriptionStarted', { at, periodStart: at }), { id: 'in_1', accountId, subscriptionId, status: 'paid', failures: 0, amount: terms.price, periodStart: at, periodEnd: '2026-04-01T12:00:00.000Z', paidAt: at, at }],
]);
table('namespaces', 'levels and slots', namespaceId, [
  [a('NamespaceCreated', { at }), { id: namespaceId, namespaceId, name: 'brave-blue-fox', accountId, level: 'full', limits: terms.limits, workloads: 0, at }],
  [a('WorkloadSlotTaken'), { workloads: 1 }],
  [a('WorkloadSlotTaken', { workloadId: otherWorkloadId }), { workloads: 2 }],
  [a('NamespaceLevelChanged'), { level: 'limited' }],
  [a('WorkloadSlotReleased'), { workloads: 1 }],
]);
table('workloads', 'run, die, run again, be removed', workloadId, [
  [a('WorkloadRunRequested'), { id: workloadId, name: 'hello', namespaceId, state: 'pending', source: 'b'.repeat(64), command: 'node server.js', retries: 3, envNames: ['COLOUR'], generation: 1, incarnation: 0, at }],
  [a('WorkloadApplied'), {}],
  [a('WorkloadStarting'), { state: 'starting', incarnation: 1, at: minuteAt(2) }],
  [a('WorkloadStarted'), { state: 'running', address: 'http://127.0.0.1:4000', at: minuteAt(3) }],
  [a('WorkloadFailed'), { state: 'error', reason: 'exit code 1', address: undefined, at: minuteAt(4) }],
  [a('WorkloadRestartRequested'), { state: 'pending', generation: 3, incarnation: 0, reason: 'asked for', at: minuteAt(5) }],
  [a('WorkloadUpdated'), { state: 'pending', source: 'c'.repeat(64), generation: 2, reason: undefined, at: minuteAt(6) }],
  [a('WorkloadSuspended'), { state: 'stopping', reason: 'suspended until the subscription is paid again', at: minuteAt(7) }],
  [a('WorkloadStopped'), { state: 'stopped', reason: 'stopped', at: minuteAt(8) }],
  [a('WorkloadResumed'), { state: 'pending', generation: 4, reason: undefined, at: minuteAt(9) }],
  [a('WorkloadKillRequested'), { state: 'stopping', at: minuteAt(10) }],
  [a('WorkloadRemoved'), undefined],
]);
const git = { url: 'https://git.example.com/hello', ref: 'main', commit: 'e'.repeat(40) };
const run1: Parameters<typeof table>[3] = [
  [a('WorkloadRunRequested'), { id: workloadId, name: 'hello', namespaceId, state: 'pending', source: 'b'.repeat(64), command: 'node server.js', retries: 3, envNames: ['COLOUR'], generation: 1, incarnation: 0, at }],
  [a('WorkloadStarting', { how: 'old how', limits: '1 core' }), { state: 'starting', incarnation: 1, how: 'old how', limits: '1 core', at: minuteAt(1) }],
  [a('WorkloadStarted'), { state: 'running', address: 'http://127.0.0.1:4000', at: minuteAt(2) }],
];
const fromGit = { source: undefined, previous: undefined, git, generation: 2, beside: true };
table('workloads', 'an update from git is fetched, built and started beside the old one, then takes its place', workloadId, [
  ...run1,
  [a('WorkloadUpdated', fromGit), { update: { git, generation: 2, state: 'pending', incarnation: 0, at: minuteAt(3) } }],
  [a('WorkloadSourceFetched', { generation: 2 }), { update: { git, generation: 2, state: 'pending', incarnation: 0, at: minuteAt(3), source: 'd'.repeat(64) } }],
  [a('WorkloadBuildStarted', { generation: 2, how: 'Go' }), { update: { git, source: 'd'.repeat(64), generation: 2, state: 'building', incarnation: 0, how: 'Go', at: minuteAt(5) } }],
  [a('WorkloadStarting', { generation: 1, incarnation: 2, reason: 'exited with code 1' }), { state: 'starting', incarnation: 2, address: undefined, reason: 'exited with code 1', at: minuteAt(6) }],
  [a('WorkloadStarting', { generation: 2, limits: '2 cores' }), { update: { git, source: 'd'.repeat(64), generation: 2, state: 'starting', incarnation: 1, how: 'Go', limits: '2 cores', at: minuteAt(7) } }],
  [a('WorkloadStarted', { generation: 2, address: 'http://127.0.0.1:5000' }), { git, source: 'd'.repeat(64), generation: 2, state: 'running', incarnation: 1, how: 'Go', limits: '2 cores', address: 'http://127.0.0.1:5000', reason: undefined, update: undefined, at: minuteAt(8) }],
]);
table('workloads', 'an update that fails leaves the old one, and its reason until the next', workloadId, [
  ...run1,
  [a('WorkloadUpdated', { beside: true }), { update: { source: 'c'.repeat(64), generation: 2, state: 'pending', incarnation: 0, at: minuteAt(3) } }],
  [a('WorkloadBuildStarted', { generation: 2, how: 'Go' }), { update: { source: 'c'.repeat(64), generation: 2, state: 'building', incarnation: 0, how: 'Go', at: minuteAt(4) } }],
  [a('WorkloadBuildFailed', { generation: 2, reason: 'no' }), { update: { source: 'c'.repeat(64), generation: 2, state: 'error', incarnation: 0, how: 'Go', reason: 'no', failed: 'build', at: minuteAt(5) } }],
  [a('WorkloadUpdateFailed', { generation: 2, back: 3, reason: 'no' }), { generation: 3, update: undefined, updateFailed: { source: 'c'.repeat(64), reason: 'no', failed: 'build', at: minuteAt(6) } }],
  [a('WorkloadUpdated', { beside: true, generation: 4 }), { update: { source: 'c'.repeat(64), generation: 4, state: 'pending', incarnation: 0, at: minuteAt(7) }, updateFailed: undefined }],
  [a('WorkloadRestartRequested', { generation: 5 }), { state: 'starting', reason: 'asked for', address: undefined, at: minuteAt(8), update: { source: 'c'.repeat(64), generation: 5, state: 'pending', incarnation: 0, at: minuteAt(8) } }],
]);
table('workloads', 'a first build that is cancelled', workloadId, [
  run1[0] as never,
  [a('WorkloadBuildStarted', { generation: 1, how: 'Go' }), { state: 'building', how: 'Go', at: minuteAt(1) }],
  [a('WorkloadBuildCancelled', { generation: 1 }), { state: 'stopping', reason: 'its build was cancelled', at: minuteAt(2) }],
]);
table('mails', 'tried, given up, tried again, sent', mailId, [
  [a('MailQueued', { at }), { id: mailId, person, to: 'ada@example.com', template: 'one-time-token', status: 'queued', attempts: 0, at }],
  [a('MailAttemptFailed'), { attempts: 1, lastError: 'the carrier did not answer' }],
  [a('MailGivenUp', { at: minuteAt(2) }), { status: 'given up', attempts: 2, lastError: 'no such mailbox', at: minuteAt(2) }],
  [a('MailRetried', { at: minuteAt(3) }), { status: 'queued', at: minuteAt(3) }],
  [a('MailSent', { at: minuteAt(4) }), { status: 'sent', attempts: 3, at: minuteAt(4) }],
]);
const inboxId = 'stripe.test.evt_1';
const received = { id: inboxId, provider: 'stripe', type: 'invoice.paid', object: { kind: 'invoice', id: 'in_1' }, status: 'received', at };
table('webhooks', 'applied', inboxId, [[a('WebhookReceived', { at }), received], [a('WebhookApplied'), { status: 'applied', effect: 'PaymentSucceeded' }]]);
table('webhooks', 'ignored', inboxId, [[a('WebhookReceived', { at }), received], [a('WebhookIgnored'), { status: 'ignored', reason: 'of no interest' }]]);
table('webhooks', 'applied, acted on again, and this time ignored', inboxId, [
  [a('WebhookReceived', { at }), received], [a('WebhookApplied'), { status: 'applied', effect: 'PaymentSucceeded' }],
  [a('WebhookReplayed'), { status: 'received', replays: 1, effect: undefined }], [a('WebhookIgnored'), { status: 'ignored', reason: 'of no interest' }],
]);
const workKey = `workloads.${workloadId}`;
const place = { reactor: 'workloads', subject: `workload-${tenantId}.${workloadId}` };
const [apply1, stop2] = [`${workloadId}.apply.1`, `${workloadId}.stop.2`];
const first = { key: apply1, error: 'the runtime did not answer', attempts: 8, since: at };
const second = { key: stop2, deed: 'Stop', error: 'a bug', attempts: 1, since: minuteAt(1) };
table('parked', 'two deeds of one subject, released one by one; the first from before deeds and owners were recorded', workKey, [
  [a('WorkParked', { at }), { id: workKey, ...place, error: first.error, attempts: 8, since: at, deeds: [first] }],
  [a('WorkParked', { key: stop2, deed: 'Stop', owner: accountId, error: 'a bug', attempts: 1, at: minuteAt(1) }), { owner: accountId, deed: 'Stop', error: 'a bug', attempts: 1, deeds: [first, second] }],
  [a('WorkReleased', { key: apply1 }), { since: minuteAt(1), deeds: [second] }],
  [a('WorkReleased', { key: stop2 }), undefined],
]);
table('parked', 'a release without a key is of everything', workKey, [
  [a('WorkParked', { at }), { id: workKey, ...place, error: first.error, attempts: 8, since: at, deeds: [first] }],
  [a('WorkParked', { key: stop2, deed: 'Stop', error: 'a bug', attempts: 1, at: minuteAt(1) }), { deed: 'Stop', error: 'a bug', attempts: 1, deeds: [first, second] }],
  [a('WorkReleased'), undefined],
]);

table('gate', 'an account from full to suspended and back', accountId, [
  [a('AccountCreated', { at }), { kind: 'account', accountId, person, level: 'full', since: at, namespaces: [] }],
  [a('NamespaceCreated'), { namespaces: [{ id: namespaceId, name: 'brave-blue-fox' }] }],
  [a('SubscriptionLapsed'), { level: 'limited', since: '2026-05-08T12:00:00.000Z' }],
  [a('SubscriptionSuspended'), { level: 'suspended', since: '2026-05-22T12:00:00.000Z' }],
  [a('SubscriptionRestored'), { level: 'full', since: '2026-05-23T12:00:00.000Z' }],
  [a('SessionsRevoked', { cutoff: minuteAt(5) }), { cutoff: minuteAt(5) }],
  [a('SubscriptionEnded'), { level: 'suspended', since: '2026-06-21T12:00:00.000Z' }],
]);
table('gate', 'a person becomes an account, and is signed out everywhere', person, [
  [a('OtpVerified'), { kind: 'person', person }],
  [a('AccountCreated'), { accountId }],
  [a('SessionsRevoked', { cutoff: minuteAt(2) }), { cutoff: minuteAt(2) }],
]);
table('gate', 'a session ends with its document', sessionId, [
  [a('SessionOpened', { at }), { kind: 'session', sessionId, holder: { kind: 'account', accountId, person }, openedAt: at }],
  [a('SessionOpened', { at, via: 'web' }), { kind: 'session', sessionId, holder: { kind: 'account', accountId, person }, openedAt: at, via: 'web', kid: 'k1' }],
  [a('SessionRefreshed'), {}],
  [a('SessionClosed'), undefined],
]);
table('gate', 'the newest operator token counts', operatorId, [
  [a('OperatorTokenIssued'), { kind: 'operator', operatorId, hash: 'a'.repeat(64) }],
  [a('OperatorTokenIssued', { hash: 'b'.repeat(64) }), { hash: 'b'.repeat(64) }],
]);

test('every read model has a table, every event that one folds exists, and no event before the first of a stream makes a document', async () => {
  const types = new Set(stories.flatMap(({ events }) => events).map(({ type }) => type));
  const begins = new Set(stories.map(({ events }) => events[0]?.type));
  for (const model of projections) {
    for (const type of model.events) assert.ok(types.has(type), `${model.name} folds ${type}, which is no event`);
    for (const type of model.events) if (!begins.has(type) && !['gate', 'invoices'].includes(model.name)) assert.deepEqual(await documents(model.name, [a(type)]), {}, `${model.name} makes a document of ${type} alone`);
  }
});

test('no read model holds a personal value in clear: it is sealed in the document as it is in the log', async () => {
  const log = new TestLog();
  await log.append(...stories.flatMap(({ events }) => events.map((event) => placed(event))));
  const events = await log.events();
  for (const model of projections) for (const text of ['ada@example.com', 'blue"', 'customer_email', '$clear']) assert.ok(!JSON.stringify(folded(model, events)).includes(text), `${model.name} shows ${text}`);
});
