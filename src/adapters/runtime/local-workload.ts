/** One workload of the local runtime: its folder, its supervisor, and what is known of it. Deeds on it happen one after the other. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, extname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Instant } from '../../domain/instant.ts';
import type { WorkloadId } from '../../domain/ids.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { Refused, Unavailable } from '../../domain/ports/failures.ts';
import type { LogLine, LogQuery, RunReport, SourceStore, WorkloadSpec } from '../../domain/ports/runtime.ts';
import { findCommand, shellLine, type Start } from './find-command.ts';
import { LogReader } from './log-reader.ts';
import { openLink, type Link } from './supervisor-link.ts';
import type { Limits, Order, State } from './supervisor.ts';

/** The supervisor is gone though nobody ended the workload; to be applied again. */
export const stoppedUnexpectedly = 'stopped unexpectedly';

export type Surroundings = {
  readonly folder: string;
  readonly socket: string;
  readonly sources: SourceStore;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly emit: (report: RunReport) => void;
};

const program = fileURLToPath(new URL(`./supervisor${extname(import.meta.url)}`, import.meta.url));
/** Where programs are looked for: the running node's folder, then the server's own PATH without what npm put there. */
const searchPath = (): string => {
  const inherited = (process.env['PATH'] ?? '').split(':').filter((folder) => isAbsolute(folder) && !folder.endsWith('node_modules/.bin') && !folder.includes('node-gyp-bin'));
  return [...new Set([dirname(process.execPath), ...inherited, '/usr/local/bin', '/usr/bin', '/bin'])].join(':');
};
const triesMax = 5;
const unreachable = (): Unavailable => new Unavailable("The workload's supervisor does not answer.");
/** What the disk or the system refuses may work later. */
const inOurWords = (error: unknown): unknown =>
  error instanceof Refused || error instanceof Unavailable || (error as NodeJS.ErrnoException).syscall === undefined ? error : new Unavailable((error as Error).message, { cause: error });
const checkEnvironment = (environment: Readonly<Record<string, string>>): void => {
  for (const [name, value] of Object.entries(environment)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Refused('EnvironmentRefused', `${JSON.stringify(name.slice(0, 100))} is no name for an environment variable; use letters, digits and _.`);
    if (value.includes('\0')) throw new Refused('EnvironmentRefused', `The value of ${name} has a NUL character in it.`);
  }
};

export class LocalWorkload {
  readonly id: WorkloadId;
  readonly #in: Surroundings;
  #state: State | undefined;
  #link: Link | undefined;
  /** Resolves once the loss of the last link has been taken note of. */
  #gone: Promise<void> = Promise.resolve();
  /** When it was found that the supervisor is gone. */
  #lostAt: Instant | undefined;
  #told = '';
  #deeds: Promise<unknown>;
  readonly #found: Promise<void>;
  #waiting = 0;
  #closed = false;
  #removals = 0;
  #followers = 0;
  readonly #wakers = new Set<() => void>();

  constructor(id: WorkloadId, surroundings: Surroundings) {
    this.id = id;
    this.#in = surroundings;
    this.#deeds = this.#found = this.#find();
  }
  /** Nothing is left of it and nobody waits for it. */
  get idle(): boolean {
    return this.#state === undefined && this.#waiting === 0 && this.#followers === 0;
  }
  apply(spec: WorkloadSpec): Promise<void> {
    return this.#next(async () => {
      const known = this.#state;
      if (known && known.generation > spec.generation) return;
      if (known?.generation === spec.generation) {
        if (this.#link) return;
        if (known.ended === 'itself') return this.#tell(true); // it has been so; perhaps nobody heard
      }
      let start: Start;
      try {
        checkEnvironment(spec.environment);
        start = await this.#prepare(spec);
      } catch (error) {
        if (error instanceof Refused) await this.#giveUp(spec, error.message);
        throw error;
      }
      if (this.#link) await this.#end(); // what a killed supervisor left is ended by the next one
      await rm(this.#path('app'), { recursive: true, force: true });
      await rename(this.#path('app.next'), this.#path('app'));
      await this.#start(spec, start);
    });
  }
  stop(): Promise<void> {
    return this.#next(() => this.#end());
  }
  remove(): Promise<void> {
    return this.#next(async () => {
      await this.#end();
      await rm(this.#in.folder, { recursive: true, force: true, maxRetries: 5 });
      this.#state = this.#lostAt = undefined;
      this.#told = '';
      this.#removals += 1;
    });
  }
  /** Undefined while there is nothing to say. It does not wait for deeds: a slow stop must not hold up a list. */
  async report(): Promise<RunReport | undefined> {
    await this.#found;
    return this.#report();
  }
  async *logs({ tail, since, after, follow, signal }: LogQuery): AsyncGenerator<LogLine> {
    const reader = new LogReader(this.#path('logs'), { ...(after === undefined ? {} : { after }), ...(since === undefined ? {} : { since }) });
    const removals = this.#removals;
    const wake = (): void => this.#wake();
    signal?.addEventListener('abort', wake);
    if (follow) this.#watch(1);
    try {
      if (tail !== undefined) yield* await reader.tail(tail);
      for (;;) {
        // Asked for before reading, so that nothing written meanwhile is missed.
        const over = !follow || this.#over || removals !== this.#removals;
        const changed = over ? undefined : new Promise<void>((resolve) => this.#wakers.add(resolve));
        for await (const line of reader.more()) {
          if (signal?.aborted) return;
          yield line;
        }
        if (over || signal?.aborted) return;
        await changed;
      }
    } finally {
      signal?.removeEventListener('abort', wake);
      if (follow) this.#watch(-1);
    }
  }
  /** Lets go of the supervisor. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#deeds;
    this.#link?.drop();
    await this.#gone;
    this.#wake();
  }

  /** Nothing more will be logged, as far as anybody knows. One that is unknown may still come. */
  get #over(): boolean {
    return this.#closed || (this.#waiting === 0 && this.#state !== undefined && this.#link === undefined);
  }
  #next<T>(deed: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new Unavailable('The runtime is closed.'));
    this.#waiting += 1;
    const done = this.#deeds.then(deed).catch((error: unknown) => Promise.reject(inOurWords(error))).finally(() => {
      this.#waiting -= 1;
      this.#wake();
    });
    this.#deeds = done.catch(() => undefined);
    return done;
  }
  /** What an earlier server left: state, and perhaps a supervisor that still runs. */
  async #find(): Promise<void> {
    this.#state = await this.#stored();
    if (this.#state?.ended === undefined) await this.#connect();
    this.#tell();
  }
  /** Everything that can be refused, before anything that runs is touched. */
  async #prepare(spec: WorkloadSpec): Promise<Start> {
    const next = this.#path('app.next');
    await rm(next, { recursive: true, force: true });
    await mkdir(this.#path('home'), { recursive: true, mode: 0o700 });
    await mkdir(next);
    await this.#in.sources.unpack(spec.source, next);
    return findCommand(next, spec.command, this.#path('app'));
  }
  /** The asking can never be fulfilled; the one before it has been replaced all the same. */
  async #giveUp({ generation }: WorkloadSpec, reason: string): Promise<void> {
    await this.#end();
    await rm(this.#path('app.next'), { recursive: true, force: true });
    const state: State = { generation, state: 'error', incarnation: this.#state?.generation === generation ? this.#state.incarnation : 0, at: this.#in.clock.now(), reason, ended: 'refused' };
    await mkdir(this.#in.folder, { recursive: true, mode: 0o700 });
    await writeFile(this.#path('state.json'), JSON.stringify(state), { mode: 0o600 });
    this.#take(state);
  }
  async #start({ limits: _, old: __, ...spec }: WorkloadSpec, { command, path }: Start): Promise<void> {
    const order = this.#order({ ...spec, incarnation: this.#state?.generation === spec.generation ? this.#state.incarnation : 0, command: shellLine(command), path: [...(path === undefined ? [] : [path]), searchPath()].join(':') });
    for (let tries = 0; tries < triesMax; tries += 1) {
      const answer = await this.#spawn(order);
      if (await this.#connect()) {
        if (answer === 'ready' || this.#state?.generation === spec.generation) return;
        await this.#end(); // an earlier one that was not found before
      } else if (answer === 'ready' && (await this.#takeStored())) return; // it has ended already
    }
    throw unreachable();
  }
  /** Sees to it that no process of it is left. */
  async #end(): Promise<void> {
    for (let tries = 0; tries < triesMax; tries += 1) {
      if (this.#link) {
        this.#link.send({ stop: true });
        await this.#link.closed;
        await this.#gone;
      }
      if (this.#state === undefined || this.#state.ended) return;
      const { generation, incarnation } = this.#state;
      if ((await this.#spawn(this.#order({ do: 'end', generation, incarnation }), true)) === 'ready' && (await this.#takeStored())) return;
      await this.#connect();
    }
    throw unreachable();
  }
  #order(given: Partial<Order>): Order {
    const { folder, socket, limits } = this.#in;
    const { workload = this.id, namespace = '', generation = 0, incarnation = 0, command = '', path = '', environment = {}, retries = 0 } = given;
    return { do: given.do ?? 'run', workload, namespace, generation, incarnation, command, path, environment, retries, folder, socket, limits };
  }
  /** Starts a supervisor; it says `ready` when it has the lock, `busy` when another one has it. With `toItsEnd` it is waited for. */
  #spawn(order: Order, toItsEnd = false): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, ['--max-old-space-size=64', program], { cwd: order.folder, env: { LANG: 'C.UTF-8' }, detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
      let said = '';
      const done = (): void => {
        child.stdout.destroy();
        child.unref();
        resolve(said.trim());
      };
      child.once('error', (error) => reject(new Unavailable(`The supervisor could not be started: ${error.message}`, { cause: error })));
      child.once('close', done);
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.endsWith('\n') && !toItsEnd) done();
      });
      child.stdin.on('error', () => undefined).end(JSON.stringify(order));
    });
  }
  async #connect(): Promise<boolean> {
    if (this.#link) return true;
    const key = await readFile(this.#path('control.key'), 'utf8').catch(() => undefined);
    if (key === undefined) return false;
    const link = await openLink(this.#in.socket, key, { state: (state) => this.#take(state), log: () => this.#wake() });
    if (!link) return false;
    this.#link = link;
    this.#lostAt = undefined;
    if (this.#followers > 0) link.send({ watch: true });
    this.#gone = link.closed.then(() => this.#lost());
    this.#tell();
    return true;
  }
  /** The supervisor is gone: it ended what it had to, or it was killed. */
  async #lost(): Promise<void> {
    this.#link = undefined;
    if (this.#closed) return;
    if (!this.#state?.ended) await this.#takeStored();
    this.#tell();
  }
  /** Whether the workload has ended for good, as its supervisor wrote it down. */
  async #takeStored(): Promise<boolean> {
    const state = await this.#stored();
    if (state) this.#take(state);
    return state?.ended !== undefined;
  }
  #take(state: State): void {
    this.#state = state;
    if (this.#link || state.ended) this.#tell();
  }
  #tell(again = false): void {
    const report = this.#report();
    const told = JSON.stringify(essence(report));
    if (report && (again || told !== this.#told)) this.#in.emit(report);
    this.#told = told;
    this.#wake();
  }
  #report(): RunReport | undefined {
    if (!this.#state) return undefined;
    const { generation, incarnation, address, reason } = this.#state;
    const ids = { workload: this.id, generation, incarnation };
    if (!this.#link && !this.#state.ended) return { ...ids, state: 'error', reason: stoppedUnexpectedly, lost: true, at: (this.#lostAt ??= this.#in.clock.now()) };
    return { ...ids, state: this.#state.state, at: this.#state.at as Instant, ...(address === undefined ? {} : { address }), ...(reason === undefined ? {} : { reason }) };
  }
  async #stored(): Promise<State | undefined> {
    try {
      return JSON.parse(await readFile(this.#path('state.json'), 'utf8')) as State;
    } catch {
      return undefined;
    }
  }
  #watch(change: 1 | -1): void {
    this.#followers += change;
    if (this.#followers <= 1) this.#link?.send({ watch: this.#followers === 1 });
  }
  #wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }
  #path(...parts: readonly string[]): string {
    return join(this.#in.folder, ...parts);
  }
}

/** What makes a report another one. */
const essence = (report: RunReport | undefined): unknown => report && { ...report, at: undefined };
