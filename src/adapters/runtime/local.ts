/** Runs workloads as processes of this machine. Each has a supervisor of its own that outlives the server (`supervisor.ts`). */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkloadId } from '../../domain/ids.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { Refused, Unavailable } from '../../domain/ports/failures.ts';
import type { LogLine, LogQuery, RunReport, Runtime, SourceStore, WorkloadSpec } from '../../domain/ports/runtime.ts';
import { LocalWorkload } from './local-workload.ts';
import type { Limits } from './supervisor.ts';

export { stoppedUnexpectedly } from './local-workload.ts';
export type LocalRuntimeOptions = { readonly folder: string; readonly sources: SourceStore; readonly clock: Clock; /** For tests. */ readonly limits?: Partial<Limits> };

const defaults: Limits = { graceMs: 5_000, runningAfterMs: 300, healthyMs: 60_000, restartDelayMs: 500, restartDelayMaxMs: 30_000, logBytes: 10_000_000, logFiles: 5 };
const folderName = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** What an earlier process left running is found again at once, and reported to whoever listens by then. */
export class LocalRuntime implements Runtime {
  readonly #options: LocalRuntimeOptions;
  readonly #folder: string;
  readonly #limits: Limits;
  readonly #workloads = new Map<string, LocalWorkload>();
  readonly #listeners = new Set<(report: RunReport) => void>();
  #closed = false;

  constructor(options: LocalRuntimeOptions) {
    this.#options = options;
    this.#limits = { ...defaults, ...options.limits };
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    this.#folder = realpathSync(options.folder);
    for (const name of readdirSync(this.#folder)) if (folderName.test(name)) this.#workload(name as WorkloadId);
  }
  async apply(spec: WorkloadSpec): Promise<void> {
    await this.#workload(spec.workload).apply(spec);
  }
  async stop(workload: WorkloadId): Promise<void> {
    await this.#workload(workload).stop();
    this.#forget(workload);
  }
  async remove(workload: WorkloadId): Promise<void> {
    await this.#workload(workload).remove();
    this.#forget(workload);
  }
  async list(): Promise<readonly RunReport[]> {
    const reports = await Promise.all([...this.#workloads.values()].map((workload) => workload.report()));
    return reports.filter((report) => report !== undefined);
  }
  onReport(listener: (report: RunReport) => void): () => void {
    const own = (report: RunReport): void => listener(report); // so that the same listener can be there twice
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }
  async *logs(workload: WorkloadId, query: LogQuery): AsyncGenerator<LogLine> {
    try {
      yield* this.#workload(workload).logs(query);
    } finally {
      this.#forget(workload);
    }
  }
  isolation(): string {
    return "each workload has its own folder, environment and process group, but all run as the server's user on this machine: they are not kept apart from each other or from the server";
  }
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#workloads.values()].map((workload) => workload.close()));
  }

  #workload(id: WorkloadId): LocalWorkload {
    const known = this.#workloads.get(id);
    if (known) return known;
    if (this.#closed) throw new Unavailable('The runtime is closed.');
    if (!folderName.test(id)) throw new Refused('WorkloadRefused', `${JSON.stringify(id.slice(0, 100))} is no id of a workload.`);
    const { sources, clock } = this.#options;
    const workload = new LocalWorkload(id, { folder: join(this.#folder, id), socket: this.#socketOf(id), sources, clock, limits: this.#limits, emit: (report) => this.#emit(report) });
    this.#workloads.set(id, workload);
    return workload;
  }
  /** An abstract socket on Linux vanishes with its process; elsewhere it is a file with a short path, as sockets need. */
  #socketOf(id: WorkloadId): string {
    const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
    return process.platform === 'linux' ? `\0tollgate-${hash(this.#folder)}-${id}` : join(tmpdir(), `tollgate-${hash(`${this.#folder}/${id}`)}.sock`);
  }
  #forget(id: WorkloadId): void {
    if (this.#workloads.get(id)?.idle) this.#workloads.delete(id);
  }
  #emit(report: RunReport): void {
    if (!this.#closed) for (const listener of this.#listeners) listener(report);
  }
}
