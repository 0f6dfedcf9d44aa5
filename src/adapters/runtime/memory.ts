/** A runtime in memory, for tests and the simulator: no processes, and never an answer in the same tick. */
import type { WorkloadId } from '../../domain/ids.ts';
import { second, toEpochMs, type Instant } from '../../domain/instant.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { Unavailable } from '../../domain/ports/failures.ts';
import type { LogLine, LogQuery, RunReport, RunSpec, RunState, Runtime, SourceStore, WorkloadSpec } from '../../domain/ports/runtime.ts';
import { stoppedUnexpectedly } from './local.ts';
import { gap } from './log-reader.ts';
import { sourceUnknown } from './source-store.ts';

export { MemorySourceStore } from './memory-source-store.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const healthyMs = 60 * second;

/** One asking and the process that it pretends to have. */
type Unit = {
  run: RunSpec;
  state: RunState;
  incarnation: number;
  reason: string | undefined;
  address: string | undefined;
  failed: 'build' | undefined;
  at: Instant;
  failures: number;
  startedAt: Instant;
  /** Undefined while a process of it lives, or when it was lost. */
  ended: 'itself' | 'told' | undefined;
  /** It takes over once it runs. */
  onTrial: boolean;
};
type Workload = { spec: WorkloadSpec; serving: Unit; coming: Unit | undefined; lost: boolean; readonly built: Set<number> };
type Log = { lines: LogLine[]; lastId: number };
const over = ({ ended }: Unit): boolean => ended !== undefined;
const newestOf = ({ serving, coming }: Workload): Unit => coming ?? serving;
const limitsOf = ({ limits }: WorkloadSpec): string | undefined => limits && `pretended: ${Object.entries(limits).map(([name, value]) => `${name} ${value}`).join(', ')}`;

export class MemoryRuntime implements Runtime {
  readonly #sources: SourceStore;
  readonly #clock: Clock;
  readonly #linesMax: number;
  readonly #workloads = new Map<WorkloadId, Workload>();
  readonly #logs = { run: new Map<WorkloadId, Log>(), build: new Map<WorkloadId, Log>() };
  readonly #listeners = new Set<(report: RunReport) => void>();
  readonly #wakers = new Set<() => void>();
  readonly #needBuild = new Set<string>();
  readonly #dying = new Set<string>();
  #ports = 40_000;
  #closed = false;

  /** Of each workload's log the last `linesMax` lines are kept. */
  constructor({ sources, clock, linesMax = 1_000 }: { readonly sources: SourceStore; readonly clock: Clock; readonly linesMax?: number }) {
    this.#sources = sources;
    this.#clock = clock;
    this.#linesMax = linesMax;
  }
  async apply(spec: WorkloadSpec): Promise<void> {
    await this.#enter();
    for (const { source } of [spec, ...(spec.old ? [spec.old] : [])]) if (!(await this.#sources.has(source))) throw sourceUnknown(source);
    const known = this.#workloads.get(spec.workload);
    const newest = known && newestOf(known);
    if (newest && newest.run.generation > spec.generation) return;
    if (known && newest?.run.generation === spec.generation) {
      if (newest.ended === 'itself') return this.#emit(known, newest);
      if (!over(newest) && !known.lost) return;
    }
    for (const log of Object.values(this.#logs)) if (!log.has(spec.workload)) log.set(spec.workload, { lines: [], lastId: 0 });
    this.#carryOut(spec, known);
  }
  async stop(id: WorkloadId): Promise<void> {
    await this.#enter();
    const workload = this.#workloads.get(id);
    if (!workload) return;
    const newest = newestOf(workload);
    workload.lost = false;
    [workload.serving, workload.coming] = [newest, undefined];
    if (newest.ended === undefined) this.#become(workload, newest, 'stopped', 'stopped', 'told');
  }
  async remove(id: WorkloadId): Promise<void> {
    await this.stop(id);
    this.#workloads.delete(id);
    for (const log of Object.values(this.#logs)) log.delete(id);
    this.#wake();
  }
  async list(): Promise<readonly RunReport[]> {
    await tick();
    return [...this.#workloads.values()].flatMap((workload) => {
      const newest = newestOf(workload);
      return workload.coming && !workload.lost ? [this.#report(workload, newest), this.#report(workload, workload.serving)] : [this.#report(workload, newest)];
    });
  }
  onReport(listener: (report: RunReport) => void): () => void {
    const own = (report: RunReport): void => listener(report);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }
  async *logs(id: WorkloadId, { log: which = 'run', tail, since, after = 0, follow, signal }: LogQuery): AsyncGenerator<LogLine> {
    await tick();
    const wake = (): void => this.#wake();
    signal?.addEventListener('abort', wake);
    const begun = this.#logs[which].get(id);
    let [lastId, first] = [after, true];
    try {
      for (;;) {
        const log = this.#logs[which].get(id);
        const ended = !follow || this.#silent(id, which, begun !== undefined);
        const changed = ended ? undefined : new Promise<void>((resolve) => this.#wakers.add(resolve));
        const fresh = (log?.lines ?? []).filter((line) => line.id > lastId && (since === undefined || line.at >= since));
        const lines = first && tail !== undefined ? fresh.slice(Math.max(0, fresh.length - tail)) : fresh;
        const skipped = (log?.lines ?? []).findLast((line) => line.id < (lines[0]?.id ?? 0))?.id ?? 0;
        [lastId, first] = [Math.max(lastId, skipped, lines.length === 0 ? (log?.lastId ?? 0) : 0), false];
        for (const line of lines) {
          if (signal?.aborted) return;
          if (line.id > lastId + 1) yield gap(lastId + 1, line);
          lastId = line.id;
          yield line;
        }
        if (ended || signal?.aborted) return;
        await changed;
        await tick();
      }
    } finally {
      signal?.removeEventListener('abort', wake);
    }
  }
  isolation(): string {
    return 'workloads are only pretended: nothing of theirs is run';
  }
  async close(): Promise<void> {
    await tick();
    this.#closed = true;
    this.#wake();
  }

  /** For tests: sources like this are built first, until `finishBuild`. */
  needsBuild(source: string): void {
    this.#needBuild.add(source);
  }
  /** For tests: processes of this source end at once. */
  diesAtOnce(source: string): void {
    this.#dying.add(source);
  }
  /** For tests: the build that is under way ends with this code. */
  async finishBuild(id: WorkloadId, code: number): Promise<void> {
    await tick();
    const workload = this.#workloads.get(id);
    const unit = workload && newestOf(workload);
    if (!workload || unit?.state !== 'building') return;
    this.#write(id, 'system', `exited with code ${code}`, 'build');
    if (code === 0) {
      workload.built.add(unit.run.release);
      return this.#start(workload, unit);
    }
    unit.failed = 'build';
    this.#become(workload, unit, 'error', `the build failed at 'build': exited with code ${code}`, 'itself');
  }
  /** For tests: its process ends by itself. Like a real one it is started again, without the wait between. */
  async crash(id: WorkloadId, code = 1): Promise<void> {
    await tick();
    const workload = this.#workloads.get(id);
    if (workload && !workload.lost) this.#die(workload, workload.serving, code);
  }
  /** For tests: as if the machine or its supervisor had been killed. */
  async lose(id: WorkloadId): Promise<void> {
    await tick();
    const workload = this.#workloads.get(id);
    if (!workload || over(newestOf(workload))) return;
    workload.lost = true;
    this.#become(workload, newestOf(workload), 'error', stoppedUnexpectedly);
  }
  /** For tests: it prints a line. */
  async print(id: WorkloadId, text: string, stream: 'stdout' | 'stderr' = 'stdout'): Promise<void> {
    await tick();
    this.#write(id, stream, text);
    this.#wake();
  }

  async #enter(): Promise<void> {
    await tick();
    if (this.#closed) throw new Unavailable('The runtime is closed.');
  }
  #carryOut(spec: WorkloadSpec, known: Workload | undefined): void {
    const serving = known && !known.lost && !over(known.serving) ? known.serving : undefined;
    if (known && serving?.run.release === spec.release) {
      Object.assign(known, { spec, coming: undefined });
      serving.run = { ...serving.run, generation: spec.generation };
      return this.#emit(known, serving);
    }
    const unitOf = (run: RunSpec, onTrial: boolean): Unit => {
      const before = [known?.coming, known?.serving].find((unit) => unit?.run.generation === run.generation);
      return { run, state: 'starting', incarnation: before?.incarnation ?? 0, reason: undefined, address: undefined, failed: undefined, at: this.#clock.now(), failures: 0, startedAt: this.#clock.now(), ended: undefined, onTrial };
    };
    const built = known?.built ?? new Set<number>();
    const { generation, release, source } = spec;
    const next = unitOf({ generation, release, source }, spec.old !== undefined);
    const old = spec.old && (serving?.run.release === spec.old.release ? serving : unitOf(spec.old, false));
    const workload: Workload = { spec, serving: old ?? next, coming: old && next, lost: false, built };
    this.#workloads.set(spec.workload, workload);
    if (old && old !== serving) this.#begin(workload, old);
    this.#begin(workload, next);
  }
  #begin(workload: Workload, unit: Unit): void {
    if (!this.#needBuild.has(unit.run.source) || workload.built.has(unit.run.release)) return this.#start(workload, unit);
    this.#write(workload.spec.workload, 'system', `generation ${unit.run.generation}: pretended`, 'build');
    this.#become(workload, unit, 'building', undefined);
  }
  #start(workload: Workload, unit: Unit, reason?: string): void {
    const incarnation = (unit.incarnation += 1);
    unit.startedAt = this.#clock.now();
    this.#become(workload, unit, 'starting', reason);
    this.#write(workload.spec.workload, 'system', `started (generation ${unit.run.generation}, process ${incarnation})`);
    void tick().then(() => {
      const current = workload.serving === unit || workload.coming === unit;
      if (!current || unit.state !== 'starting' || unit.incarnation !== incarnation || workload.lost || this.#closed) return;
      if (this.#dying.has(unit.run.source)) return this.#die(workload, unit, 9);
      unit.address = `http://127.0.0.1:${(this.#ports += 1)}`;
      unit.onTrial = false;
      [workload.serving, workload.coming] = unit === workload.coming ? [unit, undefined] : [workload.serving, workload.coming];
      this.#become(workload, unit, 'running', undefined);
    });
  }
  #die(workload: Workload, unit: Unit, code: number): void {
    if (over(unit)) return;
    const { retries, workload: id } = workload.spec;
    const text = `exited with code ${code}`;
    this.#write(id, 'system', text);
    if (unit.onTrial) return this.#become(workload, unit, 'error', `${text} before it was ready`, 'itself');
    if (code === 0) return this.#become(workload, unit, 'stopped', 'finished', 'itself');
    if (toEpochMs(this.#clock.now()) - toEpochMs(unit.startedAt) >= healthyMs) unit.failures = 0;
    if (unit.failures >= retries) return this.#become(workload, unit, 'error', retries === 0 ? `${text}, not restarted` : `${text}, gave up after ${retries} restart${retries === 1 ? '' : 's'}`, 'itself');
    unit.failures += 1;
    this.#start(workload, unit, `${text}, restarting (${unit.failures} of ${retries})`);
  }
  #become(workload: Workload, unit: Unit, state: RunState, reason: string | undefined, ended?: 'itself' | 'told'): void {
    Object.assign(unit, { state, reason, ended, at: this.#clock.now(), address: state === 'running' ? unit.address : undefined });
    if (reason !== undefined && state !== 'starting') this.#write(workload.spec.workload, 'system', reason);
    this.#emit(workload, unit);
    this.#wake();
  }
  #emit(workload: Workload, unit: Unit): void {
    const report = this.#report(workload, unit);
    if (!this.#closed) for (const listener of this.#listeners) listener(report);
  }
  #report({ spec, lost }: Workload, { run, state, incarnation, reason, address, failed, at }: Unit): RunReport {
    const limits = limitsOf(spec);
    const terms = state === 'building' || state === 'starting' || state === 'running' ? { how: 'pretended', ...(limits === undefined ? {} : { limits }) } : {};
    return { workload: spec.workload, generation: run.generation, state, incarnation, at, ...(address === undefined ? {} : { address }), ...(reason === undefined ? {} : { reason }), ...(failed ? { failed } : {}), ...(lost ? { lost: true } : {}), ...terms };
  }
  /** Nothing more will be logged. One that is unknown may still come, unless it was here when the reader began. */
  #silent(id: WorkloadId, which: 'run' | 'build', begun: boolean): boolean {
    const workload = this.#workloads.get(id);
    if (this.#closed || !workload) return this.#closed || begun;
    const units = [workload.serving, ...(workload.coming ? [workload.coming] : [])];
    return workload.lost || units.every(over) || (which === 'build' && units.every(({ state }) => state !== 'building'));
  }
  #write(id: WorkloadId, stream: LogLine['stream'], text: string, which: 'run' | 'build' = 'run'): void {
    const log = this.#logs[which].get(id);
    if (!log) return;
    log.lines.push({ id: (log.lastId += 1), at: this.#clock.now(), stream, text });
    if (log.lines.length > this.#linesMax) log.lines.shift();
  }
  #wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }
}
