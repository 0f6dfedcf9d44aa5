/** `tollgate signup`: e-mail, password twice, one-time token, payment token. The password is set once the address is proven to be one's own, never before. */
import { askNewPassword, type Asking } from './ask.ts';
import { Client } from './client.ts';
import type { Call } from './command.ts';
import { signupToken } from './credentials.ts';
import { Failure } from './exit-codes.ts';
import { onInterrupt } from './interrupt.ts';
import { LineReader } from './line-reader.ts';
import { announce, enter, heldSignup, verify, type Verified } from './login.ts';
import type { Steps } from './login-steps.ts';
import { emailOf, settled } from './password.ts';
import { requireSecure, targetOf } from './target.ts';

export const signup = async (call: Call): Promise<void> => {
  const { options, out } = call;
  const target = targetOf();
  requireSecure(target);
  onInterrupt('Interrupted. Nothing has been sent. Again: tollgate signup EMAIL');
  const asking: Asking = { out, lines: new LineReader(), instead: 'Give the answers on standard input, one line each: e-mail (unless named), password, password again, one-time token, payment token.' };
  const email = await emailOf(call, asking);
  onInterrupt(`Interrupted. Go on with: tollgate signup ${email}`);
  const steps: Steps = { email, target, out, lines: asking.lines, timeoutMs: options['timeout'] };
  const held = await heldSignup(steps);
  const session = held ? await goOn(steps, asking, held) : await begin(steps, asking);
  out.note('The sign-up is complete.');
  await announce(call, target, session);
};

/** This machine holds the sign-up: its one-time token is not asked for again, nor a password that it has. */
const goOn = async (steps: Steps, asking: Asking, held: Extract<Verified, { status: 'payment-required' }>) => {
  if (!held.signup.password) await setPassword(asking, new Client(steps.target, signupToken(steps.target, held.signup.token)));
  return enter(steps, held);
};

const begin = async (steps: Steps, asking: Asking) => {
  const password = await askNewPassword(asking);
  const verified = await verify(steps, new Client(steps.target));
  return enter(steps, verified, async (client) => {
    try {
      await setPassword(asking, client, password);
    } catch (error) {
      if (!(error instanceof Failure) || error.problem.code !== 'OldPasswordNeeded') throw error;
      steps.out.note(`${steps.email} has an account, and its password stays as it was. To change it: tollgate password change`);
    }
  });
};
const setPassword = (asking: Asking, client: Client, first?: string): Promise<string> =>
  settled(asking, 'Password', (password) => client.json({ method: 'POST', path: '/sessions/password/change', body: { password } }), first);
