/** `login [EMAIL]` by password, `password change`, `password reset`, `login recover`. No password is ever a flag. */
import { ask, askNewPassword, askSecret, type Asking } from './ask.ts';
import { Client } from './client.ts';
import type { Call } from './command.ts';
import { readConfig, type StoredSession } from './config-file.ts';
import { replacedSession, signupToken } from './credentials.ts';
import { Failure } from './exit-codes.ts';
import { clientFor } from './here.ts';
import { onInterrupt } from './interrupt.ts';
import { LineReader } from './line-reader.ts';
import { announce, enter, untilRight, oneTimeToken, type Verified } from './login.ts';
import { requireSecure, targetOf } from './target.ts';

const orByMail = "Give the answers on standard input, one line each; or use 'tollgate login --otp EMAIL'.";
const triesOnTerminal = 3;
export const emailOf = async ({ args: [given] }: Call, asking: Asking): Promise<string> => (typeof given === 'string' ? given : await ask(asking, 'E-mail: ')).trim();
const said = ({ message, problem }: Failure): string => [message, problem.nextStep].filter((text) => text !== '').join('\n');

export const loginByPassword = async (call: Call): Promise<void> => {
  const { options, out } = call;
  const target = targetOf();
  requireSecure(target);
  onInterrupt('Interrupted. Again: tollgate login EMAIL');
  const asking: Asking = { out, lines: new LineReader(), instead: orByMail };
  const email = await emailOf(call, asking);
  onInterrupt(`Interrupted. Again: tollgate login ${email}`);
  const client = new Client(target);
  const verified = await again(asking, async () => client.json<Verified>({ method: 'POST', path: '/sessions/password', body: { email, password: await askSecret(asking, 'Password: ') } }));
  const session = await enter({ email, target, out, lines: asking.lines, timeoutMs: options['timeout'] }, verified);
  await announce(call, target, session);
};
/** Who types may mistype; a script is told at once. */
const again = async (asking: Asking, deed: () => Promise<Verified>): Promise<Verified> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await deed();
    } catch (error) {
      if (!(error instanceof Failure) || error.problem.code !== 'PasswordWrong' || !asking.lines.terminal || tries >= triesOnTerminal) throw error;
      asking.out.note(said(error));
    }
  }
};

/** Asks for a new one until the server takes it. */
export const settled = async (asking: Asking, what: string, send: (password: string) => Promise<unknown>, first?: string): Promise<string> => {
  let password = first ?? (await askNewPassword(asking, what));
  for (;;) {
    try {
      await send(password);
      return password;
    } catch (error) {
      if (!(error instanceof Failure) || !['PasswordTooShort', 'PasswordTooLong', 'PasswordIsAddress', 'PasswordTooCommon'].includes(error.problem.code)) throw error;
      asking.out.note(said(error));
      password = await askNewPassword(asking, what);
    }
  }
};

/** With the old one, where there is one; also while a sign-up that this CLI holds waits for its payment. */
export const change = async (call: Call): Promise<void> => {
  const { out } = call;
  const target = targetOf();
  onInterrupt('Interrupted. The password stays as it was. Again: tollgate password change');
  const asking: Asking = { out, lines: new LineReader(), instead: 'Give the answers on standard input, one line each: the old password, the new one, the new one again.' };
  const held = readConfig().credentials[target.url];
  const signingUp = !held?.customer && held?.signup;
  const client = signingUp ? new Client(target, signupToken(target, signingUp.token)) : clientFor('customer', call);
  const { password: has } = await client.json<{ password: boolean }>({ path: signingUp ? '/sessions/signup' : '/account' });
  const old = has && !signingUp ? await askSecret(asking, 'Old password: ') : undefined;
  await settled(asking, 'New password', (password) => client.json({ method: 'POST', path: '/sessions/password/change', body: { password, ...(old === undefined ? {} : { old }) } }));
  await out.result({ changed: true }, () => out.data(has ? 'The password is changed.' : 'The password is set.'));
  if (has) out.note("Other sessions go on; 'tollgate logout --everywhere' ends them all.");
};

/** A token by mail, then the new password; every session ends, and this machine logs in with the new one. */
export const reset = async (call: Call): Promise<void> => {
  const { out } = call;
  const target = targetOf();
  requireSecure(target);
  onInterrupt('Interrupted. Nothing has changed. Again: tollgate password reset EMAIL');
  const asking: Asking = { out, lines: new LineReader(), instead: 'Give the answers on standard input, one line each: the token of the mail, the new password, the new one again.' };
  const email = await emailOf(call, asking);
  onInterrupt(`Interrupted. Nothing has changed. Again: tollgate password reset ${email}`);
  const client = new Client(target);
  const { flowId } = await client.json<{ flowId: string }>({ method: 'POST', path: '/sessions/password/reset', body: { email } });
  out.note(`If ${email} has an account, a mail with a one-time token is on its way. It is valid for 60 minutes.`);
  let first: string | undefined;
  const password = await untilRight(asking, async () => {
    const token = oneTimeToken(await ask(asking, 'Please paste it here: '));
    return settled(asking, 'New password', async (password) => {
      first = password; // kept: a wrong token is no reason to ask for it again
      await client.json({ method: 'POST', path: '/sessions/password/reset/confirm', body: { email, flowId, token, password } });
    }, first);
  });
  out.note('The password is set, and every session of before has ended.');
  const verified = await client.json<Verified>({ method: 'POST', path: '/sessions/password', body: { email, password } });
  if (verified.status !== 'signed-in') return out.result({ changed: true }, () => out.data(`The password is set. Go on with your sign-up: tollgate login ${email}`));
  await announce(call, target, await enter({ email, target, out, lines: asking.lines, timeoutMs: 0 }, verified));
};

/** The list of one's namespaces, by mail. */
export const recover = async (call: Call): Promise<void> => {
  const { out } = call;
  const target = targetOf();
  requireSecure(target);
  const email = await emailOf(call, { out, lines: new LineReader(), instead: "Name it: 'tollgate login recover EMAIL'." });
  await new Client(target).json({ method: 'POST', path: '/sessions/recover', body: { email } });
  await out.result({ asked: true, email }, () => out.data(`If ${email} has an account, a mail with its namespaces is on its way.`));
};

/** Ends a session that this machine had: nobody else can use it any more. */
export const closeReplaced = async (target: ReturnType<typeof targetOf>, session: StoredSession): Promise<void> => {
  try {
    await new Client(target, replacedSession(target, session)).json({ method: 'POST', path: '/sessions/close', body: {}, timeoutMs: 5_000 });
  } catch (error) {
    if (!(error instanceof Failure)) throw error; // it is forgotten here in any case
  }
};
