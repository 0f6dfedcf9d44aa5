/** From the 2xx that a failed renewal's webhook gets to the first answer of the gate that refuses, against one command's round trip. */
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAdapters } from '../src/adapters.ts';
import { assemble } from '../src/assembly.ts';
import { day } from '../src/domain/instant.ts';
import { operatorToken } from '../src/founding.ts';
import { readFileSync } from 'node:fs';
import { serve } from '../src/server.ts';
import { median, rowOf, type Round, type Row } from './measure.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const rounds = 5;
type Answer = { readonly status: number; readonly text: string; readonly location?: string };

export const lapseRows = async (): Promise<Row[]> => {
  const data = await mkdtemp(join(tmpdir(), 'tollgate-bench-'));
  let origin = '';
  /** When each webhook that tells of a payment was answered. */
  const answeredAt: number[] = [];
  const adapters = openAdapters({ data }, () => origin);
  const agent = new Agent({ keepAlive: true });
  const ask = (method: string, path: string, { token, body, form }: { token?: string; body?: object | string; form?: Record<string, string> } = {}, headers: Record<string, string> = {}): Promise<Answer> => new Promise((resolve, reject) => {
    const text = form ? String(new URLSearchParams(form)) : typeof body === 'string' ? body : body && JSON.stringify(body);
    const type = form ? 'application/x-www-form-urlencoded' : 'application/json';
    request(new URL(path, origin), { method, agent, headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) }), ...headers } }, (answer) => {
      let said = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (said += chunk)).on('end', () => resolve({ status: answer.statusCode ?? 0, text: said, ...(answer.headers.location === undefined ? {} : { location: answer.headers.location }) }));
    }).on('error', reject).end(text);
  });
  const json = async (asked: Promise<Answer>): Promise<any> => JSON.parse((await asked).text) as unknown;
  const post = async (body: string, headers: Record<string, string>): Promise<number> => {
    const { status } = await ask('POST', '/webhooks/stripe', { body }, headers);
    if ((JSON.parse(body) as { type: string }).type === 'invoice.payment_failed') answeredAt.push(performance.now());
    return status;
  };
  const system = await assemble(adapters, { mode: 'mock', data, version: 'bench', origin: () => origin, logger: quiet, post });
  await operatorToken(system.handler, system.identity, data, adapters.random);
  const served = await serve(system, { host: '127.0.0.1', hostNames: [] }, quiet);
  try {
    await served.app.listen(0, '127.0.0.1');
    origin = `http://127.0.0.1:${(served.app.getHttpServer().address() as { port: number }).port}`;
    await system.start();
    const staff = readFileSync(join(data, 'operator.token'), 'utf8').trim();
    await ask('POST', '/commands/OfferPlan', { token: staff, body: { name: 'strict', amount: 100, currency: 'USD', graceDays: 0 } });
    const planId = ((await json(ask('GET', '/plans', { token: staff }))) as { items: { id: string; name: string }[] }).items.find(({ name }) => name === 'strict')?.id ?? '';
    const customer = async (email: string): Promise<string> => {
      await ask('POST', '/commands/AddInvite', { token: staff, body: { email } });
      const { flowId } = await json(ask('POST', '/sessions/otp', { body: { email } }));
      await system.mockTime.settled();
      const [mail] = (await json(ask('GET', `/mailbox.json?to=${email}`))) as { text: string }[];
      const { signup } = await json(ask('POST', '/sessions/otp/verify', { body: { email, flowId, token: /[0-9a-f]{40}/.exec(mail?.text ?? '')?.[0] } }));
      const { location: checkout = '' } = await ask('POST', '/subscribe', { form: { email, plan: planId } });
      const { location: done = '' } = await ask('POST', checkout, { form: { card: 'succeeds-once' } });
      const paymentToken = /data-payment-token[^>]*>([^<]*)</.exec((await ask('GET', done)).text)?.[1];
      await ask('POST', '/sessions/payment', { token: signup.token, body: { paymentToken } });
      return ((await json(ask('POST', '/sessions/open', { token: signup.token }))) as { refreshToken: string }).refreshToken;
    };
    const found: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const refreshToken = await customer(`lapser${round}@example.com`);
      await system.mockTime.advance(27 * day, () => undefined);
      const { accessToken } = await json(ask('POST', '/sessions/refresh', { body: { refreshToken } }));
      const commands: number[] = [];
      for (let n = 0; n < 50; n += 1) {
        const from = performance.now();
        await ask('POST', '/commands/AddInvite', { token: staff, body: { email: `p${round}-${n}@example.com` } });
        commands.push(performance.now() - from);
      }
      answeredAt.length = 0;
      // The renewal is due some days later; the walk must not outlive the access token, so the gate is asked with one that is renewed at its end.
      let refusedAt = 0;
      let token = accessToken as string;
      let refresh = refreshToken;
      const walking = system.mockTime.advance(6 * day, () => undefined);
      let over = false;
      void walking.finally(() => (over = true));
      while (refusedAt === 0) {
        const { status, text } = await ask('GET', '/gate?action=run', { token });
        if (status === 401) {
          const renewed = await json(ask('POST', '/sessions/refresh', { body: { refreshToken: refresh } }));
          [token, refresh] = [renewed.accessToken as string, renewed.refreshToken as string];
        } else if (!(JSON.parse(text) as { allow: boolean }).allow) refusedAt = performance.now();
        else if (over && answeredAt.length > 0 && performance.now() - (answeredAt[0] ?? 0) > 10_000) throw new Error('the lapse is never felt');
      }
      await walking;
      found.push({ ours: Math.max(0, refusedAt - (answeredAt[0] ?? refusedAt)), floor: median(commands) });
    }
    return [rowOf({ name: "from a failed renewal's webhook to a refusing gate", goal: 10, better: 'lower', unit: 'ms', sent: 'a plan without grace and a card that is declined at renewal; the gate is asked again and again over HTTP; against the round trip of one AddInvite over HTTP' }, found)];
  } finally {
    await served.close();
    await system.stop();
    await adapters.close();
    agent.destroy();
    await rm(data, { recursive: true, force: true });
  }
};
