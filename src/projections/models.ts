import type { AccountEvent } from '../domain/account/events.ts';
import { subjectOf, type AccountId, type NamespaceId } from '../domain/ids.ts';
import type { InboxEvent } from '../domain/inbox/events.ts';
import type { InviteEvent } from '../domain/invite/events.ts';
import type { MailEvent } from '../domain/mail/events.ts';
import type { Money } from '../domain/money.ts';
import type { NamespaceEvent } from '../domain/namespace/events.ts';
import type { Personal } from '../domain/personal.ts';
import type { PlanEvent } from '../domain/plan/events.ts';
import type { Recorded } from '../domain/ports/log.ts';
import { projection } from './projection.ts';
import type { SignupEvent } from '../domain/signup/events.ts';
import type { SubscriptionEvent } from '../domain/subscription/events.ts';

/** Plain read models: one document per aggregate. The state a person sees, in words. */
const bySubject = (event: Recorded) => [subjectOf(event.stream)];

type InviteView = { id: string; email: Personal; status: 'invited' | 'revoked'; at: string };
export const invites = projection<InviteView>({
  name: 'invites', version: 1, summary: 'Who has been invited', indexes: ['status'], readableBy: 'invite.read', scope: 'staff', category: 'invite', columns: ['id', 'email', 'status', 'at'],
  events: ['InviteAdded', 'InviteRevoked'], keys: bySubject,
  evolve: (view, event: Recorded<InviteEvent>) => {
    switch (event.type) {
      case 'InviteAdded': return { id: event.data.person, email: (event.data as { email: Personal }).email, status: 'invited', at: event.data.at };
      case 'InviteRevoked': return view && { ...view, status: 'revoked', at: event.data.at };
    }
  },
});

type PlanView = { id: string; name: string; price: Money; interval: string; limits: object; policy: object; onSale: boolean };
export const plans = projection<PlanView>({
  name: 'plans', version: 1, summary: 'What customers can subscribe to', indexes: ['onSale'], readableBy: 'plan.read', scope: 'public', category: 'plan', columns: ['id', 'name', 'price', 'interval', 'onSale'],
  events: ['PlanOffered', 'PlanRepriced', 'PlanRetired'], keys: bySubject,
  evolve: (view, { type, data }: Recorded<PlanEvent>) => {
    switch (type) {
      case 'PlanOffered': {
        const { planId, ...terms } = data as Extract<PlanEvent, { type: 'PlanOffered' }>['data'];
        return { id: planId, ...terms, onSale: true };
      }
      case 'PlanRepriced': return view && { ...view, price: (data as { price: Money }).price };
      case 'PlanRetired': return view && { ...view, onSale: false };
    }
  },
});

type SignupView = { id: string; email: Personal; stage: string; startedAt: string; at: string; mails: number; wrongTokens: number; declined: number; lastRefusal?: string; accountId?: string };
const signupStages: Readonly<Partial<Record<SignupEvent['type'], string>>> = {
  OtpVerified: 'verified', CheckoutStarted: 'at checkout', PaymentTokenIssued: 'payment token issued', PaymentTokenRedeemed: 'charging', ChargePending: 'settling', PaymentTokenRejected: 'declined', SignupCompleted: 'completed',
};
export const signups = projection<SignupView>({
  name: 'signups', version: 1, summary: 'Where each sign-up stands', indexes: ['stage'], readableBy: 'signup.read', scope: 'staff', category: 'signup', columns: ['id', 'email', 'stage', 'at'],
  events: ['SignupStarted', 'OtpIssued', 'OtpResent', 'OtpAttemptFailed', ...Object.keys(signupStages)], keys: bySubject,
  evolve: (view, { type, data, meta }: Recorded<SignupEvent>) => {
    if (type === 'SignupStarted') return { id: (data as { person: string }).person, email: (data as { email: Personal }).email, stage: 'unverified', startedAt: meta.at, at: meta.at, mails: 0, wrongTokens: 0, declined: 0 };
    if (!view) return view;
    if (type === 'OtpIssued' || type === 'OtpResent') return { ...view, mails: view.mails + 1, at: meta.at };
    if (type === 'OtpAttemptFailed') return { ...view, wrongTokens: view.wrongTokens + 1, at: meta.at };
    if (type === 'OtpVerified' && view.stage !== 'unverified') return view;
    return {
      ...view, stage: signupStages[type] ?? view.stage, at: meta.at,
      ...(type === 'PaymentTokenRejected' ? { declined: view.declined + 1, lastRefusal: (data as { reason: string }).reason } : {}),
      ...(type === 'SignupCompleted' ? { accountId: (data as { accountId: string }).accountId } : {}),
    };
  },
});

type AccountView = { id: AccountId; accountId: AccountId; email: Personal; subscriptionId: string; at: string };
export const accounts = projection<AccountView>({
  name: 'accounts', version: 1, summary: 'Customers', indexes: ['accountId'], readableBy: 'account.read', scope: { own: 'account', field: 'accountId' }, category: 'account', columns: ['id', 'email', 'at'],
  events: ['AccountCreated'], keys: bySubject,
  evolve: (_, { data }: Recorded<AccountEvent>) => {
    const { accountId, email, subscriptionId, at } = data as Extract<AccountEvent, { type: 'AccountCreated' }>['data'];
    return { id: accountId, accountId, email, subscriptionId, at };
  },
});

type SubscriptionView = { id: string; accountId: AccountId; namespaceId: NamespaceId; plan: string; planId: string; price: Money; phase: string; since: string; nextAt?: string; paidThrough: string; lastPaymentAt: string; failures: number; providerSubscription: string; endsAt?: string; cause?: string };
const without = <V extends { nextAt?: string; endsAt?: string; cause?: string }>({ nextAt: _, endsAt: __, cause: ___, ...view }: V) => view;
export const subscriptions = projection<SubscriptionView>({
  name: 'subscriptions', version: 2, summary: 'What customers pay for, and whether they do', indexes: ['accountId', 'phase', 'planId'], readableBy: 'subscription.read', scope: { own: 'account', field: 'accountId' }, category: 'subscription',
  columns: ['id', 'accountId', 'plan', 'price', 'phase', 'paidThrough'],
  events: ['SubscriptionStarted', 'PaymentSucceeded', 'PaymentFailed', 'GraceStarted', 'SubscriptionLapsed', 'SubscriptionSuspended', 'CancellationScheduled', 'CancellationWithdrawn', 'SubscriptionEnded', 'RetentionEnded', 'SubscriptionRestored'], keys: bySubject,
  evolve: (view, event: Recorded<SubscriptionEvent>) => {
    const { type, data, meta } = event as Recorded<SubscriptionEvent> & SubscriptionEvent;
    if (type === 'SubscriptionStarted') {
      const { subscriptionId, accountId, namespaceId, terms, providerSubscription, paidThrough, at } = data;
      return { id: subscriptionId, accountId, namespaceId, plan: terms.name, planId: terms.planId, price: terms.price, phase: 'active', since: at, paidThrough, lastPaymentAt: at, failures: 0, providerSubscription };
    }
    if (!view) return view;
    switch (type) {
      case 'PaymentSucceeded': return { ...view, ...(view.endsAt !== undefined && view.endsAt < data.paidThrough ? { endsAt: data.paidThrough } : {}), paidThrough: data.paidThrough, lastPaymentAt: data.at, failures: 0 };
      case 'PaymentFailed': return { ...view, failures: data.attempt };
      case 'GraceStarted': return { ...view, phase: 'grace', since: meta.at, nextAt: data.endsAt };
      case 'SubscriptionLapsed': return { ...view, phase: 'limited', since: data.at, nextAt: data.suspendAt };
      case 'SubscriptionSuspended': return { ...view, phase: 'suspended', since: data.at, nextAt: data.endAt };
      case 'CancellationScheduled': return { ...view, endsAt: data.endsAt };
      case 'CancellationWithdrawn': return without(view);
      case 'SubscriptionEnded': return { ...without(view), phase: 'ended', since: data.at, cause: data.cause ?? 'unpaid', ...(data.keptUntil === undefined ? {} : { nextAt: data.keptUntil }) };
      case 'RetentionEnded': return { ...without(view), cause: view.cause ?? 'unpaid' };
      case 'SubscriptionRestored': return { ...without(view), phase: 'active', since: data.at };
      default: return view;
    }
  },
});

type NamespaceView = { id: NamespaceId; namespaceId: NamespaceId; name: string; accountId: AccountId; level: string; limits: object; workloads: number; gitCredentials?: readonly { host: string; username?: Personal; at: string }[]; at: string };
const withoutHost = ({ gitCredentials = [] }: NamespaceView, host: string) => gitCredentials.filter((held) => held.host !== host);
export const namespaces = projection<NamespaceView>({
  name: 'namespaces', version: 1, summary: 'Where workloads and limits live', indexes: ['accountId', 'name'], readableBy: 'namespace.read', scope: { own: 'account', field: 'accountId' }, category: 'namespace',
  columns: ['id', 'name', 'accountId', 'level', 'workloads'],
  events: ['NamespaceCreated', 'NamespaceLevelChanged', 'WorkloadSlotTaken', 'WorkloadSlotReleased', 'GitCredentialSet', 'GitCredentialRemoved'], keys: bySubject,
  evolve: (view, event: Recorded<NamespaceEvent>) => {
    const { type, data } = event as NamespaceEvent;
    if (type === 'NamespaceCreated') return { id: data.namespaceId, namespaceId: data.namespaceId, name: data.name, accountId: data.accountId, level: 'full', limits: data.limits, workloads: 0, at: data.at };
    if (!view) return view;
    switch (type) {
      case 'NamespaceLevelChanged': return { ...view, level: data.level };
      case 'WorkloadSlotTaken': return { ...view, workloads: view.workloads + 1 };
      case 'WorkloadSlotReleased': return { ...view, workloads: view.workloads - 1 };
      // Which there are, never what they open with.
      case 'GitCredentialSet': return { ...view, gitCredentials: [...withoutHost(view, data.host), { host: data.host, ...(data.username === undefined ? {} : { username: data.username }), at: data.at }].toSorted((a, b) => (a.host < b.host ? -1 : 1)) };
      case 'GitCredentialRemoved': return { ...view, gitCredentials: withoutHost(view, data.host) };
      default: return view;
    }
  },
});

type MailView = { id: string; person: string; to: Personal; template: string; status: 'queued' | 'sent' | 'given up'; attempts: number; lastError?: string; at: string };
export const mails = projection<MailView>({
  name: 'mails', version: 2, summary: 'The outbox: every mail and its attempts', indexes: ['status', 'template', 'person'], readableBy: 'mail.read', scope: 'staff', category: 'mail', columns: ['id', 'to', 'template', 'status', 'attempts', 'at'],
  events: ['MailQueued', 'MailAttemptFailed', 'MailSent', 'MailGivenUp', 'MailRetried'], keys: bySubject,
  evolve: (view, event: Recorded<MailEvent>) => {
    const { type, data } = event as MailEvent;
    if (type === 'MailQueued') return { id: data.mailId, person: data.person, to: data.to, template: data.content.template, status: 'queued', attempts: 0, at: data.at };
    if (!view) return view;
    switch (type) {
      case 'MailAttemptFailed': return { ...view, attempts: data.attempt, lastError: data.reason };
      case 'MailSent': return { ...view, status: 'sent', attempts: data.attempt, at: data.at };
      case 'MailGivenUp': return { ...view, status: 'given up', attempts: data.attempt, lastError: data.reason, at: data.at };
      case 'MailRetried': return { ...view, status: 'queued', at: data.at };
    }
  },
});

type WebhookView = { id: string; provider: string; type: string; object: object; status: 'received' | 'applied' | 'ignored'; effect?: string; reason?: string; replays?: number; at: string };
export const webhooks = projection<WebhookView>({
  name: 'webhooks', version: 1, summary: 'Incoming webhooks and what became of them', indexes: ['status', 'type'], readableBy: 'webhook.read', scope: 'staff', category: 'inbox', columns: ['id', 'type', 'status', 'at'],
  events: ['WebhookReceived', 'WebhookApplied', 'WebhookIgnored', 'WebhookReplayed'], keys: bySubject,
  evolve: (view, event: Recorded<InboxEvent>, id) => {
    const { type, data } = event as InboxEvent;
    if (type === 'WebhookReceived') return { id, provider: data.provider, type: data.type, object: data.object, status: 'received', at: data.at };
    if (!view) return view;
    const { effect: _, reason: __, ...rest } = view; // of an earlier time
    switch (type) {
      case 'WebhookApplied': return { ...rest, status: 'applied', effect: data.effect };
      case 'WebhookIgnored': return { ...rest, status: 'ignored', reason: data.reason };
      case 'WebhookReplayed': return { ...rest, status: 'received', replays: data.n };
    }
  },
});
