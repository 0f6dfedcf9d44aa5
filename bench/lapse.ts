/** From the 2xx that a failed renewal's webhook gets to the first answer of the gate that refuses, against one command's round trip. */
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAdapters } from '../src/adapters.ts';
import { assemble, type Assembled } from '../src/assembly.ts';
import { day } from '../src/domain/instant.ts';
import { operatorToken } from '../src/founding.ts';
import { readFileSync } from 'node:fs';
import { serve, type Served } from '../src/server.ts';
import { median, rowOf, type Round, type Row } from './measure.ts';
import { quiet } from './quiet.ts';

const rounds = 5;
type Asked = { readonly token?: string; readonly body?: object | string; readonly form?: Record<string, string> };
type Answer = { readonly status: number; readonly text: string; readonly location?: string };

/** A server in this process, whose webhooks are timed, and a client for it. */
class Stage {
  readonly #agent = new Agent({ keepAlive: true });
  #adapters!: Awaited<ReturnType<typeof openAdapters>>;
  #origin = '';
  system!: Assembled;
  #served!: Served;
  staff = '';
  /** When each webhook that tells of a failed payment was answered. */
  readonly answeredAt: number[] = [];

  async open(data: string): Promise<void> {
    this.#adapters = await openAdapters({ data }, () => this.#origin);
    const post = async (body: string, headers: Record<string, string>): Promise<number> => {
      const { status } = await this.ask('POST', '/webhooks/stripe', { body }, headers);
      if ((JSON.parse(body) as { type: string }).type === 'invoice.payment_failed') this.answeredAt.push(performance.now());
      return status;
    };
    this.system = await assemble(this.#adapters, { mode: 'mock', data, version: 'bench', origin: () => this.#origin, logger: quiet, post });
    await operatorToken(this.system.handler, this.system.identity, data, this.#adapters.random);
    this.#served = await serve(this.system, { host: '127.0.0.1', hostNames: [] }, quiet);
    await this.#served.app.listen(0, '127.0.0.1');
    this.#origin = `http://127.0.0.1:${(this.#served.app.getHttpServer().address() as { port: number }).port}`;
    await this.system.start();
    this.staff = readFileSync(join(data, 'operator.token'), 'utf8').trim();
  }
  async close(): Promise<void> {
    await this.#served.close();
    await this.system.stop();
    await this.#adapters.close();
    this.#agent.destroy();
  }
  ask(method: string, path: string, { token, body, form }: Asked = {}, headers: Record<string, string> = {}): Promise<Answer> {
    const text = form ? String(new URLSearchParams(form)) : typeof body === 'string' ? body : body && JSON.stringify(body);
    const type = form ? 'application/x-www-form-urlencoded' : 'application/json';
    return new Promise((resolve, reject) => {
      request(new URL(path, this.#origin), { method, agent: this.#agent, headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) }), ...headers } }, (answer) => {
        let said = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (said += chunk)).on('end', () => resolve({ status: answer.statusCode ?? 0, text: said, ...(answer.headers.location === undefined ? {} : { location: answer.headers.location }) }));
      }).on('error', reject).end(text);
    });
  }
  async json(method: string, path: string, asked: Asked = {}): Promise<any> {
    return JSON.parse((await this.ask(method, path, asked)).text) as unknown;
  }
}

/** A customer of this plan whose card is declined at the first renewal; answers the refresh token. */
const customer = async (stage: Stage, email: string, plan: string): Promise<string> => {
  await stage.ask('POST', '/commands/AddInvite', { token: stage.staff, body: { email } });
  const { flowId } = await stage.json('POST', '/sessions/otp', { body: { email } });
  await stage.system.mockTime.settled();
  const [mail] = (await stage.json('GET', `/mailbox.json?to=${email}`)) as { text: string }[];
  const { signup } = await stage.json('POST', '/sessions/otp/verify', { body: { email, flowId, token: /[0-9a-f]{40}/.exec(mail?.text ?? '')?.[0] } });
  const { location: checkout = '' } = await stage.ask('POST', '/subscribe', { form: { email, plan } });
  const { location: done = '' } = await stage.ask('POST', checkout, { form: { card: 'succeeds-once' } });
  const paymentToken = /data-payment-token[^>]*>([^<]*)</.exec((await stage.ask('GET', done)).text)?.[1];
  await stage.ask('POST', '/sessions/payment', { token: signup.token, body: { paymentToken } });
  return (await stage.json('POST', '/sessions/open', { token: signup.token })).refreshToken as string;
};
const commandMs = async (stage: Stage, round: number): Promise<number> => {
  const found: number[] = [];
  for (let n = 0; n < 50; n += 1) {
    const from = performance.now();
    await stage.ask('POST', '/commands/AddInvite', { token: stage.staff, body: { email: `p${round}-${n}@example.com` } });
    found.push(performance.now() - from);
  }
  return median(found);
};
/** Walks over the renewal and asks the gate all the while; milliseconds from the webhook's answer to the first refusal. */
const lapseMs = async (stage: Stage, refreshToken: string): Promise<number> => {
  let refresh = refreshToken;
  const renewed = async (): Promise<string> => {
    const session = await stage.json('POST', '/sessions/refresh', { body: { refreshToken: refresh } });
    refresh = session.refreshToken as string;
    return session.accessToken as string;
  };
  let token = await renewed();
  stage.answeredAt.length = 0;
  const walking = stage.system.mockTime.advance(6 * day, () => undefined);
  for (;;) {
    const { status, text } = await stage.ask('GET', '/gate?action=run', { token });
    if (status === 401) token = await renewed();
    else if (!(JSON.parse(text) as { allow: boolean }).allow) break;
    else if (stage.answeredAt.length > 0 && performance.now() - (stage.answeredAt[0] ?? 0) > 10_000) throw new Error('the lapse is never felt');
  }
  const refusedAt = performance.now();
  await walking;
  return Math.max(0, refusedAt - (stage.answeredAt[0] ?? refusedAt));
};

export const lapseRows = async (): Promise<Row[]> => {
  const data = await mkdtemp(join(tmpdir(), 'tollgate-bench-'));
  const stage = new Stage();
  try {
    await stage.open(data);
    await stage.ask('POST', '/commands/OfferPlan', { token: stage.staff, body: { name: 'strict', amount: 100, currency: 'USD', graceDays: 0 } });
    const plans = (await stage.json('GET', '/plans', { token: stage.staff })) as { items: { id: string; name: string }[] };
    const found: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const refreshToken = await customer(stage, `lapser${round}@example.com`, plans.items.find(({ name }) => name === 'strict')?.id ?? '');
      await stage.system.mockTime.advance(27 * day, () => undefined);
      const floor = await commandMs(stage, round);
      found.push({ ours: await lapseMs(stage, refreshToken), floor });
    }
    return [rowOf({ name: "from a failed renewal's webhook to a refusing gate", goal: 10, better: 'lower', unit: 'ms', sent: 'a plan without grace and a card that is declined at renewal; the gate is asked again and again over HTTP; against the round trip of one AddInvite over HTTP' }, found)];
  } finally {
    await stage.close();
    await rm(data, { recursive: true, force: true });
  }
};
