/** Event stores for tests: on a peer of their own, or as if they were alone on a server that is not empty. */
import { Engine, type EngineOptions } from './engine.ts';
import { Node, type NodeOptions } from './node.ts';
import { EventStoreDb, type EventStoreDbOptions } from '../../../src/adapters/event-store/eventstoredb.ts';
import { SystemRandom } from '../../../src/adapters/system/random.ts';
import type { StreamName } from '../../../src/domain/ids.ts';
import type { Appended, EventStore, NewEvent, Position, Revision, StoredEvent } from '../../../src/domain/ports/event-store.ts';

export type Opened = { readonly node: Node; readonly store: EventStoreDb };
/** A peer and a store on it; closing the store ends both. */
export const openPeer = async (options: Partial<EventStoreDbOptions> & { readonly engine?: EngineOptions; readonly node?: NodeOptions } = {}): Promise<Opened> => {
  const node = await new Node(new Engine(options.engine), options.node).start();
  const store = EventStoreDb.open(node.url, { random: new SystemRandom(), ...options });
  const close = store.close.bind(store);
  store.close = async () => {
    await close();
    await node.stop();
    node.engine.close();
  };
  return { node, store };
};

/** A view of a store that holds other things: nothing before now, and only streams of its own. */
export class FreshView implements EventStore {
  readonly #inner: EventStore;
  readonly #start: Position;
  readonly #mark: string;
  constructor(inner: EventStore, start: Position, mark: string) {
    this.#inner = inner;
    this.#start = start;
    this.#mark = mark;
  }
  #out(stream: StreamName): StreamName {
    return `${stream}${this.#mark}` as StreamName;
  }
  #in(page: readonly StoredEvent[]): StoredEvent[] {
    return page.filter(({ stream }) => stream.endsWith(this.#mark)).map((event) => ({ ...event, stream: event.stream.slice(0, -this.#mark.length) as StreamName }));
  }
  async append(stream: StreamName, expected: Revision | 'no-stream', events: readonly NewEvent[]): Promise<Appended> {
    return this.#inner.append(this.#out(stream), expected, events).catch((error: { stream?: string }) => {
      if (error.stream === this.#out(stream)) Object.assign(error, { stream });
      throw error;
    });
  }
  async *read(stream: StreamName, from?: Revision): AsyncGenerator<readonly StoredEvent[]> {
    for await (const page of this.#inner.read(this.#out(stream), from)) yield this.#in(page);
  }
  async *readAll(after: Position, pageSize?: number): AsyncGenerator<readonly StoredEvent[]> {
    for await (const page of this.#inner.readAll(after === 0n ? this.#start : after, pageSize)) {
      const mine = this.#in(page);
      if (mine.length > 0) yield mine;
    }
  }
  async head(): Promise<Position> {
    const head = await this.#inner.head();
    return head === this.#start ? 0n : head;
  }
  onAdvanced(listener: () => void): () => void {
    return this.#inner.onAdvanced(listener);
  }
  close(): Promise<void> {
    return this.#inner.close();
  }
}
export const freshIn = async (store: EventStore): Promise<EventStore> => new FreshView(store, await store.head(), `.${Buffer.from(new SystemRandom().bytes(6)).toString('hex')}`);
