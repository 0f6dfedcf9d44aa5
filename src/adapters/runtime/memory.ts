/** Runtime and source store in memory, for tests and the simulator: no processes, no disk, and never an answer in the same tick. */
import type { WorkloadId } from '../../domain/ids.ts';
import { second, toEpochMs, type Instant } from '../../domain/instant.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { Unavailable } from '../../domain/ports/failures.ts';
import type { LogLine, LogQuery, RunReport, RunState, Runtime, SourceStore, StoredSource, WorkloadSpec } from '../../domain/ports/runtime.ts';
import { stoppedUnexpectedly } from './local.ts';
import { gap } from './log-reader.ts';
import { sourceUnknown, writeFiles } from './source-store.ts';
import { sourceLimits, walkSource, type SourceLimits } from './source-walk.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const healthyMs = 60 * second;

type Workload = {
  spec: WorkloadSpec;
  state: RunState;
  incarnation: number;
  reason: string | undefined;
  at: Instant;
  failures: number;
  startedAt: Instant;
  /** Undefined while a process of it lives, or when it was lost. */
  ended: 'itself' | 'told' | undefined;
  lost: boolean;
};
type Log = { lines: LogLine[]; lastId: number };

export class MemoryRuntime implements Runtime {
  readonly #sources: SourceStore;
  readonly #clock: Clock;
  readonly #linesMax: number;
  readonly #workloads = new Map<WorkloadId, Workload>();
  readonly #logs = new Map<WorkloadId, Log>();
  readonly #listeners = new Set<(report: RunReport) => void>();
  readonly #wakers = new Set<() => void>();
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
    if (!(await this.#sources.has(spec.source))) throw sourceUnknown(spec.source);
    const known = this.#workloads.get(spec.workload);
    if (known && known.spec.generation > spec.generation) return;
    const same = known?.spec.generation === spec.generation;
    if (same && known.ended === 'itself') return this.#emit(known);
    if (same && !known.ended && !known.lost) return;
    if (known && !known.ended && !known.lost) this.#become(known, 'stopped', 'stopped', 'told');
    const now = this.#clock.now();
    const workload: Workload = { spec, state: 'starting', incarnation: same ? known.incarnation : 0, reason: undefined, at: now, failures: 0, startedAt: now, ended: undefined, lost: false };
    this.#workloads.set(spec.workload, workload);
    if (!this.#logs.has(spec.workload)) this.#logs.set(spec.workload, { lines: [], lastId: 0 });
    this.#start(workload);
  }
  async stop(id: WorkloadId): Promise<void> {
    await this.#enter();
    const workload = this.#workloads.get(id);
    if (workload && !workload.ended) this.#become(workload, 'stopped', 'stopped', 'told');
  }
  async remove(id: WorkloadId): Promise<void> {
    await this.#enter();
    const workload = this.#workloads.get(id);
    if (workload && !workload.ended) this.#become(workload, 'stopped', 'stopped', 'told');
    this.#workloads.delete(id);
    this.#logs.delete(id);
    this.#wake();
  }
  async list(): Promise<readonly RunReport[]> {
    await tick();
    return [...this.#workloads.values()].map((workload) => this.#report(workload));
  }
  onReport(listener: (report: RunReport) => void): () => void {
    const own = (report: RunReport): void => listener(report);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }
  async *logs(id: WorkloadId, { tail, since, after = 0, follow, signal }: LogQuery): AsyncGenerator<LogLine> {
    await tick();
    const wake = (): void => this.#wake();
    signal?.addEventListener('abort', wake);
    const begun = this.#logs.get(id);
    let [lastId, first] = [after, true];
    try {
      for (;;) {
        const log = this.#logs.get(id);
        const workload = this.#workloads.get(id);
        // One that is unknown may still come, unless it was here when this began.
        const over = !follow || this.#closed || (workload ? workload.ended !== undefined || workload.lost : begun !== undefined);
        const changed = over ? undefined : new Promise<void>((resolve) => this.#wakers.add(resolve));
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
        if (over || signal?.aborted) return;
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

  /** For tests: its process ends by itself. Like a real one it is started again, without the wait between. */
  async crash(id: WorkloadId, code = 1): Promise<void> {
    await tick();
    const workload = this.#workloads.get(id);
    if (!workload || workload.ended || workload.lost) return;
    const { retries } = workload.spec;
    this.#write(id, 'system', `exited with code ${code}`);
    if (code === 0) return this.#become(workload, 'stopped', 'finished', 'itself');
    if (toEpochMs(this.#clock.now()) - toEpochMs(workload.startedAt) >= healthyMs) workload.failures = 0;
    if (workload.failures >= retries) return this.#become(workload, 'error', retries === 0 ? `exited with code ${code}, not restarted` : `exited with code ${code}, gave up after ${retries} restart${retries === 1 ? '' : 's'}`, 'itself');
    workload.failures += 1;
    this.#start(workload, `exited with code ${code}, restarting (${workload.failures} of ${retries})`);
  }
  /** For tests: as if the machine or its supervisor had been killed. */
  async lose(id: WorkloadId): Promise<void> {
    await tick();
    const workload = this.#workloads.get(id);
    if (!workload || workload.ended) return;
    workload.lost = true;
    this.#become(workload, 'error', stoppedUnexpectedly);
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
  #start(workload: Workload, reason?: string): void {
    const incarnation = (workload.incarnation += 1);
    workload.startedAt = this.#clock.now();
    this.#become(workload, 'starting', reason);
    this.#write(workload.spec.workload, 'system', `started (generation ${workload.spec.generation}, process ${incarnation})`);
    void tick().then(() => {
      if (workload.state === 'starting' && workload.incarnation === incarnation && !this.#closed) this.#become(workload, 'running', undefined);
    });
  }
  #become(workload: Workload, state: RunState, reason: string | undefined, ended?: 'itself' | 'told'): void {
    Object.assign(workload, { state, reason, ended, at: this.#clock.now() });
    if (reason !== undefined && state !== 'starting') this.#write(workload.spec.workload, 'system', reason);
    if (state === 'running') this.#ports += 1;
    this.#emit(workload);
    this.#wake();
  }
  #emit(workload: Workload): void {
    const report = this.#report(workload);
    if (!this.#closed) for (const listener of this.#listeners) listener(report);
  }
  readonly #addresses = new WeakMap<Workload, { readonly incarnation: number; readonly address: string }>();
  #report(workload: Workload): RunReport {
    const { spec, state, incarnation, reason, at } = workload;
    if (state === 'running' && this.#addresses.get(workload)?.incarnation !== incarnation) this.#addresses.set(workload, { incarnation, address: `http://127.0.0.1:${this.#ports}` });
    const address = state === 'running' ? this.#addresses.get(workload)?.address : undefined;
    return { workload: spec.workload, generation: spec.generation, state, incarnation, at, ...(address === undefined ? {} : { address }), ...(reason === undefined ? {} : { reason }), ...(workload.lost ? { lost: true } : {}) };
  }
  #write(id: WorkloadId, stream: LogLine['stream'], text: string): void {
    const log = this.#logs.get(id);
    if (!log) return;
    log.lines.push({ id: (log.lastId += 1), at: this.#clock.now(), stream, text });
    if (log.lines.length > this.#linesMax) log.lines.shift();
  }
  #wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }
}

/** Uploaded code in memory; checked, and unpacked to a folder, like that on disk. */
export class MemorySourceStore implements SourceStore {
  readonly #limits: SourceLimits;
  readonly #sources = new Map<string, Buffer>();
  readonly #holders = new Map<string, Set<string>>();
  /** Uploaded and not yet held: somebody is about to run it. */
  readonly #fresh = new Set<string>();

  constructor(limits: Partial<SourceLimits> = {}) {
    this.#limits = { ...sourceLimits, ...limits };
  }
  async put(body: AsyncIterable<Uint8Array>): Promise<StoredSource> {
    const chunks: Uint8Array[] = [];
    const stored = await walkSource(body, this.#limits, async () => undefined, async (chunk) => void chunks.push(chunk));
    this.#sources.set(stored.digest, Buffer.concat(chunks));
    this.#fresh.add(stored.digest);
    return stored;
  }
  async has(digest: string): Promise<boolean> {
    await tick();
    return this.#sources.has(digest);
  }
  async unpack(digest: string, folder: string): Promise<void> {
    await tick();
    const bytes = this.#sources.get(digest);
    if (!bytes) throw sourceUnknown(digest);
    await walkSource((async function* () { yield bytes; })(), this.#limits, writeFiles(folder));
  }
  async retain(digest: string, holder: string): Promise<void> {
    await tick();
    if (!this.#sources.has(digest)) throw sourceUnknown(digest);
    this.#holders.set(digest, (this.#holders.get(digest) ?? new Set()).add(holder));
    this.#fresh.delete(digest);
  }
  async release(digest: string, holder: string): Promise<void> {
    await tick();
    const holders = this.#holders.get(digest);
    holders?.delete(holder);
    if ((holders?.size ?? 0) === 0 && !this.#fresh.has(digest)) this.#forget(digest);
  }
  async remove(digest: string): Promise<void> {
    await tick();
    this.#forget(digest);
  }
  #forget(digest: string): void {
    this.#sources.delete(digest);
    this.#holders.delete(digest);
    this.#fresh.delete(digest);
  }
}
