/** The log above an event store: encodes, chains, verifies, upcasts, and lets consumers follow. */
import { setTimeout as sleep } from 'node:timers/promises';
import { chainHash, eventId, hashIn, withHash, withoutHash } from './chain.ts';
import { Feed } from './feed.ts';
import type { KeyringVault } from './vault.ts';
import type { AnyEvent } from '../../domain/decider.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { Instant } from '../../domain/instant.ts';
import { BrokenChain, beginning, type Head, type Log, type Meta, type Origin, type Pending, type Recorded } from '../../domain/ports/log.ts';
import type { EventStore, NewEvent, Position, StoredEvent } from '../../domain/ports/event-store.ts';
import { Unavailable } from '../../domain/ports/failures.ts';
import { currentVersion, upcast, type Upcast } from '../../domain/schema.ts';
import { turn } from './turn.ts';

type Upcasters = Readonly<Record<string, readonly Upcast[] | undefined>>;
/** How many of the newest events followers find in memory. */
const tailMax = 8_192;
const pageSize = 1_000;
const decodedAtOnce = 250;
/** A signal may be lost, the log may not: followers look again now and then. After so many new events within one rest's time, in one page or several, one rests, so that under load it has few large pages instead of many small ones. */
const burstEvents = 16;
/** How long followers rest, in real time: the simulator, whose signals are never lost, lets them rest for none. */
export type Rests = { readonly lookAgainMs: number; readonly burstRestMs: number };
const usualRests: Rests = { lookAgainMs: 1_000, burstRestMs: 8 };
/** Between two tries of a follower whose store cannot be reached. */
const unreachableRestMs = 500;

export class StoredLog implements Log {
  readonly exclusive: boolean;
  readonly #store: EventStore;
  readonly #vault: KeyringVault;
  readonly #upcasters: Upcasters;
  readonly #rests: Rests;
  readonly #feed: Feed;
  #lastAt: Instant | '' = '';
  /** Newest events in order without gaps: all there are after `#tailAfter`. */
  #tail: Recorded[] = [];
  #tailAfter: Position = 0n;
  #toldBefore: Position = 0n;
  #looking: NodeJS.Timeout | undefined;
  /** Followers at rest, and how often all of them have been woken. */
  readonly #resting = new Set<() => void>();
  #wakings = 0;

  constructor(store: EventStore, vault: KeyringVault, upcasters: Upcasters, exclusive: boolean, rests = usualRests) {
    this.#rests = rests;
    this.#store = store;
    this.#vault = vault;
    this.#upcasters = upcasters;
    this.exclusive = exclusive;
    this.#feed = new Feed((position) => this.readAll(position));
    this.#feed.listen((events) => this.#remember(events));
    store.onAdvanced(() => (this.exclusive || !this.#feed.placed ? this.#wake() : this.#look()));
  }

  /** One look at a shared log for all followers: they find what it brings in memory. */
  #look(): void {
    this.#feed.read().catch(() => undefined); // the next look begins where this one ended
  }
  /** Looks no more by itself. */
  close(): void {
    clearInterval(this.#looking);
  }

  #wake(): void {
    this.#wakings += 1;
    for (const wake of [...this.#resting]) wake();
  }

  /** Reads the newest event, so that time goes on from it. (In a shared log it goes on within each stream, and from what others are seen to write.) */
  async recover(): Promise<void> {
    if (!this.exclusive) return;
    const head = await this.#store.head();
    if (head === 0n) return;
    for await (const page of this.#store.readAll(head - 1n, 1)) for (const event of page) this.#lastAt = this.#decode(event).meta.at;
  }

  stamp(now: Instant, head: Head): Instant {
    const at = head.at > now ? head.at : now;
    return this.#lastAt > at ? this.#lastAt as Instant : at as Instant;
  }

  async append(stream: StreamName, head: Head, events: readonly AnyEvent[], origin: Origin): Promise<Pending> {
    const { reason, ...rest } = origin;
    const sealedReason = reason === undefined ? {} : { reason: (await this.#vault.sealAll({ reason })).reason };
    const sealed: object[] = [];
    for (const event of events) sealed.push(await this.#vault.sealAll(event.data));
    // From here to the store's queue nothing waits: the order of stamps is the order of the log.
    let { revision, hash } = head;
    const at = this.stamp(origin.at, head);
    this.#lastAt = at;
    const stored: NewEvent[] = [];
    const recorded: Recorded[] = [];
    for (const [index, { type }] of events.entries()) {
      revision += 1;
      const data = sealed[index] as object;
      const unhashed = { schema: currentVersion(this.#upcasters, type), ...rest, at, ...sealedReason };
      const metaText = JSON.stringify(unhashed);
      const dataText = JSON.stringify(data);
      const id = eventId(origin.commandId, stream, index);
      hash = chainHash(hash, stream, revision, id, type, dataText, metaText);
      stored.push({ id, type, data: dataText, meta: withHash(metaText, hash) });
      recorded.push({ type, data, id, stream, revision, position: 0n, meta: { ...unhashed, hash } });
    }
    const appended = this.#store.append(stream, head.revision < 0 ? 'no-stream' : head.revision, stored);
    return { events: recorded, head: { revision, hash, at }, durable: appended.then(({ position }) => this.#committed(recorded, position)) };
  }

  #committed(recorded: readonly Recorded[], position: Position): readonly Recorded[] | Promise<readonly Recorded[]> {
    const first = position - BigInt(recorded.length - 1);
    const events = recorded.map((event, index) => ({ ...event, position: this.exclusive ? first + BigInt(index) : position }));
    const telling = this.exclusive ? this.#feed.committed(events) : this.#feed.reach(position);
    return telling === undefined ? events : telling.then(() => events);
  }

  #remember(events: readonly Recorded[]): void {
    const last = this.#tail.at(-1);
    // The first ones, or somebody else's lie between. (Of a shared log everything is told, so nothing can.)
    if (!last || (this.exclusive && events[0]?.position !== last.position + 1n)) {
      this.#tail = [];
      this.#tailAfter = this.exclusive ? (events[0]?.position ?? 1n) - 1n : this.#toldBefore;
    }
    this.#tail.push(...events);
    this.#toldBefore = events.at(-1)?.position ?? this.#toldBefore;
    if (this.#tail.length > 2 * tailMax) {
      this.#tailAfter = this.#tail.at(-tailMax - 1)?.position ?? this.#tailAfter;
      this.#tail = this.#tail.slice(-tailMax);
    }
    if (!this.exclusive) for (const { meta } of events) if (meta.at > this.#lastAt) this.#lastAt = meta.at;
    this.#wake();
  }

  onCommitted(listener: (events: readonly Recorded[]) => void, after?: Position): void {
    this.#feed.listen(listener, after);
    if (this.exclusive || after === undefined) return;
    this.#toldBefore = after;
    if (this.#rests.lookAgainMs !== Infinity) this.#looking ??= setInterval(() => this.#look(), this.#rests.lookAgainMs).unref();
    this.#look();
  }
  told(position: Position): Promise<void> {
    return this.#feed.reach(position);
  }

  #decode(event: StoredEvent): Recorded {
    const [meta, data] = [parsed(event, event.meta) as Meta, parsed(event, event.data)];
    const today = currentVersion(this.#upcasters, event.type);
    return {
      type: event.type, id: event.id, stream: event.stream, revision: event.revision, position: event.position, meta,
      data: meta.schema === today ? data : upcast(this.#upcasters, event.type, meta.schema, data),
    };
  }

  async *read(stream: StreamName, from: Head = beginning): AsyncIterable<readonly Recorded[]> {
    let { revision, hash } = from;
    for await (const page of this.#store.read(stream, revision + 1)) {
      for (const event of page) {
        revision += 1;
        if (event.revision !== revision) throw new BrokenChain(stream, revision, event.revision > revision ? `the stream goes on at revision ${event.revision}: what lies before was deleted, truncated or scavenged` : `found revision ${event.revision}`);
        const expected = chainHash(hash, stream, revision, event.id, event.type, event.data, withoutHash(event.meta));
        if (expected !== hashIn(event.meta)) throw new BrokenChain(stream, revision, 'its hash does not match');
        hash = expected;
      }
      yield page.map((event) => this.#decode(event));
    }
  }

  async *readAll(after: Position, size = pageSize): AsyncIterable<readonly Recorded[]> {
    for await (const page of this.#store.readAll(after, size)) {
      const events: Recorded[] = [];
      for (const event of page) {
        // Whoever asks something meanwhile does not wait for a whole page.
        if (events.length > 0 && events.length % decodedAtOnce === 0) await turn();
        events.push(this.#decode(event));
      }
      yield events;
    }
  }

  head(): Promise<Position> {
    return this.#store.head();
  }

  /** Events after `after` out of memory; undefined when they are not all there. */
  #remembered(after: Position): readonly Recorded[] | undefined {
    const first = this.#tail[0];
    if (!first || after < this.#tailAfter) return undefined;
    const from = this.exclusive ? Number(after + 1n - first.position) : firstAfter(this.#tail, after);
    return this.#tail.slice(from, from + pageSize);
  }

  async *follow(after: Position, signal: AbortSignal): AsyncIterable<readonly Recorded[]> {
    let position = after;
    const burst = new Burst(this.#rests.burstRestMs);
    while (!signal.aborted) {
      const wakings = this.#wakings;
      const remembered = this.#remembered(position);
      let found = false;
      if (remembered) {
        if (remembered.length > 0) {
          found = true;
          position = remembered.at(-1)?.position ?? position;
          yield remembered;
          if (burst.goesOn(remembered.length) && remembered.length < pageSize && !signal.aborted) await sleep(this.#rests.burstRestMs);
        }
      } else {
        try {
          for await (const page of this.readAll(position)) {
            found = true;
            position = page.at(-1)?.position ?? position;
            yield page;
            if (signal.aborted) return;
          }
        } catch (error) {
          if (!(error instanceof Unavailable)) throw error;
          await sleep(unreachableRestMs, undefined, { signal, ref: false }).catch(() => undefined);
        }
      }
      if (!found && wakings === this.#wakings) await this.#rest(signal);
    }
  }

  #rest(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve(); // it does not say so twice
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#resting.delete(wake);
        resolve();
      };
      const timer = this.#rests.lookAgainMs === Infinity ? undefined : setTimeout(wake, this.#rests.lookAgainMs).unref();
      signal.addEventListener('abort', wake, { once: true });
      this.#resting.add(wake);
    });
  }
}

/** Whether events come so fast that whoever follows them does better to gather some: by the page, or one by one. */
class Burst {
  readonly #restMs: number;
  #events = 0;
  #window: NodeJS.Timeout | undefined;
  constructor(restMs: number) {
    this.#restMs = restMs;
  }
  goesOn(events: number): boolean {
    if (this.#restMs <= 0) return false;
    if (this.#window === undefined) this.#window = setTimeout(() => {
      this.#window = undefined;
      this.#events = 0;
    }, this.#restMs).unref();
    this.#events += events;
    return this.#events >= burstEvents;
  }
}

/** Place of the first event after a position. */
const firstAfter = (events: readonly Recorded[], position: Position): number => {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle] as Recorded).position <= position) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Stored text as it was written: what is no JSON any more is named by its place. */
const parsed = ({ stream, revision }: StoredEvent, text: string): object => {
  try {
    return JSON.parse(text) as object;
  } catch {
    throw new BrokenChain(stream, revision, 'it cannot be read');
  }
};
