/** Both processes of a workload under one roof: the one that serves, and the one that is made ready to take over. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { leftOf } from './cgroups.ts';
import { limitsInWords } from './confinement.ts';
import { removeOwned } from './disk.ts';
import { Instance, type Surroundings } from './instance.ts';
import { LogFiles } from './log-files.ts';
import { appFolder, builtMark, type Order, type Part, type State, type ToSupervisor, type Unit } from './order.ts';
import { endProcesses } from './processes.ts';
import { readMessages, send } from './sockets.ts';
import { attempt, sleep } from './small.ts';

const orderBytesMax = 4 * 1024 * 1024;
const strangerBytesMax = 10_000;
const logToldAfterMs = 50;
const stored = (instance: Instance): Unit => (instance.leader === undefined ? instance.unit : { ...instance.unit, leader: instance.leader });

export class Supervisor {
  #order: Order;
  readonly #log: LogFiles;
  readonly #buildLog: LogFiles;
  readonly #key = randomBytes(24).toString('base64url');
  readonly #server: Server;
  /** Those that showed the key, and whether they want to hear of log lines. */
  readonly #clients = new Map<Socket, boolean>();
  /** What is told before anything has begun: what an earlier supervisor left is ended first, and that may take its time. */
  readonly #ordered: State;
  #serving: Instance | undefined;
  #coming: Instance | undefined;
  #stopping: 'told' | 'signal' | undefined;
  #finished = false;
  /** Orders are carried out one after the other. */
  #orders: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** The one that was taken over from is ended, its code removed. */
  #retired: Promise<void> = Promise.resolve();
  #logTold: NodeJS.Timeout | undefined;

  /** `server` holds the lock: only now may files be touched. */
  constructor(order: Order, server: Server) {
    this.#order = order;
    const { folder, settings, wanted, confinement } = order;
    const at = new Date().toISOString();
    this.#ordered = wanted
      ? { generation: wanted.generation, release: wanted.release, how: wanted.how, limits: limitsInWords(confinement), at, ...(wanted.steps.length > 0 ? { state: 'building', incarnation: wanted.incarnation } : { state: 'starting', incarnation: wanted.incarnation + 1 }) }
      : { generation: 0, release: 0, incarnation: 0, state: 'stopped', at };
    this.#log = new LogFiles(join(folder, 'logs'), settings);
    this.#buildLog = new LogFiles(join(folder, 'builds'), settings);
    writeFileSync(join(folder, 'control.key'), this.#key, { mode: 0o600 });
    this.#server = server.on('connection', (socket) => this.#serve(socket)).on('error', () => undefined);
  }
  async run(): Promise<void> {
    const { folder } = this.#order;
    const before = attempt(() => JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as State);
    await this.#endLeft(before);
    if (this.#order.do === 'run') {
      const { wanted, old } = this.#order;
      for (const name of attempt(() => readdirSync(join(folder, 'releases'))) ?? []) if (/^\d+$/.test(name)) await this.#remove(Number(name), wanted, old);
      return this.#take(this.#order);
    }
    const { old: _, leader: __, address: ___, ...unit } = before ?? this.#ordered;
    this.#finish({ ...unit, state: 'stopped', reason: 'stopped', at: new Date().toISOString(), ended: 'told' });
  }
  /** What a killed supervisor left running is ended first. */
  async #endLeft(before: State | undefined): Promise<void> {
    const { folder, workload, confinement: { user, cgroups, group }, settings } = this.#order;
    const left = cgroups && leftOf(cgroups, group);
    const environment = [`HOME=${join(folder, 'home')}`, `TOLLGATE_WORKLOAD=${workload}`];
    for (const leader of [before?.leader, before?.old?.leader]) await endProcesses({ environment, user, leader, listed: left?.processes }, settings.graceMs);
    await left?.remove();
  }
  /** Ends all of it; by a signal it does not count as told, so that it is run again after the machine restarted. */
  async stop(by: 'told' | 'signal'): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = by;
    await Promise.all([this.#serving?.end(by), this.#coming?.end(by), this.#retired]);
    const { confinement: { user }, settings } = this.#order;
    if (user !== undefined) await endProcesses({ environment: [], user }, settings.graceMs);
    const newest = this.#coming ?? this.#serving;
    if (!newest) return process.exit(0); // told before it had begun
    const { address: _, ...unit } = newest.unit;
    const at = new Date().toISOString();
    if (by === 'told') this.#finish({ ...unit, state: 'stopped', reason: 'stopped', at, ended: 'told' });
    else this.#finish(unit.ended ? unit : { ...unit, state: 'error', reason: 'stopped unexpectedly', at });
  }
  /** The supervisor itself is broken: better nothing than a workload that nobody watches. */
  fail(error: unknown): void {
    this.#log.write('system', [`supervisor failed: ${error instanceof Error ? error.message : String(error)}`]);
    for (const instance of [this.#serving, this.#coming]) instance?.abort();
    process.exit(1);
  }

  #take(order: Order): Promise<void> {
    this.#waiting += 1;
    const done = this.#orders.then(() => this.#carryOut(order)).finally(() => {
      this.#waiting -= 1;
      this.#look();
    });
    this.#orders = done;
    return done;
  }
  async #carryOut(order: Order): Promise<void> {
    const { wanted, old } = order;
    const newest = (this.#coming ?? this.#serving)?.unit.generation ?? 0;
    if (!wanted || wanted.generation <= newest || this.#stopping) return this.#push();
    this.#order = order;
    const alive = this.#serving && !this.#serving.over ? this.#serving : undefined;
    if (this.#coming && !this.#coming.over && this.#coming.part.release === wanted.release) this.#coming.adopt(wanted.generation);
    else if (alive?.part.release === wanted.release) {
      await this.#giveUpComing();
      alive.adopt(wanted.generation);
      this.#log.write('system', [`goes on as it is (generation ${wanted.generation})`]);
    } else await this.#replace(wanted, old);
    this.#push();
  }
  async #replace(wanted: Part, old: Part | undefined): Promise<void> {
    await this.#giveUpComing();
    if (this.#stopping) return;
    if (old && this.#serving?.part.release !== old.release) {
      await this.#endServing(old);
      if (this.#stopping) return;
      this.#serving = this.#begin(old, undefined);
    }
    if (old && this.#serving) this.#coming = this.#begin(wanted, this.#serving);
    else {
      await this.#endServing(wanted);
      if (!this.#stopping) this.#serving = this.#begin(wanted, undefined);
    }
  }
  async #endServing(next: Part): Promise<void> {
    const serving = this.#serving;
    await serving?.end('told');
    this.#serving = undefined;
    if (serving) await this.#remove(serving.part.release, next);
  }
  /** What answers somewhere is replaced by what answers, too, or has had long to do so. */
  #begin(part: Part, before: Instance | undefined): Instance {
    const { provenAfterMs, provenMaxMs } = this.#order.settings;
    return new Instance(part, { onTrial: before !== undefined, provenAfterMs: before?.unit.address === undefined ? provenAfterMs : provenMaxMs }, this.#surroundings());
  }
  async #giveUpComing(): Promise<void> {
    const coming = this.#coming;
    this.#coming = undefined;
    await coming?.end('told');
    if (coming) await this.#remove(coming.part.release, this.#order.wanted, this.#order.old);
  }
  #surroundings(): Surroundings {
    return { order: this.#order, log: this.#log, buildLog: this.#buildLog, wrote: () => this.#wrote(), changed: (instance) => this.#changed(instance) };
  }
  #changed(instance: Instance): void {
    if (this.#finished || (instance !== this.#serving && instance !== this.#coming)) return; // given up, or being ended by its successor
    const old = this.#serving;
    if (instance === this.#coming && instance.unit.state === 'running') {
      [this.#serving, this.#coming] = [instance, undefined];
      if (old) this.#retired = this.#retire(old);
    }
    if (this.#stopping) this.#store();
    else this.#push();
    this.#look();
  }
  async #retire(old: Instance): Promise<void> {
    this.#log.write('system', [`generation ${this.#serving?.unit.generation ?? 0} has taken over; the one before it is ended`]);
    this.#waiting += 1;
    await old.end('told');
    await this.#remove(old.part.release);
    this.#waiting -= 1;
    this.#look();
  }
  /** When all is over and nothing is under way, so is the supervisor. */
  #look(): void {
    if (this.#waiting > 0 || this.#stopping || this.#finished) return;
    if ((this.#serving?.over ?? true) && (this.#coming?.over ?? true) && (this.#serving ?? this.#coming)) this.#finish(this.#state());
  }
  /** Removes a release's code, unless it is of use. */
  async #remove(release: number, ...needed: readonly (Pick<Part, 'release'> | undefined)[]): Promise<void> {
    const { folder, confinement: { user } } = this.#order;
    if ([...needed, this.#serving?.part, this.#coming?.part].some((part) => part?.release === release)) return;
    attempt(() => rmSync(builtMark(folder, release), { force: true }));
    await removeOwned(appFolder(folder, release), user);
  }

  #state(): State {
    const newest = this.#coming ?? this.#serving;
    if (!newest) return this.#ordered;
    return { ...stored(newest), ...(this.#coming && this.#serving ? { old: stored(this.#serving) } : {}) };
  }
  #push(): void {
    this.#store();
    for (const client of this.#clients.keys()) send(client, { state: this.#state() });
  }
  #store(state: State | undefined = this.#serving || this.#coming ? this.#state() : undefined): void {
    const path = join(this.#order.folder, 'state.json');
    if (!state || !existsSync(this.#order.folder)) return;
    attempt(() => {
      writeFileSync(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    });
  }
  /** Ended for good: first the lock is given back, then those who listen are told, so that they can start another at once. */
  #finish(state: State): void {
    if (this.#finished) return;
    this.#finished = true;
    if (this.#stopping && state.reason !== undefined) this.#log.write('system', [state.reason]);
    this.#store(state);
    for (const client of this.#clients.keys()) send(client, { state });
    this.#server.close();
    setImmediate(() => {
      const told = [...this.#clients.keys()].map((client) => new Promise<void>((done) => client.end(done)));
      void Promise.race([Promise.all(told), sleep(200)]).then(() => process.exit(0));
    });
  }
  /** What was written before it began to watch may be news to it. */
  #watch(socket: Socket, watches: boolean): void {
    this.#clients.set(socket, watches);
    if (watches) send(socket, { log: this.#log.lastId });
  }
  #wrote(): void {
    if (this.#logTold !== undefined) return;
    this.#logTold = setTimeout(() => {
      this.#logTold = undefined;
      for (const [client, watches] of this.#clients) if (watches) send(client, { log: this.#log.lastId });
    }, logToldAfterMs);
  }
  #serve(socket: Socket): void {
    readMessages<ToSupervisor>(socket, () => (this.#clients.has(socket) ? orderBytesMax : strangerBytesMax), (message) => {
      if (message.key === this.#key) {
        this.#clients.set(socket, false);
        send(socket, { state: this.#state() });
      } else if (!this.#clients.has(socket)) socket.destroy();
      else if (message.stop) void this.stop('told');
      else if (message.order) void this.#take(message.order);
      else if (message.watch !== undefined) this.#watch(socket, message.watch);
    });
    socket.on('error', () => undefined).on('close', () => this.#clients.delete(socket));
  }
}
