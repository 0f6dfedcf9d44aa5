import type { Command, Decider, Decision } from '../decider.ts';
import type { AccountId, NamespaceId, PersonId, SubscriptionId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Money } from '../money.ts';
import type { PlanTerms } from '../plan/events.ts';
import { cancel, goOn, mirrored, missedWhileCancelled, reject, type CancelSubscription, type ResumeSubscription } from './cancelling.ts';
import type { SubscriptionEvent } from './events.ts';
import { cancelledEnd, endCancelled, nextDue, policy, whenDue } from './policy.ts';
import { evolve, initial, type ActiveSubscription, type Level, type Subscription } from './state.ts';

export type StartSubscription = Command<'StartSubscription', { subscriptionId: SubscriptionId; accountId: AccountId; person: PersonId; namespaceId: NamespaceId; terms: PlanTerms; providerSubscription: string; invoiceId: string; paidThrough: Instant; periodStart?: Instant }>;
/** What an invoice was found to be when it was read at the provider: one function for webhook and poll, in any order. */
export type ObserveInvoice = Command<'ObserveInvoice', { subscriptionId: SubscriptionId; invoiceId: string; status: 'paid' | 'open' | 'pending' | 'void'; attempts: number; amount: Money; periodEnd: Instant; periodStart?: Instant }>;
/** What the provider's subscription was found to be (CAPABILITIES 11a); `wish`: the number of the newest wish about cancelling that it had been told when it was read. */
export type ObserveProviderState = Command<'ObserveProviderState', { subscriptionId: SubscriptionId; status: ProviderState; latestInvoice: string; cancelAtPeriodEnd?: boolean; wish?: number }>;
export type ProviderState = 'trialing' | 'active' | 'incomplete' | 'incomplete_expired' | 'past_due' | 'unpaid' | 'canceled' | 'paused' | 'unknown';
/** The phase's own clock rang. */
export type AdvanceSubscription = Command<'AdvanceSubscription', { subscriptionId: SubscriptionId }>;
export type ChoosePaymentMethod = Command<'ChoosePaymentMethod', { subscriptionId: SubscriptionId; checkoutId: string; method: string }>;
export type RecordMethodAttached = Command<'RecordMethodAttached', { subscriptionId: SubscriptionId; checkoutId: string }>;
export type RecordNotice = Command<'RecordNotice', { subscriptionId: SubscriptionId; key: string }>;
export type RecordLevelTold = Command<'RecordLevelTold', { subscriptionId: SubscriptionId; level: Level }>;
/** The provider has been told wish number `n` about cancelling. */
export type RecordCancellation = Command<'RecordCancellation', { subscriptionId: SubscriptionId; n: number }>;
export type SubscriptionCommand =
  | StartSubscription | ObserveInvoice | ObserveProviderState | AdvanceSubscription | CancelSubscription | ResumeSubscription | RecordCancellation
  | ChoosePaymentMethod | RecordMethodAttached | RecordNotice | RecordLevelTold;

const start = (command: StartSubscription, state: Subscription): Decision<SubscriptionEvent> => {
  if (state.status !== 'none') return [];
  const { subscriptionId, accountId, person, namespaceId, terms, providerSubscription, invoiceId, paidThrough, periodStart, facts } = command;
  return [{ type: 'SubscriptionStarted', data: { subscriptionId, accountId, person, namespaceId, terms, providerSubscription, invoiceId, paidThrough, at: facts.now, ...(periodStart === undefined ? {} : { periodStart }) } }];
};

const observeInvoice = ({ invoiceId, status, attempts, amount, periodStart, periodEnd, facts }: ObserveInvoice, state: ActiveSubscription): Decision<SubscriptionEvent> => {
  const ids = { subscriptionId: state.subscriptionId, accountId: state.accountId };
  const known = state.invoices.find(({ id }) => id === invoiceId);
  if (known?.paid) return []; // paid once is paid: an earlier failure of the same invoice comes too late
  if (status === 'paid') return [{ type: 'PaymentSucceeded', data: { ...ids, invoiceId, amount, paidThrough: periodEnd, at: facts.now, ...(periodStart === undefined ? {} : { periodStart }) } }, ...policy[state.phase.name].paid(state, facts.now)];
  if (status === 'void' && known && !known.voided) return [{ type: 'InvoiceVoided', data: { ...ids, invoiceId, at: facts.now } }];
  if (status !== 'open' || attempts <= (known?.attempts ?? 0)) return [];
  return [{ type: 'PaymentFailed', data: { ...ids, invoiceId, attempt: attempts, at: facts.now, amount, periodEnd, ...(periodStart === undefined ? {} : { periodStart }) } }, ...missed(state, facts.now)];
};

/** Nobody is chased for money after cancelling. */
const missed = (state: ActiveSubscription, at: Instant): readonly SubscriptionEvent[] => (state.cancellation ? missedWhileCancelled(state, at) : policy[state.phase.name].missed(state, at));
/** The provider has ended it: as was wanted, or not. What is paid for is given to its end in any case. */
const lost = (state: ActiveSubscription, at: Instant): readonly SubscriptionEvent[] => {
  const end = cancelledEnd(state);
  if (end === undefined) return policy[state.phase.name].lost(state, at);
  return end <= at ? [endCancelled(state, end)] : [];
};

/** CAPABILITIES 11a: total over all states of the provider, those still to come included. */
const meaning: Readonly<Record<ProviderState, 'paid' | 'missed' | 'lost' | 'nothing'>> = {
  trialing: 'nothing', active: 'paid', incomplete: 'nothing', past_due: 'missed', unpaid: 'missed', incomplete_expired: 'lost', canceled: 'lost', paused: 'nothing', unknown: 'nothing',
};
const observeState = (command: ObserveProviderState, state: ActiveSubscription): Decision<SubscriptionEvent> => {
  const { status, latestInvoice, facts } = command;
  const newest = state.invoices.at(-1);
  const known = state.invoices.find(({ id }) => id === latestInvoice);
  if (known && newest && known !== newest) return []; // the observation is older than what has been seen of a later invoice
  const means = meaning[status];
  if (means === 'nothing' || (means === 'missed' && known?.paid) || (means === 'paid' && known && !known.paid)) return [];
  switch (means) {
    case 'paid': {
      const events = policy[state.phase.name].paid(state, facts.now);
      return [...events, ...mirrored(command, events.reduce<Subscription>(evolve, state) as ActiveSubscription)];
    }
    case 'missed': return missed(state, facts.now);
    case 'lost': return lost(state, facts.now);
  }
};

const advance = ({ facts }: AdvanceSubscription, state: ActiveSubscription): Decision<SubscriptionEvent> => {
  const due = nextDue(state);
  return due !== undefined && due <= facts.now ? whenDue(state) : [];
};

const ofStarted = (command: Exclude<SubscriptionCommand, StartSubscription>, state: ActiveSubscription): Decision<SubscriptionEvent> => {
  const ids = { subscriptionId: state.subscriptionId, accountId: state.accountId };
  switch (command.type) {
    case 'ObserveInvoice': return observeInvoice(command, state);
    case 'ObserveProviderState': return observeState(command, state);
    case 'AdvanceSubscription': return advance(command, state);
    case 'CancelSubscription': return cancel(command, state);
    case 'ResumeSubscription': return goOn(command, state);
    case 'RecordCancellation': return state.wish.n === command.n && !state.wish.carriedOut ? [{ type: 'CancellationCarriedOut', data: { ...ids, n: command.n } }] : [];
    case 'ChoosePaymentMethod': return state.checkouts.includes(command.checkoutId) ? [] : [{ type: 'PaymentMethodChosen', data: { ...ids, checkoutId: command.checkoutId, method: command.method } }];
    case 'RecordMethodAttached': return state.method?.checkoutId === command.checkoutId && !state.method.attached ? [{ type: 'PaymentMethodAttached', data: { ...ids, checkoutId: command.checkoutId } }] : [];
    case 'RecordNotice': return state.notices.some(({ key }) => key === command.key) ? [{ type: 'NoticeQueued', data: { ...ids, key: command.key } }] : [];
    case 'RecordLevelTold': return state.told === command.level ? [] : [{ type: 'NamespaceLevelTold', data: { ...ids, level: command.level } }];
  }
};
const decide = (command: SubscriptionCommand, state: Subscription): Decision<SubscriptionEvent> => {
  if (command.type === 'StartSubscription') return start(command, state);
  return state.status === 'none' ? reject('SubscriptionNotFound') : ofStarted(command, state);
};
export const subscription: Decider<SubscriptionCommand, Subscription, SubscriptionEvent> = { category: 'subscription', initial, decide, evolve };
