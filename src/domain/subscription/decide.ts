import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { AccountId, NamespaceId, PersonId, SubscriptionId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Money } from '../money.ts';
import type { PlanTerms } from '../plan/events.ts';
import type { SubscriptionEvent } from './events.ts';
import { nextDue, policy, whenDue } from './policy.ts';
import { evolve, initial, type ActiveSubscription, type Subscription } from './state.ts';

export type StartSubscription = Command<'StartSubscription', { subscriptionId: SubscriptionId; accountId: AccountId; person: PersonId; namespaceId: NamespaceId; terms: PlanTerms; providerSubscription: string; invoiceId: string; paidThrough: Instant }>;
/** What an invoice was found to be when it was read at the provider: one function for webhook and poll, in any order. */
export type ObserveInvoice = Command<'ObserveInvoice', { subscriptionId: SubscriptionId; invoiceId: string; status: 'paid' | 'open' | 'pending' | 'void'; attempts: number; amount: Money; periodEnd: Instant }>;
/** What the provider's subscription was found to be (CAPABILITIES 11a). */
export type ObserveProviderState = Command<'ObserveProviderState', { subscriptionId: SubscriptionId; status: ProviderState; latestInvoice: string }>;
export type ProviderState = 'trialing' | 'active' | 'incomplete' | 'incomplete_expired' | 'past_due' | 'unpaid' | 'canceled' | 'paused' | 'unknown';
/** The phase's own clock rang. */
export type AdvanceSubscription = Command<'AdvanceSubscription', { subscriptionId: SubscriptionId }>;
export type ChoosePaymentMethod = Command<'ChoosePaymentMethod', { subscriptionId: SubscriptionId; checkoutId: string; method: string }>;
export type RecordMethodAttached = Command<'RecordMethodAttached', { subscriptionId: SubscriptionId; checkoutId: string }>;
export type RecordNotice = Command<'RecordNotice', { subscriptionId: SubscriptionId; key: string }>;
export type RecordLevelTold = Command<'RecordLevelTold', { subscriptionId: SubscriptionId; level: 'full' | 'limited' | 'suspended' | 'none' }>;
export type SubscriptionCommand = StartSubscription | ObserveInvoice | ObserveProviderState | AdvanceSubscription | ChoosePaymentMethod | RecordMethodAttached | RecordNotice | RecordLevelTold;

export const reject = rejections({
  SubscriptionNotFound: ['not-found', 'There is no such subscription.', "See 'tollgate subscription list'."],
});

const start = (command: StartSubscription, state: Subscription): Decision<SubscriptionEvent> => {
  if (state.status !== 'none') return [];
  const { subscriptionId, accountId, person, namespaceId, terms, providerSubscription, invoiceId, paidThrough, facts } = command;
  return [{ type: 'SubscriptionStarted', data: { subscriptionId, accountId, person, namespaceId, terms, providerSubscription, invoiceId, paidThrough, at: facts.now } }];
};

const observeInvoice = ({ invoiceId, status, attempts, amount, periodEnd, facts }: ObserveInvoice, state: ActiveSubscription): Decision<SubscriptionEvent> => {
  const ids = { subscriptionId: state.subscriptionId, accountId: state.accountId };
  const known = state.invoices.find(({ id }) => id === invoiceId);
  if (known?.paid) return []; // paid once is paid: an earlier failure of the same invoice comes too late
  if (status === 'paid') return [{ type: 'PaymentSucceeded', data: { ...ids, invoiceId, amount, paidThrough: periodEnd, at: facts.now } }, ...policy[state.phase.name].paid(state, facts.now)];
  if (status !== 'open' || attempts <= (known?.attempts ?? 0)) return [];
  return [{ type: 'PaymentFailed', data: { ...ids, invoiceId, attempt: attempts, at: facts.now } }, ...policy[state.phase.name].missed(state, facts.now)];
};

/** CAPABILITIES 11a: total over all states of the provider, those still to come included. */
const meaning: Readonly<Record<ProviderState, 'paid' | 'missed' | 'lost' | 'nothing'>> = {
  trialing: 'nothing', active: 'paid', incomplete: 'nothing', past_due: 'missed', unpaid: 'missed', incomplete_expired: 'lost', canceled: 'lost', paused: 'nothing', unknown: 'nothing',
};
const observeState = ({ status, latestInvoice, facts }: ObserveProviderState, state: ActiveSubscription): Decision<SubscriptionEvent> => {
  const newest = state.invoices.at(-1);
  const known = state.invoices.find(({ id }) => id === latestInvoice);
  if (known && newest && known !== newest) return []; // the observation is older than what has been seen of a later invoice
  const means = meaning[status];
  if (means === 'nothing' || (means === 'missed' && known?.paid) || (means === 'paid' && known && !known.paid)) return [];
  return policy[state.phase.name][means](state, facts.now);
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
