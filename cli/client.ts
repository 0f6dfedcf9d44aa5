/** Calls to the server: identifies itself, repeats what may be repeated, renews a session that is refused, and turns answers into values or failures. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredSession } from './config-file.ts';
import type { Credential } from './credentials.ts';
import { Failure, kindOf, type Problem } from './exit-codes.ts';
import { localTime, withLocalTimes } from './output.ts';
import { requireSecure, type Target } from './target.ts';
import { NoAnswer, exchange, linesOf, textOf } from './transport.ts';

const answerMaxMs = 60_000;
const refreshMaxMs = 15_000;
const retriesMax = 3;
const retryAfterMaxMs = 5_000;
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;
export type Ask = {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  /** Bytes instead of JSON, made anew for each try. */
  readonly upload?: () => Promise<Readable>;
  readonly headers?: Readonly<Record<string, string>>;
  /** May it be sent again when the outcome is unknown? Reading may, and what carries an idempotency key. */
  readonly repeatable?: boolean;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

/** The refusal in an answer. */
const failureOf = (status: number, text: string, url: URL): Failure => {
  let problem: Partial<Problem> = {};
  try {
    problem = JSON.parse(text) as Partial<Problem>;
  } catch {
    // not ours: a proxy in between, or another server
  }
  if (typeof problem.detail !== 'string') return new Failure(kindOf(status), `'${url.origin}' answered ${status} to ${url.pathname}`, 'Is that a Tollgate server of this version?', { status, code: 'UnexpectedAnswer' });
  return refusal({ status, ...problem } as Problem);
};
export const refusal = (problem: Problem): Failure => {
  const unpaid = problem.code === 'PaymentRequired' || problem.level === 'unpaid';
  return new Failure(kindOf(problem.status), unpaid ? "payment required, see 'tollgate account help'" : withReset(problem), '', { ...problem, nextStep: problem.nextStep ?? '' });
};
/** When it may be tried again stands in the refusal, as a time here. */
const withReset = ({ detail, resetAt }: Problem): string => {
  const text = withLocalTimes(detail);
  return resetAt === undefined || text.includes(localTime(resetAt)) ? text : `${text} Next try: ${localTime(resetAt)}.`;
};

export class Client {
  readonly target: Target;
  readonly #credential: Credential | undefined;
  constructor(target: Target, credential?: Credential) {
    this.target = target;
    this.#credential = credential;
  }

  /** It calls as an operator, who sees everybody's things. */
  get staff(): boolean {
    return this.#credential?.staff === true;
  }

  async json<T = any>(ask: Ask): Promise<T> {
    const { answer, url } = await this.#answer(ask);
    const text = await textOf(answer, url);
    try {
      return (text === '' ? undefined : JSON.parse(text)) as T;
    } catch {
      throw new Failure('ours', `'${url.origin}' answered ${url.pathname} with something that is not JSON`, 'Is that a Tollgate server of this version?');
    }
  }
  /** JSON lines as they come; a problem among them ends it. */
  async *lines<T = any>(ask: Ask): AsyncGenerator<T> {
    const { answer, url } = await this.#answer(ask);
    for await (const line of linesOf(answer, url)) {
      const value = parsedLine(line, url) as { problem?: Problem };
      if (value.problem?.code !== undefined) throw refusal(value.problem);
      yield value as T;
    }
  }

  /** Server-sent events as they come, each with its name and its data parsed; `onLine` also hears the server's sign of life. Not repeated: who reads knows where to go on. */
  async *events(ask: Ask & { readonly onLine?: () => void }): AsyncGenerator<{ readonly event: string; readonly data: unknown }> {
    const { answer, url } = await this.#answer({ ...ask, headers: { ...ask.headers, accept: 'text/event-stream' } });
    let event = 'message';
    ask.onLine?.();
    for await (const line of linesOf(answer, url)) {
      ask.onLine?.();
      if (line.startsWith('event:')) event = line.slice('event:'.length).trim();
      if (!line.startsWith('data:')) continue;
      yield { event, data: parsedLine(line.slice('data:'.length), url) };
      event = 'message';
    }
  }

  async #answer(ask: Ask): Promise<{ answer: IncomingMessage; url: URL }> {
    if (this.#credential) requireSecure(this.target);
    const first = await this.#send(ask);
    if (first.answer.statusCode !== 401 || !this.#credential) return this.#accepted(first);
    first.answer.resume();
    if (!(await this.#credential.renew((token) => this.#refresh(token)))) throw this.#credential.refused();
    const second = await this.#send(ask);
    if (second.answer.statusCode === 401) throw this.#credential.refused();
    return this.#accepted(second);
  }
  async #accepted({ answer, url }: { answer: IncomingMessage; url: URL }) {
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return { answer, url };
    throw failureOf(status, await textOf(answer, url), url);
  }
  #refresh(refreshToken: string): Promise<StoredSession> {
    return new Client(this.target).json({ method: 'POST', path: '/sessions/refresh', body: { refreshToken }, repeatable: true, timeoutMs: refreshMaxMs });
  }

  /** One try, and a few more when the server is busy or the connection was cut. */
  async #send(ask: Ask): Promise<{ answer: IncomingMessage; url: URL }> {
    const once = async () => {
      const sent = await this.#once(ask);
      if (sent.answer.statusCode !== 503) return sent;
      const retryAfterMs = Number(sent.answer.headers['retry-after'] ?? 0) * 1_000;
      throw Object.assign(failureOf(503, await textOf(sent.answer, sent.url), sent.url), { retryAfterMs });
    };
    const repeatable = ask.repeatable ?? (ask.method ?? 'GET') === 'GET';
    try {
      return await once();
    } catch (error) {
      if (!repeatable || !isPassing(error)) throw error;
      await pause(error);
    }
    const { default: pRetry } = await import('p-retry');
    return pRetry(once, { retries: retriesMax - 1, minTimeout: 200, factor: 3, randomize: true, shouldRetry: ({ error }) => isPassing(error), onFailedAttempt: ({ error, retriesLeft }) => (retriesLeft > 0 && isPassing(error) ? pause(error) : undefined), ...(ask.signal === undefined ? {} : { signal: ask.signal }) });
  }
  async #once({ method = 'GET', path, query = {}, body, upload, headers = {}, timeoutMs = answerMaxMs, signal }: Ask): Promise<{ answer: IncomingMessage; url: URL }> {
    const url = new URL(path, this.target.url);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const content = upload ? await upload() : method === 'GET' ? undefined : JSON.stringify(body ?? {});
    const all = { ...this.#credential?.headers(), ...headers };
    return { url, answer: await exchange({ method, url, headers: all, timeoutMs, ...(content === undefined ? {} : { body: content }), ...(signal === undefined ? {} : { signal }) }) };
  }
}
/** Half a line is what a connection cut off leaves behind. */
const parsedLine = (line: string, url: URL): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    throw new NoAnswer(url.origin, 'the answer was cut off', true);
  }
};
const isPassing = (error: unknown): boolean => (error instanceof NoAnswer ? error.lost : error instanceof Failure && error.problem.status === 503);
const pause = (error: unknown): Promise<void> => sleep(Math.min((error as { retryAfterMs?: number }).retryAfterMs || 100, retryAfterMaxMs));
