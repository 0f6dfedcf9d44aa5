import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { AccountId, FlowId, NamespaceId, PersonId, SubscriptionId } from '../ids.ts';
import { day, hour, latest, minute, plus, type Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { Plan } from '../plan/state.ts';
import type { SignupEvent, StepResult } from './events.ts';
import { checkoutsMax, evolve, initial, type Flow, type Signup } from './state.ts';

export const otpLifeMs = 60 * minute;
export const otpAttemptsMax = 5;
export const paymentTokenLifeMs = 24 * hour;
const chargeCheckMs = 15 * minute;

/** What the provider said of a charge; a pending one settles or fails later. */
export type ChargeOutcome =
  | { readonly status: 'paid' | 'pending'; readonly providerSubscription: string; readonly invoiceId: string; readonly periodEnd: Instant; readonly periodStart?: Instant }
  | { readonly status: 'declined'; readonly reason: string };
export type MailBudget = { readonly allowed: boolean; readonly resetAt: Instant };

export type StartSignup = Command<'StartSignup', { person: PersonId; email: Personal; flowId: FlowId; kid: string }, { invited: boolean; mails: MailBudget }>;
export type ResendOtp = Command<'ResendOtp', { person: PersonId; flowId: FlowId; kid: string }, { mails: MailBudget }>;
/** `matched`: which of the flow's tokens was presented, if any; compared outside, because tokens are derived with a server key. */
export type VerifyOtp = Command<'VerifyOtp', { person: PersonId; flowId: FlowId }, { matched?: number }>;
export type ExpireOtp = Command<'ExpireOtp', { person: PersonId; flowId: FlowId }>;
export type RecordOtpMail = Command<'RecordOtpMail', { person: PersonId; flowId: FlowId; n: number }>;
export type StartCheckout = Command<'StartCheckout', { person: PersonId; planId: string }, { plan: Plan }>;
/** The provider has made the page of checkout `n`. */
export type RecordCheckout = Command<'RecordCheckout', { person: PersonId; n: number; checkoutId: string }>;
export type IssuePaymentToken = Command<'IssuePaymentToken', { person: PersonId; kid: string; checkoutId: string; method: string }>;
export type ExpirePaymentToken = Command<'ExpirePaymentToken', { person: PersonId; n: number }>;
/** `matched`: the number of this person's payment token that was presented; `theirs` is false for a token of another sign-up. */
export type RedeemPaymentToken = Command<'RedeemPaymentToken', { person: PersonId; subscriptionId: SubscriptionId; accountId: AccountId; namespaceId: NamespaceId }, { theirs: boolean; matched?: number }>;
export type RecordCharge = Command<'RecordCharge', { person: PersonId; n: number; outcome: ChargeOutcome }>;
export type RecordSignupStep = Command<'RecordSignupStep', { person: PersonId; result: StepResult }>;
export type CompleteSignup = Command<'CompleteSignup', { person: PersonId }>;
export type SignupCommand =
  | StartSignup | ResendOtp | VerifyOtp | ExpireOtp | RecordOtpMail | StartCheckout | RecordCheckout | IssuePaymentToken | ExpirePaymentToken
  | RedeemPaymentToken | RecordCharge | RecordSignupStep | CompleteSignup;

export const reject = rejections({
  TooManyMails: ['exhausted', 'Too many mails were asked for; the next one can be sent at {resetAt}.', 'Wait until then, or use the newest mail.'],
  OtpWrong: ['invalid', 'This is not the one-time token; {left} more tries.', 'Paste the token of the newest mail.'],
  OtpSuperseded: ['conflict', 'A newer one-time token has been sent; {left} more tries.', 'Paste the token of the newest mail.'],
  OtpExpired: ['expired', 'The one-time token has expired.', "Ask for a new one: 'tollgate login --otp EMAIL'."],
  OtpUsed: ['conflict', 'This one-time token has been used.', "Ask for a new one: 'tollgate login --otp EMAIL'."],
  OtpLocked: ['exhausted', 'Too many wrong tokens: this login is closed.', "Start again: 'tollgate login --otp EMAIL'."],
  NotVerified: ['conflict', 'This address has no verified sign-up that waits for payment.', "Start with 'tollgate login --otp EMAIL'."],
  AlreadySignedUp: ['conflict', 'This sign-up is complete.', "Sign in: 'tollgate login --otp EMAIL'."],
  PaymentInProgress: ['conflict', 'A payment of this sign-up is under way.', 'Wait for its outcome.'],
  TooManyCheckouts: ['exhausted', 'Too many payment attempts in a day; the next one is possible at {resetAt}.', 'Wait until then.'],
  PaymentTokenUnknown: ['not-found', 'This payment token is not known.', 'Copy the whole token from the subscribe page.'],
  PaymentTokenExpired: ['expired', 'This payment token has expired.', 'Get a new one on the subscribe page.'],
  PaymentTokenUsed: ['conflict', 'This payment token has been redeemed.', 'Get a new one on the subscribe page, or sign in.'],
  PaymentTokenNotYours: ['forbidden', 'This payment token was issued for another sign-up.', 'Use the token that the subscribe page gave for your own address.'],
  PaymentDeclined: ['conflict', 'The payment was declined: {reason}.', 'Get a new payment token on the subscribe page, with another card.'],
});

const start = ({ person, email, flowId, kid, facts }: StartSignup, state: Signup): Decision<SignupEvent> => {
  if (state.flows[flowId]) return []; // this login has begun; starting it over would reopen a locked one
  if (!facts.mails.allowed) return reject('TooManyMails', { resetAt: facts.mails.resetAt });
  const issue = { person, flowId, n: 1, kid, issuedAt: facts.now, expiresAt: plus(facts.now, otpLifeMs) };
  const begun: SignupEvent[] = state.stage === 'new' ? [{ type: 'SignupStarted', data: { person, email, at: facts.now } }] : [];
  return [...begun, { type: 'OtpIssued', data: issue }];
};

const closed = (flow: Flow | undefined, now: Instant) => {
  if (!flow || flow.expiresAt <= now) return reject('OtpExpired');
  if (flow.status === 'locked') return reject('OtpLocked');
  return flow.status === 'verified' ? reject('OtpUsed') : undefined;
};

const resend = ({ person, flowId, kid, facts }: ResendOtp, state: Signup): Decision<SignupEvent> => {
  const flow = state.flows[flowId];
  const refusal = closed(flow, facts.now);
  if (refusal || !flow) return refusal ?? reject('OtpExpired');
  if (!facts.mails.allowed) return reject('TooManyMails', { resetAt: facts.mails.resetAt });
  return [{ type: 'OtpResent', data: { person, flowId, n: flow.n + 1, kid, issuedAt: facts.now, expiresAt: plus(facts.now, otpLifeMs) } }];
};

const verify = ({ person, flowId, facts }: VerifyOtp, state: Signup): Decision<SignupEvent> => {
  const flow = state.flows[flowId];
  if (!flow || closed(flow, facts.now)) return closed(flow, facts.now) ?? [];
  if (facts.matched === flow.n) return [{ type: 'OtpVerified', data: { person, flowId, n: flow.n, at: facts.now } }];
  const attempt = flow.attempts + 1;
  const failed: SignupEvent = { type: 'OtpAttemptFailed', data: { person, flowId, attempt } };
  return attempt < otpAttemptsMax ? [failed] : [failed, { type: 'OtpLocked', data: { person, flowId } }];
};

/** The answer to a token that did not verify, given only after the failed attempt is durable. */
export const otpRefusal = (state: Signup, flowId: FlowId, matched: number | undefined) => {
  const flow = state.flows[flowId];
  if (!flow) return reject('OtpExpired');
  if (flow.status === 'locked') return reject('OtpLocked');
  return reject(matched === undefined ? 'OtpWrong' : 'OtpSuperseded', { left: otpAttemptsMax - flow.attempts });
};

const startCheckout = ({ person, facts }: StartCheckout, state: Signup): Decision<SignupEvent> => {
  if (state.stage === 'completed') return reject('AlreadySignedUp');
  if (state.stage === 'redeeming') return reject('PaymentInProgress');
  if (state.stage !== 'verified' || facts.plan.status !== 'offered') return reject('NotVerified');
  const sinceADay = state.checkouts.filter((checkout) => plus(checkout.at, day) > facts.now);
  const oldest = sinceADay[0];
  if (oldest && sinceADay.length >= checkoutsMax) return reject('TooManyCheckouts', { resetAt: plus(oldest.at, day) });
  return [{ type: 'CheckoutStarted', data: { person, n: (state.checkouts.at(-1)?.n ?? 0) + 1, terms: facts.plan.terms, at: facts.now } }];
};

const issueToken = ({ person, kid, checkoutId, method, facts }: IssuePaymentToken, state: Signup): Decision<SignupEvent> => {
  if (state.tokens.some((token) => token.checkoutId === checkoutId)) return [];
  const chosen = state.checkouts.find((checkout) => checkout.checkoutId === checkoutId);
  if (state.stage === 'completed') return reject('AlreadySignedUp');
  if (!chosen) return reject('NotVerified');
  return [{ type: 'PaymentTokenIssued', data: { person, n: state.tokens.length + 1, kid, issuedAt: facts.now, expiresAt: plus(facts.now, paymentTokenLifeMs), checkoutId, method, terms: chosen.terms } }];
};

const redeem = ({ person, subscriptionId, accountId, namespaceId, facts }: RedeemPaymentToken, state: Signup): Decision<SignupEvent> => {
  if (!facts.theirs) return reject('PaymentTokenNotYours');
  const token = state.tokens.find(({ n }) => n === facts.matched);
  if (!token) return reject('PaymentTokenUnknown');
  if (token.status === 'redeemed') return []; // the same token of the same sign-up: it is being, or has been, done
  if (state.stage === 'completed') return reject('PaymentTokenUsed');
  if (token.status === 'rejected') return reject('PaymentDeclined', { reason: token.reason });
  if (token.status === 'expired' || token.expiresAt <= facts.now) return reject('PaymentTokenExpired');
  if (state.stage === 'redeeming') return reject('PaymentInProgress');
  return [{ type: 'PaymentTokenRedeemed', data: { person, n: token.n, subscriptionId, accountId, namespaceId, at: facts.now } }];
};

const recordCharge = ({ person, n, outcome, facts }: RecordCharge, state: Signup): Decision<SignupEvent> => {
  const { redemption } = state;
  if (!redemption || redemption.n !== n || redemption.charge) return [];
  switch (outcome.status) {
    case 'declined': return [{ type: 'PaymentTokenRejected', data: { person, n, reason: outcome.reason.replace(/\.$/, '') } }];
    case 'paid': return [{ type: 'SignupStepSucceeded', data: { person, step: 'charge', providerSubscription: outcome.providerSubscription, invoiceId: outcome.invoiceId, periodEnd: outcome.periodEnd, ...(outcome.periodStart === undefined ? {} : { periodStart: outcome.periodStart }) } }];
    case 'pending': return redemption.pending && redemption.pending.checkAt > facts.now ? []
      : [{ type: 'ChargePending', data: { person, n, providerSubscription: outcome.providerSubscription, invoiceId: outcome.invoiceId, checkAt: plus(latest(redemption.pending?.checkAt ?? facts.now, facts.now), chargeCheckMs) } }];
  }
};

const recordStep = ({ person, result }: RecordSignupStep, state: Signup): Decision<SignupEvent> =>
  !state.redemption || state.redemption[result.step] ? [] : [{ type: 'SignupStepSucceeded', data: { person, ...result } }];

const complete = ({ person, facts }: CompleteSignup, state: Signup): Decision<SignupEvent> => {
  const { redemption } = state;
  if (state.stage === 'completed' || !redemption?.namespace) return [];
  return [{ type: 'SignupCompleted', data: { person, accountId: redemption.accountId, subscriptionId: redemption.subscriptionId, namespaceId: redemption.namespaceId, at: facts.now } }];
};

const expireOtp = ({ person, flowId, facts }: ExpireOtp, state: Signup): Decision<SignupEvent> => {
  const flow = state.flows[flowId];
  return flow && flow.expiresAt <= facts.now ? [{ type: 'OtpExpired', data: { person, flowId } }] : [];
};
const expireToken = ({ person, n, facts }: ExpirePaymentToken, state: Signup): Decision<SignupEvent> =>
  state.tokens.some((token) => token.n === n && token.status === 'issued' && token.expiresAt <= facts.now) ? [{ type: 'PaymentTokenExpired', data: { person, n } }] : [];
const recordMail = ({ person, flowId, n }: RecordOtpMail, state: Signup): Decision<SignupEvent> =>
  (state.flows[flowId]?.mailed ?? n) >= n ? [] : [{ type: 'OtpMailQueued', data: { person, flowId, n } }];

const decide = (command: SignupCommand, state: Signup): Decision<SignupEvent> => {
  switch (command.type) {
    case 'StartSignup': return start(command, state);
    case 'ResendOtp': return resend(command, state);
    case 'VerifyOtp': return verify(command, state);
    case 'ExpireOtp': return expireOtp(command, state);
    case 'RecordOtpMail': return recordMail(command, state);
    case 'StartCheckout': return startCheckout(command, state);
    case 'RecordCheckout': return state.checkouts.some(({ n, checkoutId }) => n === command.n && checkoutId === undefined) ? [{ type: 'CheckoutOpened', data: { person: command.person, n: command.n, checkoutId: command.checkoutId } }] : [];
    case 'IssuePaymentToken': return issueToken(command, state);
    case 'ExpirePaymentToken': return expireToken(command, state);
    case 'RedeemPaymentToken': return redeem(command, state);
    case 'RecordCharge': return recordCharge(command, state);
    case 'RecordSignupStep': return recordStep(command, state);
    case 'CompleteSignup': return complete(command, state);
  }
};
export const signup: Decider<SignupCommand, Signup, SignupEvent> = { category: 'signup', initial, decide, evolve };
