import { Worker } from 'node:worker_threads';

/** Frames in the WAL and how many of them are in the database file already. */
export interface WalState {
  readonly frames: number;
  readonly checkpointed: number;
}
export type CheckpointMode = 'PASSIVE' | 'TRUNCATE';

/*
 * The thread's code is text, so that it is found alike when running from source, from a build and from a bundle.
 * One connection a database; checkpoints fsync, which is why they must not run on the main thread.
 */
const source = `
const { DatabaseSync } = require('node:sqlite');
const { parentPort } = require('node:worker_threads');
const open = new Map();
const connection = (path) => {
  let it = open.get(path);
  if (it === undefined) {
    it = new DatabaseSync(path, { timeout: 5000 });
    it.exec('PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0');
    open.set(path, it);
  }
  return it;
};
parentPort.on('message', ({ id, path, mode }) => {
  try {
    if (mode === 'close') {
      open.get(path)?.close();
      open.delete(path);
      parentPort.postMessage({ id, state: { frames: 0, checkpointed: 0 } });
      return;
    }
    const row = connection(path).prepare('PRAGMA wal_checkpoint(' + mode + ')').get();
    if (row.busy && mode === 'TRUNCATE') throw new Error('the write-ahead log of ' + path + ' is in use');
    parentPort.postMessage({ id, state: { frames: row.log, checkpointed: row.checkpointed } });
  } catch (error) {
    parentPort.postMessage({ id, error: String(error && error.message || error) });
  }
});
`;

interface Question {
  readonly resolve: (state: WalState) => void;
  readonly reject: (error: Error) => void;
}
type Answer = { readonly id: number; readonly state?: WalState; readonly error?: string };

/** The one thread that checkpoints every database of this process, started when first needed. */
class CheckpointThread {
  readonly #worker = new Worker(source, { eval: true, name: 'wal-checkpoints', execArgv: [], env: {} });
  readonly #questions = new Map<number, Question>();
  #lastId = 0;

  constructor(onExit: (thread: CheckpointThread) => void) {
    // Unless something waits for an answer, the thread keeps no process alive.
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#answered(answer));
    const lost = (error: Error): void => {
      onExit(this);
      for (const question of this.#questions.values()) question.reject(error);
      this.#questions.clear();
    };
    this.#worker.on('error', lost);
    this.#worker.on('exit', () => lost(new Error('the checkpoint thread has ended')));
  }
  ask(path: string, mode: CheckpointMode | 'close'): Promise<WalState> {
    return new Promise((resolve, reject) => {
      const id = (this.#lastId += 1);
      this.#questions.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ id, path, mode });
    });
  }
  async end(): Promise<void> {
    await this.#worker.terminate();
  }
  #answered({ id, state, error }: Answer): void {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    if (this.#questions.size === 0) this.#worker.unref();
    if (state !== undefined) question?.resolve(state);
    else question?.reject(new Error(error));
  }
}

let thread: CheckpointThread | undefined;
const users = new Set<Checkpointer>();

/** Moves the WAL of one database into its file, on another thread and over a connection of its own. */
export class Checkpointer {
  readonly #path: string;
  constructor(path: string) {
    this.#path = path;
  }
  async run(mode: CheckpointMode): Promise<WalState> {
    users.add(this);
    thread ??= new CheckpointThread((ended) => {
      if (thread === ended) thread = undefined;
    });
    return thread.ask(this.#path, mode);
  }
  /** Closes its connection: call it before the database itself is closed. */
  async close(): Promise<void> {
    const running = thread;
    if (!users.delete(this) || running === undefined) return;
    await running.ask(this.#path, 'close').catch(() => undefined);
    if (users.size > 0) return;
    if (thread === running) thread = undefined;
    await running.end();
  }
}
