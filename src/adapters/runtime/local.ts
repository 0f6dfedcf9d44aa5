/** Runs workloads as processes of this machine. Each has a supervisor of its own that outlives the server (`supervisor/main.ts`). */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkloadId } from '../../domain/ids.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { Refused, Unavailable } from '../../domain/ports/failures.ts';
import type { LogLine, LogQuery, RunReport, Runtime, SourceStore, WorkloadSpec } from '../../domain/ports/runtime.ts';
import { LocalWorkload, type Surroundings } from './local-workload.ts';
import { lookAtMachine, Users, type Machine, type UserRange } from './machine.ts';
import { leaveCgroups } from './supervisor/cgroups.ts';
import type { Settings } from './supervisor/order.ts';

export { stoppedUnexpectedly } from './local-workload.ts';
export type LocalRuntimeOptions = {
  readonly folder: string;
  readonly sources: SourceStore;
  readonly clock: Clock;
  readonly settings?: Partial<Settings>;
  /** Where the server is root, each workload runs as a user of its own out of these. */
  readonly users?: UserRange | undefined;
  /** For tests: leave cgroups alone even where they can be made. */
  readonly cgroups?: boolean;
};

const minute = 60_000;
const defaults: Settings = {
  graceMs: 5_000, runningAfterMs: 300, healthyMs: minute, restartDelayMs: 500, restartDelayMaxMs: 30_000, buildMaxMs: 10 * minute, provenAfterMs: 5_000, provenMaxMs: minute, measureMs: 1_000, logBytes: 10_000_000, logFiles: 5,
};
const folderName = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** What an earlier process left running is found again at once, and reported to whoever listens by then. */
export class LocalRuntime implements Runtime {
  readonly #options: LocalRuntimeOptions;
  readonly #folder: string;
  readonly #hash: string;
  readonly #settings: Settings;
  readonly #machine: Machine;
  readonly #users: Users | undefined;
  readonly #workloads = new Map<string, LocalWorkload>();
  readonly #listeners = new Set<(report: RunReport) => void>();
  #closed = false;

  constructor(options: LocalRuntimeOptions) {
    this.#options = options;
    this.#settings = { ...defaults, ...options.settings };
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    this.#folder = realpathSync(options.folder);
    if (options.users) chmodSync(this.#folder, 0o711);
    this.#hash = digestOf(this.#folder).toString('hex').slice(0, 16);
    this.#machine = lookAtMachine({ folder: this.#folder, users: options.users, cgroups: options.cgroups ?? true }, `tollgate-${this.#hash}`);
    this.#users = this.#machine.users && new Users(this.#machine.users, this.#folder);
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
    return (await Promise.all([...this.#workloads.values()].map((workload) => workload.reports()))).flat();
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
    return this.#machine.isolation;
  }
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#workloads.values()].map((workload) => workload.close()));
    if (this.#machine.cgroups) leaveCgroups(this.#machine.cgroups);
  }

  #workload(id: WorkloadId): LocalWorkload {
    const known = this.#workloads.get(id);
    if (known) return known;
    if (this.#closed) throw new Unavailable('The runtime is closed.');
    if (!folderName.test(id)) throw new Refused('WorkloadRefused', `${JSON.stringify(id.slice(0, 100))} is no id of a workload.`);
    const workload = new LocalWorkload(id, this.#surroundings(id));
    this.#workloads.set(id, workload);
    return workload;
  }
  #surroundings(id: WorkloadId): Surroundings {
    const { sources, clock } = this.#options;
    return {
      folder: join(this.#folder, id), socket: this.#socketOf(id), sources, clock, settings: this.#settings, machine: this.#machine, group: id, emit: (report) => this.#emit(report),
      takeUser: () => this.#users?.take(digestOf(`${this.#folder}/${id}`).readUInt32BE()), giveUserBack: (user) => this.#users?.giveBack(user),
    };
  }
  /** An abstract socket on Linux vanishes with its process; elsewhere it is a file with a short path, as sockets need. */
  #socketOf(id: WorkloadId): string {
    return process.platform === 'linux' ? `\0tollgate-${this.#hash}-${id}` : join(tmpdir(), `tollgate-${digestOf(`${this.#folder}/${id}`).toString('hex').slice(0, 16)}.sock`);
  }
  #forget(id: WorkloadId): void {
    if (this.#workloads.get(id)?.idle) this.#workloads.delete(id);
  }
  #emit(report: RunReport): void {
    if (!this.#closed) for (const listener of this.#listeners) listener(report);
  }
}
