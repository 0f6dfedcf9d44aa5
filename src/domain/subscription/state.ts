import type { AccountId, NamespaceId, PersonId, SubscriptionId } from '../ids.ts';
import { latest, type Instant } from '../instant.ts';
import { formatMoney, type Money } from '../money.ts';
import type { PlanTerms } from '../plan/events.ts';
import type { Notice, SubscriptionEvent } from './events.ts';

/** Where the dunning stands: each phase knows the instant of the next one. */
export type Phase =
  | { readonly name: 'active' }
  | { readonly name: 'grace'; readonly endsAt: Instant; readonly warnAt: Instant; readonly warned: boolean }
  | { readonly name: 'limited'; readonly suspendAt: Instant }
  | { readonly name: 'suspended'; readonly endAt: Instant }
  /** `reopening`: another payment method was chosen since, so that money that comes now is meant to begin it again. */
  | { readonly name: 'ended'; readonly at: Instant; readonly cause: 'unpaid' | 'cancelled'; readonly keptUntil?: Instant; readonly reopening?: true };
export type Level = 'full' | 'limited' | 'suspended' | 'none';
/** What a phase lets the customer do. */
export const levelOf = { active: 'full', grace: 'full', limited: 'limited', suspended: 'suspended', ended: 'none' } as const satisfies Record<Phase['name'], Level>;
/** The same, for what runs: after a cancellation it is stopped and kept for a while before it is removed. */
export const levelIn = (phase: Phase): Level => (phase.name === 'ended' && phase.keptUntil !== undefined ? 'suspended' : levelOf[phase.name]);

export type InvoiceSeen = { readonly id: string; readonly paid: boolean; readonly attempts: number; readonly voided?: true };
/** What the provider is to do about cancelling; only the newest wish is told to it. */
export type Wish = { readonly n: number; readonly want: 'cancel' | 'go on'; readonly carriedOut: boolean };
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
  readonly told: Level;
  /** Checkouts that have chosen a method, newest last: a late repetition of an older one changes nothing. */
  readonly checkouts: readonly string[];
  readonly method?: { readonly checkoutId: string; readonly method: string; readonly attached: boolean };
  /** While it is to end with its paid period; money for a later period that was under way moves the end. `final`: the provider has ended it already. */
  readonly cancellation?: { readonly endsAt: Instant; readonly final?: true };
  readonly wish: Wish;
};
export type Subscription = { readonly status: 'none' } | ActiveSubscription;
export const initial: Subscription = { status: 'none' };

const invoicesKept = 24;
const checkoutsKept = 24;
const seen = (invoices: readonly InvoiceSeen[], invoice: InvoiceSeen): readonly InvoiceSeen[] => [...invoices.filter(({ id }) => id !== invoice.id), invoice].slice(-invoicesKept);

type Data<T extends SubscriptionEvent['type']> = Extract<SubscriptionEvent, { type: T }>['data'];
const started = (data: Data<'SubscriptionStarted'>): ActiveSubscription => withReceipt({
  status: 'started', subscriptionId: data.subscriptionId, accountId: data.accountId, person: data.person, namespaceId: data.namespaceId, terms: data.terms,
  providerSubscription: data.providerSubscription, paidThrough: data.paidThrough, phase: { name: 'active' }, step: 0, checkouts: [],
  invoices: [{ id: data.invoiceId, paid: true, attempts: 1 }], notices: [], told: 'full', wish: { n: 0, want: 'go on', carriedOut: true },
}, data, data.terms.price);

const enter = (state: ActiveSubscription, phase: Phase): ActiveSubscription => ({ ...state, phase, step: state.step + 1 });
const withNotice = (state: ActiveSubscription, template: Notice['template'], values: Notice['values'] = {}, n = state.step): ActiveSubscription => ({ ...state, notices: [...state.notices, { key: `${state.subscriptionId}.${template}.${n}`, template, values }] });
const withReceipt = (state: ActiveSubscription, { invoiceId, paidThrough, periodStart }: { readonly invoiceId: string; readonly paidThrough: Instant; readonly periodStart?: Instant }, amount: Money): ActiveSubscription =>
  periodStart === undefined ? state : { ...state, notices: [...state.notices, { key: `${state.subscriptionId}.receipt.${invoiceId}`, template: 'receipt', values: { invoice: invoiceId, plan: state.terms.name, amount: formatMoney(amount), periodStart, periodEnd: paidThrough } }] };
const withoutCancellation = ({ cancellation: _, ...state }: ActiveSubscription): ActiveSubscription => state;

const scheduled = (state: ActiveSubscription, { n, when, endsAt, by }: Data<'CancellationScheduled'>): ActiveSubscription => {
  const wanted: ActiveSubscription = { ...state, step: state.step + 1, cancellation: { endsAt }, wish: { n, want: 'cancel', carriedOut: by === 'provider' } };
  return when === 'now' ? wanted : withNotice(wanted, 'cancellation-scheduled', { endsAt }, n);
};
const withdrawn = (state: ActiveSubscription, { n, by }: Data<'CancellationWithdrawn'>): ActiveSubscription =>
  withNotice({ ...withoutCancellation(state), step: state.step + 1, wish: { n, want: 'go on', carriedOut: by === 'provider' } }, 'cancellation-withdrawn', { paidThrough: state.paidThrough }, n);

/** At its end a cancelled one is cancelled at the provider once more, at once: there a renewal may have been refused that nobody has told of here, and be tried again. */
const ended = (state: ActiveSubscription, { at, cause = 'unpaid', keptUntil }: Data<'SubscriptionEnded'>): ActiveSubscription => {
  const over = enter(withoutCancellation(state), { name: 'ended', at, cause, ...(keptUntil === undefined ? {} : { keptUntil }), ...(state.method && !state.method.attached ? { reopening: true } : {}) });
  return withNotice(cause === 'cancelled' ? { ...over, wish: { n: state.wish.n, want: 'cancel', carriedOut: false } } : over, 'ended', keptUntil === undefined ? {} : { keptUntil });
};

/** Money that was under way when a cancelled subscription ended buys its period, and the cancellation stands for the end of that one. */
const restored = (state: ActiveSubscription): ActiveSubscription => {
  const { phase, paidThrough, wish } = state;
  const stillCancelled = phase.name === 'ended' && phase.cause === 'cancelled' && !phase.reopening;
  return withNotice({ ...enter(state, { name: 'active' }), ...(stillCancelled ? { cancellation: { endsAt: paidThrough, ...(wish.carriedOut ? { final: true } : {}) } } : {}) }, 'restored');
};
const removed = ({ keptUntil: _, ...phase }: Extract<Phase, { name: 'ended' }>): Phase => phase;
const chosen = (state: ActiveSubscription, { checkoutId, method }: Data<'PaymentMethodChosen'>): ActiveSubscription => ({
  ...state, method: { checkoutId, method, attached: false }, checkouts: [...state.checkouts, checkoutId].slice(-checkoutsKept),
  ...(state.phase.name === 'ended' ? { phase: { ...state.phase, reopening: true } } : {}),
});

export const evolve = (state: Subscription, event: SubscriptionEvent): Subscription => {
  if (event.type === 'SubscriptionStarted') return started(event.data);
  if (state.status === 'none') return state;
  const price = formatMoney(state.terms.price);
  switch (event.type) {
    case 'PaymentSucceeded': return withReceipt({ ...state, paidThrough: latest(state.paidThrough, event.data.paidThrough), invoices: seen(state.invoices, { id: event.data.invoiceId, paid: true, attempts: 0 }) }, event.data, event.data.amount);
    case 'PaymentFailed': return { ...state, invoices: seen(state.invoices, { id: event.data.invoiceId, paid: false, attempts: event.data.attempt }) };
    case 'InvoiceVoided': return { ...state, invoices: state.invoices.map((invoice) => (invoice.id === event.data.invoiceId ? { ...invoice, voided: true } : invoice)) };
    case 'GraceStarted': return withNotice(enter(state, { name: 'grace', endsAt: event.data.endsAt, warnAt: event.data.warnAt, warned: false }), 'payment-failed', { amount: price, graceEndsAt: event.data.endsAt });
    case 'GraceEndingSoon': return state.phase.name === 'grace' ? withNotice(enter(state, { ...state.phase, warned: true }), 'grace-ending', { endsAt: event.data.endsAt }) : state;
    case 'GraceEnded': return state;
    case 'SubscriptionLapsed': return withNotice(enter(state, { name: 'limited', suspendAt: event.data.suspendAt }), 'limited', { suspendAt: event.data.suspendAt });
    case 'SubscriptionSuspended': return withNotice(enter(state, { name: 'suspended', endAt: event.data.endAt }), 'suspended', { terminateAt: event.data.endAt });
    case 'CancellationScheduled': return scheduled(state, event.data);
    case 'CancellationWithdrawn': return withdrawn(state, event.data);
    case 'CancellationCarriedOut': return event.data.n === state.wish.n ? { ...state, wish: { ...state.wish, carriedOut: true } } : state;
    case 'SubscriptionEnded': return ended(state, event.data);
    case 'RetentionEnded': return state.phase.name === 'ended' ? enter(state, removed(state.phase)) : state;
    case 'SubscriptionRestored': return restored(state);
    case 'PaymentMethodChosen': return chosen(state, event.data);
    case 'PaymentMethodAttached': return state.method?.checkoutId === event.data.checkoutId ? { ...state, method: { ...state.method, attached: true } } : state;
    case 'NoticeQueued': return { ...state, notices: state.notices.filter(({ key }) => key !== event.data.key) };
    case 'NamespaceLevelTold': return { ...state, told: event.data.level };
  }
};
