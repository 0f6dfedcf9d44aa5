/** A real server process on a folder and port of its own, that can be killed and started again; and a client that never gives up. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
/** An asking unanswered for so long, while a server was there to answer, counts as a hang. */
export const hangMs = 30_000;
const startMaxMs = 30_000;

export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string; readonly json: any };
export type Asking = { readonly token?: string; readonly body?: unknown; readonly form?: Readonly<Record<string, string>>; readonly headers?: Readonly<Record<string, string>> };

export class ServerProcess {
  readonly data: string;
  readonly #arguments: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;
  #errors = '';
  origin = '';
  #up = Promise.withResolvers<void>();

  constructor(data: string, options: { readonly arguments?: readonly string[]; readonly environment?: NodeJS.ProcessEnv } = {}) {
    this.data = data;
    this.#arguments = options.arguments ?? [];
    this.#environment = { PATH: process.env['PATH'], TOLLGATE_LOG_LEVEL: 'error', ...options.environment };
  }
  /** What it wrote to its log: errors only. */
  get errors(): string {
    return this.#errors;
  }
  get pid(): number | undefined {
    return this.#process?.pid;
  }
  get operator(): string {
    return readFileSync(join(this.data, 'operator.token'), 'utf8').trim();
  }

  /** Starts it, on the port it had before. Answers how long it took until it said that it is ready. */
  async start(): Promise<number> {
    const beganMs = Date.now();
    const port = this.origin === '' ? '0' : new URL(this.origin).port;
    const server = spawn(process.execPath, ['--enable-source-maps', main, '--port', port, '--data', this.data, ...this.#arguments], { stdio: ['ignore', 'pipe', 'pipe'], env: this.#environment });
    this.#process = server;
    server.stderr.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    const ready = new Promise<string>((resolve, reject) => {
      let said = '';
      server.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        const origin = /^Tollgate is ready at (\S+)/m.exec(said)?.[1];
        if (origin !== undefined) resolve(origin);
      });
      server.once('exit', (code, signal) => reject(new Error(`the server ended before it was ready (${code ?? signal}): ${this.#errors.slice(-2_000)}`)));
      setTimeout(() => reject(new Error('the server does not become ready')), startMaxMs).unref();
    });
    this.origin = await ready;
    this.#up.resolve();
    return Date.now() - beganMs;
  }
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const server = this.#process;
    if (!server || server.exitCode !== null || server.signalCode !== null) return server?.exitCode ?? null;
    this.#up = Promise.withResolvers();
    const exited = once(server, 'exit') as Promise<[number | null]>;
    server.kill(signal);
    return (await exited)[0];
  }
  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** One try. Rejects when the connection is lost. */
  async call(method: string, path: string, { token, body, form, headers }: Asking = {}): Promise<Answer> {
    const response = await fetch(path.startsWith('http') ? path : `${this.origin}${path}`, {
      method, redirect: 'manual', signal: AbortSignal.timeout(hangMs),
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined || body instanceof Uint8Array ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(form ? { body: new URLSearchParams(form) } : body === undefined ? {} : { body: (body instanceof Uint8Array ? body : JSON.stringify(body)) as never }),
    });
    const text = await response.text();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, json };
  }
  /** Tries again, with the same words, until a server has answered; what is temporarily unavailable is asked for again, too. */
  async ask(method: string, path: string, asking: Asking = {}): Promise<Answer> {
    for (;;) {
      await this.#up.promise;
      try {
        const answer = await this.call(method, path, asking);
        if (answer.status !== 503) return answer;
      } catch (error) {
        if ((error as Error).name === 'TimeoutError') throw new Error(`${method} ${path} was not answered within ${hangMs} ms`);
      }
      await sleep(20);
    }
  }
}
