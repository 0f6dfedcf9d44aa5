/** Signing up: one-time token, checkout, payment token, redemption step by step. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fold, isRejection } from '../../src/domain/decider.ts';
import { day, hour, minute, plus, type Instant } from '../../src/domain/instant.ts';
import { otpAttemptsMax, otpLifeMs, otpRefusal, paymentTokenLifeMs, signup, type ChargeOutcome, type SignupCommand } from '../../src/domain/signup/decide.ts';
import type { OtpIssue, SignupEvent } from '../../src/domain/signup/events.ts';
import { checkoutsMax } from '../../src/domain/signup/state.ts';
import { todo } from '../../src/domain/signup/todo.ts';
import { complete, now, specify, type Asked } from '../given.ts';
import { comesToRest, laws, timed } from './laws.ts';
import { accountId, email, flowId, namespaceId, otherFlowId, person, subscriptionId, terms } from './samples.ts';

const given = specify(signup, todo);
const mails = { allowed: true, resetAt: now };
const noMails = { allowed: false, resetAt: plus(now, hour) };
const offered = { status: 'offered', terms } as const;

const start = { type: 'StartSignup', person, email, flowId, kid: 'k1', facts: { invited: true, mails } } as const;
const resend = { type: 'ResendOtp', person, flowId, kid: 'k1', facts: { mails } } as const;
const verify = (matched?: number, at = now) => ({ type: 'VerifyOtp', person, flowId, facts: { now: at, ...(matched === undefined ? {} : { matched }) } }) as const;
const checkout = (at = now) => ({ type: 'StartCheckout', person, planId: terms.planId, facts: { now: at, plan: offered } }) as const;
const token = (checkoutId = 'cs_1') => ({ type: 'IssuePaymentToken', person, kid: 'k1', checkoutId, method: 'pm_1' }) as const;
const redeem = (matched: number | undefined = 1, at = now) => ({ type: 'RedeemPaymentToken', person, subscriptionId, accountId, namespaceId, facts: { now: at, theirs: true, ...(matched === undefined ? {} : { matched }) } }) as const;
const charge = (outcome: ChargeOutcome, n = 1, at = now) => ({ type: 'RecordCharge', person, n, outcome, facts: { now: at } }) as const;
const periodEnd = plus(now, 31 * day);
const paid: ChargeOutcome = { status: 'paid', providerSubscription: 'sub_x', invoiceId: 'in_1', periodEnd };
const pending: ChargeOutcome = { ...paid, status: 'pending' };
const declined: ChargeOutcome = { status: 'declined', reason: 'card_declined' };

const issue = (n: number, at = now, flow = flowId): OtpIssue => ({ person, flowId: flow, n, kid: 'k1', issuedAt: at, expiresAt: plus(at, otpLifeMs) });
const started: SignupEvent = { type: 'SignupStarted', data: { person, email, at: now } };
const issued = (at = now, flow = flowId): SignupEvent => ({ type: 'OtpIssued', data: issue(1, at, flow) });
const resent = (n: number, at = now): SignupEvent => ({ type: 'OtpResent', data: issue(n, at) });
const failed = (attempt: number): SignupEvent => ({ type: 'OtpAttemptFailed', data: { person, flowId, attempt } });
const locked: SignupEvent = { type: 'OtpLocked', data: { person, flowId } };
const verified = (n = 1): SignupEvent => ({ type: 'OtpVerified', data: { person, flowId, n, at: now } });
const opened = (n = 1) => ({ type: 'RecordCheckout', person, n, checkoutId: `cs_${n}` }) as const;
const checkoutStarted = (n = 1, at = now): SignupEvent => ({ type: 'CheckoutStarted', data: { person, n, terms, at } });
const checkoutOpened = (n = 1): SignupEvent => ({ type: 'CheckoutOpened', data: { person, n, checkoutId: `cs_${n}` } });
const checkedOut = (n = 1): SignupEvent[] => [checkoutStarted(n), checkoutOpened(n)];
const tokenIssued = (n = 1, checkoutId = 'cs_1'): SignupEvent => ({ type: 'PaymentTokenIssued', data: { person, n, kid: 'k1', issuedAt: now, expiresAt: plus(now, paymentTokenLifeMs), checkoutId, method: 'pm_1', terms } });
const redeemed = (n = 1): SignupEvent => ({ type: 'PaymentTokenRedeemed', data: { person, n, subscriptionId, accountId, namespaceId, at: now } });
const rejected: SignupEvent = { type: 'PaymentTokenRejected', data: { person, n: 1, reason: 'card_declined' } };
const charged: SignupEvent = { type: 'SignupStepSucceeded', data: { person, step: 'charge', providerSubscription: 'sub_x', invoiceId: 'in_1', periodEnd } };
const subscribed: SignupEvent = { type: 'SignupStepSucceeded', data: { person, step: 'subscription', subscriptionId } };
const accountMade: SignupEvent = { type: 'SignupStepSucceeded', data: { person, step: 'account', accountId } };
const namespaceMade: SignupEvent = { type: 'SignupStepSucceeded', data: { person, step: 'namespace', namespaceId, name: 'calm-red-fox' } };
const completed: SignupEvent = { type: 'SignupCompleted', data: { person, accountId, subscriptionId, namespaceId, at: now } };

const waiting = [started, issued()];
const unpaid = [...waiting, verified()];
const holding = [...unpaid, ...checkedOut(), tokenIssued()];
const redeeming = [...holding, redeemed()];
const done = [...redeeming, charged, subscribed, accountMade, namespaceMade, completed];

test('signing up begins with a one-time token', () => void given().when(start).then(started, issued()));
test('starting the same login twice changes nothing, and sends no second mail', () => void given().when(start).when(start).thenNothing());
test('another login of the same address gets a token of its own', () => void given(...waiting).when({ ...start, flowId: otherFlowId }).then(issued(now, otherFlowId)));
test('too many mails: refused, with the time of the next', () => {
  const { resetAt } = given().when({ ...start, facts: { invited: true, mails: noMails } }).thenRejected('TooManyMails');
  assert.equal(resetAt, noMails.resetAt);
});
test('defect 1: somebody verified but unpaid can start again, and pays after that', () => {
  const again = { type: 'VerifyOtp', person, flowId: otherFlowId, facts: { matched: 1 } } as const;
  given(...unpaid).when({ ...start, flowId: otherFlowId }).when(again).when(checkout()).when(opened()).when(token()).when(redeem()).thenTypes('PaymentTokenRedeemed');
});
test('defect 1: so can somebody whose card was declined, and somebody who let every token expire', () => {
  given(...redeeming, rejected).when({ ...start, flowId: otherFlowId }).when(checkout()).when(opened(2)).when(token('cs_2')).when(redeem(2)).thenTypes('PaymentTokenRedeemed');
  const late = plus(now, 40 * day);
  given(...holding, { type: 'PaymentTokenExpired', data: { person, n: 1 } }).when({ ...start, flowId: otherFlowId, facts: { ...start.facts, now: late } }).when(checkout(late)).thenTypes('CheckoutStarted');
});
test('a customer signs in the same way', () => {
  const again = { type: 'VerifyOtp', person, flowId: otherFlowId, facts: { matched: 1 } } as const;
  const state = given(...done).when({ ...start, flowId: otherFlowId }).when(again).thenTypes('OtpVerified').state;
  assert.equal(state.stage, 'completed');
});

test('a token is sent again: a new one', () => void given(...waiting).when(resend).then(resent(2)));
test('sending again is refused when too many mails were asked for', () => void given(...waiting).when({ ...resend, facts: { mails: noMails } }).thenRejected('TooManyMails'));
test('a login that is not there, expired, used or locked sends nothing', () => {
  given().when(resend).thenRejected('OtpExpired');
  given(...waiting).when({ ...resend, facts: { mails, now: plus(now, otpLifeMs) } }).thenRejected('OtpExpired');
  given(...unpaid).when(resend).thenRejected('OtpUsed');
  given(...waiting, locked).when(resend).thenRejected('OtpLocked');
});

test('the right token verifies', () => void given(...waiting).when(verify(1)).then(verified()));
test('defect 3: a one-time token is not reusable', () => void given(...waiting).when(verify(1)).when(verify(1)).thenRejected('OtpUsed'));
test('defect 3: an older token is dead after a resend, and counts as a wrong one', () => {
  const { state } = given(...waiting, resent(2)).when(verify(1)).then(failed(1));
  assert.equal(otpRefusal(state, flowId, 1).code, 'OtpSuperseded');
});
test('the newest one lives', () => void given(...waiting, resent(2)).when(verify(2)).then(verified(2)));
test('a wrong token is counted, and its answer says how many tries are left', () => {
  const { state } = given(...waiting).when(verify()).then(failed(1));
  assert.match(otpRefusal(state, flowId, undefined).detail, /4 more tries/);
});
test('defect 3: the login is locked after too many tries; then even the right token is refused', () => {
  const { state } = given(...waiting, failed(1), failed(2), failed(3), failed(4)).when(verify()).then(failed(5), locked);
  assert.equal(otpRefusal(state, flowId, undefined).code, 'OtpLocked');
  given(...waiting, failed(1), failed(2), failed(3), failed(4), failed(5), locked).when(verify(1)).thenRejected('OtpLocked');
});
test('sending again does not give tries back', () => void given(...waiting, failed(1), failed(2), failed(3), failed(4)).when(resend).when(verify()).then(failed(5), locked));
test('a locked login is not reopened by starting it over, and does not lock the person out of another', () => {
  given(...waiting, failed(5), locked).when(start).thenNothing();
  given(...waiting, failed(5), locked).when({ ...start, flowId: otherFlowId }).thenTypes('OtpIssued');
});
test('a token lives 60 minutes: until the last millisecond, no further', () => {
  const end = plus(now, 60 * minute);
  given(...waiting).when(verify(1, plus(end, -1))).thenTypes('OtpVerified');
  given(...waiting).when(verify(1, end)).thenRejected('OtpExpired');
  given(...waiting).when(verify(1, plus(end, 1))).thenRejected('OtpExpired');
});
test('a resent token lives 60 minutes of its own', () => void given(...waiting, resent(2, plus(now, hour - 1))).when(verify(2, plus(now, 2 * hour - 2))).thenTypes('OtpVerified'));
test('a token of no login is refused', () => {
  given().when(verify(1)).thenRejected('OtpExpired');
  assert.equal(otpRefusal(fold(signup, []), flowId, 1).code, 'OtpExpired');
});
test('an expired login is dropped, not before its time, and once', () => {
  const expire = (at: Instant) => ({ type: 'ExpireOtp', person, flowId, facts: { now: at } }) as const;
  const end = plus(now, otpLifeMs);
  given(...waiting).when(expire(plus(end, -1))).thenNothing();
  given(...waiting).when(expire(end)).then({ type: 'OtpExpired', data: { person, flowId } }).when(expire(end)).thenNothing();
});
test('a mail queued is recorded once, and an older one says nothing of a newer', () => {
  const record = (n: number) => ({ type: 'RecordOtpMail', person, flowId, n }) as const;
  given(...waiting).when(record(1)).then({ type: 'OtpMailQueued', data: { person, flowId, n: 1 } }).when(record(1)).thenNothing();
  given(...waiting, resent(2)).when(record(2)).when(record(1)).thenNothing();
  given().when(record(1)).thenNothing();
});

test('OTP: whatever the sequence of starts, resends and guesses in one login, at most 5 wrong ones count, and only the newest token verifies', () => {
  const asked = fc.oneof(fc.constant('start' as const), fc.constant('resend' as const), fc.option(fc.nat(8), { nil: undefined }));
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(20 * minute), asked), { maxLength: 40 }), (steps) => {
    const log: SignupEvent[] = [];
    let at = now;
    for (const [wait, step] of steps) {
      at = plus(at, wait);
      const command = step === 'start' ? start : step === 'resend' ? resend : verify(step);
      const state = fold(signup, log);
      if (log.length > 0 && step === 'start' && !state.flows[flowId]) continue; // its id is random: it is never given again
      const whole = complete<SignupCommand>(command);
      const decision = signup.decide({ ...whole, facts: { ...whole.facts, now: at } } as SignupCommand, state);
      if (!isRejection(decision)) log.push(...decision);
    }
    assert.ok(log.filter(({ type }) => type === 'OtpAttemptFailed').length <= otpAttemptsMax);
    assert.ok(log.filter(({ type }) => type === 'OtpVerified').length <= 1);
    const end = log.findIndex(({ type }) => type === 'OtpVerified' || type === 'OtpLocked');
    if (end === -1) return;
    assert.equal(end, log.length - 1, 'nothing follows the end of a login');
    const newest = log.reduce((n, event) => (event.type === 'OtpIssued' || event.type === 'OtpResent' ? event.data.n : n), 0);
    for (const event of log) if (event.type === 'OtpVerified') assert.equal(event.data.n, newest);
  }), { numRuns: 1000 });
});

test('a verified person starts a checkout, which keeps the terms of its day', () => void given(...unpaid).when(checkout()).then(checkoutStarted()));
test('asking for a checkout again is another try', () => void given(...unpaid).when(checkout()).when(checkout()).then(checkoutStarted(2)));
test('no checkout before verification, during a payment, or after it', () => {
  given(...waiting).when(checkout()).thenRejected('NotVerified');
  given(...redeeming).when(checkout()).thenRejected('PaymentInProgress');
  given(...done).when(checkout()).thenRejected('AlreadySignedUp');
});
test('a plan that is not on sale cannot be bought', () => {
  const of = (plan: { status: 'none' } | { status: 'retired'; terms: typeof terms }) => ({ ...checkout(), facts: { plan } });
  assert.ok(given(...unpaid).when(of({ status: 'retired', terms })).thenRejected('NotVerified'));
  assert.ok(given(...unpaid).when(of({ status: 'none' })).thenRejected('NotVerified'));
});
test('checkouts are counted for a day: the eleventh waits until the first is a day old, to the millisecond', () => {
  const ten = Array.from({ length: checkoutsMax }, (_, i) => checkoutStarted(i + 1, plus(now, i)));
  const free = plus(now, day);
  const { resetAt } = given(...unpaid, ...ten).when(checkout(plus(free, -1))).thenRejected('TooManyCheckouts');
  assert.equal(resetAt, free);
  given(...unpaid, ...ten).when(checkout(free)).then(checkoutStarted(11, free)).when(checkout(free)).thenRejected('TooManyCheckouts');
});
test('a complete checkout gives a payment token', () => void given(...unpaid, ...checkedOut()).when(token()).then(tokenIssued()));
test('the same checkout gives one token, however often it is reported', () => void given(...holding).when(token()).thenNothing());
test('another checkout gives another token, and both stay valid', () => void given(...holding, ...checkedOut(2)).when(token('cs_2')).then(tokenIssued(2, 'cs_2')).when(redeem(1)).thenTypes('PaymentTokenRedeemed'));
test('a token carries the terms of its own checkout, whichever was started last', () => {
  const dearer: SignupEvent = { type: 'CheckoutStarted', data: { person, n: 2, terms: { ...terms, price: { ...terms.price, amount: 9_900 } }, at: now } };
  given(...unpaid, ...checkedOut(), dearer, checkoutOpened(2)).when(token('cs_1')).then(tokenIssued());
});
test('no token without a checkout, none for a customer', () => {
  given(...unpaid).when(token()).thenRejected('NotVerified');
  given(...done).when(token('cs_2')).thenRejected('AlreadySignedUp');
});

test('a payment token is redeemed', () => void given(...holding).when(redeem()).then(redeemed()));
test('redeeming the same token twice changes nothing: not while it is being done, not afterwards', () => {
  given(...redeeming).when(redeem()).thenNothing();
  given(...done).when(redeem()).thenNothing();
});
test('a token of another sign-up is refused', () => void given(...holding).when({ ...redeem(), facts: { theirs: false, matched: 1 } }).thenRejected('PaymentTokenNotYours'));
test('an unknown token is refused', () => {
  given(...holding).when(redeem(7)).thenRejected('PaymentTokenUnknown');
  given(...holding).when({ ...redeem(), facts: { theirs: true } }).thenRejected('PaymentTokenUnknown');
});
test('two tokens are not redeemed at once, nor after completion', () => {
  given(...holding, tokenIssued(2, 'cs_2'), redeemed()).when(redeem(2)).thenRejected('PaymentInProgress');
  given(...holding, tokenIssued(2, 'cs_2'), redeemed(), charged, namespaceMade, completed).when(redeem(2)).thenRejected('PaymentTokenUsed');
});
test('a token whose charge was declined stays declined, and another one can be redeemed', () => {
  given(...redeeming, rejected).when(redeem()).thenRejected('PaymentDeclined');
  given(...redeeming, rejected, tokenIssued(2, 'cs_2')).when(redeem(2)).thenTypes('PaymentTokenRedeemed');
});
test('a payment token lives 24 hours: until the last millisecond, no further', () => {
  const end = plus(now, 24 * hour);
  given(...holding).when(redeem(1, plus(end, -1))).thenTypes('PaymentTokenRedeemed');
  given(...holding).when(redeem(1, end)).thenRejected('PaymentTokenExpired');
  given(...holding).when(redeem(1, plus(end, 1))).thenRejected('PaymentTokenExpired');
});
test('an expired payment token is marked, not before its time, once, and never when redeemed', () => {
  const expire = (at: Instant) => ({ type: 'ExpirePaymentToken', person, n: 1, facts: { now: at } }) as const;
  const end = plus(now, paymentTokenLifeMs);
  given(...holding).when(expire(plus(end, -1))).thenNothing();
  given(...holding).when(expire(end)).then({ type: 'PaymentTokenExpired', data: { person, n: 1 } }).when(expire(end)).thenNothing();
  given(...redeeming).when(expire(plus(end, 1))).thenNothing();
  given(...holding, { type: 'PaymentTokenExpired', data: { person, n: 1 } }).when(redeem()).thenRejected('PaymentTokenExpired');
});

test('a charge succeeds', () => void given(...redeeming).when(charge(paid)).then(charged));
test('its success recorded twice changes nothing, and a late decline does not undo it', () => {
  given(...redeeming, charged).when(charge(paid)).thenNothing();
  given(...redeeming, charged).when(charge(declined)).thenNothing();
});
test('a declined charge frees the sign-up for another try', () => {
  const { state } = given(...redeeming).when(charge(declined)).then(rejected).when(charge(declined)).thenNothing();
  assert.equal(state.stage, 'verified');
});
test('a charge of another token is none of this one', () => void given(...redeeming).when(charge(paid, 2)).thenNothing());
test('a pending charge is looked at again in 15 minutes, and the outcome may be either', () => {
  const checkAt = plus(now, 15 * minute);
  const waitingFor = (at: Instant): SignupEvent => ({ type: 'ChargePending', data: { person, n: 1, providerSubscription: 'sub_x', invoiceId: 'in_1', checkAt: at } });
  given(...redeeming).when(charge(pending)).then(waitingFor(checkAt)).when(charge(pending)).thenNothing();
  given(...redeeming, waitingFor(checkAt)).when(charge(pending, 1, plus(checkAt, -1))).thenNothing();
  given(...redeeming, waitingFor(checkAt)).when(charge(pending, 1, checkAt)).then(waitingFor(plus(checkAt, 15 * minute)));
  given(...redeeming, waitingFor(checkAt)).when(charge(paid)).then(charged);
  given(...redeeming, waitingFor(checkAt)).when(charge(declined)).then(rejected);
});
test('each step is recorded once, and none outside a redemption', () => {
  const step = { type: 'RecordSignupStep', person, result: { step: 'account', accountId } } as const;
  given(...redeeming, charged, subscribed).when(step).then(accountMade).when(step).thenNothing();
  given(...unpaid).when(step).thenNothing();
});
test('with its last step a sign-up is complete, once, and not before', () => {
  const finish = { type: 'CompleteSignup', person } as const;
  given(...redeeming, charged, subscribed, accountMade, namespaceMade).when(finish).then(completed).when(finish).thenNothing();
  given(...redeeming, charged, subscribed, accountMade).when(finish).thenNothing();
});

test('to do: mail the newest token, and let it expire at its time', () => {
  given(...waiting).thenTodo({ do: 'QueueOtpMail', key: `${flowId}.1` }, { do: 'ExpireOtp', key: `${flowId}.1.expired`, notBefore: plus(now, otpLifeMs) });
  given(...waiting, { type: 'OtpMailQueued', data: { person, flowId, n: 1 } }).thenTodo({ do: 'ExpireOtp' });
  given(...waiting, resent(2, plus(now, 5))).thenTodo({ do: 'QueueOtpMail', key: `${flowId}.2` }, { do: 'ExpireOtp', key: `${flowId}.2.expired`, notBefore: plus(now, otpLifeMs + 5) });
});
test('to do: no mail for a login that is over', () => {
  given(...waiting, locked).thenTodo({ do: 'ExpireOtp' });
  given(...unpaid).thenTodo({ do: 'ExpireOtp' });
});
test('to do: an unused payment token expires at its time', () => given(...holding).thenTodo({ do: 'ExpireOtp' }, { do: 'ExpirePaymentToken', key: 'cs_1.expired', notBefore: plus(now, paymentTokenLifeMs) }));
test('to do: the steps of a redemption, one at a time, in order, each with one key (defect 2: a crash between two repeats only the next)', () => {
  const gone: SignupEvent = { type: 'OtpExpired', data: { person, flowId } };
  const steps: readonly [SignupEvent, 'Charge' | 'StartSubscription' | 'CreateAccount' | 'CreateNamespace' | 'CompleteSignup', string][] = [
    [redeemed(), 'Charge', ''], [charged, 'StartSubscription', '.subscription'], [subscribed, 'CreateAccount', '.account'],
    [accountMade, 'CreateNamespace', '.namespace'], [namespaceMade, 'CompleteSignup', '.complete'],
  ];
  let events = [...holding, gone];
  for (const [event, deed, suffix] of steps) {
    events = [...events, event];
    given(...events).thenTodo({ do: deed, key: `${person}.1${suffix}` });
  }
  given(...events, completed).thenTodo();
});
test('to do: a pending charge is checked at its time instead of charged again; a declined one is left alone', () => {
  const checkAt = plus(now, 15 * minute);
  given(...redeeming, { type: 'ChargePending', data: { person, n: 1, providerSubscription: 'sub_x', invoiceId: 'in_1', checkAt } }).thenTodo({ do: 'ExpireOtp' }, { do: 'CheckCharge', notBefore: checkAt, invoiceId: 'in_1' });
  given(...redeeming, rejected).thenTodo({ do: 'ExpireOtp' });
});

const flows = fc.constantFrom(flowId, otherFlowId);
const numbers = fc.integer({ min: 1, max: 3 });
const commands = fc.oneof<fc.Arbitrary<Asked<SignupCommand>>[]>(
  fc.tuple(flows, fc.constantFrom(mails, mails, noMails)).map(([flow, budget]) => ({ ...start, flowId: flow, facts: { invited: true, mails: budget } })),
  flows.map((flow) => ({ ...resend, flowId: flow })),
  fc.tuple(flows, fc.option(numbers, { nil: undefined })).map(([flow, n]) => ({ type: 'VerifyOtp', person, flowId: flow, facts: n === undefined ? {} : { matched: n } })),
  flows.map((flow) => ({ type: 'ExpireOtp', person, flowId: flow })),
  fc.tuple(flows, numbers).map(([flow, n]) => ({ type: 'RecordOtpMail', person, flowId: flow, n })),
  fc.constant({ type: 'StartCheckout', person, planId: terms.planId, facts: { plan: offered } } as const),
  fc.constantFrom('cs_1', 'cs_2', 'cs_3').map(token),
  numbers.map((n) => ({ type: 'ExpirePaymentToken', person, n })),
  fc.tuple(fc.boolean(), numbers).map(([theirs, n]) => ({ type: 'RedeemPaymentToken', person, subscriptionId, accountId, namespaceId, facts: { theirs, matched: n } })),
  fc.tuple(fc.constantFrom(paid, pending, declined), numbers).map(([outcome, n]) => ({ type: 'RecordCharge', person, n, outcome })),
  fc.constantFrom({ step: 'subscription', subscriptionId } as const, { step: 'account', accountId } as const, { step: 'namespace', namespaceId, name: 'calm-red-fox' } as const).map((result) => ({ type: 'RecordSignupStep', person, result })),
  fc.constant({ type: 'CompleteSignup', person } as const),
);
/** Far enough into the story that arbitrary commands meet every stage of it. */
const stories: Asked<SignupCommand>[][] = [[start], [start, verify(1), checkout(), token()], [start, verify(1), checkout(), token(), redeem(), charge(paid)]];
test('no charge is asked for twice under one redemption, and no account is made without one that was paid', () => {
  fc.assert(fc.property(timed<SignupCommand>(commands, stories), (asked) => {
    const log: SignupEvent[] = [];
    for (const command of asked) {
      const decision = signup.decide(command, fold(signup, log));
      if (!isRejection(decision)) log.push(...decision);
      const state = fold(signup, log);
      const deeds = new Set(todo(state).map((item) => item.do));
      if (state.redemption?.charge) assert.ok(!deeds.has('Charge') && !deeds.has('CheckCharge'));
      else for (const deed of ['StartSubscription', 'CreateAccount', 'CreateNamespace', 'CompleteSignup'] as const) assert.ok(!deeds.has(deed), deed);
    }
    const charges = log.flatMap((event) => (event.type === 'SignupStepSucceeded' && event.data.step === 'charge' ? [event] : []));
    assert.ok(charges.length <= 1);
  }), { numRuns: 500 });
});

comesToRest(signup, commands, todo, (item): Asked<SignupCommand> => {
  switch (item.do) {
    case 'QueueOtpMail': return { type: 'RecordOtpMail', person, flowId: item.issue.flowId, n: item.issue.n };
    case 'ExpireOtp': return { type: 'ExpireOtp', person, flowId: item.flowId };
    case 'ExpirePaymentToken': return { type: 'ExpirePaymentToken', person, n: item.n };
    case 'Charge': return charge(pending, item.redemption.n);
    case 'CheckCharge': return charge(paid, item.redemption.n);
    case 'StartSubscription': return { type: 'RecordSignupStep', person, result: { step: 'subscription', subscriptionId } };
    case 'CreateAccount': return { type: 'RecordSignupStep', person, result: { step: 'account', accountId } };
    case 'CreateNamespace': return { type: 'RecordSignupStep', person, result: { step: 'namespace', namespaceId, name: 'calm-red-fox' } };
    case 'CompleteSignup': return { type: 'CompleteSignup', person };
  }
}, stories);
laws(signup, commands, todo, {
  stories,
  again: {
    VerifyOtp: 'a second wrong guess is one more guess',
    ResendOtp: 'a second asking for a mail is one more mail, within the budget',
    StartCheckout: 'a second checkout is one more try, within the budget of a day',
  },
  returns: {
    QueueOtpMail: 'flow ids are random and never given twice; here they are',
    ExpireOtp: 'the same',
    ExpirePaymentToken: 'waits undone while another token is being redeemed',
  },
});
