/** The processes of the rows: a server (ours or a floor) that says its address on stdout, the client that loads it, and programs that do one thing and end. */
import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { openSync, readFileSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Job, Result } from './load.ts';

/** Beside this file: the build, not the sources. */
export const built = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
export interface Running {
  readonly port: number;
  readonly pid: number;
  /** From being spawned until its first line. */
  readonly startMs: number;
  stop(): Promise<void>;
}
const ended = (child: ChildProcess): Promise<void> => (child.exitCode === null && child.signalCode === null ? new Promise((resolve) => child.once('exit', () => resolve())) : Promise.resolve());

/** Resolves with the first line of stdout that names a port: `...127.0.0.1:PORT`. Stderr (our access log) goes to a file, as in use. */
export const start = async (file: string, args: readonly string[], folder: string): Promise<Running> => {
  const log = openSync(join(folder, 'stderr.log'), 'a');
  const spawnedAt = performance.now();
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', log] });
  closeSync(log);
  const port = await new Promise<number>((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      const found = /127\.0\.0\.1:(\d+)/.exec((text += chunk.toString()));
      if (found) resolve(Number(found[1]));
    });
    child.once('error', reject).once('exit', () => reject(new Error(`${file} ended at once:\n${readFileSync(join(folder, 'stderr.log'), 'utf8').slice(-2_000)}`)));
  });
  const startMs = performance.now() - spawnedAt;
  return {
    port, pid: child.pid!, startMs,
    stop: async () => {
      child.kill('SIGTERM');
      await ended(child);
    },
  };
};

export interface Outcome {
  readonly events: number;
  readonly seconds: number;
  readonly rssMiB?: number;
  readonly equal?: boolean;
}
/** Runs a program to its end; its last line says what it did. */
export const outcomeOf = (file: string, ...args: readonly string[]): Outcome => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [built(file), ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Outcome;
};

const ticksPerSecond = 100;
/** Seconds of CPU that the main thread of a process has used: what `/proc` says, where there is one. */
export const cpuSecondsOf = (pid: number): number | undefined => {
  if (process.platform !== 'linux') return undefined;
  const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
};

export interface Loaded extends Result {
  readonly rate: number;
  /** Share of a core that the server's main thread used. */
  readonly busy: number;
}
/** Asks a forked client for one thing. */
export const answerOf = async <T>(child: ChildProcess, job: object): Promise<T> => {
  try {
    return await new Promise<T>((resolve, reject) => {
      child.once('message', (answer) => resolve(answer as T)).once('exit', () => reject(new Error('the client has ended')));
      child.send(job);
    });
  } finally {
    child.removeAllListeners('exit');
  }
};
export class Client {
  readonly #child = fork(built('bench/load.js'), { serialization: 'advanced' });
  #serial = 0;

  async load(server: Running, requests: readonly string[], count: number, awake = false, connections = 64): Promise<Loaded> {
    const job: Job = { port: server.port, connections, requests, count, from: this.#serial, awake };
    this.#serial += count;
    const before = cpuSecondsOf(server.pid);
    const result = await answerOf<Result>(this.#child, job);
    if (result.refused !== undefined) throw new Error(`not every answer was a 2xx: ${result.refused}`);
    const after = cpuSecondsOf(server.pid);
    return { ...result, rate: count / result.seconds, busy: before === undefined || after === undefined ? 1 : (after - before) / result.seconds };
  }
  async stop(): Promise<void> {
    this.#child.disconnect();
    await ended(this.#child);
  }
}
