/** `tollgate login`: from an e-mail address to a session, through the payment where there is none yet; goes on wherever the sign-up stands. */
import { Client } from './client.ts';
import type { Call } from './command.ts';
import { changeConfig, readConfig, withCredentials, type StoredSession } from './config-file.ts';
import { credentialFor, signupToken } from './credentials.ts';
import { Failure, usage } from './exit-codes.ts';
import { onInterrupt } from './interrupt.ts';
import { LineReader, aborted } from './line-reader.ts';
import { payForSignup, type Signup } from './login-payment.ts';
import { prompt, type Steps } from './login-steps.ts';
import { requireSecure, targetOf, type Target } from './target.ts';

type Flow = { readonly flowId: string; readonly expiresAt: string; readonly attempts: number };
export type Verified = { readonly status: 'signed-in'; readonly session: StoredSession } | { readonly status: 'payment-required'; readonly signup: Signup & { readonly token: string } };
const hex40 = /(?:^|[^0-9a-f])([0-9a-f]{40})(?:[^0-9a-f]|$)/;

/** `login`: by a one-time token with --otp, else by password. */
export const login = async (call: Call): Promise<void> => {
  const { options, args: [named] } = call;
  if (options['otp'] === undefined) return (await import('./password.ts')).loginByPassword(call);
  if (named !== undefined) throw usage('the address is given twice', 'Give it after --otp only.');
  return loginByOtp(call);
};

const loginByOtp = async (call: Call): Promise<void> => {
  const { options, out } = call;
  const email = (options['otp'] as string).trim();
  const target = targetOf();
  requireSecure(target);
  onInterrupt(`Interrupted. Go on with: tollgate login --otp ${email}`);
  const lines = new LineReader();
  const steps: Steps = { email, target, out, lines, timeoutMs: options['timeout'] };
  const session = await enter(steps, (await heldSignup(steps)) ?? (await verify(steps, new Client(target))));
  await announce(call, target, session);
};

export const announce = async ({ out }: Call, target: Target, session: StoredSession): Promise<void> => {
  const [account, email, namespace] = [session.account ?? null, session.email ?? null, session.namespace ?? null];
  await out.result({ account, email, namespace, env: target.env, url: target.url }, async () => {
    await out.data(`Logged in as ${email ?? account} to env '${target.env}' at '${target.url}'.`);
    if (namespace !== null) await out.data(`Namespace: ${namespace}`);
  });
  out.note("Run something: 'tollgate run SOURCE'.");
};

const sameAddress = (a: string, b: string): boolean => a.trim().normalize('NFC').toLowerCase() === b.trim().normalize('NFC').toLowerCase();

/** Where this CLI already holds the sign-up, its one-time token is not asked for again. */
export const heldSignup = async ({ target, email, out }: Steps): Promise<Extract<Verified, { status: 'payment-required' }> | undefined> => {
  const held = readConfig().credentials[target.url]?.signup;
  if (!held || !sameAddress(held.email, email)) return undefined;
  try {
    const standing = await new Client(target, signupToken(target, held.token)).json<Signup>({ path: '/sessions/signup' });
    out.note(`Going on with the sign-up of ${held.email}.`);
    return { status: 'payment-required', signup: { ...standing, token: held.token } };
  } catch (error) {
    if (!(error instanceof Failure) || error.problem.status !== 401) throw error;
    await changeConfig((config) => withCredentials(config, target.url, ({ signup: _, ...others }) => others));
    return undefined;
  }
};

/** From a proof of who one is to a session that is kept: at once, or after the payment. `before` is done with the first credential there is. */
export const enter = async (steps: Steps, verified: Verified, before: (client: Client) => Promise<void> = async () => undefined): Promise<StoredSession> => {
  const { target, email } = steps;
  if (verified.status === 'signed-in') {
    await keep(target, verified.session);
    await before(new Client(target, credentialFor(target, { audience: 'customer' }, readConfig(), {})));
    return verified.session;
  }
  const { token, ...standing } = verified.signup;
  await changeConfig((config) => withCredentials(config, target.url, (others) => ({ ...others, signup: { email, token } })));
  const client = new Client(target, signupToken(target, token));
  await before(client);
  const session = await payForSignup(steps, client, standing);
  await keep(target, session);
  return session;
};
/** The session of before is ended: nobody could reach it any more. */
const keep = async (target: Target, session: StoredSession): Promise<void> => {
  const old = readConfig().credentials[target.url]?.customer;
  await changeConfig((config) => withCredentials(config, target.url, ({ signup: _, ...others }) => ({ ...others, customer: session })));
  if (old && old.sessionId !== session.sessionId) await (await import('./password.ts')).closeReplaced(target, old);
};

/** Asks until the one-time token is right, the flow is over, or nothing more can come. */
export const verify = async (steps: Steps, client: Client): Promise<Verified> => {
  const { email, target, out, lines, timeoutMs } = steps;
  if (!out.input) throw usage('this asks for a one-time token, which --no-input forbids', 'Leave --no-input out; the command reads the token from standard input, one line, also from a pipe.');
  let flow = await client.json<Flow>({ method: 'POST', path: '/sessions/otp', body: { email } });
  out.note(`We have sent a one-time token to ${email}. It is valid for 60 minutes; the line 'resend' sends another.`);
  const deadline = AbortSignal.timeout(timeoutMs);
  let last: Failure | undefined;
  for (;;) {
    prompt(steps, 'Please paste it here: ');
    const line = await lines.next(deadline);
    if (line === aborted) throw new Failure('gaveUp', 'gave up waiting for the one-time token', `Go on with 'tollgate login --otp ${email}', which sends a new one.`, { code: 'GaveUpWaiting' });
    if (line === undefined) throw endOfInput(last, email, target);
    if (line.trim() === '') continue;
    try {
      if (line.trim().toLowerCase() === 'resend') {
        flow = await client.json<Flow>({ method: 'POST', path: '/sessions/otp/resend', body: { email, flowId: flow.flowId } });
        out.note(`Another one-time token is on its way to ${email}; only the newest is valid.`);
        continue;
      }
      return await client.json<Verified>({ method: 'POST', path: '/sessions/otp/verify', body: { email, flowId: flow.flowId, token: oneTimeToken(line) } });
    } catch (error) {
      last = asksAgain(error);
      out.note([last.message, last.problem.nextStep].filter((text) => text !== '').join('\n'));
    }
  }
};
/** Asks again for a wrong token; anything else, or the end of input, ends it. */
export const untilRight = async <T>({ out }: { readonly out: Call['out'] }, deed: () => Promise<T>): Promise<T> => {
  let last: Failure | undefined;
  for (;;) {
    try {
      return await deed();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.problem.code === 'NoAnswer' && last) throw last;
      if (!['OtpMalformed', 'ResetTokenWrong'].includes(error.problem.code)) throw error;
      last = error;
      out.note([error.message, error.problem.nextStep].filter((text) => text !== '').join('\n'));
    }
  }
};
/** Pasted with spaces, quotes or a sentence around it: the token is the only run of 40 hex characters. */
export const oneTimeToken = (line: string): string => {
  const lower = line.toLowerCase();
  const found = hex40.exec(lower)?.[1] ?? hex40.exec(lower.replaceAll(/\s/g, ''))?.[1];
  if (found === undefined) throw new Failure('refused', 'that is no one-time token: it has 40 characters of 0-9 and a-f', 'Copy it from the mail.', { code: 'OtpMalformed' });
  return found;
};
const over = new Set(['OtpExpired', 'OtpUsed', 'OtpLocked', 'OtpSuperseded', 'NotInvited', 'TooManyMails']);
/** A wrong token may be tried again; anything else ends the flow. */
const asksAgain = (error: unknown): Failure => {
  if (error instanceof Failure && error.kind === 'refused' && !over.has(error.problem.code)) return error;
  throw error;
};
const endOfInput = (last: Failure | undefined, email: string, { env }: Target): Failure =>
  last ? new Failure('refused', last.message, last.problem.nextStep, last.problem) : new Failure('refused', `no one-time token was given, so ${email} is not logged in to env '${env}'`, `Run 'tollgate login --otp ${email}' again; the token is read from standard input.`, { code: 'OtpMissing' });

export const loginHelp = async ({ out }: Call): Promise<void> => {
  await out.result({ commands: ['tollgate login --otp EMAIL', 'tollgate login EMAIL', 'tollgate signup EMAIL', 'tollgate password reset EMAIL', 'tollgate login recover EMAIL'] }, () => out.data(loginText));
};
const loginText = `How to log in

  1. Choose the server:        tollgate env list, tollgate env set NAME
  2. Log in by e-mail:         tollgate login --otp EMAIL
     or by password:           tollgate login EMAIL
     or sign up with one:      tollgate signup EMAIL

The address must be invited. A one-time token of 40 characters is mailed to it, valid for 60 minutes; paste it when asked.
Without an account yet you are then told the address of the subscribe page. It takes your card and shows a payment token:
paste that too, or just finish the page, the CLI notices it. Once it is redeemed you have an account and a namespace.

Interrupted, or the page took long? Run the same command again: it goes on where it stopped, without a new one-time token.
It waits for 30 minutes each time (--timeout 1h for longer).

A password is set by 'tollgate signup', or later by 'tollgate password change' right after logging in; 'tollgate password reset
EMAIL' sets a new (or first) one with a token by mail, and ends every session. 'tollgate login recover EMAIL' mails the list
of your namespaces. No command takes a password as a flag: it is asked for, or read from standard input.

In scripts standard input answers, one line for each question:
  $ printf '%s\\n' "$ONE_TIME_TOKEN" | tollgate login --otp ada@example.com
  $ printf '%s\\n' "$PASSWORD" | tollgate login ada@example.com

Then: tollgate whoami, tollgate account show, tollgate run SOURCE. To leave: tollgate logout.`;
