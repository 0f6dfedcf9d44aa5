import type { Position } from '../../domain/ports/event-store.ts';
import type { Recorded } from '../../domain/ports/log.ts';

type Listener = (events: readonly Recorded[]) => void;
/** How often the log is read to its end for a position that it has not reached: beyond that the position is none of an event. */
const readsMax = 3;

/**
 * Tells listeners of every event, in order and without gaps. An event that follows on what has been told is told at once; before one that does
 * not, what lies between is read: another writer's events, or our own whose answer was lost.
 */
export class Feed {
  readonly #readAfter: (position: Position) => AsyncIterable<readonly Recorded[]>;
  readonly #listeners: { readonly listener: Listener; readonly after: Position }[] = [];
  /** Everything up to here has been told. Unknown until somebody asks for it, or the first event comes. */
  #told: Position | undefined;
  #reading: Promise<void> | undefined;

  constructor(readAfter: (position: Position) => AsyncIterable<readonly Recorded[]>) {
    this.#readAfter = readAfter;
  }

  /** Without `after`: what comes from now on. */
  listen(listener: Listener, after?: Position): void {
    this.#listeners.push({ listener, after: after ?? 0n });
    if (after !== undefined && (this.#told === undefined || after < this.#told)) this.#told = after;
  }
  /** Whether it knows where it stands. */
  get placed(): boolean {
    return this.#told !== undefined;
  }

  /** Events of the one writer there is, whose positions have no gaps between them. */
  committed(events: readonly Recorded[]): Promise<void> | undefined {
    const [first, last] = [events[0], events.at(-1)];
    if (!first || !last) return undefined;
    this.#told ??= first.position - 1n;
    if (last.position <= this.#told) return undefined;
    if (first.position !== this.#told + 1n) return this.reach(last.position);
    this.#tell(events);
    return undefined;
  }
  /** Resolves once everything up to `position` has been told. */
  async reach(position: Position): Promise<void> {
    for (let reads = 0; this.#told !== undefined && this.#told < position && reads < readsMax; reads += 1) {
      const begun = this.#reading;
      await (begun ?? this.read());
      if (begun) reads -= 1; // it may have begun before the event was there
    }
  }
  /** Reads and tells what there is. */
  read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }
  async #read(): Promise<void> {
    if (this.#told === undefined) return;
    for await (const page of this.#readAfter(this.#told)) this.#tell(page.filter(({ position }) => position > (this.#told as Position)));
  }
  #tell(events: readonly Recorded[]): void {
    const last = events.at(-1);
    if (!last) return;
    this.#told = last.position;
    for (const { listener, after } of this.#listeners) {
      const fresh = (events[0] as Recorded).position > after ? events : events.filter(({ position }) => position > after);
      if (fresh.length > 0) listener(fresh);
    }
  }
}
