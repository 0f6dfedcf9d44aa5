/** One workload of the local runtime: its folder, its supervisor, and what is known of it. Deeds on it happen one after the other. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Instant } from '../../domain/instant.ts';
import type { WorkloadId } from '../../domain/ids.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { Refused, Unavailable } from '../../domain/ports/failures.ts';
import type { LogLine, LogQuery, RunReport, RunSpec, SourceStore, WorkloadSpec } from '../../domain/ports/runtime.ts';
import { LogReader } from './log-reader.ts';
import { Users, type Machine } from './machine.ts';
import { Releases } from './releases.ts';
import { openLink, type Link } from './supervisor-link.ts';
import type { Confinement } from './supervisor/confinement.ts';
import type { Order, Part, Settings, State, Unit } from './supervisor/order.ts';

/** The supervisor is gone though nobody ended the workload; to be applied again. */
export const stoppedUnexpectedly = 'stopped unexpectedly';

export type Surroundings = {
  readonly folder: string;
  readonly socket: string;
  readonly sources: SourceStore;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly machine: Machine;
  /** What its cgroups are named after. */
  readonly group: string;
  readonly emit: (report: RunReport) => void;
  /** A number that no other workload has; undefined where none is left, or none is to be had. */
  readonly takeUser: () => number | undefined;
  readonly giveUserBack: (user: number) => void;
};

const program = fileURLToPath(new URL(`./supervisor/main${extname(import.meta.url)}`, import.meta.url));
const triesMax = 5;
/** How long an order may take to be taken, beyond ending what ran before. */
const takesMs = 20_000;
/** Nothing of it runs, and nothing will by itself. */
const isOver = (state: State): boolean => state.ended !== undefined && (!state.old || state.old.ended !== undefined);
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
  readonly #releases: Releases;
  #state: State | undefined;
  #link: Link | undefined;
  /** Resolves once the loss of the last link has been taken note of. */
  #gone: Promise<void> = Promise.resolve();
  /** When it was found that the supervisor is gone. */
  #lostAt: Instant | undefined;
  /** What was told last of each asking. */
  #told = new Map<number, string>();
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
    this.#releases = new Releases(surroundings.folder, surroundings.sources, surroundings.machine);
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
      let order: Order;
      try {
        checkEnvironment(spec.environment);
        order = await this.#prepare(spec);
      } catch (error) {
        if (error instanceof Refused && !spec.old) await this.#giveUp(spec, error.message);
        throw error;
      }
      await this.#carryOut(order, spec.generation);
    });
  }
  stop(): Promise<void> {
    return this.#next(() => this.#end());
  }
  remove(): Promise<void> {
    return this.#next(async () => {
      await this.#end();
      const user = Users.written(this.#in.folder);
      await rm(this.#in.folder, { recursive: true, force: true, maxRetries: 5 });
      if (user !== undefined) this.#in.giveUserBack(user);
      this.#state = this.#lostAt = undefined;
      this.#told.clear();
      this.#removals += 1;
    });
  }
  /** Empty while there is nothing to say. It does not wait for deeds: a slow stop must not hold up a list. */
  async reports(): Promise<readonly RunReport[]> {
    await this.#found;
    return this.#reports();
  }
  async *logs({ log = 'run', tail, since, after, follow, signal }: LogQuery): AsyncGenerator<LogLine> {
    const reader = new LogReader(this.#path(log === 'build' ? 'builds' : 'logs'), { ...(after === undefined ? {} : { after }), ...(since === undefined ? {} : { since }) });
    const removals = this.#removals;
    const wake = (): void => this.#wake();
    signal?.addEventListener('abort', wake);
    if (follow) this.#watch(1);
    try {
      if (tail !== undefined) yield* await reader.tail(tail);
      for (;;) {
        // Asked for before reading, so that nothing written meanwhile is missed.
        const over = !follow || this.#silent(log) || removals !== this.#removals;
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
  #silent(log: 'run' | 'build'): boolean {
    if (this.#closed) return true;
    if (this.#waiting > 0 || this.#state === undefined) return false;
    return this.#link === undefined || (log === 'build' && this.#state.state !== 'building' && this.#state.old?.state !== 'building');
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
    if (!this.#state || !isOver(this.#state)) await this.#connect();
    this.#tell();
  }
  /** Everything that can be refused, before anything that runs is touched. */
  async #prepare(spec: WorkloadSpec): Promise<Order> {
    const user = await this.#user();
    await this.#releases.open(user);
    const part = ({ generation, release, source }: RunSpec): Promise<Part> => {
      const units = [this.#state, this.#state?.old].filter((unit) => unit !== undefined);
      const incarnation = units.find((unit) => unit.generation === generation)?.incarnation ?? 0;
      const inUse = this.#link !== undefined && units.some((unit) => unit.release === release && unit.ended === undefined);
      return this.#releases.prepare({ generation, release, source }, spec.command, incarnation, user, inUse);
    };
    const old = spec.old && (await part(spec.old));
    const { workload, namespace, retries, environment } = spec;
    return { ...this.#order(user, spec.limits ?? {}), do: 'run', workload, namespace, retries, environment, wanted: await part(spec), ...(old ? { old } : {}) };
  }
  /** Its own user's number, taken once and written down; undefined where it runs as ours. */
  async #user(): Promise<number | undefined> {
    const { machine, takeUser, folder } = this.#in;
    if (!machine.users) return undefined;
    const written = Users.written(folder);
    if (written !== undefined) return written;
    const user = takeUser();
    if (user === undefined) throw new Unavailable('Every user that workloads may run as is taken; widen the range (--workload-users).');
    await mkdir(folder, { recursive: true, mode: 0o711 });
    await writeFile(this.#path('user'), String(user), { mode: 0o600 });
    return user;
  }
  /** The asking can never be fulfilled; the one before it has been replaced all the same. */
  async #giveUp({ generation, release }: WorkloadSpec, reason: string): Promise<void> {
    await this.#end();
    const state: State = { generation, release, state: 'error', incarnation: this.#state?.generation === generation ? this.#state.incarnation : 0, at: this.#in.clock.now(), reason, ended: 'refused' };
    await mkdir(this.#in.folder, { recursive: true, mode: 0o700 });
    await writeFile(this.#path('state.json'), JSON.stringify(state), { mode: 0o600 });
    this.#take(state);
  }
  /** By the supervisor that is there, else by a new one. */
  async #carryOut(order: Order, generation: number): Promise<void> {
    const taken = (): boolean => (this.#state?.generation ?? 0) >= generation;
    if (this.#link && this.#state?.release === undefined) await this.#end(); // of a version that takes no orders
    for (let tries = 0; tries < triesMax; tries += 1) {
      if (this.#link) {
        this.#link.send({ order });
        await this.#until(() => taken() || !this.#link, order.settings.graceMs + takesMs);
        if (taken()) return;
        if (this.#link) break;
      }
      const answer = await this.#spawn(order);
      if (await this.#connect()) {
        if (taken()) return;
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
      if (this.#state === undefined || isOver(this.#state)) return;
      if ((await this.#spawn(this.#order(Users.written(this.#in.folder), {}), true)) === 'ready' && (await this.#takeStored())) return;
      await this.#connect();
    }
    throw unreachable();
  }
  /** As it is, it only ends what is left. */
  #order(user: number | undefined, limits: Confinement['limits']): Order {
    const { folder, socket, settings, machine: { cgroups, setpriv }, group } = this.#in;
    const confinement: Confinement = { limits, group, ...(user === undefined ? {} : { user }), ...(cgroups ? { cgroups } : {}), ...(setpriv === undefined ? {} : { setpriv }) };
    return { do: 'end', workload: this.id, namespace: '', retries: 0, environment: {}, folder, socket, settings, confinement };
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
    if (!this.#state || !isOver(this.#state)) await this.#takeStored();
    this.#tell();
  }
  /** Whether the workload has ended for good, as its supervisor wrote it down. */
  async #takeStored(): Promise<boolean> {
    const state = await this.#stored();
    if (state) this.#take(state);
    return state !== undefined && isOver(state);
  }
  #take(state: State): void {
    this.#state = state;
    if (this.#link || isOver(state)) this.#tell();
    else this.#wake();
  }
  #tell(again = false): void {
    const told = new Map<number, string>();
    for (const report of this.#reports()) {
      const essence = JSON.stringify({ ...report, at: undefined });
      told.set(report.generation, essence);
      if (again || this.#told.get(report.generation) !== essence) this.#in.emit(report);
    }
    this.#told = told;
    this.#wake();
  }
  #reports(): readonly RunReport[] {
    if (!this.#state) return [];
    const { old, ...newest } = this.#state;
    if (this.#link || isOver(this.#state)) return [this.#report(newest), ...(old ? [this.#report(old)] : [])];
    if (newest.ended) return [this.#report(newest)]; // the old one is gone, and will be asked for again
    const { generation, incarnation } = newest;
    return [{ workload: this.id, generation, incarnation, state: 'error', reason: stoppedUnexpectedly, lost: true, at: (this.#lostAt ??= this.#in.clock.now()) }];
  }
  #report({ generation, incarnation, state, at, address, reason, how, limits, failed }: Unit): RunReport {
    const terms = state === 'building' || state === 'starting' || state === 'running' ? { ...(how === undefined ? {} : { how }), ...(limits === undefined ? {} : { limits }) } : {};
    return { workload: this.id, generation, state, incarnation, at: at as Instant, ...(address === undefined ? {} : { address }), ...(reason === undefined ? {} : { reason }), ...(failed ? { failed } : {}), ...terms };
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
  /** Until it is so, or the time is over. */
  async #until(so: () => boolean, withinMs: number): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, withinMs);
    while (!so() && !late) await new Promise<void>((resolve) => this.#wakers.add(resolve));
    clearTimeout(timer);
  }
  #path(...parts: readonly string[]): string {
    return join(this.#in.folder, ...parts);
  }
}
