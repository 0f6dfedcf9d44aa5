import type { AccountId, NamespaceId, PersonId, SubscriptionId } from '../ids.ts';
import { latest, type Instant } from '../instant.ts';
import { formatMoney } from '../money.ts';
import type { PlanTerms } from '../plan/events.ts';
import type { Notice, SubscriptionEvent } from './events.ts';

/** Where the dunning stands: each phase knows the instant of the next one. */
export type Phase =
  | { readonly name: 'active' }
  | { readonly name: 'grace'; readonly endsAt: Instant; readonly warnAt: Instant; readonly warned: boolean }
  | { readonly name: 'limited'; readonly suspendAt: Instant }
  | { readonly name: 'suspended'; readonly endAt: Instant }
  | { readonly name: 'ended' };
/** What a phase lets the customer do. */
export const levelOf = { active: 'full', grace: 'full', limited: 'limited', suspended: 'suspended', ended: 'none' } as const satisfies Record<Phase['name'], string>;

export type InvoiceSeen = { readonly id: string; readonly paid: boolean; readonly attempts: number };
export type ActiveSubscription = {
  readonly status: 'started';
  readonly subscriptionId: SubscriptionId;
  readonly accountId: AccountId;
  readonly person: PersonId;
  readonly namespaceId: NamespaceId;
  readonly terms: PlanTerms;
  readonly providerSubscription: string;
  readonly paidThrough: Instant;
  readonly phase: Phase;
  /** Counts the steps of the phases, so that the deeds of each have names of their own. */
  readonly step: number;
  /** Newest last; bounded, because only recent ones can still be reported. */
  readonly invoices: readonly InvoiceSeen[];
  readonly notices: readonly Notice[];
  readonly told: 'full' | 'limited' | 'suspended' | 'none';
  /** Checkouts that have chosen a method, newest last: a late repetition of an older one changes nothing. */
  readonly checkouts: readonly string[];
  readonly method?: { readonly checkoutId: string; readonly method: string; readonly attached: boolean };
};
export type Subscription = { readonly status: 'none' } | ActiveSubscription;
export const initial: Subscription = { status: 'none' };

const invoicesKept = 24;
const checkoutsKept = 24;
const seen = (invoices: readonly InvoiceSeen[], invoice: InvoiceSeen): readonly InvoiceSeen[] => [...invoices.filter(({ id }) => id !== invoice.id), invoice].slice(-invoicesKept);

const started = (data: Extract<SubscriptionEvent, { type: 'SubscriptionStarted' }>['data']): ActiveSubscription => ({
  status: 'started', subscriptionId: data.subscriptionId, accountId: data.accountId, person: data.person, namespaceId: data.namespaceId, terms: data.terms,
  providerSubscription: data.providerSubscription, paidThrough: data.paidThrough, phase: { name: 'active' }, step: 0, checkouts: [],
  invoices: [{ id: data.invoiceId, paid: true, attempts: 1 }], notices: [], told: 'full',
});

const enter = (state: ActiveSubscription, phase: Phase): ActiveSubscription => ({ ...state, phase, step: state.step + 1 });
const withNotice = (state: ActiveSubscription, template: Notice['template'], values: Notice['values'] = {}): ActiveSubscription => ({ ...state, notices: [...state.notices, { key: `${state.subscriptionId}.${template}.${state.step}`, template, values }] });

export const evolve = (state: Subscription, event: SubscriptionEvent): Subscription => {
  if (event.type === 'SubscriptionStarted') return started(event.data);
  if (state.status === 'none') return state;
  const price = formatMoney(state.terms.price);
  switch (event.type) {
    case 'PaymentSucceeded': return { ...state, paidThrough: latest(state.paidThrough, event.data.paidThrough), invoices: seen(state.invoices, { id: event.data.invoiceId, paid: true, attempts: 0 }) };
    case 'PaymentFailed': return { ...state, invoices: seen(state.invoices, { id: event.data.invoiceId, paid: false, attempts: event.data.attempt }) };
    case 'GraceStarted': return withNotice(enter(state, { name: 'grace', endsAt: event.data.endsAt, warnAt: event.data.warnAt, warned: false }), 'payment-failed', { amount: price, graceEndsAt: event.data.endsAt });
    case 'GraceEndingSoon': return state.phase.name === 'grace' ? withNotice(enter(state, { ...state.phase, warned: true }), 'grace-ending', { endsAt: event.data.endsAt }) : state;
    case 'GraceEnded': return state;
    case 'SubscriptionLapsed': return withNotice(enter(state, { name: 'limited', suspendAt: event.data.suspendAt }), 'limited', { suspendAt: event.data.suspendAt });
    case 'SubscriptionSuspended': return withNotice(enter(state, { name: 'suspended', endAt: event.data.endAt }), 'suspended', { terminateAt: event.data.endAt });
    case 'SubscriptionEnded': return withNotice(enter(state, { name: 'ended' }), 'ended');
    case 'SubscriptionRestored': return withNotice(enter(state, { name: 'active' }), 'restored');
    case 'PaymentMethodChosen': return { ...state, method: { checkoutId: event.data.checkoutId, method: event.data.method, attached: false }, checkouts: [...state.checkouts, event.data.checkoutId].slice(-checkoutsKept) };
    case 'PaymentMethodAttached': return state.method?.checkoutId === event.data.checkoutId ? { ...state, method: { ...state.method, attached: true } } : state;
    case 'NoticeQueued': return { ...state, notices: state.notices.filter(({ key }) => key !== event.data.key) };
    case 'NamespaceLevelTold': return { ...state, told: event.data.level };
  }
};
