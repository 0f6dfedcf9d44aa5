/** Events in plain words, for people who look back. A type without a sentence of its own is read out word by word. */
import { formatMoney, type Money } from '../src/domain/money.ts';
import { formatTime } from './format.ts';

type Data = Readonly<Record<string, unknown>>;
const text = (data: Data, field: string): string => (typeof data[field] === 'string' || typeof data[field] === 'number' ? String(data[field]) : '');
const time = (data: Data, field: string): string => formatTime(text(data, field));
const money = (value: unknown): string => (typeof value === 'object' && value !== null && 'amount' in value ? formatMoney(value as Money) : '');
const planOf = ({ terms }: Data): string => (typeof terms === 'object' && terms !== null && 'name' in terms ? ` of the plan '${String(terms.name)}'` : '');
const because = (data: Data): string => (text(data, 'reason') === '' ? '' : `: ${text(data, 'reason')}`);

const wanting: Readonly<Record<string, string>> = { customer: 'the customer', staff: 'staff', provider: 'somebody on the provider’s own pages' };
const byWhom = (data: Data): string => wanting[text(data, 'by')] ?? 'somebody';

const steps: Readonly<Record<string, string>> = { charge: 'The first payment is taken', subscription: 'The subscription is made', account: 'The account is made', namespace: 'The namespace is made' };

const sentences: Readonly<Record<string, (data: Data) => string>> = {
  InviteAdded: () => 'Invited',
  InviteRevoked: () => 'The invite was taken back',
  SignupStarted: () => 'Began to sign up',
  OtpIssued: (data) => `Asked for a one-time token, good until ${time(data, 'expiresAt')}`,
  OtpResent: () => 'Asked for another one-time token',
  OtpMailQueued: () => 'The one-time token went to the outbox',
  OtpAttemptFailed: (data) => `Gave a wrong one-time token (try ${text(data, 'attempt')})`,
  OtpLocked: () => 'Too many wrong tokens: that sign-in was closed',
  OtpExpired: () => 'A one-time token expired',
  OtpVerified: () => 'Confirmed the address',
  CheckoutStarted: (data) => `Went to the checkout${planOf(data)}`,
  CheckoutOpened: () => 'The checkout page was opened',
  PaymentTokenIssued: () => 'Stored a card and got a payment token',
  PaymentTokenExpired: () => 'A payment token expired',
  PaymentTokenRedeemed: () => 'Redeemed the payment token',
  PaymentTokenRejected: (data) => `The first payment was declined${because(data)}`,
  ChargePending: () => 'The first payment is under way at the bank',
  SignupStepSucceeded: (data) => steps[text(data, 'step')] ?? 'A step of the sign-up is done',
  SignupCompleted: () => 'The sign-up is complete',
  AccountCreated: () => 'The account was opened',
  SessionsRevoked: () => 'Signed out everywhere',
  SubscriptionStarted: (data) => `The subscription${planOf(data)} began, paid through ${time(data, 'paidThrough')}`,
  PaymentSucceeded: (data) => `Paid ${money(data['amount'])}, through ${time(data, 'paidThrough')}`,
  PaymentFailed: (data) => `A payment was declined (try ${text(data, 'attempt')})`,
  GraceStarted: (data) => `Grace began: everything works until ${time(data, 'endsAt')}`,
  GraceEndingSoon: (data) => `Warned: grace ends at ${time(data, 'endsAt')}`,
  GraceEnded: () => 'Grace is over',
  SubscriptionLapsed: (data) => `Limited to reading; suspended at ${time(data, 'suspendAt')} unless paid`,
  SubscriptionSuspended: (data) => `Suspended: workloads stop, data is kept until ${time(data, 'endAt')}`,
  CancellationScheduled: (data) => `Cancelled by ${byWhom(data)}: ends at ${time(data, 'endsAt')}`,
  CancellationWithdrawn: (data) => `The cancellation was taken back by ${byWhom(data)}`,
  CancellationCarriedOut: () => 'The provider knows of it',
  RetentionEnded: () => 'What was kept has been removed',
  InvoiceVoided: () => 'An invoice is no longer asked for',
  SubscriptionEnded: () => 'The subscription ended',
  SubscriptionRestored: () => 'Restored to full service',
  PaymentMethodChosen: () => 'Gave another card',
  PaymentMethodAttached: () => 'The other card is in use',
  NoticeQueued: () => 'A notice went to the outbox',
  NamespaceLevelTold: (data) => `The namespace was told: ${text(data, 'level')}`,
  NamespaceCreated: (data) => `The namespace '${text(data, 'name')}' was made`,
  NamespaceLevelChanged: (data) => `The namespace is ${text(data, 'level')}`,
  WorkloadSlotTaken: (data) => `A place for the workload '${text(data, 'name')}' was taken`,
  WorkloadSlotReleased: () => 'A workload\'s place is free again',
  WorkloadRunRequested: (data) => `Asked to run '${text(data, 'name')}'`,
  WorkloadUpdated: () => 'Gave the workload a new source',
  WorkloadStarting: () => 'The workload is starting',
  WorkloadStarted: (data) => `The workload runs${text(data, 'address') === '' ? '' : ` at ${text(data, 'address')}`}`,
  WorkloadStopped: (data) => `The workload stopped${because(data)}`,
  WorkloadFailed: (data) => `The workload failed${because(data)}`,
  WorkloadSuspended: () => 'The workload is stopped until the open payment is made',
  WorkloadResumed: () => 'The workload may run again',
  WorkloadRestartRequested: (data) => `The workload is started again${because(data)}`,
  WorkloadKillRequested: () => 'Asked to stop and remove the workload',
  WorkloadRemoved: () => 'The workload was removed',
};

/** Steps in between, of interest to who looks for the reason of something only. */
export const minorEvents: ReadonlySet<string> = new Set(['OtpMailQueued', 'OtpExpired', 'CheckoutOpened', 'SignupStepSucceeded', 'NoticeQueued', 'NamespaceLevelTold', 'PaymentMethodAttached', 'WorkloadApplied', 'WorkloadSlotTaken', 'WorkloadSlotConfirmed', 'WorkloadSlotReleased', 'WorkloadTold', 'CancellationCarriedOut']);

/** "GraceEndingSoon" -> "Grace ending soon". */
const readOut = (type: string): string => {
  const words = type.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
};
export const eventInWords = (type: string, data: Data): string => (Object.hasOwn(sentences, type) ? (sentences[type] as (data: Data) => string)(data) : readOut(type));

/** Who did it, as a word: an id says more than most readers want, and stands beside it. */
export const actorInWords = (actor: string): string => {
  if (actor.startsWith('system:')) return `the system (${actor.slice('system:'.length)})`;
  if (actor.startsWith('opr_')) return 'an operator';
  if (actor.startsWith('acc_')) return 'the customer';
  return actor.startsWith('per_') ? 'the person, after a one-time token' : 'somebody not signed in';
};
