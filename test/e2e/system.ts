/** A whole Tollgate in this process, on a folder of its own, over real HTTP; and a customer to play with. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAdapters, type Adapters } from '../../src/adapters.ts';
import { assemble, type Assembled, type AssemblyOptions } from '../../src/assembly.ts';
import { operatorToken } from '../../src/founding.ts';
import { readFile } from 'node:fs/promises';
import { serve } from '../../src/server.ts';

export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string; readonly json: any };
export type Started = {
  readonly origin: string;
  readonly data: string;
  readonly operator: string;
  readonly system: Assembled;
  readonly adapters: Adapters;
  readonly warnings: { readonly facts: object; readonly message: string }[];
  call(method: string, path: string, options?: { readonly token?: string; readonly body?: unknown; readonly headers?: Record<string, string> }): Promise<Answer>;
  form(path: string, fields: Record<string, string>): Promise<Answer>;
  /** Walks the clock and waits until all has settled. */
  advance(milliseconds: number): Promise<void>;
  settled(): Promise<void>;
  /** Lets go of everything without finishing anything; the folder stays (pass it to `startSystem` again). */
  stop(options?: { readonly keep?: boolean }): Promise<void>;
};
export type StartOptions = { readonly data?: string; readonly at?: AssemblyOptions['at']; readonly instead?: Parameters<typeof openAdapters>[3] };

export const startSystem = async (options: StartOptions = {}): Promise<Started> => {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'tollgate-test-')));
  let origin = '';
  const warnings: { facts: object; message: string }[] = [];
  const note = (facts: object, message: string) => void warnings.push({ facts, message });
  const logger = { info: () => undefined, warn: note, error: note };
  const adapters = openAdapters({ data }, () => origin, {}, options.instead);
  const post = async (body: string, headers: Record<string, string>) => (await fetch(`${origin}/webhooks/stripe`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })).status;
  const system = await assemble(adapters, { mode: 'mock', data, version: 'test', origin: () => origin, logger, post, ...(options.at ? { at: options.at } : {}) });
  await operatorToken(system.handler, system.identity, data, adapters.random);
  const served = await serve(system, { host: '127.0.0.1', hostNames: [] }, logger);
  await served.app.listen(0, '127.0.0.1');
  origin = `http://127.0.0.1:${(served.app.getHttpServer().address() as { port: number }).port}`;
  await system.start();
  const operator = (await readFile(join(data, 'operator.token'), 'utf8')).trim();
  const answer = async (response: Response): Promise<Answer> => {
    const text = await response.text();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, json };
  };
  return {
    origin, data, operator, system, adapters, warnings,
    call: async (method, path, { token, body, headers } = {}) => answer(await fetch(`${origin}${path}`, {
      method, redirect: 'manual', headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' || body instanceof Uint8Array ? (body as never) : JSON.stringify(body) }),
    })),
    form: async (path, fields) => answer(await fetch(path.startsWith('http') ? path : `${origin}${path}`, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(fields) })),
    advance: async (milliseconds) => void (await system.mockTime.advance(milliseconds, () => undefined)),
    settled: () => system.mockTime.settled(),
    stop: async ({ keep = false } = {}) => {
      await served.close();
      await system.stop();
      await adapters.close();
      if (!keep) await rm(data, { recursive: true, force: true });
    },
  };
};

export type Customer = { readonly email: string; readonly access: string; readonly refresh: string; readonly account: string; readonly namespace: string; readonly signupToken: string };

export const invite = async (started: Started, email: string): Promise<void> => {
  const { status, text } = await started.call('POST', '/commands/AddInvite', { token: started.operator, body: { email } });
  if (status !== 200) throw new Error(`invite failed: ${text}`);
};
/** The newest one-time token mailed to an address. */
export const newestOtp = async (started: Started, email: string): Promise<string> => {
  await started.settled();
  const { json } = await started.call('GET', `/mailbox.json?to=${encodeURIComponent(email)}`);
  return /[0-9a-f]{40}/.exec((json as { text: string }[]).map(({ text }) => text).find((text) => /[0-9a-f]{40}/.test(text)) ?? '')?.[0] ?? '';
};
/** Up to the verified sign-up: answers the sign-up token. */
export const verifySignup = async (started: Started, email: string): Promise<string> => {
  const { json: flow } = await started.call('POST', '/sessions/otp', { body: { email } });
  const { json, text } = await started.call('POST', '/sessions/otp/verify', { body: { email, flowId: flow.flowId, token: await newestOtp(started, email) } });
  if (json?.status !== 'payment-required') throw new Error(`verify failed: ${text}`);
  return json.signup.token;
};
/** The page's way to a payment token. */
export const payByCard = async (started: Started, email: string, card: string): Promise<string> => {
  const plan = (await started.call('GET', '/plans')).json.items[0].id as string;
  const toCheckout = await started.form('/subscribe', { email, plan });
  const done = await started.form(toCheckout.headers.get('location') ?? '', { card });
  const page = await (await fetch(done.headers.get('location') ?? '')).text();
  return /data-payment-token[^>]*>([^<]*)</.exec(page)?.[1] ?? '';
};
export const signUp = async (started: Started, email: string, card = 'succeeds'): Promise<Customer> => {
  await invite(started, email);
  const signupToken = await verifySignup(started, email);
  const paymentToken = await payByCard(started, email, card);
  const { json: standing, text } = await started.call('POST', '/sessions/payment', { token: signupToken, body: { paymentToken } });
  if (standing?.status !== 'completed') throw new Error(`payment failed: ${text}`);
  const { json: session } = await started.call('POST', '/sessions/open', { token: signupToken });
  return { email, access: session.accessToken, refresh: session.refreshToken, account: session.account, namespace: session.namespace, signupToken };
};
