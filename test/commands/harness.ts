/** A counter as the smallest aggregate, stores that fail on demand, and jobs on streams. */
import { StoredLog } from '../../src/adapters/event-store/log.ts';
import { MemoryEventStore } from '../../src/adapters/event-store/memory.ts';
import { Streams, type Job, type Outcome } from '../../src/commands/streams.ts';
import { isRejection, rejections, type AnyEvent, type Command, type Decider, type Event } from '../../src/domain/decider.ts';
import { streamName, type StreamName } from '../../src/domain/ids.ts';
import type { Instant } from '../../src/domain/instant.ts';
import type { Appended, EventStore, NewEvent, Position, Revision, StoredEvent } from '../../src/domain/ports/event-store.ts';
import type { Origin, Recorded } from '../../src/domain/ports/log.ts';
import { tenantId } from '../domain/samples.ts';
import { goldenVault } from '../golden/fixture.ts';

export const start = '2026-03-01T12:00:00.000Z' as Instant;
export type Counted = Event<'Counted', { n: number; of: string }>;
export type Count = Command<'Count', { of: string; max?: number; once?: boolean }>;
export type Tally = { readonly counted: readonly string[] };
export const full = rejections({ TallyFull: ['exhausted', 'It is full.', 'Wait.'] });
/** Counts up to a maximum; with `once`, each name only once. */
export const tally: Decider<Count, Tally, Counted> = {
  category: 'tally', initial: { counted: [] },
  decide: ({ of, max = Number.POSITIVE_INFINITY, once = false }, { counted }) => {
    if (once && counted.includes(of)) return [];
    return counted.length >= max ? full('TallyFull') : [{ type: 'Counted', data: { n: counted.length, of } }];
  },
  evolve: ({ counted }, { data }) => ({ counted: [...counted, data.of] }),
};
export const tallyStream = (id = '1'): StreamName => streamName('tally', tenantId, id);
export const commandId = (n: number): string => `00000000-0000-8000-8000-${String(n).padStart(12, '0')}`;
export const originOf = (at: Instant, n: number, more: Partial<Origin> = {}): Origin => ({ at, commandId: commandId(n), correlationId: 'c', causationId: 'c', actor: 'system:test', tenant: tenantId, fingerprint: 'f', ...more });

/** A store over one in memory, whose appends can be held back or made to fail. */
export class TestStore implements EventStore {
  readonly inner: EventStore;
  /** Decides what becomes of an append; by default it is handed on. */
  fate: (append: () => Promise<Appended>, stream: StreamName) => Promise<Appended> = (append) => append();
  appends = 0;
  constructor(inner: EventStore = new MemoryEventStore()) {
    this.inner = inner;
  }
  append(stream: StreamName, expected: Revision | 'no-stream', events: readonly NewEvent[]): Promise<Appended> {
    this.appends += 1;
    return this.fate(() => this.inner.append(stream, expected, events), stream);
  }
  read(stream: StreamName, from?: Revision): AsyncIterable<readonly StoredEvent[]> {
    return this.inner.read(stream, from);
  }
  readAll(after: Position, pageSize?: number): AsyncIterable<readonly StoredEvent[]> {
    return this.inner.readAll(after, pageSize);
  }
  head(): Promise<Position> {
    return this.inner.head();
  }
  onAdvanced(listener: () => void): () => void {
    return this.inner.onAdvanced(listener);
  }
  close(): Promise<void> {
    return this.inner.close();
  }
}
export const logOn = (store: EventStore, exclusive = true, seed = 'test'): StoredLog => new StoredLog(store, goldenVault(seed), {}, exclusive);
export const job = (n: number, command: Omit<Count, 'type' | 'facts'>, more: Partial<Job> = {}): Job => ({
  decider: tally, stream: tallyStream(), commandId: commandId(n), now: () => start, origin: (at) => originOf(at, n),
  decide: (state: Tally, now) => tally.decide({ type: 'Count', ...command, facts: { now, actor: { kind: 'system', id: 'system:test' } } }, state), ...more,
});
export const streamsOn = (store: EventStore, exclusive = true): Streams => new Streams(logOn(store, exclusive));
export const accepted = (outcome: Outcome) => {
  if (isRejection(outcome)) throw new Error(`refused: ${outcome.code}`);
  return outcome;
};
export const everything = async (pages: AsyncIterable<readonly Recorded[]>): Promise<Recorded[]> => {
  const events: Recorded[] = [];
  for await (const page of pages) events.push(...page);
  return events;
};
export const storedIn = async (store: EventStore): Promise<StoredEvent[]> => {
  const events: StoredEvent[] = [];
  for await (const page of store.readAll(0n)) events.push(...page);
  return events;
};
/** What the tally's stream holds, its chain verified by a log that has not seen it before. */
export const countedIn = async (store: EventStore, id?: string): Promise<string[]> => (await everything(logOn(store).read(tallyStream(id)))).map(({ data }) => (data as Counted['data']).of);
export const turns = async (count = 20): Promise<void> => {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
};
export const someEvent = (data: object, type = 'Sampled'): AnyEvent => ({ type, data });
