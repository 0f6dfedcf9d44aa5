import { closeSync, fdatasync, openSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Checkpointer } from './checkpointer.ts';
import { inOurWords, isFull } from './in-our-words.ts';
import { Unavailable } from '../../domain/ports/failures.ts';

/** One caller's write. `apply` may run twice: after a neighbour has failed, everything is rolled back and applied again. */
export interface Write {
  /** Runs inside the shared transaction; says whether it wrote anything. What it throws fails this write alone. */
  apply(): boolean;
  /** It is committed, and durable where that was asked for. */
  answer(): void;
  fail(error: Error): void;
}

export interface GroupCommitOptions {
  /** Whether writes are answered only after an fsync. */
  readonly durable: boolean;
  /** Called after a rollback: whatever `apply` remembered outside the database is wrong now. */
  readonly forget?: () => void;
  /** Called after a batch was answered. */
  readonly onCommitted?: () => void;
  /** Called when a batch begins; what it gives is called with the number of writes once they are answered. */
  readonly observe?: () => (writes: number) => void;
  /** Instead of `fs.fdatasync`: tests and benchmarks make it slow or fail. */
  readonly sync?: (file: number, done: (error: Error | null) => void) => void;
  /** Frames not yet in the database file that start a checkpoint beside the writes. */
  readonly checkpointFrames?: number;
  /** Frames from which on writes wait for a (by then short) checkpoint, so that the WAL starts again from its beginning. */
  readonly restartFrames?: number;
}

/** A batch larger than this would hold up the event loop for milliseconds. */
const batchMax = 256;
const checkpointFramesDefault = 4_000;
const restartFramesDefault = 16_000;
const batchesBetweenLooks = 8;

/**
 * Gathers the writes that wait together into one transaction and one fsync. SQLite itself does not fsync its commits
 * (`synchronous=NORMAL`); the WAL is fsynced by a thread of the pool, so the event loop goes on and the next batch gathers.
 */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #options: GroupCommitOptions;
  readonly #checkpointer: Checkpointer;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #walState: StatementSync;
  readonly #wal: number;
  #waiting: Write[] = [];
  #exclusive: (() => Promise<void>)[] = [];
  #idle: (() => void)[] = [];
  #busy = false;
  #broken: Error | undefined;
  #closed = false;
  #checkpointing = false;
  #batches = 0;
  #observed: ((writes: number) => void) | undefined;

  constructor(database: DatabaseSync, path: string, options: GroupCommitOptions) {
    this.#database = database;
    this.#options = options;
    this.#checkpointer = new Checkpointer(path);
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    // Run by `get`, not `run`: that one gives the last row id, whatever ran, and fails when it is beyond 2^53.
    this.#walState = database.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#walState.setReturnArrays(true);
    // The WAL stays the same file for as long as the database is open, and SQLite takes no locks on it.
    this.#wal = openSync(`${path}-wal`, 'r+');
  }

  add(write: Write): void {
    const refusal = this.#broken ?? (this.#closed ? new Error('the store is closed') : undefined);
    if (refusal !== undefined) {
      setImmediate(() => write.fail(refusal));
      return;
    }
    this.#waiting.push(write);
    if (!this.#busy) this.#soon();
  }
  /** Runs `work` in the shared transaction; what it throws rejects and rolls back this call only. It may run twice. */
  run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: T;
      this.add({
        apply: () => {
          result = work();
          return true;
        },
        answer: () => resolve(result),
        fail: reject,
      });
    });
  }
  /** Resolves when everything that was committed is durable: for reads that must not see more than that. */
  async settled(): Promise<void> {
    if (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve));
    if (this.#broken !== undefined) throw this.#broken;
  }
  /** Moves the whole WAL into the database file and empties it, with no write in between. */
  truncateWal(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#checkpointer.run('TRUNCATE');
    });
  }
  /** Commits what waits, then lets go of the WAL; the database is the caller's to close. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#busy || this.#waiting.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#checkpointer.close();
    closeSync(this.#wal);
  }

  /** Not at once: what arrives in the same turn of the event loop shares the commit. */
  #soon(): void {
    this.#busy = true;
    setImmediate(() => this.#flush());
  }
  #flush(): void {
    const batch = this.#waiting.length <= batchMax ? this.#waiting : this.#waiting.slice(0, batchMax);
    this.#waiting = this.#waiting.length <= batchMax ? [] : this.#waiting.slice(batchMax);
    this.#observed = this.#options.observe?.();
    try {
      this.#begin.get();
    } catch (error) {
      // Somebody else holds the write lock: nothing happened yet, so nothing is lost but this batch.
      return this.#refuse(batch, error);
    }
    let wrote: boolean;
    try {
      wrote = this.#transact(batch);
    } catch (error) {
      return isFull(error) && this.#undone() ? this.#refuse(batch, error) : this.#break(batch, error);
    }
    if (!wrote || !this.#options.durable) return this.#answer(batch);
    (this.#options.sync ?? fdatasync)(this.#wal, (error) => (error ? this.#break(batch, error) : this.#answer(batch)));
  }
  /** Applies and commits a batch. A throw means that what the database holds is unknown. */
  #transact(batch: Write[]): boolean {
    let wrote = false;
    try {
      for (const write of batch) if (write.apply()) wrote = true;
    } catch {
      this.#rollback('ROLLBACK');
      return this.#transactOneByOne(batch);
    }
    this.#commit.get();
    return wrote;
  }
  /** The slow way, after one of them has thrown: each in a savepoint of its own, so that the others go through. */
  #transactOneByOne(batch: Write[]): boolean {
    let wrote = false;
    this.#begin.get();
    for (const write of batch.splice(0)) {
      this.#database.exec('SAVEPOINT one');
      try {
        if (write.apply()) wrote = true;
        batch.push(write);
      } catch (error) {
        this.#rollback('ROLLBACK TO one');
        write.fail(inOurWords(error));
      }
      this.#database.exec('RELEASE one');
    }
    this.#commit.get();
    return wrote;
  }
  #rollback(statement: string): void {
    // A full disk ends a transaction by itself.
    if (this.#database.isTransaction) this.#database.exec(statement);
    this.#options.forget?.();
  }
  #answer(batch: readonly Write[]): void {
    this.#observed?.(batch.length);
    for (const write of batch) write.answer();
    this.#options.onCommitted?.();
    this.#batches += 1;
    if (this.#batches % batchesBetweenLooks === 0 && !this.#checkpointing) this.#lookAtWal();
    this.#next();
  }
  #next(): void {
    this.#busy = false;
    const exclusive = this.#exclusive.shift();
    if (exclusive !== undefined) {
      this.#busy = true;
      void exclusive().finally(() => this.#next());
    } else if (this.#waiting.length > 0) this.#soon();
    // Who waited for durability may look now, also while the next batch is gathering.
    for (const wake of this.#idle.splice(0)) wake();
  }
  #refuse(batch: readonly Write[], error: unknown): void {
    for (const write of batch) write.fail(inOurWords(error));
    this.#next();
  }
  /** Whether a commit that found the disk full has left nothing behind, so that everything may go on when there is room. */
  #undone(): boolean {
    try {
      this.#rollback('ROLLBACK');
    } catch {
      return false;
    }
    return !this.#database.isTransaction;
  }
  /** Nobody can know what is on the disk: everything is refused from now on, until a restart has read it back. */
  #break(batch: readonly Write[], cause: unknown): void {
    if (this.#database.isTransaction) {
      try {
        this.#database.exec('ROLLBACK');
      } catch {
        // The disk is past helping; the refusal below says so.
      }
    }
    this.#broken = new Unavailable(`the store must be restarted: ${inOurWords(cause).message}`, { cause });
    for (const write of [...batch, ...this.#waiting.splice(0)]) write.fail(this.#broken);
    this.#next();
  }
  #exclusively(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#exclusive.push(() => work().then(resolve, reject));
      if (!this.#busy) this.#next();
    });
  }
  #lookAtWal(): void {
    const [, frames, checkpointed] = this.#walState.get() as unknown as [number, number, number];
    if (frames - checkpointed < (this.#options.checkpointFrames ?? checkpointFramesDefault)) return;
    this.#checkpointing = true;
    void this.#checkpoint().finally(() => (this.#checkpointing = false));
  }
  /** A checkpoint that fails is no harm: the next look tries again, and the backstop is on the main connection. */
  async #checkpoint(): Promise<void> {
    const { frames } = await this.#checkpointer.run('PASSIVE').catch(() => ({ frames: 0 }));
    if (frames < (this.#options.restartFrames ?? restartFramesDefault) || this.#closed) return;
    await this.#exclusively(async () => {
      await this.#checkpointer.run('PASSIVE');
    }).catch(() => undefined);
  }
}

