/** Mixed load by clients that outlive the server: each knows what it has been told, and goes on until it is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { filesTgz } from '../contracts/source-store.archives.ts';
import type { Answer, ServerProcess } from './server-process.ts';

/** What was acknowledged, and so must be there for ever. */
export type Acknowledged = { readonly what: string; readonly stream: string; readonly ids: readonly string[] };
export type Customer = { readonly email: string; access: string; refresh: string; readonly account: string; readonly namespace: string };

export class Load {
  readonly #server: ServerProcess;
  readonly acknowledged: Acknowledged[] = [];
  readonly customers: Customer[] = [];
  readonly refusals: string[] = [];
  #over = false;
  #workers: Promise<void>[] = [];

  constructor(server: ServerProcess) {
    this.#server = server;
  }
  /** Everything at once: invitations, journeys to a running workload, rebuilds, time. */
  begin(): void {
    const forever = (work: (n: number) => Promise<void>) => (async () => {
      for (let n = 0; !this.#over; n += 1) await work(n);
    })();
    this.#workers = [
      ...[0, 1, 2].map((worker) => forever((n) => this.command('AddInvite', { email: `invited-${worker}-${n}@example.com` }, `invite.${worker}.${n}`))),
      ...[0, 1, 2].map((worker) => forever((n) => this.journey(`customer-${worker}-${n}@example.com`, worker === 2 ? 'succeeds-once' : 'succeeds'))),
      forever(async (n) => {
        await this.#server.ask('POST', `/projections/${['invites', 'signups', 'mails', 'subscriptions', 'gate'][n % 5]}/rebuild`, { token: this.#server.operator });
        await sleep(300);
      }),
      forever(async (n) => {
        await sleep(2_000);
        await this.#advance(n % 4 === 3 ? '32d' : '20m');
      }),
    ];
  }
  /** No new work is begun; what was begun is carried to its end. */
  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#workers);
  }

  /** A command of the operator, under one key until it is acknowledged. */
  async command(name: string, body: object, key: string, token = this.#server.operator, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const { status, json, text } = await this.#server.ask('POST', `/commands/${name}`, { token, body, headers: { 'idempotency-key': key, ...headers } });
    if (status === 200) this.acknowledged.push({ what: name, stream: json.stream, ids: json.events.map(({ id }: { id: string }) => id) });
    else this.#refused(`${name}: ${text}`);
  }
  /** From an invitation to a running workload; whatever is lost on the way is done again. */
  async journey(email: string, card: string): Promise<void> {
    await this.command('AddInvite', { email }, `invite.${email}`);
    for (let tries = 0; tries < 60 && !this.#over; tries += 1) {
      const customer = await this.#signUp(email, card);
      if (!customer) continue;
      this.customers.push(customer);
      return this.#run(customer);
    }
  }

  async #signUp(email: string, card: string): Promise<Customer | undefined> {
    const started = await this.#server.ask('POST', '/sessions/otp', { body: { email } });
    if (started.status === 429) return void (await this.#advance('61m'));
    const token = await this.#newestToken(email);
    if (started.status !== 200 || token === undefined) return undefined;
    const verified = await this.#server.ask('POST', '/sessions/otp/verify', { body: { email, flowId: started.json.flowId, token } });
    if (verified.status !== 200) return undefined;
    if (verified.json.status === 'signed-in') return customerOf(email, verified.json.session);
    return this.#pay(email, card, verified.json.signup.token);
  }
  async #newestToken(email: string): Promise<string | undefined> {
    for (let looks = 0; looks < 40; looks += 1) {
      const { json } = await this.#server.ask('GET', `/mailbox.json?to=${encodeURIComponent(email)}`);
      const token = (json as { text: string }[] | undefined)?.map(({ text }) => /\b[0-9a-f]{40}\b/.exec(text)?.[0]).find((found) => found !== undefined);
      if (token !== undefined) return token;
      await sleep(50);
    }
    return undefined;
  }
  async #pay(email: string, card: string, signupToken: string): Promise<Customer | undefined> {
    const standing = (await this.#server.ask('GET', '/sessions/signup', { token: signupToken })).json;
    let paymentToken: string | undefined = standing?.paymentToken;
    if (standing?.status === 'verified' && paymentToken === undefined) {
      const checkout = (await this.#server.ask('POST', '/subscribe', { form: { email } })).headers.get('location');
      const done = checkout === null ? null : (await this.#server.ask('POST', checkout, { form: { card } })).headers.get('location');
      const page = done === null ? undefined : await this.#server.ask('GET', done);
      paymentToken = /data-payment-token[^>]*>([^<]*)</.exec(page?.text ?? '')?.[1];
    }
    if (paymentToken !== undefined) await this.#server.ask('POST', '/sessions/payment', { token: signupToken, body: { paymentToken } });
    for (let looks = 0; looks < 40; looks += 1) {
      const opened = await this.#server.ask('POST', '/sessions/open', { token: signupToken });
      if (opened.status === 200) return customerOf(email, opened.json);
      if (opened.status !== 409) return undefined;
      await sleep(50);
    }
    return undefined;
  }
  async #run(customer: Customer): Promise<void> {
    const digest = await this.#as(customer, (token) => this.#upload(token));
    if (digest?.status !== 200) return;
    await this.#as(customer, async (token) => {
      const answer = await this.#server.ask('POST', '/commands/RunWorkload', { token, headers: { 'idempotency-key': `run.${customer.email}`, 'micro-namespace': customer.namespace }, body: { name: 'sleeper', source: digest.json.digest, command: 'sleep 100000' } });
      if (answer.status === 200) this.acknowledged.push({ what: 'RunWorkload', stream: answer.json.stream, ids: answer.json.events.map(({ id }: { id: string }) => id) });
      return answer;
    });
  }
  async #upload(token: string): Promise<Answer> {
    return this.#server.ask('PUT', '/sources', { token, body: await filesTgz({ 'nothing.txt': 'nothing' }), headers: { 'content-type': 'application/gzip' } });
  }
  /** With an access token that is renewed when it is refused: time is walked forward all the while. */
  async #as(customer: Customer, asking: (token: string) => Promise<Answer>): Promise<Answer | undefined> {
    for (let tries = 0; tries < 5; tries += 1) {
      const answer = await asking(customer.access);
      if (answer.status !== 401) return answer;
      const renewed = await this.#server.ask('POST', '/sessions/refresh', { body: { refreshToken: customer.refresh } });
      if (renewed.status !== 200) return undefined;
      Object.assign(customer, { access: renewed.json.accessToken, refresh: renewed.json.refreshToken });
    }
    return undefined;
  }
  async #advance(duration: string): Promise<void> {
    await this.#server.ask('POST', '/clock/advance', { token: this.#server.operator, body: { duration } });
  }
  #refused(what: string): void {
    this.refusals.push(what);
  }
}
const customerOf = (email: string, session: { accessToken: string; refreshToken: string; account: string; namespace: string }): Customer => ({ email, access: session.accessToken, refresh: session.refreshToken, account: session.account, namespace: session.namespace });
