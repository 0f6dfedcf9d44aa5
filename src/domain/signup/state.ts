import type { AccountId, FlowId, NamespaceId, SubscriptionId, PersonId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { PlanTerms } from '../plan/events.ts';
import type { SignupEvent, OtpIssue } from './events.ts';

export type Flow = { readonly n: number; readonly kid: string; readonly issues: readonly OtpIssue[]; readonly expiresAt: Instant; readonly mailed: number; readonly attempts: number; readonly status: 'open' | 'verified' | 'locked' };
export type PaymentToken = { readonly n: number; readonly kid: string; readonly issuedAt: Instant; readonly expiresAt: Instant; readonly checkoutId: string; readonly method: string; readonly terms: PlanTerms; readonly status: 'issued' | 'expired' | 'redeemed' | 'rejected'; readonly reason?: string };
/** The redemption under way: what has been done of it, in this order. */
export type Redemption = {
  readonly n: number;
  readonly subscriptionId: SubscriptionId;
  readonly accountId: AccountId;
  readonly namespaceId: NamespaceId;
  readonly pending?: { readonly providerSubscription: string; readonly invoiceId: string; readonly checkAt: Instant };
  readonly charge?: { readonly providerSubscription: string; readonly invoiceId: string; readonly periodEnd: Instant; readonly periodStart?: Instant };
  readonly subscription?: true;
  readonly account?: true;
  readonly namespace?: { readonly name: string };
};
export type Signup = {
  readonly stage: 'new' | 'unverified' | 'verified' | 'redeeming' | 'completed';
  readonly person?: PersonId;
  readonly email?: Personal;
  readonly flows: Readonly<Record<FlowId, Flow>>;
  readonly verifiedAt?: Instant;
  /** Each remembers the terms that its customer saw. */
  readonly checkouts: readonly { readonly n: number; readonly at: Instant; readonly terms: PlanTerms; readonly checkoutId?: string }[];
  readonly tokens: readonly PaymentToken[];
  readonly redemption?: Redemption;
};
export const initial: Signup = { stage: 'new', flows: {}, checkouts: [], tokens: [] };

/** How many checkouts of the past are remembered: as many as a day allows. */
export const checkoutsMax = 10;

const issued = (state: Signup, issue: OtpIssue): Signup => {
  const flows = Object.fromEntries(Object.entries(state.flows).filter(([, flow]) => flow.expiresAt > issue.issuedAt)) as Signup['flows'];
  const before = flows[issue.flowId];
  const flow: Flow = { n: issue.n, kid: issue.kid, issues: [...(before?.issues ?? []), issue], expiresAt: issue.expiresAt, mailed: before?.mailed ?? 0, attempts: before?.attempts ?? 0, status: 'open' };
  return { ...state, flows: { ...flows, [issue.flowId]: flow } };
};
const inFlow = (state: Signup, flowId: FlowId, change: Partial<Flow>): Signup => {
  const flow = state.flows[flowId];
  return flow ? { ...state, flows: { ...state.flows, [flowId]: { ...flow, ...change } } } : state;
};
const withToken = (state: Signup, n: number, change: Partial<PaymentToken>): Signup => ({ ...state, tokens: state.tokens.map((token) => (token.n === n ? { ...token, ...change } : token)) });
const withRedemption = (state: Signup, change: Partial<Redemption>): Signup => (state.redemption ? { ...state, redemption: { ...state.redemption, ...change } } : state);

const stepped = (state: Signup, result: Extract<SignupEvent, { type: 'SignupStepSucceeded' }>['data']): Signup => {
  switch (result.step) {
    case 'charge': return withRedemption(state, { charge: { providerSubscription: result.providerSubscription, invoiceId: result.invoiceId, periodEnd: result.periodEnd, ...(result.periodStart === undefined ? {} : { periodStart: result.periodStart }) } });
    case 'subscription': return withRedemption(state, { subscription: true });
    case 'account': return withRedemption(state, { account: true });
    case 'namespace': return withRedemption(state, { namespace: { name: result.name } });
  }
};

const dropRedemption = ({ redemption: _, ...rest }: Signup): Signup => rest;

export const evolve = (state: Signup, event: SignupEvent): Signup => {
  switch (event.type) {
    case 'SignupStarted': return { ...state, stage: state.stage === 'new' ? 'unverified' : state.stage, person: event.data.person, email: event.data.email };
    case 'OtpIssued':
    case 'OtpResent': return issued(state, event.data);
    case 'OtpMailQueued': return inFlow(state, event.data.flowId, { mailed: event.data.n });
    case 'OtpAttemptFailed': return inFlow(state, event.data.flowId, { attempts: event.data.attempt });
    case 'OtpLocked': return inFlow(state, event.data.flowId, { status: 'locked' });
    case 'OtpExpired': {
      const { [event.data.flowId]: _, ...flows } = state.flows;
      return { ...state, flows };
    }
    case 'OtpVerified': return { ...inFlow(state, event.data.flowId, { status: 'verified' }), stage: state.stage === 'unverified' ? 'verified' : state.stage, verifiedAt: event.data.at };
    case 'CheckoutStarted': return { ...state, checkouts: [...state.checkouts, { n: event.data.n, at: event.data.at, terms: event.data.terms }].slice(-checkoutsMax) };
    case 'CheckoutOpened': return { ...state, checkouts: state.checkouts.map((checkout) => (checkout.n === event.data.n ? { ...checkout, checkoutId: event.data.checkoutId } : checkout)) };
    case 'PaymentTokenIssued': {
      const { person: _, ...token } = event.data;
      return { ...state, tokens: [...state.tokens, { ...token, status: 'issued' }] };
    }
    case 'PaymentTokenExpired': return withToken(state, event.data.n, { status: 'expired' });
    case 'PaymentTokenRedeemed': {
      const { n, subscriptionId, accountId, namespaceId } = event.data;
      return { ...withToken(state, n, { status: 'redeemed' }), stage: 'redeeming', redemption: { n, subscriptionId, accountId, namespaceId } };
    }
    case 'PaymentTokenRejected': return { ...dropRedemption(withToken(state, event.data.n, { status: 'rejected', reason: event.data.reason })), stage: 'verified' };
    case 'ChargePending': return withRedemption(state, { pending: { providerSubscription: event.data.providerSubscription, invoiceId: event.data.invoiceId, checkAt: event.data.checkAt } });
    case 'SignupStepSucceeded': return stepped(state, event.data);
    case 'SignupCompleted': return { ...state, stage: 'completed' };
  }
};
