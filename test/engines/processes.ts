/** The real server and the peer as processes, and a load whose every acknowledgement is kept. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const built = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const started = (file: string, args: readonly string[], ready: RegExp, environment: NodeJS.ProcessEnv = {}): Promise<{ child: ChildProcess; found: string; errors: () => string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], TOLLGATE_LOG_LEVEL: 'warn', ...environment } });
    let [output, errors] = ['', ''];
    child.stderr.on('data', (chunk: Buffer) => (errors = `${errors}${chunk.toString()}`.slice(-20_000)));
    child.stdout.on('data', (chunk: Buffer) => {
      const found = ready.exec((output += chunk.toString()))?.[1];
      if (found !== undefined) resolve({ child, found, errors: () => errors });
    });
    child.once('exit', (code, signal) => reject(new Error(`${file} ended with ${code ?? signal}: ${errors}`)));
  });
export const ended = async (child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
};

/** A peer that can be stopped, killed, paused and started again on its port, with what it held. */
export class PeerProcess {
  readonly #folder: string;
  #child: ChildProcess | undefined;
  port = 0;
  constructor(folder: string) {
    this.#folder = folder;
  }
  get url(): string {
    return `esdb://127.0.0.1:${this.port}?tls=false&defaultDeadline=2000`;
  }
  async start(slowMs = 0): Promise<void> {
    const { child, found } = await started(built('test/peers/eventstoredb/main.js'), ['--port', String(this.port), '--data', this.#folder, '--slow', String(slowMs)], /127\.0\.0\.1:(\d+)/);
    this.#child = child;
    this.port = Number(found);
  }
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child) await ended(this.#child, signal);
  }
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }
}

export type ServerProcess = { readonly child: ChildProcess; readonly origin: string; readonly token: string; readonly errors: () => string };
export const startServer = async (data: string, args: readonly string[], tokenFile = join(data, 'operator.token')): Promise<ServerProcess> => {
  const { child, found, errors } = await started(built('src/main.js'), ['--port', '0', '--data', data, ...args], /^Tollgate is ready at (\S+)/m);
  return { child, origin: found, token: (await readFile(tokenFile, 'utf8')).trim(), errors };
};
export const ask = async ({ origin, token }: Pick<ServerProcess, 'origin' | 'token'>, method: string, path: string, options: { readonly body?: unknown; readonly key?: string } = {}): Promise<{ status: number; text: string }> => {
  const answer = await fetch(`${origin}${path}`, {
    method, signal: AbortSignal.timeout(30_000), headers: { authorization: `Bearer ${token}`, ...(options.key === undefined ? {} : { 'idempotency-key': options.key }), ...(options.body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  return { status: answer.status, text: await answer.text() };
};

type Asked = Pick<ServerProcess, 'origin' | 'token'> & Partial<Pick<ServerProcess, 'errors'>>;
const againMs = 100;
/** A server writes its log in gathered lines. */
const logGatheredMs = 500;
/** Callers that invite one address after the other, each under its own key, and try again under the same key until they are told that it is done. */
export class Load {
  readonly #servers: readonly Asked[];
  readonly acknowledged = new Set<string>();
  /** Answers that were neither done nor "try again". */
  readonly wrong: string[] = [];
  unavailable = 0;
  #stopped = false;
  #abandoned = false;
  #serial = 0;
  readonly #callers: Promise<void>[];
  constructor(servers: readonly Asked[], callers = 12) {
    this.#servers = servers;
    this.#callers = Array.from({ length: callers }, () => this.#call());
  }
  async #call(): Promise<void> {
    while (!this.#stopped) {
      const n = (this.#serial += 1);
      const email = `guest${n}@example.com`;
      for (let tries = 0; !this.#abandoned; tries += 1) {
        const server = this.#servers[(n + tries) % this.#servers.length] as Asked;
        const answer = await ask(server, 'POST', '/commands/AddInvite', { body: { email }, key: `guest-${n}` }).catch(() => ({ status: 503, text: '' }));
        if (answer.status === 200) {
          this.acknowledged.add(email);
          break;
        }
        if (answer.status === 503 || answer.status === 412) this.unavailable += 1;
        else {
          this.wrong.push(answer.text);
          break;
        }
        await sleep(againMs);
      }
    }
  }
  /** Resolves once so many more have been acknowledged. */
  async more(count: number): Promise<void> {
    const goal = this.acknowledged.size + count;
    while (this.acknowledged.size < goal) {
      if (this.wrong.length > 0) {
        await sleep(logGatheredMs);
        throw new Error(`answers that are neither done nor "try again": ${[...this.wrong, ...this.#servers.map((server) => server.errors?.().slice(-4_000))].join('\n')}`);
      }
      await sleep(20);
    }
  }
  /** Everything asked for is acknowledged before it ends. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }
  /** Nothing is asked any more: for the end of a test, which must say why it failed, and not wait for an engine that is away. */
  abandon(): void {
    this.#stopped = true;
    this.#abandoned = true;
  }
}
export const untilReady = async (server: Pick<ServerProcess, 'origin' | 'token'>, status: number): Promise<string> => {
  for (;;) {
    const answer = await ask(server, 'GET', '/readyz').catch(() => ({ status: 0, text: '' }));
    if (answer.status === status) return answer.text;
    await sleep(50);
  }
};
