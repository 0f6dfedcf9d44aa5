import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { FlowId, PersonId } from '../ids.ts';
import { hour, minute, plus } from '../instant.ts';
import type { ChangedBy, PasswordEvent } from './events.ts';
import { evolve, initial, type Password } from './state.ts';

export const resetLifeMs = hour;
/** How long after logging in a first password may be set without an old one. */
export const freshSessionMs = 30 * minute;

/** `n`: where the keyring holds the new one's hash already; `from`: the number that was current when the right to change it was checked. */
export type ChangePassword = Command<'ChangePassword', { person: PersonId; n: number; from: number; by: Exclude<ChangedBy, 'reset'> }>;
export type RequestPasswordReset = Command<'RequestPasswordReset', { person: PersonId; flowId: FlowId; kid: string }>;
/** `matched`: whether the flow's token was presented; compared outside, because tokens are derived with a server key. */
export type ResetPassword = Command<'ResetPassword', { person: PersonId; n: number; flowId: FlowId }, { matched: boolean }>;
export type RecordPasswordTold = Command<'RecordPasswordTold', { person: PersonId; n: number }>;
export type RecordPasswordResetMail = Command<'RecordPasswordResetMail', { person: PersonId; flowId: FlowId }>;
export type PasswordCommand = ChangePassword | RequestPasswordReset | ResetPassword | RecordPasswordTold | RecordPasswordResetMail;

const orByMail = "Try again; or log in with 'tollgate login --otp EMAIL', or set a new (or first) one with 'tollgate password reset EMAIL'.";
export const reject = rejections({
  PasswordWrong: ['forbidden', 'This address and this password do not go together.', orByMail],
  OldPasswordWrong: ['forbidden', 'The old password is wrong.', "Try again, or set a new one with 'tollgate password reset EMAIL'."],
  OldPasswordNeeded: ['conflict', 'There is a password already; changing it needs the old one.', "Use 'tollgate password change', or 'tollgate password reset EMAIL' when it is forgotten."],
  LoginTooOld: ['forbidden', 'A first password can be set within 30 minutes of logging in only.', "Log in again with 'tollgate login --otp EMAIL', or use 'tollgate password reset EMAIL'."],
  PasswordMoved: ['conflict', 'The password was changed at the same moment by somebody else.', "If that was not you: 'tollgate password reset EMAIL'."],
  TooManyPasswords: ['exhausted', 'Too many wrong passwords; the next try is possible at {resetAt}.', "Wait until then, or log in by mail at once: 'tollgate login --otp EMAIL'."],
  ResetTokenWrong: ['invalid', 'This reset token is not valid: it is wrong, has expired, or has been used.', "Paste the token of the newest mail, or ask for another one: 'tollgate password reset EMAIL'."],
  TooManyResetTokens: ['exhausted', 'Too many wrong tokens for this reset; the next try is possible at {resetAt}.', "Ask for another token: 'tollgate password reset EMAIL'."],
  TooManyResets: ['exhausted', 'Too many mails were asked for; the next one can be sent at {resetAt}.', 'Wait until then, or use the newest mail.'],
  MailedRecently: ['exhausted', 'That mail was issued recently; the next one can be sent at {resetAt}.', 'Look into the mailbox, or wait until then.'],
});

const change = ({ person, n, from, by, facts }: ChangePassword, state: Password): Decision<PasswordEvent> =>
  state.n === from && n > state.n ? [{ type: 'PasswordChanged', data: { person, n, by, at: facts.now } }] : reject('PasswordMoved');

const request = ({ person, flowId, kid, facts }: RequestPasswordReset, state: Password): Decision<PasswordEvent> =>
  state.flows.some((flow) => flow.flowId === flowId) ? [] : [{ type: 'PasswordResetRequested', data: { person, flowId, kid, issuedAt: facts.now, expiresAt: plus(facts.now, resetLifeMs) } }];

/** Single use: the change takes every open reset with it, so that of two at once one finds none any more. */
const reset = ({ person, n, flowId, facts }: ResetPassword, state: Password): Decision<PasswordEvent> => {
  const flow = state.flows.find((candidate) => candidate.flowId === flowId);
  if (!flow || !facts.matched || flow.expiresAt <= facts.now) return reject('ResetTokenWrong');
  return n > state.n ? [{ type: 'PasswordChanged', data: { person, n, by: 'reset', at: facts.now } }] : reject('PasswordMoved');
};

const decide = (command: PasswordCommand, state: Password): Decision<PasswordEvent> => {
  switch (command.type) {
    case 'ChangePassword': return change(command, state);
    case 'RequestPasswordReset': return request(command, state);
    case 'ResetPassword': return reset(command, state);
    case 'RecordPasswordTold': return state.untold?.n === command.n ? [{ type: 'PasswordChangeTold', data: { person: command.person, n: command.n } }] : [];
    case 'RecordPasswordResetMail': return state.flows.some(({ flowId, mailed }) => flowId === command.flowId && !mailed) ? [{ type: 'PasswordResetMailed', data: { person: command.person, flowId: command.flowId } }] : [];
  }
};
export const password: Decider<PasswordCommand, Password, PasswordEvent> = { category: 'password', initial, decide, evolve };
