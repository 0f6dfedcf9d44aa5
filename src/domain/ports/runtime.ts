import type { NamespaceId, WorkloadId } from '../ids.ts';
import type { Instant } from '../instant.ts';

/** What each workload of a plan may use; undefined is unlimited. */
export interface WorkloadLimits {
  /** Thousandths of a core. */
  readonly cpuMillis?: number;
  readonly memoryMiB?: number;
  /** Code, build and home together. */
  readonly diskMiB?: number;
  /** Processes and threads at once. */
  readonly processes?: number;
}
/** One asking: which code runs under which number. */
export interface RunSpec {
  /** Which asking this is; a higher one replaces a lower one, the same one is already so. */
  readonly generation: number;
  /** The asking that brought the code. It is built once: another asking of the same release goes on with what was built, or with the very process that runs. */
  readonly release: number;
  /** Digest of the stored source, `sha256:<64 hex>`. */
  readonly source: string;
}
export interface WorkloadSpec extends RunSpec {
  readonly workload: WorkloadId;
  readonly namespace: NamespaceId;
  readonly name: string;
  /** Shell command line; where undefined it is found in the source. */
  readonly command?: string;
  readonly environment: Readonly<Record<string, string>>;
  /** How often a workload that died is started again before it counts as failed. */
  readonly retries: number;
  readonly limits?: WorkloadLimits;
  /** What runs until this asking is ready, and goes on when it fails; brought back first where it was lost. Without it, what ran before is ended. */
  readonly old?: RunSpec;
}
export type RunState = 'building' | 'starting' | 'running' | 'stopped' | 'error';
export interface RunReport {
  readonly workload: WorkloadId;
  /** Of this asking; while an update is made ready there are reports of the old one, too. */
  readonly generation: number;
  readonly state: RunState;
  /** Counts the workload's processes: 1 for the first start, 2 after one restart, ...; 0 before there is one. */
  readonly incarnation: number;
  /** Where it answers, e.g. `http://127.0.0.1:40123`; while running. */
  readonly address?: string;
  /** For people: why it is in this state ("exited with code 1", "restarting in 2 s (1 of 3)"). */
  readonly reason?: string;
  /** For people, while it is built or runs: what was found in the source, and what is done with it. */
  readonly how?: string;
  /** For people, while it is built or runs: what it may use, and how it is kept to it. */
  readonly limits?: string;
  /** With `error`: its code could not be built, or the build was given up for its time. */
  readonly failed?: 'build';
  /** It should run, but its processes are gone without having ended by themselves (its supervisor was killed, the machine restarted). */
  readonly lost?: true;
  readonly at: Instant;
}
export interface LogLine {
  /** Grows by one per line of one workload, across restarts and rotation. */
  readonly id: number;
  readonly at: Instant;
  readonly stream: 'stdout' | 'stderr' | 'system';
  readonly text: string;
}
export interface LogQuery {
  /** What it prints while it runs (the default), or what its builds print. Each numbers its own lines. */
  readonly log?: 'run' | 'build';
  /** The last so many lines (of those `since`/`after` leave); all when undefined. */
  readonly tail?: number;
  readonly since?: Instant;
  /** Only lines with a greater id: how a follower resumes. */
  readonly after?: number;
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** Runs workloads. Every deed says what should be, and may be repeated; what is, comes as reports. */
export interface Runtime {
  /**
   * Sees to it that the workload runs as said: found again when it does already, never doubled. It does not wait for a build: that,
   * like everything later, comes as reports. `Refused` where there is nothing to run; what is `old` runs on then.
   */
  apply(spec: WorkloadSpec): Promise<void>;
  /** Ends its processes, a build's too; source, folder and logs are kept. */
  stop(workload: WorkloadId): Promise<void>;
  /** Ends its processes and removes folder, build and logs. */
  remove(workload: WorkloadId): Promise<void>;
  /** Everything it knows of now: one report for each workload, and one more for the old one where an update is made ready beside it. */
  list(): Promise<readonly RunReport[]>;
  /** Calls for every change of a workload's state from now on. Returns how to stop it. */
  onReport(listener: (report: RunReport) => void): () => void;
  /** Lines in order. With `follow` it ends when the workload has ended for good, or on `signal`. */
  logs(workload: WorkloadId, query: LogQuery): AsyncIterable<LogLine>;
  /** How far workloads are kept apart, for people and for `status`. */
  isolation(): string;
  /** Lets go of the workloads without ending them. */
  close(): Promise<void>;
}

export interface StoredSource {
  readonly digest: string;
  /** Bytes as uploaded (tar+gzip). */
  readonly size: number;
  readonly files: number;
}
/** Uploaded code, addressed by its content. */
export interface SourceStore {
  /** Streams a tar+gzip in, checking size, count, paths and kinds as it comes; `Refused` says what is wrong. Nothing of a refused one stays. */
  put(body: AsyncIterable<Uint8Array>): Promise<StoredSource>;
  has(digest: string): Promise<boolean>;
  /** Unpacks into an existing empty folder. */
  unpack(digest: string, folder: string): Promise<void>;
  /** `holder` needs this source from now on. */
  retain(digest: string, holder: string): Promise<void>;
  /** `holder` needs it no more; one that nobody needs, and that is not fresh, is removed. */
  release(digest: string, holder: string): Promise<void>;
  remove(digest: string): Promise<void>;
}
