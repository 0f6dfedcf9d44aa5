/** A log that others write to as well, and a lost answer on one's own: listeners hear everything, once, in order, before the writer is answered. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { accepted, everything, job, logOn, tally, tallyStream, TestStore, turns } from './harness.ts';
import { MemoryEventStore } from '../../src/adapters/event-store/memory.ts';
import type { StoredLog } from '../../src/adapters/event-store/log.ts';
import { Streams } from '../../src/commands/streams.ts';
import type { Appended, EventStore, NewEvent, Position, Revision, StoredEvent } from '../../src/domain/ports/event-store.ts';
import { Unavailable } from '../../src/domain/ports/failures.ts';
import type { Recorded } from '../../src/domain/ports/log.ts';
import type { StreamName } from '../../src/domain/ids.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const stride = 97n;
/** As commit positions are: growing, and far apart. Only positions that an answer gave are known to it. */
class SparseStore implements EventStore {
  readonly #inner: EventStore;
  reads = 0;
  constructor(inner: EventStore = new MemoryEventStore()) {
    this.#inner = inner;
  }
  #spread(page: readonly StoredEvent[]): StoredEvent[] {
    return page.map((event) => ({ ...event, position: event.position * stride }));
  }
  async append(stream: StreamName, expected: Revision | 'no-stream', events: readonly NewEvent[]): Promise<Appended> {
    const { position, revision } = await this.#inner.append(stream, expected, events);
    return { position: position * stride, revision };
  }
  async *read(stream: StreamName, from?: Revision): AsyncGenerator<readonly StoredEvent[]> {
    for await (const page of this.#inner.read(stream, from)) yield this.#spread(page);
  }
  async *readAll(after: Position, pageSize?: number): AsyncGenerator<readonly StoredEvent[]> {
    assert.equal(after % stride, 0n, `${after} was never answered`);
    this.reads += 1;
    for await (const page of this.#inner.readAll(after / stride, pageSize)) yield this.#spread(page);
  }
  async head(): Promise<Position> {
    return (await this.#inner.head()) * stride;
  }
  onAdvanced(listener: () => void): () => void {
    return this.#inner.onAdvanced(listener);
  }
  close(): Promise<void> {
    return this.#inner.close();
  }
}
const heardBy = (log: StoredLog, after?: Position): Recorded[] => {
  const heard: Recorded[] = [];
  log.onCommitted((events) => heard.push(...events), after);
  return heard;
};
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await turns(1);
};
const places = (events: readonly Recorded[]): string[] => events.map(({ stream, revision }) => `${stream}/${revision}`);
const lost = (): Promise<Appended> => Promise.reject(new Error('the connection broke'));

for (const exclusive of [true, false]) {
  test(`a commit whose answer was lost reaches the listeners before its command is answered (${exclusive ? 'the only writer' : 'one of several'})`, async () => {
    const store = new TestStore();
    const log = logOn(store, exclusive);
    const heard = heardBy(log, 0n);
    const streams = new Streams(log);
    accepted(await streams.run(job(1, { of: 'a' })));
    let losses = 1;
    store.fate = async (append) => {
      const appended = await append();
      return losses-- > 0 ? lost() : appended;
    };
    assert.ok(accepted(await streams.run(job(2, { of: 'b' }))).repeated);
    assert.deepEqual(places(heard), [0, 1].map((n) => `${tallyStream()}/${n}`), 'told when it is answered');
    accepted(await streams.run(job(3, { of: 'c' })));
    assert.deepEqual(heard.map(({ meta }) => meta.commandId), [1, 2, 3].map((n) => job(n, { of: '' }).commandId), 'once, in order');
    log.close();
  });

  test(`answers that come in another order than the commits tell nobody anything out of order (${exclusive ? 'the only writer' : 'one of several'})`, async () => {
    const store = new TestStore();
    const log = logOn(store, exclusive);
    const heard = heardBy(log, 0n);
    const held: (() => void)[] = [];
    store.fate = async (append, stream) => {
      const appended = await append();
      if (stream === tallyStream('slow')) await new Promise<void>((resolve) => held.push(resolve));
      return appended;
    };
    const streams = new Streams(log);
    const slow = streams.run(job(1, { of: 'a' }, { stream: tallyStream('slow') }));
    await until(() => held.length === 1);
    accepted(await streams.run(job(2, { of: 'b' }, { stream: tallyStream('fast') })));
    assert.deepEqual(places(heard), [`${tallyStream('slow')}/0`, `${tallyStream('fast')}/0`]);
    held[0]?.();
    accepted(await slow);
    assert.equal(heard.length, 2);
    log.close();
  });
}

test('what others have written is told before what one writes after it; and told by itself when one writes nothing', async () => {
  const store = new SparseStore();
  const [mine, theirs] = [logOn(store, false), logOn(store, false)];
  const heard = heardBy(mine, 0n);
  const [a, b] = [new Streams(mine), new Streams(theirs)];
  for (const n of range(5)) accepted(await b.run(job(n, { of: String(n) }, { stream: tallyStream('theirs') })));
  accepted(await a.run(job(9, { of: 'mine' }, { stream: tallyStream('mine') })));
  assert.deepEqual(places(heard), [...range(5).map((n) => `${tallyStream('theirs')}/${n}`), `${tallyStream('mine')}/0`]);
  accepted(await b.run(job(10, { of: 'last' }, { stream: tallyStream('theirs') })));
  await until(() => heard.length === 7);
  assert.equal(heard.at(-1)?.position, 7n * stride);
  mine.close();
});

test('many writers at once: every listener hears the whole log, in its order', async () => {
  const store = new SparseStore();
  const logs = range(3).map(() => logOn(store, false));
  const heard = logs.map((log) => heardBy(log, 0n));
  await Promise.all(logs.flatMap((log, w) => {
    const streams = new Streams(log);
    return range(40).map((n) => streams.run(job(w * 100 + n, { of: String(n) }, { stream: tallyStream(`${w}-${n % 7}`) })));
  }));
  await until(() => heard.every((events) => events.length === 120));
  const stored = await everything(logOn(store, false).readAll(0n));
  for (const events of heard) assert.deepEqual(places(events), places(stored));
  for (const log of logs) log.close();
});

test('a listener that begins in the middle hears what comes after, no more and no less', async () => {
  const store = new SparseStore();
  const streams = new Streams(logOn(store, false));
  for (const n of range(4)) accepted(await streams.run(job(n, { of: String(n) })));
  const log = logOn(store, false);
  const heard = heardBy(log, 2n * stride);
  await log.told(await log.head());
  assert.deepEqual(places(heard), [2, 3].map((n) => `${tallyStream()}/${n}`));
  log.close();
});

test('followers of a shared log share one look at it: they find what others wrote in memory', async () => {
  const store = new SparseStore();
  const log = logOn(store, false);
  heardBy(log, 0n);
  const stop = new AbortController();
  const seen = range(8).map((): Recorded[] => []);
  const following = seen.map(async (events) => {
    for await (const page of log.follow(0n, stop.signal)) events.push(...page);
  });
  const others = new Streams(logOn(store, false));
  accepted(await others.run(job(0, { of: '0' })));
  await until(() => seen.every((events) => events.length === 1));
  store.reads = 0;
  for (const n of range(20)) accepted(await others.run(job(n + 1, { of: String(n) })));
  await until(() => seen.every((events) => events.length === 21));
  assert.ok(store.reads <= 40, `eight followers, twenty events, ${store.reads} reads`);
  for (const events of seen) assert.deepEqual(events.map(({ position }) => position), range(21).map((n) => BigInt(n + 1) * stride));
  stop.abort();
  await Promise.all(following);
  log.close();
});

test('a follower whose store cannot be reached waits and goes on where it was', async () => {
  const inner = new MemoryEventStore();
  accepted(await new Streams(logOn(inner)).run(job(1, { of: 'a' })));
  let refusals = 1;
  const store = new TestStore(inner);
  const readAll = store.readAll.bind(store);
  store.readAll = (after, pageSize) => {
    if (refusals-- > 0) throw new Unavailable('away');
    return readAll(after, pageSize);
  };
  const stop = new AbortController();
  for await (const page of logOn(store, false).follow(0n, stop.signal)) {
    assert.equal(page.length, 1);
    stop.abort();
  }
  assert.ok(refusals < 0);
});

test('whoever is told of an event finds it in the state, though its writer has not been answered yet', async () => {
  const log = logOn(new SparseStore(), false);
  const streams = new Streams(log);
  const found: Promise<number>[] = [];
  log.onCommitted(() => found.push(streams.state(tally, tallyStream()).then(({ head }) => head.revision)), 0n);
  for (const n of range(10)) accepted(await streams.run(job(n, { of: String(n) })));
  assert.deepEqual(await Promise.all(found), range(10));
  log.close();
});
