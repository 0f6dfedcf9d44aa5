/** One release of the workload: built where it must be, then run, and run again when it dies. */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cgroup } from './cgroups.ts';
import { groupOf, launch, limitsInWords } from './confinement.ts';
import { LineCutter, type LogFiles, type Stream } from './log-files.ts';
import { appFolder, builtMark, type Leader, type Order, type Part, type Unit } from './order.ts';
import { endProcesses, signal, startedOf, type Marks } from './processes.ts';
import { answers, takePort } from './sockets.ts';
import { attempt, linux, seconds, sleep } from './small.ts';
import { Watch } from './watch.ts';

export type Surroundings = {
  readonly order: Order;
  readonly log: LogFiles;
  readonly buildLog: LogFiles;
  /** There are new lines. */
  readonly wrote: () => void;
  /** Its unit is another one. */
  readonly changed: (instance: Instance) => void;
};
/** How long it must live to be taken for running; an update is on trial first. */
export type Trial = { readonly onTrial: boolean; readonly provenAfterMs: number };
type End = { readonly code: number | null; readonly text: string; readonly lastedMs: number };
const tailLines = 3;

export class Instance {
  unit: Unit;
  leader: Leader | undefined;
  /** Nothing of it runs any more, or will. */
  over = false;
  readonly part: Part;
  readonly done: Promise<void>;
  readonly #in: Surroundings;
  readonly #group: Cgroup | undefined;
  readonly #limits: string;
  #trial: Trial;
  #child: ChildProcess | undefined;
  #ending: 'told' | 'signal' | undefined;
  #insistAtMs = 0;
  #overLimit: string | undefined;
  #wake: () => void = () => undefined;

  constructor(part: Part, trial: Trial, surroundings: Surroundings) {
    this.part = part;
    this.#trial = trial;
    this.#in = surroundings;
    const { confinement } = surroundings.order;
    this.#limits = limitsInWords(confinement);
    this.unit = { generation: part.generation, release: part.release, state: part.steps.length > 0 ? 'building' : 'starting', incarnation: part.incarnation, at: new Date().toISOString(), how: part.how, limits: this.#limits };
    this.#group = attempt(() => groupOf(confinement, part.release));
    this.done = this.#live(confinement.cgroups !== undefined && this.#group === undefined);
  }
  /** The same release under a newer asking: it goes on as it is, and is no longer on trial. */
  adopt(generation: number): void {
    this.#trial = { ...this.#trial, onTrial: false };
    this.unit = { ...this.unit, generation };
  }
  /** Asks it to end; by a signal it does not count as told, so that it is run again after the machine restarted. */
  async end(by: 'told' | 'signal'): Promise<void> {
    if (!this.#ending && !this.over) this.#beginEnd(by);
    await this.done;
  }
  /** The supervisor itself is broken. */
  abort(): void {
    if (this.#child?.pid !== undefined) signal(-this.#child.pid, 'SIGKILL');
  }

  #beginEnd(by: 'told' | 'signal'): void {
    const { graceMs } = this.#in.order.settings;
    this.#ending = by;
    this.#insistAtMs = Date.now() + graceMs;
    this.#wake();
    this.#askToEnd(graceMs);
  }
  #askToEnd(graceMs: number): void {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const say = (text: string): void => (this.unit.state === 'building' ? this.#note(text) : this.#say(text));
    say('stopping: SIGTERM sent');
    const group = -child.pid;
    signal(group, 'SIGTERM');
    const insist = setTimeout(() => {
      say(`still running after ${seconds(graceMs)}: killed`);
      signal(group, 'SIGKILL');
    }, graceMs);
    child.once('exit', () => clearTimeout(insist));
  }
  async #live(unconfined: boolean): Promise<void> {
    await undefined; // so that whoever made it knows it before anything is told
    if (unconfined) this.#become({ state: 'error', incarnation: this.unit.incarnation, reason: 'its limits could not be set on this machine', ended: 'itself' });
    else if (await this.#build()) await this.#keepRunning();
    await this.#group?.remove();
    this.over = true;
    this.#in.changed(this);
  }

  /** Step by step; false when it must not be started. */
  async #build(): Promise<boolean> {
    const { part: { steps, how, generation }, unit: { incarnation } } = this;
    const { settings } = this.#in.order;
    if (steps.length > 0) {
      this.#become({ state: 'building', incarnation });
      this.#note(`generation ${generation}: ${how}`, `limits: ${this.#limits}; at most ${seconds(settings.buildMaxMs)}`);
    }
    const startedMs = Date.now();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#askToEnd(settings.graceMs);
    }, settings.buildMaxMs);
    for (const { says, command } of steps) {
      this.#note(`$ ${says}`);
      const tail: string[] = [];
      const end = this.#ending ? undefined : await this.#once(command, {}, (stream, texts) => {
        this.#writeTo(this.#in.buildLog, stream, texts);
        tail.splice(0, Math.max(0, tail.push(...texts.filter((text) => text.trim() !== '')) - tailLines));
      });
      if (end?.code === 0 && !late && !this.#ending && this.#overLimit === undefined) continue;
      clearTimeout(timer);
      const why = this.#ending ? 'it was given up' : late ? `it took longer than ${seconds(settings.buildMaxMs)}` : this.#overLimit ? `ended: ${this.#overLimit}` : (end?.text ?? '');
      this.#note(why);
      if (!this.#ending) this.#become({ state: 'error', incarnation, failed: 'build', ended: 'itself', reason: `the build failed at '${says}': ${why}${tail.length === 0 ? '' : `; its last lines: ${tail.join(' | ').slice(0, 400)}`}` });
      return false;
    }
    clearTimeout(timer);
    if (this.#ending) return false;
    if (steps.length > 0) this.#note(`built in ${seconds(Date.now() - startedMs)}`);
    const { command, path } = this.part;
    attempt(() => writeFileSync(builtMark(this.#in.order.folder, this.part.release), JSON.stringify({ command, path, how }), { mode: 0o600 }));
    return true;
  }

  async #keepRunning(): Promise<void> {
    const { retries, settings } = this.#in.order;
    this.#become({ state: 'starting', incarnation: this.unit.incarnation + 1 });
    for (let failures = 0; ; ) {
      const { code, text, lastedMs } = await this.#runOnce();
      if (this.#ending) return;
      const { incarnation } = this.unit;
      const fail = (reason: string): void => this.#become({ state: 'error', incarnation, reason, ended: 'itself' });
      if (this.#trial.onTrial) return fail(code === 0 ? 'finished before it was ready' : `${text} before it was ready`);
      if (code === 0) return this.#become({ state: 'stopped', incarnation, reason: 'finished', ended: 'itself' });
      if (lastedMs >= settings.healthyMs) failures = 0;
      if (failures >= retries) return fail(retries === 0 ? `${text}, not restarted` : `${text}, gave up after ${retries} restart${retries === 1 ? '' : 's'}`);
      const delayMs = Math.min(settings.restartDelayMaxMs, settings.restartDelayMs * 2 ** failures);
      failures += 1;
      const next = `restarting in ${seconds(delayMs)} (${failures} of ${retries})`;
      this.#say(next);
      this.#become({ state: 'starting', incarnation: incarnation + 1, reason: `${text}, ${next}` });
      await Promise.race([sleep(delayMs), new Promise<void>((resolve) => (this.#wake = resolve))]);
      if (this.#ending) return;
    }
  }
  async #runOnce(): Promise<End> {
    const { settings } = this.#in.order;
    const { port, release } = await takePort();
    const run = { over: false };
    let alive: NodeJS.Timeout | undefined;
    const end = await this.#once(this.part.command, { PORT: String(port) }, (stream, texts) => this.#writeTo(this.#in.log, stream, texts), () => {
      this.#say(`started (generation ${this.unit.generation}, process ${this.unit.incarnation}, PORT ${port}; ${this.#limits})`);
      alive = setTimeout(() => !this.#ending && this.unit.state === 'starting' && this.#become({ state: 'running', incarnation: this.unit.incarnation }), this.#trial.onTrial ? this.#trial.provenAfterMs : settings.runningAfterMs);
      void this.#awaitAddress(port, run);
    });
    run.over = true;
    clearTimeout(alive);
    release();
    this.#say(end.text);
    return end;
  }
  /** One command to its end, and whatever it leaves behind. */
  async #once(command: string, more: Readonly<Record<string, string>>, write: (stream: Stream, texts: readonly string[]) => void, started: () => void = () => undefined): Promise<End> {
    const { order } = this.#in;
    const startedMs = Date.now();
    if (this.#ending) return { code: null, text: 'stopped', lastedMs: 0 };
    const own = { HOME: join(order.folder, 'home'), ...more, TOLLGATE_WORKLOAD: order.workload, TOLLGATE_NAMESPACE: order.namespace, TOLLGATE_RELEASE: String(this.part.release) };
    const environment = { PATH: this.part.path, LANG: 'C.UTF-8', ...order.environment, ...own };
    let child: ChildProcess;
    try {
      child = launch({ command, folder: appFolder(order.folder, this.part.release), environment }, order.confinement, this.#group);
    } catch (error) {
      return { code: null, text: `could not be started within its limits: ${(error as Error).message}`, lastedMs: 0 };
    }
    this.#child = child;
    this.#overLimit = undefined;
    const closed = new Promise((resolve) => child.once('close', resolve));
    const exited = new Promise<Omit<End, 'lastedMs'>>((resolve) => {
      child.once('error', (error) => resolve({ code: null, text: `could not be started: ${error.message}` }));
      child.once('exit', (code, name) => resolve({ code, text: name === null ? `exited with code ${code}` : `ended by ${name}` }));
    });
    const flushes = (['stdout', 'stderr'] as const).map((stream) => readLines(child, stream, write));
    const since = child.pid === undefined ? undefined : startedOf(child.pid);
    this.leader = since === undefined ? undefined : { pid: child.pid as number, started: since };
    started();
    this.#in.changed(this);
    const watch = this.#watch();
    const end = await exited;
    const killed = watch.end();
    if (!linux && child.pid !== undefined) signal(-child.pid, 'SIGKILL');
    await endProcesses(this.#marks(), this.#overLimit !== undefined ? 0 : this.#ending ? this.#insistAtMs - Date.now() : order.settings.graceMs);
    await Promise.race([closed, sleep(500)]);
    for (const flush of flushes) flush();
    this.#child = this.leader = undefined;
    const why = this.#ending ? undefined : (this.#overLimit ?? killed);
    this.#overLimit = why;
    return { ...end, ...(why === undefined ? {} : { code: null, text: `ended: ${why}` }), lastedMs: Date.now() - startedMs };
  }
  #watch(): Watch {
    const { order } = this.#in;
    return new Watch({
      confinement: order.confinement, group: this.#group, marks: () => ({ ...this.#marks(), leader: this.leader }), everyMs: order.settings.measureMs, folders: [appFolder(order.folder, this.part.release), join(order.folder, 'home')],
      say: (text) => this.#say(text),
      over: (why) => {
        if (this.#overLimit !== undefined || this.#ending) return;
        this.#overLimit = why;
        this.abort();
      },
    });
  }
  #marks(): Marks {
    const { folder, workload } = this.#in.order;
    return { environment: [`HOME=${join(folder, 'home')}`, `TOLLGATE_WORKLOAD=${workload}`, `TOLLGATE_RELEASE=${this.part.release}`], listed: () => this.#group?.processes() ?? [] };
  }
  /** It has an address once something answers on its port; one that never listens runs without. */
  async #awaitAddress(port: number, run: { readonly over: boolean }): Promise<void> {
    const fastUntil = Date.now() + 10_000;
    while (!run.over) {
      // Asked in this order: one that listens on both, from between the first two questions on, has its usual address all the same.
      const old = await answers(port, '127.0.0.1');
      const onlyNew = !old && (await answers(port, '::1')) && !(await answers(port, '127.0.0.1'));
      if ((old || onlyNew) && !run.over && !this.#ending) return this.#become({ state: 'running', incarnation: this.unit.incarnation, address: onlyNew ? `http://[::1]:${port}` : `http://127.0.0.1:${port}` });
      await sleep(Date.now() < fastUntil ? 20 : 1_000);
    }
  }
  #become(next: Pick<Unit, 'state' | 'incarnation' | 'address' | 'reason' | 'ended' | 'failed'>): void {
    const { generation, release, how, limits } = this.unit;
    this.unit = { generation, release, ...(how === undefined ? {} : { how }), ...(limits === undefined ? {} : { limits }), ...next, at: new Date().toISOString() };
    if (next.state === 'running') this.#trial = { ...this.#trial, onTrial: false };
    if (next.ended !== undefined && next.reason !== undefined) this.#say(next.reason);
    this.#in.changed(this);
  }
  #say(text: string): void {
    this.#writeTo(this.#in.log, 'system', [text]);
  }
  #note(...texts: readonly string[]): void {
    this.#writeTo(this.#in.buildLog, 'system', texts);
  }
  #writeTo(log: LogFiles, stream: Stream, texts: readonly string[]): void {
    log.write(stream, texts);
    if (texts.length > 0) this.#in.wrote();
  }
}

/** Reads what it prints, line by line. Returns how to have the last, unended one. */
const readLines = (child: ChildProcess, stream: 'stdout' | 'stderr', write: (stream: Stream, texts: readonly string[]) => void): (() => void) => {
  const lines = new LineCutter();
  child[stream]?.on('data', (chunk: Buffer) => write(stream, lines.push(chunk))).on('error', () => undefined);
  return () => {
    write(stream, lines.end());
    child[stream]?.destroy();
  };
};
