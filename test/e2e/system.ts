/** A whole Tollgate in this process, on a folder of its own, over real HTTP; and a customer to play with. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { helloHost } from '../git/hello.ts';
import { logFor } from './log-for.ts';
import { copyKeys, dropDatabases, mongoServer, mongoUrl } from '../contracts/mongodb.ts';
import { filesTgz } from '../contracts/source-store.archives.ts';
import { openAdapters, type Adapters } from '../../src/adapters.ts';
import { MemoryRuntime } from '../../src/adapters/runtime/memory.ts';
import { DiskSourceStore } from '../../src/adapters/runtime/source-store.ts';
import { OffsetClock } from '../../src/adapters/system/clock.ts';
import { assemble, type Assembled, type AssemblyOptions } from '../../src/assembly.ts';
import type { StoredEvent } from '../../src/domain/ports/event-store.ts';
import type { MovableClock } from '../../src/domain/ports/clock.ts';
import type { RunReport, Runtime, WorkloadSpec } from '../../src/domain/ports/runtime.ts';
import type { SourceHost } from '../../src/domain/ports/source-host.ts';
import type { WorkloadId } from '../../src/domain/ids.ts';
import { operatorToken } from '../../src/founding.ts';
import type { MailCarrier } from '../../src/mail-config.ts';
import { serve } from '../../src/server.ts';

export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string; readonly json: any };
export type Asking = { readonly token?: string; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };
export type LogEntry = { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly facts: object; readonly message: string };
export type Started = {
  readonly origin: string;
  readonly data: string;
  readonly operator: string;
  readonly system: Assembled;
  readonly adapters: Adapters;
  readonly runtime: FakeRuntime;
  /** Everything that was logged. */
  readonly logged: readonly LogEntry[];
  readonly warnings: readonly LogEntry[];
  call(method: string, path: string, options?: Asking): Promise<Answer>;
  form(path: string, fields: Readonly<Record<string, string>>): Promise<Answer>;
  /** Walks the clock and waits until all has settled. */
  advance(milliseconds: number): Promise<void>;
  settled(): Promise<void>;
  /** Stops in order; the folder goes, unless it is kept (pass it to `startSystem` again). Fails when there was an answer of 500. */
  stop(options?: { readonly keep?: boolean; readonly bugs?: boolean }): Promise<void>;
};
export type StartOptions = { readonly data?: string; readonly at?: AssemblyOptions['at']; readonly runtime?: FakeRuntime; readonly clock?: MovableClock; readonly metricsOpen?: boolean; /** A carrier over SMTP instead of the mailbox. */ readonly mail?: MailCarrier; /** Workloads are real processes; whoever starts them ends them. */ readonly processes?: boolean; /** By default one in memory that has `helloUrl`. */ readonly sourceHost?: SourceHost; /** Webhooks of these types are taken and lost. */ readonly lost?: Set<string> };

/** Workloads in memory that outlive the server, as those of the real runtime do; it counts what it is told. */
export class FakeRuntime implements Runtime {
  readonly told: string[] = [];
  readonly #memory: MemoryRuntime;
  constructor(memory: MemoryRuntime) {
    this.#memory = memory;
  }
  apply(spec: WorkloadSpec): Promise<void> {
    this.told.push(`apply ${spec.workload}.${spec.generation}`);
    return this.#memory.apply(spec);
  }
  stop(id: WorkloadId): Promise<void> {
    this.told.push(`stop ${id}`);
    return this.#memory.stop(id);
  }
  remove(id: WorkloadId): Promise<void> {
    this.told.push(`remove ${id}`);
    return this.#memory.remove(id);
  }
  list(): Promise<readonly RunReport[]> {
    return this.#memory.list();
  }
  onReport(listener: (report: RunReport) => void): () => void {
    return this.#memory.onReport(listener);
  }
  logs(...args: Parameters<Runtime['logs']>): ReturnType<Runtime['logs']> {
    return this.#memory.logs(...args);
  }
  isolation(): string {
    return this.#memory.isolation();
  }
  async close(): Promise<void> {}
  crash(id: WorkloadId, code?: number): Promise<void> {
    return this.#memory.crash(id, code);
  }
  needsBuild(source: string): void {
    this.#memory.needsBuild(source);
  }
  diesAtOnce(source: string): void {
    this.#memory.diesAtOnce(source);
  }
  finishBuild(id: WorkloadId, code: number): Promise<void> {
    return this.#memory.finishBuild(id, code);
  }
  lose(id: WorkloadId): Promise<void> {
    return this.#memory.lose(id);
  }
  print(id: WorkloadId, text: string): Promise<void> {
    return this.#memory.print(id, text);
  }
}

/** So long nothing takes that ends at all: what hangs is named. */
const patienceMs = 120_000;
const within = async <T>(what: string, work: Promise<T>): Promise<T> => {
  let late: NodeJS.Timeout | undefined;
  const never = new Promise<never>((_, reject) => (late = setTimeout(() => reject(new Error(`${what} did not stop within ${patienceMs / 1_000} s`)), patienceMs)));
  return Promise.race([work, never]).finally(() => clearTimeout(late));
};

/** An answer that goes on for ever is taken for what it begins with. */
const beginningOf = async ({ body }: Response): Promise<string> => {
  for await (const chunk of body ?? []) return new TextDecoder().decode(chunk);
  return '';
};
const answerOf = async (response: Response): Promise<Answer> => {
  const text = await (response.headers.get('content-type')?.startsWith('text/event-stream') ? beginningOf(response) : response.text());
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json };
};

/**
 * Where `TOLLGATE_TEST_MONGODB` names a server, everything runs on it: a database for each data folder, which a file in the
 * folder names. A copy of a folder gets a copy of the keys, and folds its read models anew: as after a restore.
 */
const keptElsewhere = async (data: string): Promise<{ readonly readModels?: string }> => {
  if (mongoServer === undefined) return {};
  const url = (folder: string): string => mongoUrl(mongoServer as string, `e2e_${folder.replaceAll(/\W/g, '_')}_x`);
  const note = join(data, 'test-database');
  const [before, now] = [existsSync(note) ? readFileSync(note, 'utf8') : undefined, basename(data)];
  if (before !== undefined && before !== now) await copyKeys(url(before), url(now));
  mkdirSync(data, { recursive: true });
  writeFileSync(note, now);
  databases.add(url(now));
  return { readModels: url(now) };
};
const databases = new Set<string>();
after(async () => {
  for (const database of databases) await dropDatabases(database);
});

export const startSystem = async (options: StartOptions = {}): Promise<Started> => {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'tollgate-test-')));
  let origin = '';
  const logged: LogEntry[] = [];
  const note = (level: LogEntry['level']) => (facts: object, message: string) => void logged.push({ level, facts, message });
  const logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  const clock = options.clock ?? new OffsetClock();
  const runtime = options.runtime ?? new FakeRuntime(new MemoryRuntime({ sources: new DiskSourceStore(join(data, 'sources')), clock }));
  const log = await logFor(data);
  const adapters = await openAdapters({ data, ...(options.mail ? { mail: options.mail, mailFrom: 'Tollgate <tollgate@example.com>' } : {}), ...log.config, ...(await keptElsewhere(data)) }, () => origin, {}, { clock, sourceHost: options.sourceHost ?? helloHost(), ...(options.processes ? {} : { runtime }), ...log.instead });
  const post = async (body: string, headers: Record<string, string>) => {
    if (options.lost?.has((JSON.parse(body) as { type: string }).type)) return 200;
    return (await fetch(`${origin}/webhooks/stripe`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })).status;
  };
  const { system, served } = await (async () => {
    const assembled = await assemble(adapters, { mode: 'mock', data, version: 'test', origin: () => origin, logger, post, metricsOpen: options.metricsOpen === true, ...(options.at ? { at: options.at } : {}) });
    await operatorToken(assembled.handler, assembled.identity, data, adapters.random, !adapters.exclusive);
    const listening = await serve(assembled, { host: '127.0.0.1', hostNames: [] }, logger);
    await listening.app.listen(0, '127.0.0.1');
    origin = `http://127.0.0.1:${(listening.app.getHttpServer().address() as { port: number }).port}`;
    await assembled.start();
    return { system: assembled, served: listening };
  })().catch(async (error: unknown) => {
    await adapters.close();
    await log.close();
    throw error;
  });
  const operator = (await readFile(join(data, 'operator.token'), 'utf8')).trim();
  return {
    origin, data, operator, system, adapters, runtime, logged,
    get warnings() {
      return logged.filter(({ level }) => level !== 'info');
    },
    call: async (method, path, { token, body, headers } = {}) => answerOf(await fetch(`${origin}${path}`, {
      method, redirect: 'manual', signal: AbortSignal.timeout(patienceMs), headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' || body instanceof Uint8Array ? (body as never) : JSON.stringify(body) }),
    })),
    form: async (path, fields) => answerOf(await fetch(path.startsWith('http') ? path : `${origin}${path}`, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(fields) })),
    advance: async (milliseconds) => void (await system.mockTime.advance(milliseconds, () => undefined)),
    settled: () => system.mockTime.settled(),
    stop: async ({ keep = false, bugs = false } = {}) => {
      await within('the HTTP server', served.close());
      await within('what works by itself', system.stop());
      await within('what is kept', adapters.close());
      await within('the log', log.close());
      if (!keep) await rm(data, { recursive: true, force: true });
      if (!bugs) assert.deepEqual(logged.filter(({ level, message }) => level === 'error' && message === 'a bug'), [], 'nothing was answered with 500');
    },
  };
};
/** Runs with a system of its own, whatever becomes of it. */
export const withSystem = async (work: (started: Started) => Promise<void>, options: StartOptions & { readonly bugs?: boolean } = {}): Promise<void> => {
  const started = await startSystem(options);
  let failed = true;
  try {
    await work(started);
    failed = false;
  } finally {
    await started.stop({ bugs: failed || options.bugs === true });
  }
};
/** Stops it and starts it again on the same folder. */
export const restarted = async (started: Started, change: StartOptions & { readonly between?: (data: string) => Promise<void> } = {}): Promise<Started> => {
  const { between, ...options } = change;
  await started.stop({ keep: true });
  await between?.(started.data);
  return startSystem({ data: started.data, runtime: started.runtime, ...options });
};
/** What a disk would hold if the machine died in this very moment. */
export const diskNow = (data: string): string => {
  const copy = mkdtempSync(join(tmpdir(), 'tollgate-crash-'));
  cpSync(data, copy, { recursive: true, filter: (path) => !path.endsWith('-shm') });
  return copy;
};
/** Every byte of a folder's files, as text. */
export const bytesOf = (folder: string): readonly { readonly name: string; readonly text: string }[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => {
    const name = join(entry.parentPath, entry.name);
    return { name, text: readFileSync(name, 'latin1') };
  });

/** The whole log, as stored. */
export const storedEvents = async ({ adapters }: Started): Promise<StoredEvent[]> => {
  const events: StoredEvent[] = [];
  for await (const page of adapters.store.readAll(0n)) events.push(...page);
  return events;
};
export const eventsOf = async (started: Started, ...types: readonly string[]): Promise<any[]> =>
  (await storedEvents(started)).filter(({ type }) => types.includes(type)).map(({ type, data }) => ({ type, ...(JSON.parse(data) as object) }));
/** Every document of every read model, by model and key. */
export const documentsOf = async ({ system }: Started): Promise<Readonly<Record<string, unknown>>> => {
  const documents: Record<string, unknown> = {};
  for (const [model, { collection }] of system.rim.models) for await (const page of collection.all()) for (const { key, document } of page) documents[`${model} ${key}`] = document;
  return documents;
};
/** JSON lines of an answer. */
export const linesOf = ({ text }: Answer): any[] => text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as unknown);
/** What the world outside has seen: deeds that must happen once. */
export const outside = ({ adapters, runtime }: Started) => ({
  mails: adapters.mailbox.list().length, charges: adapters.payments.charges().length, webhooks: adapters.payments.sentEvents().length, told: [...runtime.told],
});
/** Money taken, or on its way. */
export const taken = ({ adapters }: Started) => adapters.payments.charges().filter(({ status }) => status !== 'failed');
/** Each mail that was handed to the carrier more than once. */
export const repeatedMails = ({ adapters }: Started): string[] => {
  const keys = adapters.mailbox.list().map(({ key }) => key);
  return keys.filter((key, place) => keys.indexOf(key) !== place);
};
export const parked = async (started: Started): Promise<any[]> => (await started.call('GET', '/reactors', { token: started.operator })).json.items.flatMap((item: any) => item.parked);

export type Customer = { readonly email: string; readonly access: string; readonly refresh: string; readonly account: string; readonly namespace: string; readonly signupToken: string };

export const invite = async (started: Started, email: string): Promise<void> => {
  const { status, text } = await started.call('POST', '/commands/AddInvite', { token: started.operator, body: { email } });
  if (status !== 200) throw new Error(`invite failed: ${text}`);
};
export const mailsTo = async (started: Started, email: string): Promise<{ id: string; to: string; subject: string; text: string; html: string; at: string }[]> => {
  await started.settled();
  return (await started.call('GET', `/mailbox.json?to=${encodeURIComponent(email)}`)).json;
};
export const tokenIn = (text: string): string => /\b[0-9a-f]{40}\b/.exec(text)?.[0] ?? '';
/** The newest one-time token mailed to an address. */
export const newestOtp = async (started: Started, email: string): Promise<string> => (await mailsTo(started, email)).map(({ text }) => tokenIn(text)).find((token) => token !== '') ?? '';
export const startOtp = async (started: Started, email: string): Promise<string> => {
  const { status, json, text } = await started.call('POST', '/sessions/otp', { body: { email } });
  if (status !== 200) throw new Error(`no one-time token: ${text}`);
  return json.flowId;
};
export const verifyOtp = (started: Started, email: string, flowId: string, token: string): Promise<Answer> => started.call('POST', '/sessions/otp/verify', { body: { email, flowId, token } });
/** Asks for a one-time token and presents it. */
export const login = async (started: Started, email: string): Promise<any> => {
  const flowId = await startOtp(started, email);
  const { status, json, text } = await verifyOtp(started, email, flowId, await newestOtp(started, email));
  if (status !== 200) throw new Error(`verify failed: ${text}`);
  return json;
};
/** Up to the verified sign-up: answers the sign-up token. */
export const verifySignup = async (started: Started, email: string): Promise<string> => {
  const answer = await login(started, email);
  if (answer.status !== 'payment-required') throw new Error(`verify failed: ${JSON.stringify(answer)}`);
  return answer.signup.token;
};
/** A card handed in at a checkout; one whose bank asks is confirmed. */
export const giveCard = async (started: Started, url: string, card: string): Promise<Answer> => {
  const first = await started.form(url, { card });
  return card === 'confirm' && first.status === 200 ? started.form(url, { card, confirmed: 'yes' }) : first;
};
/** The page's way to a payment token. */
export const payByCard = async (started: Started, email: string, card: string): Promise<string> => {
  const plan = (await started.call('GET', '/plans')).json.items[0].id as string;
  const toCheckout = await started.form('/subscribe', { email, plan });
  const done = await giveCard(started, toCheckout.headers.get('location') ?? '', card);
  const page = await (await fetch(done.headers.get('location') ?? '')).text();
  return /data-payment-token[^>]*>([^<]*)</.exec(page)?.[1] ?? '';
};
export const redeem = (started: Started, token: string, paymentToken: string): Promise<Answer> => started.call('POST', '/sessions/payment', { token, body: { paymentToken } });
export const openSession = async (started: Started, email: string, signupToken: string): Promise<Customer> => {
  const { status, json: session, text } = await started.call('POST', '/sessions/open', { token: signupToken });
  if (status !== 200) throw new Error(`no session: ${text}`);
  return { email, access: session.accessToken, refresh: session.refreshToken, account: session.account, namespace: session.namespace, signupToken };
};
export const signUp = async (started: Started, email: string, card = 'succeeds'): Promise<Customer> => {
  await invite(started, email);
  const signupToken = await verifySignup(started, email);
  const paymentToken = await payByCard(started, email, card);
  const { json: standing, text } = await redeem(started, signupToken, paymentToken);
  if (standing?.status !== 'completed') throw new Error(`payment failed: ${text}`);
  await started.settled();
  return openSession(started, email, signupToken);
};
/** The same customer with a session of now: access tokens live for ten minutes. */
export const refreshed = async (started: Started, customer: Customer): Promise<Customer> => {
  const { status, json, text } = await started.call('POST', '/sessions/refresh', { body: { refreshToken: customer.refresh } });
  if (status !== 200) throw new Error(`refresh failed: ${text}`);
  return { ...customer, access: json.accessToken, refresh: json.refreshToken };
};

export const uploadSource = async (started: Started, customer: Customer, files: Readonly<Record<string, string>> = { 'server.js': 'setInterval(() => 1, 1000);' }): Promise<string> => {
  const { status, json, text } = await started.call('PUT', '/sources', { token: customer.access, body: await filesTgz(files), headers: { 'content-type': 'application/gzip' } });
  if (status !== 200) throw new Error(`upload failed: ${text}`);
  return json.digest;
};
export const runWorkload = async (started: Started, customer: Customer, name: string, more: Readonly<Record<string, unknown>> = {}, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  started.call('POST', '/commands/RunWorkload', { token: customer.access, headers: { 'micro-namespace': customer.namespace, ...headers }, body: { name, command: 'node server.js', source: await uploadSource(started, customer), ...more } });
/** The workload of this name; with `until`, as soon as it is so: what the runtime reports comes in its own time. */
export const workloadNamed = async (started: Started, customer: Customer, name: string, until: (view: any) => boolean = () => true): Promise<any> => {
  for (let looks = 0; ; looks += 1) {
    await started.settled();
    const { status, json, text } = await started.call('GET', `/workloads?name=${name}`, { token: customer.access, headers: { 'micro-namespace': customer.namespace } });
    if (status !== 200) throw new Error(`no workloads: ${text}`);
    if (until(json.items[0]) || looks >= looksMax) return json.items[0];
    await sleep(lookAgainMs);
  }
};
const looksMax = 300;
const lookAgainMs = 5;
export const running = (view: any): boolean => view?.state === 'running';

/** A refusal as every refusal is: a problem document with all its fields, whose code is the one expected. */
export const refusal = (answer: Answer, status: number, code?: string): any => {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  const { json } = answer;
  for (const field of ['type', 'title', 'detail', 'code', 'nextStep', 'correlationId']) assert.equal(typeof json[field], 'string', `${field} of ${answer.text}`);
  assert.equal(json.status, status);
  assert.equal(json.type, `urn:tollgate:problem:${json.code}`);
  assert.equal(json.correlationId, answer.headers.get('x-correlation-id'));
  if (code !== undefined) assert.equal(json.code, code, answer.text);
  return json;
};
