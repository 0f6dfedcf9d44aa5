/** One plausible event of every type, in an order that folds: compiled against the domain's unions, so that a new type or field must be written here. */
import type { AccountEvent } from '../../src/domain/account/events.ts';
import { account } from '../../src/domain/account/decide.ts';
import type { ClaimEvent } from '../../src/domain/claim/events.ts';
import { claim } from '../../src/domain/claim/decide.ts';
import type { AnyDecider, AnyEvent } from '../../src/domain/decider.ts';
import type { TenantId } from '../../src/domain/ids.ts';
import { inbox } from '../../src/domain/inbox/decide.ts';
import type { InboxEvent } from '../../src/domain/inbox/events.ts';
import { installation } from '../../src/domain/installation/decide.ts';
import type { InstallationEvent } from '../../src/domain/installation/events.ts';
import type { Instant } from '../../src/domain/instant.ts';
import { invite } from '../../src/domain/invite/decide.ts';
import type { InviteEvent } from '../../src/domain/invite/events.ts';
import { mail } from '../../src/domain/mail/decide.ts';
import type { MailEvent } from '../../src/domain/mail/events.ts';
import { namespace } from '../../src/domain/namespace/decide.ts';
import type { NamespaceEvent } from '../../src/domain/namespace/events.ts';
import { personal } from '../../src/domain/personal.ts';
import { plan } from '../../src/domain/plan/decide.ts';
import type { PlanEvent } from '../../src/domain/plan/events.ts';
import { session } from '../../src/domain/session/decide.ts';
import type { SessionEvent } from '../../src/domain/session/events.ts';
import { signup } from '../../src/domain/signup/decide.ts';
import type { SignupEvent } from '../../src/domain/signup/events.ts';
import { password } from '../../src/domain/password/decide.ts';
import type { PasswordEvent } from '../../src/domain/password/events.ts';
import { subscription } from '../../src/domain/subscription/decide.ts';
import type { SubscriptionEvent } from '../../src/domain/subscription/events.ts';
import { tenant } from '../../src/domain/tenant/decide.ts';
import type { TenantEvent } from '../../src/domain/tenant/events.ts';
import { work } from '../../src/domain/work/decide.ts';
import type { WorkEvent } from '../../src/domain/work/events.ts';
import { workload } from '../../src/domain/workload/decide.ts';
import type { WorkloadEvent } from '../../src/domain/workload/events.ts';
import { accountId, email, flowId, logId, mailId, namespaceId, operatorId, person, planId, sessionId, subscriptionId, tenantId, terms, workloadId } from '../domain/samples.ts';

/** One event for each type of a union; leaving one out does not compile. */
type Each<E extends AnyEvent> = { readonly [T in E['type']]: Extract<E, { type: T }>['data'] };
export type Story = { readonly decider: AnyDecider; readonly id: string; readonly events: readonly AnyEvent[] };
const story = <E extends AnyEvent>(decider: AnyDecider, id: string, each: Each<E>): Story => ({ decider, id, events: Object.entries(each).map(([type, data]) => ({ type, data: data as object })) });

const at = '2026-03-01T12:00:00.000Z' as Instant;
const later = '2026-04-01T12:00:00.000Z' as Instant;
const otp = { person, flowId, kid: 'k1', issuedAt: at, expiresAt: '2026-03-01T13:00:00.000Z' as Instant };
const subscribed = { subscriptionId, accountId };
const running = { workloadId, namespaceId };
const webhook = { provider: 'stripe', eventId: 'evt_1' };
const digest = (digit: string): string => digit.repeat(64);

export const stories: readonly Story[] = [
  story<InstallationEvent>(installation, logId, {
    InstallationFounded: { logId, mode: 'mock', format: 1, tenantId, at },
    OperatorTokenIssued: { operatorId, hash: digest('a'), at },
    ClockAdvanced: { offsetMs: 86_400_000 },
  }),
  story<TenantEvent>(tenant, tenantId, { TenantCreated: { tenantId, name: 'platform' }, InvitesSwitched: { tenantId, required: false } }),
  story<InviteEvent>(invite, person, { InviteAdded: { person, email, at }, InviteRevoked: { person, at } }),
  story<PlanEvent>(plan, planId, { PlanOffered: terms, PlanRepriced: { planId, price: { amount: 3900, currency: 'USD' } }, PlanRetired: { planId } }),
  story<SignupEvent>(signup, person, {
    SignupStarted: { person, email, at },
    OtpIssued: { ...otp, n: 1 },
    OtpResent: { ...otp, n: 2 },
    OtpMailQueued: { person, flowId, n: 2 },
    OtpAttemptFailed: { person, flowId, attempt: 1 },
    OtpLocked: { person, flowId },
    OtpVerified: { person, flowId, n: 2, at },
    OtpExpired: { person, flowId },
    CheckoutStarted: { person, n: 1, terms, at },
    CheckoutOpened: { person, n: 1, checkoutId: 'cs_1' },
    PaymentTokenIssued: { person, n: 1, kid: 'k1', issuedAt: at, expiresAt: '2026-03-02T12:00:00.000Z' as Instant, checkoutId: 'cs_1', method: 'pm_1', terms },
    PaymentTokenExpired: { person, n: 2 },
    PaymentTokenRedeemed: { person, n: 1, subscriptionId, accountId, namespaceId, at },
    ChargePending: { person, n: 1, providerSubscription: 'sub_p1', invoiceId: 'in_1', checkAt: later },
    SignupStepSucceeded: { person, step: 'charge', providerSubscription: 'sub_p1', invoiceId: 'in_1', periodEnd: later },
    PaymentTokenRejected: { person, n: 3, reason: 'the card was declined' },
    SignupCompleted: { person, accountId, subscriptionId, namespaceId, at },
  }),
  story<AccountEvent>(account, accountId, { AccountCreated: { accountId, person, email, subscriptionId, at }, SessionsRevoked: { accountId, person, cutoff: at } }),
  story<PasswordEvent>(password, person, {
    PasswordResetRequested: { person, flowId, kid: 'k1', issuedAt: at, expiresAt: later },
    PasswordResetMailed: { person, flowId },
    PasswordChanged: { person, n: 1, by: 'reset', at },
    PasswordChangeTold: { person, n: 1 },
  }),
  story<ClaimEvent>(claim, 'namespace.brave-blue-fox', { NameClaimed: { kind: 'namespace', value: 'brave-blue-fox', holder: namespaceId } }),
  story<SessionEvent>(session, sessionId, {
    SessionOpened: { sessionId, holder: { kind: 'account', accountId, person }, kid: 'k1', at },
    SessionRefreshed: { sessionId, n: 0, at },
    SessionClosed: { sessionId, reason: 'logout', at },
  }),
  story<SubscriptionEvent>(subscription, subscriptionId, {
    SubscriptionStarted: { ...subscribed, person, namespaceId, terms, providerSubscription: 'sub_p1', invoiceId: 'in_1', paidThrough: later, at },
    PaymentSucceeded: { ...subscribed, invoiceId: 'in_2', amount: terms.price, paidThrough: '2026-05-01T12:00:00.000Z' as Instant, at: later },
    PaymentFailed: { ...subscribed, invoiceId: 'in_3', attempt: 1, at: later },
    GraceStarted: { ...subscribed, endsAt: '2026-05-08T12:00:00.000Z' as Instant, warnAt: '2026-05-07T12:00:00.000Z' as Instant },
    GraceEndingSoon: { ...subscribed, endsAt: '2026-05-08T12:00:00.000Z' as Instant },
    GraceEnded: subscribed,
    SubscriptionLapsed: { ...subscribed, suspendAt: '2026-05-22T12:00:00.000Z' as Instant, at: '2026-05-08T12:00:00.000Z' as Instant },
    SubscriptionSuspended: { ...subscribed, endAt: '2026-06-21T12:00:00.000Z' as Instant, at: '2026-05-22T12:00:00.000Z' as Instant },
    PaymentMethodChosen: { ...subscribed, checkoutId: 'cs_2', method: 'pm_2' },
    PaymentMethodAttached: { ...subscribed, checkoutId: 'cs_2' },
    SubscriptionRestored: { ...subscribed, at: '2026-05-23T12:00:00.000Z' as Instant },
    SubscriptionEnded: { ...subscribed, at: '2026-06-21T12:00:00.000Z' as Instant },
    NoticeQueued: { ...subscribed, key: `${subscriptionId}.limited.3` },
    NamespaceLevelTold: { ...subscribed, level: 'limited' },
    CancellationScheduled: { ...subscribed, n: 1, when: 'period-end', endsAt: '2026-07-21T12:00:00.000Z' as Instant, by: 'customer', at: later },
    CancellationCarriedOut: { ...subscribed, n: 1 },
    CancellationWithdrawn: { ...subscribed, n: 2, by: 'staff', at: later },
    InvoiceVoided: { ...subscribed, invoiceId: 'in_3', at: later },
    RetentionEnded: { ...subscribed, at: '2026-08-20T12:00:00.000Z' as Instant },
  }),
  story<NamespaceEvent>(namespace, namespaceId, {
    NamespaceCreated: { namespaceId, name: 'brave-blue-fox', accountId, subscriptionId, limits: terms.limits, at },
    NamespaceLevelChanged: { namespaceId, level: 'limited', generation: 1 },
    WorkloadSlotTaken: { namespaceId, workloadId, name: 'hello', checkAt: '2026-03-01T12:01:00.000Z' as Instant },
    WorkloadSlotConfirmed: { namespaceId, workloadId },
    WorkloadTold: { namespaceId, workloadId, generation: 1 },
    WorkloadSlotReleased: { namespaceId, workloadId },
    GitCredentialSet: { namespaceId, host: 'git.example.com:8443', username: personal(person, 'gitUser', 'ada'), token: personal(person, 'gitToken', 'glpat-golden'), at },
    GitCredentialRemoved: { namespaceId, host: 'git.example.com:8443', at },
  }),
  story<WorkloadEvent>(workload, workloadId, {
    WorkloadRunRequested: { ...running, accountId, name: 'hello', source: digest('b'), command: 'node server.js', retries: 3, generation: 1, environment: [{ name: 'COLOUR', value: personal(person, 'environment', 'blue') }], at },
    WorkloadApplied: { ...running, generation: 1 },
    WorkloadStarting: { ...running, generation: 1, incarnation: 1, reason: '', at },
    WorkloadStarted: { ...running, generation: 1, incarnation: 1, address: 'http://127.0.0.1:4000', at },
    WorkloadUpdated: { ...running, source: digest('c'), previous: digest('b'), generation: 2, at },
    WorkloadFailed: { ...running, generation: 2, reason: 'exit code 1', at },
    WorkloadRestartRequested: { ...running, generation: 3, reason: 'asked for', at },
    WorkloadSuspended: { ...running, at },
    WorkloadStopped: { ...running, generation: 3, reason: 'stopped', at },
    WorkloadResumed: { ...running, generation: 4, at },
    WorkloadKillRequested: { ...running, at },
    WorkloadSourceFetched: { ...running, generation: 5, source: digest('d') },
    WorkloadBuildStarted: { ...running, generation: 5, how: "Go, because there is a go.mod: built with 'go build -o .tollgate/app .', started with '.tollgate/app'", at },
    WorkloadBuildFailed: { ...running, generation: 5, reason: "'go build -o .tollgate/app .' exited with code 1", at },
    WorkloadBuildCancelled: { ...running, generation: 5, at },
    WorkloadUpdateFailed: { ...running, generation: 5, back: 6, reason: 'it was cancelled', at },
    WorkloadRemoved: { ...running, at },
    WorkloadSlotGivenBack: running,
  }),
  story<InboxEvent>(inbox, 'stripe.test.evt_1', {
    WebhookReceived: { ...webhook, mode: 'test', type: 'invoice.paid', object: { kind: 'invoice', id: 'in_1' }, body: personal('key_11111111111111111111', 'webhookBody', '{"customer_email":"ada@example.com"}'), at },
    WebhookApplied: { ...webhook, effect: 'PaymentSucceeded' },
    WebhookIgnored: { ...webhook, reason: 'of no interest' },
    WebhookReplayed: { ...webhook, n: 1, at },
  }),
  story<MailEvent>(mail, mailId, {
    MailQueued: { mailId, person, to: email, content: { template: 'one-time-token', token: { flowId, n: 1, kid: 'k1', issuedAt: at, expiresAt: '2026-03-01T13:00:00.000Z' as Instant } }, at },
    MailAttemptFailed: { mailId, attempt: 1, reason: 'the carrier did not answer', retryAt: '2026-03-01T12:00:05.000Z' as Instant },
    MailGivenUp: { mailId, attempt: 2, reason: 'no such mailbox', at },
    MailRetried: { mailId, at },
    MailSent: { mailId, attempt: 3, at },
  }),
  story<WorkEvent>(work, `workloads.${workloadId}`, {
    WorkParked: { reactor: 'workloads', subject: `workload-${tenantId}.${workloadId}`, key: `${workloadId}.apply.1`, attempts: 8, error: 'the runtime did not answer', at },
    WorkReleased: { reactor: 'workloads', subject: `workload-${tenantId}.${workloadId}`, at },
  }),
];
export const goldenTenant: TenantId = tenantId;
