/** What server and supervisor say to each other, and what the supervisor writes down. */
import type { Confinement } from './confinement.ts';

/** Times in milliseconds, sizes in bytes. */
export type Settings = Readonly<Record<
  | 'graceMs' | 'runningAfterMs' | 'healthyMs' | 'restartDelayMs' | 'restartDelayMaxMs' | 'buildMaxMs'
  /** How long an update must live to take over: where the old one has no address; and at most, where it has one. */
  | 'provenAfterMs' | 'provenMaxMs'
  | 'measureMs' | 'logBytes' | 'logFiles', number>>;
export type Step = { /** As people would type it. */ readonly says: string; readonly command: string };
/** One asking: its code, and how it is built and started. */
export type Part = {
  readonly generation: number;
  readonly release: number;
  /** The last process of this generation, started by an earlier supervisor; 0 when there was none. */
  readonly incarnation: number;
  readonly command: string;
  readonly path: string;
  readonly how: string;
  /** Empty where it is built already, or needs no building. */
  readonly steps: readonly Step[];
};
/** It comes on standard input or over the socket, so that the environment is never on disk or in a process list. */
export type Order = {
  /** `end`: only end what a killed supervisor left behind. */
  readonly do: 'run' | 'end';
  readonly retries: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly settings: Settings;
  readonly confinement: Confinement;
  readonly wanted?: Part;
  /** Runs until `wanted` is ready. */
  readonly old?: Part;
} & Readonly<Record<'workload' | 'namespace' | 'folder' | 'socket', string>>;
/** A first process, told from a stranger with the same number by when it was started. */
export type Leader = { readonly pid: number; readonly started: string };
/** How far one asking is. */
export type Unit = {
  readonly generation: number;
  readonly release: number;
  readonly state: 'building' | 'starting' | 'running' | 'stopped' | 'error';
  readonly incarnation: number;
  readonly at: string;
  readonly address?: string;
  readonly reason?: string;
  readonly how?: string;
  readonly limits?: string;
  readonly failed?: 'build';
  /** Only when it ended for good. Without it and without a supervisor it was lost. */
  readonly ended?: 'itself' | 'told' | 'refused';
  readonly leader?: Leader;
};
/** `state.json`, and what is pushed over the socket: the newest asking, and the old one while that one is made ready. */
export type State = Unit & { readonly old?: Unit };
export type FromSupervisor = { readonly state?: State; readonly log?: number };
export type ToSupervisor = { readonly key?: string; readonly stop?: true; readonly watch?: boolean; readonly order?: Order };

export const appFolder = (folder: string, release: number): string => `${folder}/releases/${release}`;
/** There once the release is built; out of the workload's own reach. */
export const builtMark = (folder: string, release: number): string => `${folder}/releases/${release}.built`;
