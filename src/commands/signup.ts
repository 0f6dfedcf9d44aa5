import { line, type CatalogEntry, type Gathering } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { invite, reject as rejectInvite } from '../domain/invite/decide.ts';
import { hour } from '../domain/instant.ts';
import type { FlowId, PersonId } from '../domain/ids.ts';
import { personal } from '../domain/personal.ts';
import { plan } from '../domain/plan/decide.ts';
import {
  signup, reject, type CompleteSignup, type ExpireOtp, type ExpirePaymentToken, type IssuePaymentToken, type MailBudget, type RecordCharge, type RecordOtpMail,
  type RecordCheckout, type RecordSignupStep, type RedeemPaymentToken as RedeemCommand, type ResendOtp as ResendCommand, type StartCheckout, type StartSignup as StartCommand, type VerifyOtp as VerifyCommand,
} from '../domain/signup/decide.ts';
import { tenant } from '../domain/tenant/decide.ts';

/** How many mails one address may cause in an hour, and one caller; and how often one caller may name uninvited addresses. */
const perAddress = 5;
const perCaller = 20;
const uninvitedPerCaller = 30;

/** The steps of signing up and in: sent by the rim (`POST /sessions/...`), never by `POST /commands`. */
export class StartSignup extends CommandMessage {
  readonly email: string;
  readonly flowId: FlowId;
  constructor(email: string, flowId: FlowId) {
    super();
    this.email = email;
    this.flowId = flowId;
  }
}
export class ResendOtp extends CommandMessage {
  readonly email: string;
  readonly flowId: FlowId;
  constructor(email: string, flowId: FlowId) {
    super();
    this.email = email;
    this.flowId = flowId;
  }
}
export class VerifyOtp extends CommandMessage {
  readonly person: PersonId;
  readonly flowId: FlowId;
  readonly token: string;
  constructor(person: PersonId, flowId: FlowId, token: string) {
    super();
    this.person = person;
    this.flowId = flowId;
    this.token = token;
  }
}
export class RedeemPaymentToken extends CommandMessage {
  readonly person: PersonId;
  readonly token: string;
  constructor(person: PersonId, token: string) {
    super();
    this.person = person;
    this.token = token;
  }
}

const callerKey = ({ derive, context }: Gathering, what: string): string => `${what}.caller.${derive.fingerprint({ ip: context.ip ?? 'local' })}`;

/** One mail more to this person from this caller: counted, whatever becomes of it. */
const mailBudget = async (person: PersonId, gathering: Gathering): Promise<MailBudget> => {
  const address = await gathering.counters.hit(`mail.${person}`, perAddress, hour, gathering.now);
  return address.allowed ? gathering.counters.hit(callerKey(gathering, 'mail'), perCaller, hour, gathering.now) : address;
};

/** The person behind an address that may sign up; an uninvited one creates nothing but a count. */
const admitted = async (email: string, gathering: Gathering) => {
  const { invitesRequired } = await gathering.lookup(tenant, gathering.tenant);
  if (!invitesRequired) return gathering.findOrCreatePerson(email);
  const person = await gathering.findPerson(email);
  if (person && (await gathering.lookup(invite, person)).status === 'invited') return person;
  if (person && (await gathering.lookup(signup, person)).stage === 'completed') return person; // who has an account needs no invite
  const budget = await gathering.counters.hit(callerKey(gathering, 'uninvited'), uninvitedPerCaller, hour, gathering.now);
  return budget.allowed ? rejectInvite('NotInvited') : reject('TooManyMails', { resetAt: budget.resetAt });
};

/** Which of the flow's tokens was presented: a newer one may have been sent since. */
export const matchOtp = async (person: PersonId, flowId: FlowId, token: string, { lookup, tokens }: Pick<Gathering, 'lookup' | 'tokens'>): Promise<{ matched?: number }> => {
  const issues = (await lookup(signup, person)).flows[flowId]?.issues ?? [];
  const found = issues.filter((issue) => tokens.same(token, tokens.derive(issue.kid, 'otp', flowId, issue.n, issue.issuedAt))).at(-1);
  return found ? { matched: found.n } : {};
};

/** `<sign-up id>.<n>.<40 hex>`: genuine only for the sign-up that it names. */
export const paymentTokenText = (tokens: Gathering['tokens'], person: PersonId, token: { n: number; kid: string; issuedAt: RedeemCommand['facts']['now'] }): string =>
  `${person}.${token.n}.${tokens.derive(token.kid, 'payment', person, token.n, token.issuedAt)}`;

const matchPaymentToken = async (person: PersonId, text: string, { lookup, tokens }: Gathering): Promise<{ theirs: boolean; matched?: number }> => {
  const [owner, n] = text.trim().split('.');
  if (owner !== person) return { theirs: !owner?.startsWith('per_') };
  const token = (await lookup(signup, person)).tokens.find((candidate) => String(candidate.n) === n);
  return token && tokens.same(text.trim(), paymentTokenText(tokens, person, token)) ? { theirs: true, matched: token.n } : { theirs: true };
};

export const signupCommands: readonly CatalogEntry[] = [
  line<StartCommand, StartSignup>(signup, 'StartSignup', {
    message: StartSignup, permission: 'signup.start', id: (c) => c.person,
    fields: async ({ email, flowId }, gathering) => {
      const person = await admitted(email, gathering);
      return typeof person === 'string' ? { person, email: personal(person, 'email', email.trim()), flowId, kid: gathering.tokens.kid } : person;
    },
    facts: async ({ person }, gathering) => ({ invited: true, mails: await mailBudget(person, gathering) }),
  }),
  line<ResendCommand, ResendOtp>(signup, 'ResendOtp', {
    message: ResendOtp, permission: 'signup.start', id: (c) => c.person,
    fields: async ({ email, flowId }, { findPerson, tokens }) => {
      const person = await findPerson(email);
      return person ? { person, flowId, kid: tokens.kid } : reject('OtpExpired');
    },
    facts: async ({ person }, gathering) => ({ mails: await mailBudget(person, gathering) }),
  }),
  line<VerifyCommand, VerifyOtp>(signup, 'VerifyOtp', {
    message: VerifyOtp, permission: 'signup.verify', id: (c) => c.person,
    fields: async ({ person, flowId }) => ({ person, flowId }),
    facts: async ({ person, flowId }, gathering, { token }) => matchOtp(person, flowId, token, gathering),
  }),
  line<RedeemCommand, RedeemPaymentToken>(signup, 'RedeemPaymentToken', {
    message: RedeemPaymentToken, permission: 'signup.redeem', id: (c) => c.person,
    fields: async ({ person }, { derive, commandId }) => ({ person, subscriptionId: derive.id('sub', commandId), accountId: derive.id('acc', commandId), namespaceId: derive.id('ns', commandId) }),
    facts: async ({ person }, gathering, { token }) => matchPaymentToken(person, token, gathering),
  }),
  line<StartCheckout>(signup, 'StartCheckout', { permission: 'signup.pay', id: (c) => c.person, facts: async ({ planId }, { lookup }) => ({ plan: await lookup(plan, planId) }) }),
  line<RecordCheckout>(signup, 'RecordCheckout', { permission: 'signup.record', id: (c) => c.person }),
  line<IssuePaymentToken>(signup, 'IssuePaymentToken', { permission: 'signup.pay', id: (c) => c.person }),
  line<ExpireOtp>(signup, 'ExpireOtp', { permission: 'signup.expire', id: (c) => c.person }),
  line<ExpirePaymentToken>(signup, 'ExpirePaymentToken', { permission: 'signup.expire', id: (c) => c.person }),
  line<RecordOtpMail>(signup, 'RecordOtpMail', { permission: 'signup.record', id: (c) => c.person }),
  line<RecordCharge>(signup, 'RecordCharge', { permission: 'signup.record', id: (c) => c.person }),
  line<RecordSignupStep>(signup, 'RecordSignupStep', { permission: 'signup.record', id: (c) => c.person }),
  line<CompleteSignup>(signup, 'CompleteSignup', { permission: 'signup.record', id: (c) => c.person }),
];
