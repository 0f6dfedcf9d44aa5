/** Steps of signing up and in that programs (`POST /sessions/...`) and pages take alike: the same rules, counters and words. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandBus } from '@nestjs/cqrs';
import { commit } from './caller.ts';
import type { Rim } from './rim.ts';
import type { Context } from '../../commands/command-message.ts';
import { CommandRejected } from '../../commands/handle.ts';
import { matchOtp, paymentTokenText, RedeemPaymentToken, VerifyOtp } from '../../commands/signup.ts';
import type { FlowId, PersonId } from '../../domain/ids.ts';
import { day, plus } from '../../domain/instant.ts';
import { otpRefusal, reject, signup } from '../../domain/signup/decide.ts';
import type { Signup } from '../../domain/signup/state.ts';

/** A verified person has this long to pay, and a CLI to fetch its session. */
export const signupTokenLifeMs = 2 * day;

/** Presents a one-time token: whose it was and where their sign-up stands, or the refusal. */
export const presentOtp = async (rim: Rim, bus: CommandBus, { email, flowId, token }: { readonly email: string; readonly flowId: FlowId; readonly token: string }, context: Context): Promise<{ readonly person: PersonId; readonly state: Signup }> => {
  const person = await rim.keyring.find(email);
  if (!person) throw new CommandRejected(reject('OtpExpired'));
  const { events } = await commit(bus, new VerifyOtp(person, flowId, token), context);
  const state = await rim.handler.lookup(signup, person);
  if (events.some(({ type }) => type === 'OtpVerified')) return { person, state };
  const { matched } = await matchOtp(person, flowId, token, { tokens: rim.tokens, lookup: (decider, id) => rim.handler.lookup(decider, id) });
  throw new CommandRejected(otpRefusal(state, flowId, matched));
};

/** The token of somebody who is verified and has no account yet: it leads through paying, and nowhere else. */
export const signupToken = (rim: Rim, person: PersonId): Promise<string> => {
  const now = rim.clock.now();
  return rim.accessTokens.sign({ kind: 'signup', person }, now, plus(now, signupTokenLifeMs));
};

const redeemWaitMs = 5_000;
const lookAgainMs = 25;
/** Redeems the payment token that this checkout has earned, then waits a little for the outcome. Asked again, it only waits. */
export const redeemCheckout = async (rim: Rim, bus: CommandBus, person: PersonId, checkoutId: string, context: Context): Promise<Signup> => {
  const before = await rim.handler.lookup(signup, person);
  const token = before.tokens.find((candidate) => candidate.checkoutId === checkoutId);
  if (before.stage === 'verified' && token?.status === 'issued') {
    const redeeming = new RedeemPaymentToken(person, paymentTokenText(rim.tokens, person, token));
    await commit(bus, redeeming, { ...context, actor: { kind: 'person', id: person } }).catch((error: unknown) => {
      if (!(error instanceof CommandRejected)) throw error; // a terminal, or the same page loaded twice, was faster: what became of it is told below
    });
  }
  for (let waitedMs = 0; ; waitedMs += lookAgainMs) {
    const state = await rim.handler.lookup(signup, person);
    if (state.stage !== 'redeeming' || waitedMs >= redeemWaitMs) return state;
    await sleep(lookAgainMs);
  }
};
