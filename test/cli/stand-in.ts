/** A small server that speaks the contract for the parts under test. It keeps what it was asked. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Asked = { readonly method: string; readonly path: string; readonly query: URLSearchParams; readonly headers: IncomingHttpHeaders; readonly body: any; readonly bytes: Buffer };
export type Answer = { readonly status?: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>>; /** JSON lines instead of a document. */ readonly lines?: readonly unknown[]; /** Server-sent events instead: sent as they come, the answer stays open until they end. */ readonly events?: AsyncIterable<string>; /** Cut the connection off, after the lines. */ readonly cut?: true };
type Route = (asked: Asked) => Answer | Promise<Answer>;

export const problem = (status: number, code: string, detail: string, nextStep = 'Do something else.', more: object = {}): Answer =>
  ({ status, headers: { 'content-type': 'application/problem+json' }, body: { type: `urn:tollgate:problem:${code}`, title: code, status, detail, code, nextStep, correlationId: 'cor_1', ...more } });

export class StandIn {
  readonly asked: Asked[] = [];
  readonly routes = new Map<string, Route>();
  readonly #server: Server;
  url = '';
  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }
  static async start(): Promise<StandIn> {
    const standIn = new StandIn();
    await new Promise<void>((resolve) => standIn.#server.listen(0, '127.0.0.1', resolve));
    standIn.url = `http://127.0.0.1:${(standIn.#server.address() as AddressInfo).port}`;
    return standIn;
  }
  /** `on('GET /plans', ...)`; the last one said counts. */
  on(route: string, answer: Answer | Route): this {
    this.routes.set(route, typeof answer === 'function' ? answer : () => answer);
    return this;
  }
  of(route: string): readonly Asked[] {
    return this.asked.filter(({ method, path }) => `${method} ${path}` === route);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const isJson = request.headers['content-type'] === 'application/json';
    const asked: Asked = { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers: request.headers, body: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined, bytes };
    this.asked.push(asked);
    const route = this.routes.get(`${asked.method} ${asked.path}`) ?? (() => problem(404, 'NotFound', `no ${asked.method} ${asked.path} here`));
    const { status = 200, body, headers = {}, lines, events, cut } = await route(asked);
    if (events) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      for await (const text of events) response.write(text);
      return void request.socket.destroy();
    }
    if (cut && !lines) return void request.socket.destroy();
    response.writeHead(status, { 'content-type': lines ? 'application/x-ndjson' : 'application/json', ...headers });
    for (const line of lines ?? []) response.write(`${JSON.stringify(line)}\n`);
    if (cut) setTimeout(() => request.socket.destroy(), 20);
    else response.end(body === undefined ? '' : JSON.stringify(body));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }
}

export const oneTimeToken = 'da11a78e30171057bc320ec36dcc5a7db5611053';
export const paymentToken = `per_0123456789abcdefghjk.1.${'ab'.repeat(20)}`;
export const session = (n = 0) => ({
  accessToken: `access-${n}`, expiresAt: '2026-11-21T08:10:00.000Z', refreshToken: `refresh-${n}`, sessionId: 'ses_0123456789abcdefghjk',
  account: 'acc_0123456789abcdefghjk', email: 'ada@example.com', namespace: 'brave-red-fox', namespaces: ['brave-red-fox', 'calm-blue-owl'],
});

/** The sign-up of one invited address, with what the pages do played by the test. */
export class SignupScene {
  status: 'verified' | 'charging' | 'settling' | 'declined' | 'completed' = 'verified';
  /** Set once the page is done. */
  shown: string | undefined;
  /** What a redemption leads to. */
  outcome: 'completed' | 'declined' | 'settling' = 'completed';
  hasAccount = false;
  constructor(standIn: StandIn) {
    const signup = () => ({ signupId: 'per_1', email: 'ada@example.com', status: this.status, subscribeUrl: `${standIn.url}/subscribe`, ...(this.shown === undefined ? {} : { paymentToken: this.shown }), ...(this.status === 'declined' ? { detail: 'the card was declined: insufficient funds', nextStep: 'Give another card on the page.' } : {}) });
    const asSigner = (answer: (asked: Asked) => Answer): Route => (asked) => (asked.headers.authorization === 'Bearer signup-token' ? answer(asked) : problem(401, 'NotSignedIn', 'this needs a sign-up token'));
    standIn
      .on('POST /sessions/otp', ({ body }) => (body.email === 'ada@example.com' ? { body: { flowId: 'flw_1', expiresAt: '2099-01-01T00:00:00.000Z', attempts: 5 } } : problem(403, 'NotInvited', 'This address is not invited.', 'Ask the operator for an invite.')))
      .on('POST /sessions/otp/resend', { body: { flowId: 'flw_1', expiresAt: '2099-01-01T00:00:00.000Z', attempts: 5 } })
      .on('POST /sessions/otp/verify', ({ body }) => {
        if (body.token !== oneTimeToken) return problem(422, 'OtpWrong', 'That token is wrong; 4 tries left.', 'Paste the newest one.');
        return { body: this.hasAccount ? { status: 'signed-in', session: session() } : { status: 'payment-required', signup: { ...signup(), token: 'signup-token' } } };
      })
      .on('GET /sessions/signup', asSigner(() => ({ body: signup() })))
      .on('POST /sessions/payment', asSigner(({ body }) => {
        if (body.paymentToken !== paymentToken) return problem(404, 'PaymentTokenUnknown', 'There is no such payment token.', 'Copy it from the page.');
        this.status = this.outcome;
        this.shown = undefined;
        return { body: signup() };
      }))
      .on('POST /sessions/open', asSigner(() => (this.status === 'completed' ? { body: session() } : problem(409, 'SignupNotComplete', 'This sign-up is not complete.'))));
  }
}
