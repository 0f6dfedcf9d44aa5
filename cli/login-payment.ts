/** The payment step of a sign-up: waits for a payment token on standard input or for the server to show one, whichever comes first, and redeems it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';
import type { StoredSession } from './config-file.ts';
import { Failure } from './exit-codes.ts';
import { aborted } from './line-reader.ts';
import { prompt, type Steps } from './login-steps.ts';

export type Signup = {
  readonly signupId: string; readonly email: string; readonly status: 'verified' | 'charging' | 'settling' | 'declined' | 'completed'; readonly subscribeUrl: string;
  readonly password?: boolean; readonly paymentToken?: string; readonly detail?: string; readonly nextStep?: string;
};
const lookEveryMs = 1_000;

export const payForSignup = (steps: Steps, client: Client, standing: Signup): Promise<StoredSession> => new PaymentWait(steps, client, standing).session();

class PaymentWait {
  readonly #steps: Steps;
  readonly #client: Client;
  readonly #deadlineMs: number;
  #standing: Signup;
  /** Tokens that the server showed and that were tried. */
  readonly #tried = new Set<string>();
  /** A pasted line whose outcome is not known yet. */
  #pasted: string | undefined;
  /** The last pasted line was refused for this. */
  #wrong: Failure | undefined;
  #inputEnded = false;
  #redeemedPasted = false;
  #asked = false;
  #said = '';

  constructor(steps: Steps, client: Client, standing: Signup) {
    this.#steps = steps;
    this.#client = client;
    this.#standing = standing;
    this.#deadlineMs = Date.now() + steps.timeoutMs;
    this.#inputEnded = !steps.out.input;
  }

  async session(): Promise<StoredSession> {
    for (;;) {
      const session = await this.#passing(() => this.#step());
      if (session) return session;
      if (Date.now() >= this.#deadlineMs) throw this.#gaveUp();
    }
  }

  /** One move: open what is complete, redeem what is there, else wait a second for a line and look. */
  async #step(): Promise<StoredSession | undefined> {
    const { status, paymentToken } = this.#standing;
    if (status === 'completed') return this.#client.json<StoredSession>({ method: 'POST', path: '/sessions/open', repeatable: true });
    if (this.#pasted !== undefined) await this.#redeemPasted(this.#pasted);
    else if (status === 'charging' || status === 'settling') await this.#waitForMoney();
    else if (paymentToken !== undefined && !this.#tried.has(paymentToken)) await this.#redeemShown(paymentToken);
    else await this.#waitForToken();
    return undefined;
  }

  async #waitForMoney(): Promise<void> {
    this.#say(this.#standing.status === 'settling' ? 'The payment is settling, which may take a while. Waiting ...' : 'The payment is being taken. Waiting ...');
    await sleep(Math.min(lookEveryMs, this.#leftMs()));
    await this.#look();
  }
  async #waitForToken(): Promise<void> {
    const { lines } = this.#steps;
    this.#ask();
    const line = this.#inputEnded ? await sleep(Math.min(lookEveryMs, this.#leftMs()), aborted) : await lines.next(AbortSignal.timeout(Math.min(lookEveryMs, this.#leftMs())));
    if (line === aborted) await this.#look();
    else if (line === undefined) this.#endOfInput();
    else if (line.trim() !== '') this.#pasted = line.replaceAll(/[\s`'"]/g, '');
  }
  /** Not an error by itself: the page may still be finished, and the server shows it. */
  #endOfInput(): void {
    if (this.#wrong) throw new Failure('refused', this.#wrong.message, this.#wrong.problem.nextStep, this.#wrong.problem);
    this.#inputEnded = true;
  }

  async #redeemShown(token: string): Promise<void> {
    this.#say('The page is done; redeeming its payment token.');
    const refused = await this.#redeem(token);
    this.#redeemedPasted = false;
    this.#tried.add(token);
    if (refused) this.#refuse(refused);
  }
  async #redeemPasted(token: string): Promise<void> {
    const refused = await this.#redeem(token);
    this.#pasted = undefined;
    this.#redeemedPasted = true;
    this.#tried.add(token);
    if (refused) this.#refuse(refused);
  }
  /** What it was refused for; undefined when it is on its way or done. */
  async #redeem(paymentToken: string): Promise<Failure | undefined> {
    try {
      this.#standing = await this.#client.json<Signup>({ method: 'POST', path: '/sessions/payment', body: { paymentToken }, repeatable: true });
    } catch (error) {
      if (error instanceof Failure && error.problem.status !== 401 && ['refused', 'notFound', 'notAllowed', 'usage'].includes(error.kind)) return error;
      throw error;
    }
    const { status, detail = 'the payment was declined', nextStep = 'Give another card on the page.' } = this.#standing;
    return status === 'declined' ? new Failure('refused', detail, nextStep, { code: 'PaymentDeclined' }) : undefined;
  }
  #refuse(refused: Failure): void {
    const { message, problem } = refused;
    if (this.#redeemedPasted) this.#wrong = refused;
    this.#steps.out.note([message, problem.nextStep].filter((text) => text !== '').join('\n'));
    this.#asked = false;
  }
  async #look(): Promise<void> {
    const before = this.#standing.status;
    this.#standing = await this.#client.json<Signup>({ path: '/sessions/signup' });
    const { status, detail = 'the payment was declined', nextStep = 'Give another card on the page.' } = this.#standing;
    if (status === 'declined' && before !== 'declined') this.#refuse(new Failure('refused', detail, nextStep));
  }

  #ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    const { out } = this.#steps;
    out.note(`Please go to ${this.#standing.subscribeUrl} to get a payment token.`);
    if (!this.#inputEnded) prompt(this.#steps, 'Please paste it here, or just finish the page: ');
  }
  #say(text: string): void {
    if (this.#said !== text) this.#steps.out.note(this.#steps.lines.terminal && this.#asked ? `\n${text}` : text);
    this.#said = text;
  }
  #leftMs(): number {
    return Math.max(1, this.#deadlineMs - Date.now());
  }

  /** A server that is away for a moment does not end a wait of half an hour. */
  async #passing<T>(deed: () => Promise<T>): Promise<T | undefined> {
    try {
      return await deed();
    } catch (error) {
      const passing = error instanceof Failure && (error.kind === 'unavailable' || error.problem.code === 'SignupNotComplete');
      if (!passing) throw error;
      this.#say(`The server is away (${error.message}). Waiting for it ...`);
      await sleep(Math.min(lookEveryMs, this.#leftMs()));
      return undefined;
    }
  }
  #gaveUp(): Failure {
    const { email } = this.#steps;
    const what = this.#standing.status === 'settling' ? 'the payment to settle' : 'the payment token';
    return new Failure('gaveUp', `gave up waiting for ${what}`, `Go on any time with 'tollgate login --otp ${email}': no new one-time token is needed.`, { code: 'GaveUpWaiting' });
  }
}
