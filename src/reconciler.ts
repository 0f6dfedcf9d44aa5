/** Carries what the runtime sees into the log, and starts again what should run and is gone after a crash. */
import type { Logger } from './assembly.ts';
import { bySystem, SystemMessage } from './commands/command-message.ts';
import type { Handler } from './commands/handle.ts';
import type { WorkloadId } from './domain/ids.ts';
import type { RunReport, Runtime } from './domain/ports/runtime.ts';
import type { ModelRunner } from './projections/runner.ts';

/** States in which a workload has, or should have, a process. */
const alive = new Set(['building', 'starting', 'running']);

export class Reconciler {
  readonly #runtime: Runtime;
  readonly #handler: Handler;
  readonly #workloads: ModelRunner;
  readonly #logger: Logger;
  #stopListening: () => void = () => undefined;
  /** Reports of one workload are recorded in the order they were made. */
  readonly #queues = new Map<WorkloadId, Promise<void>>();

  constructor(runtime: Runtime, handler: Handler, workloads: ModelRunner, logger: Logger) {
    this.#runtime = runtime;
    this.#handler = handler;
    this.#workloads = workloads;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    this.#stopListening = this.#runtime.onReport((report) => this.#enqueue(report));
    const reports = await this.#runtime.list();
    const [seen, lost] = [new Set(reports.map(({ workload }) => workload)), new Set(reports.filter((report) => report.lost).map(({ workload }) => workload))];
    const restarted = new Set<WorkloadId>();
    for await (const page of this.#workloads.collection.all()) {
      for (const { key, document } of page) {
        const workload = key as WorkloadId;
        if (!alive.has(String(document['state']))) continue;
        if (seen.has(workload) && !lost.has(workload)) continue;
        restarted.add(workload);
        await this.#dispatch('RestartWorkload', { workloadId: workload, reason: 'its processes were gone after a restart of the server' });
      }
    }
    for (const report of reports) if (!restarted.has(report.workload)) this.#enqueue(report);
  }

  stop(): void {
    this.#stopListening();
  }

  #enqueue(report: RunReport): void {
    const before = this.#queues.get(report.workload) ?? Promise.resolve();
    const after = before.then(() => this.#record(report));
    this.#queues.set(report.workload, after);
    void after.finally(() => this.#queues.get(report.workload) === after && this.#queues.delete(report.workload));
  }

  #record(report: RunReport): Promise<void> {
    if (report.lost === true) return this.#dispatch('RestartWorkload', { workloadId: report.workload, reason: report.reason ?? 'its processes were gone' });
    const { workload: workloadId, lost: _, at: __, ...seen } = report;
    return this.#dispatch('ReportStatus', { workloadId, ...seen });
  }

  async #dispatch(type: string, fields: { readonly workloadId: string; readonly [field: string]: unknown }): Promise<void> {
    const id = `runtime.${fields.workloadId}`;
    try {
      await this.#handler.execute(SystemMessage.inContext(new SystemMessage(type, fields), bySystem('runtime', id)));
    } catch (error) {
      this.#logger.warn({ workload: fields.workloadId, error: String(error) }, 'a report of the runtime was not recorded');
    }
  }
}
