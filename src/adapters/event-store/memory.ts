import type { StreamName } from '../../domain/ids.ts';
import type { Appended, EventStore, NewEvent, Position, Revision, StoredEvent } from '../../domain/ports/event-store.ts';
import { WrongExpectedRevision } from '../../domain/ports/event-store.ts';
import { turn } from './turn.ts';

const streamPageSize = 500;

/** The log in memory: for mock mode, tests and the simulator. It never answers in the same tick, as a disk would not. */
export class MemoryEventStore implements EventStore {
  readonly #log: StoredEvent[] = [];
  readonly #streams = new Map<StreamName, StoredEvent[]>();
  readonly #listeners = new Set<() => void>();
  #waiting: (() => void)[] = [];
  #closed = false;

  append(stream: StreamName, expected: Revision | 'no-stream', events: readonly NewEvent[]): Promise<Appended> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push(() => {
        try {
          resolve(this.#append(stream, expected, events));
        } catch (error) {
          reject(error);
        }
      });
    });
  }
  async *read(stream: StreamName, from: Revision = 0): AsyncGenerator<readonly StoredEvent[]> {
    for (let next = from; ; next += streamPageSize) {
      await turn();
      const page = this.#streams.get(stream)?.slice(next, next + streamPageSize) ?? [];
      if (page.length > 0) yield page;
      if (page.length < streamPageSize) return;
    }
  }
  async *readAll(after: Position, pageSize = 1_000): AsyncGenerator<readonly StoredEvent[]> {
    for (let next = Number(after); ; ) {
      await turn();
      // A position is the place in the array, counted from one.
      const page = this.#log.slice(next, next + pageSize);
      if (page.length > 0) yield page;
      if (page.length < pageSize) return;
      next += page.length;
    }
  }
  async head(): Promise<Position> {
    await turn();
    return BigInt(this.#log.length);
  }
  onAdvanced(listener: () => void): () => void {
    // Wrapped, so that the same function given twice is two listeners.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }
  async close(): Promise<void> {
    await turn();
    this.#closed = true;
    this.#listeners.clear();
  }

  #flush(): void {
    const before = this.#log.length;
    for (const append of this.#waiting.splice(0)) append();
    if (this.#log.length > before) for (const listener of [...this.#listeners]) listener();
  }
  #append(name: StreamName, expected: Revision | 'no-stream', events: readonly NewEvent[]): Appended {
    if (this.#closed) throw new Error('the store is closed');
    if (events.length === 0) throw new Error('an append needs at least one event');
    if (events.some((event) => [event.id, event.type, event.data, event.meta].some((text) => typeof text !== 'string'))) throw new Error('an event is made of text');
    const stream = this.#streams.get(name) ?? [];
    if (stream.length - 1 !== (expected === 'no-stream' ? -1 : expected)) throw new WrongExpectedRevision(name, expected);
    this.#streams.set(name, stream);
    for (const { id, type, data, meta } of events) {
      const stored = Object.freeze({ position: BigInt(this.#log.length + 1), stream: name, revision: stream.length, id, type, data, meta });
      stream.push(stored);
      this.#log.push(stored);
    }
    return { position: BigInt(this.#log.length), revision: stream.length - 1 };
  }
}
