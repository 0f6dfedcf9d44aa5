/** What every event store promises; `event-store.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import fc from 'fast-check';
import type { StreamName } from '../../src/domain/ids.ts';
import { streamName } from '../../src/domain/ids.ts';
import type { EventStore, NewEvent, Position, StoredEvent } from '../../src/domain/ports/event-store.ts';
import { WrongExpectedRevision } from '../../src/domain/ports/event-store.ts';

export const streamOf = (id: string | number): StreamName => streamName('sample', 'ten_00000000000000000000', String(id));
export const eventOf = (n: number | string, data = `{"n":${JSON.stringify(n)}}`): NewEvent => ({
  id: `event-${n}`,
  type: 'SampleTaken',
  data,
  meta: `{"schema":1,"commandId":"command-${n}"}`,
});
export const collect = async (pages: AsyncIterable<readonly StoredEvent[]>): Promise<StoredEvent[]> => {
  const events: StoredEvent[] = [];
  for await (const page of pages) events.push(...page);
  return events;
};
const eventsOf = (count: number): NewEvent[] => range(count).map((n) => eventOf(n));
const idsOf = (events: readonly StoredEvent[]): string[] => events.map((event) => event.id);
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const eventually = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};

/** What a store cannot do by its nature: take an append of any size. */
export type Limits = { readonly appendMaxBytes?: number };
export const eventStoreContract = (name: string, open: () => Promise<EventStore>, { appendMaxBytes = 8_000_000 }: Limits = {}): void => {
  const promise = (text: string, run: (store: EventStore, t: TestContext) => Promise<void>): void => {
    test(`${name}: ${text}`, async (t) => {
      const store = await open();
      try {
        await run(store, t);
      } finally {
        await store.close();
      }
    });
  };
  appending(promise, appendMaxBytes);
  racing(promise);
  reading(promise);
  following(promise);
};
type Promised = (text: string, run: (store: EventStore, t: TestContext) => Promise<void>) => void;

const appending = (promise: Promised, appendMaxBytes: number): void => {
  promise('an append answers position and revision of its last event', async (store) => {
    const first = await store.append(streamOf(1), 'no-stream', [eventOf(1), eventOf(2)]);
    const second = await store.append(streamOf(1), first.revision, [eventOf(3)]);
    assert.equal(first.revision, 1);
    assert.equal(second.revision, 2);
    const log = await collect(store.readAll(0n));
    assert.deepEqual([log[1]?.position, log[2]?.position], [first.position, second.position]);
  });
  promise('no-stream on an existing stream is refused', async (store) => {
    await store.append(streamOf(1), 'no-stream', [eventOf(1)]);
    await assert.rejects(store.append(streamOf(1), 'no-stream', [eventOf(2)]), WrongExpectedRevision);
    assert.deepEqual(idsOf(await collect(store.read(streamOf(1)))), ['event-1']);
  });
  promise('a stale, early or impossible expectation is refused and appends nothing', async (store) => {
    await store.append(streamOf(1), 'no-stream', [eventOf(1), eventOf(2)]);
    for (const expected of [0, 2, -1, 0.5, Number.NaN]) {
      await assert.rejects(store.append(streamOf(1), expected, [eventOf(3)]), (error: unknown) => {
        assert.ok(error instanceof WrongExpectedRevision);
        assert.equal(error.stream, streamOf(1));
        assert.ok(Object.is(error.expected, expected));
        return true;
      });
    }
    await assert.rejects(store.append(streamOf(2), 0, [eventOf(3)]), WrongExpectedRevision);
    assert.equal((await collect(store.readAll(0n))).length, 2);
    assert.deepEqual(await collect(store.read(streamOf(2))), []);
  });
  promise('several events are appended whole or not at all', async (store) => {
    await store.append(streamOf(1), 'no-stream', eventsOf(3));
    await assert.rejects(store.append(streamOf(1), 1, eventsOf(3)), WrongExpectedRevision);
    assert.deepEqual((await collect(store.read(streamOf(1)))).map((event) => event.revision), [0, 1, 2]);
  });
  promise('an append that cannot be stored leaves nothing, and its neighbours alone', async (store) => {
    const broken = { ...eventOf('bad'), data: undefined as unknown as string };
    const outcomes = await Promise.allSettled([
      store.append(streamOf(1), 'no-stream', [eventOf(1)]),
      store.append(streamOf(2), 'no-stream', []),
      store.append(streamOf(3), 'no-stream', [eventOf('good'), broken]),
      store.append(streamOf(4), 'no-stream', [eventOf(4)]),
    ]);
    assert.deepEqual(outcomes.map((outcome) => outcome.status), ['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    assert.deepEqual(idsOf(await collect(store.readAll(0n))), ['event-1', 'event-4']);
    await store.append(streamOf(3), 'no-stream', [eventOf(3)]);
  });
  promise('the same append repeated appends nothing', async (store) => {
    const again = (): Promise<unknown> => store.append(streamOf(1), 'no-stream', [eventOf(1), eventOf(2)]).catch((error: unknown) => assert.ok(error instanceof WrongExpectedRevision));
    await again();
    await again();
    await Promise.all([again(), again()]);
    assert.deepEqual(idsOf(await collect(store.readAll(0n))), ['event-1', 'event-2']);
  });
  promise('text is given back byte for byte', async (store) => {
    const texts = ['{}', '{"a": 1 ,\n"b":"é\u0301 ünïcödé 🦆 \\u0000 \\ud800"}', '"\u2028\u2029\ufeff"', JSON.stringify('x'.repeat(appendMaxBytes / 8)), JSON.stringify('🦆'.repeat(appendMaxBytes / 160))];
    await store.append(streamOf('ключ-ü'), 'no-stream', texts.map((data, n) => ({ id: `é-${n}`, type: 'Ünïcode', data, meta: data })));
    const read = await collect(store.read(streamOf('ключ-ü')));
    assert.deepEqual(read.map((event) => event.data), texts);
    assert.deepEqual(read.map((event) => event.meta), texts);
    assert.deepEqual(read.map(({ id, type, stream }) => [id, type, stream]), texts.map((_, n) => [`é-${n}`, 'Ünïcode', streamOf('ключ-ü')]));
    assert.deepEqual(await collect(store.readAll(0n)), read);
  });
};

const racing = (promise: Promised): void => {
  promise('of two racing writers one wins', async (store) => {
    await store.append(streamOf(1), 'no-stream', [eventOf(0)]);
    const outcomes = await Promise.allSettled([store.append(streamOf(1), 0, [eventOf('a')]), store.append(streamOf(1), 0, [eventOf('b')])]);
    assert.deepEqual(outcomes.map((outcome) => outcome.status), ['fulfilled', 'rejected']);
    assert.deepEqual(idsOf(await collect(store.read(streamOf(1)))), ['event-0', 'event-a']);
  });
  promise('no answer comes in the same tick', async (store) => {
    let answered = false;
    const append = store.append(streamOf(1), 'no-stream', [eventOf(1)]).then(() => (answered = true));
    for (let n = 0; n < 20; n++) await Promise.resolve();
    assert.equal(answered, false);
    await append;
  });
  promise('100 parallel appends to distinct streams are all there', async (store) => {
    await Promise.all(range(100).map((n) => store.append(streamOf(n), 'no-stream', [eventOf(n)])));
    const log = await collect(store.readAll(0n));
    assert.deepEqual(new Set(idsOf(log)), new Set(range(100).map((n) => `event-${n}`)));
    for (const n of range(100)) assert.deepEqual(idsOf(await collect(store.read(streamOf(n)))), [`event-${n}`]);
  });
  promise('64 appends to one stream, each expecting the one before, succeed in the order of the calls', async (store) => {
    const answers = await Promise.all(range(64).map((n) => store.append(streamOf(1), n === 0 ? 'no-stream' : n - 1, [eventOf(n)])));
    assert.deepEqual(answers.map((answer) => answer.revision), range(64));
    assert.deepEqual(idsOf(await collect(store.read(streamOf(1)))), range(64).map((n) => `event-${n}`));
  });
  promise('when one of them fails, so do the later ones, and no other stream', async (store) => {
    const outcomes = await Promise.allSettled(
      range(64).flatMap((n) => [
        store.append(streamOf(1), n === 0 ? 'no-stream' : n === 20 ? 7 : n - 1, [eventOf(n)]),
        store.append(streamOf(`other-${n}`), 'no-stream', [eventOf(`other-${n}`)]),
      ]),
    );
    const [chain, others] = [0, 1].map((side) => outcomes.filter((_, n) => n % 2 === side).map((outcome) => outcome.status));
    assert.deepEqual(chain, range(64).map((n) => (n < 20 ? 'fulfilled' : 'rejected')));
    assert.ok(others?.every((status) => status === 'fulfilled'));
    assert.equal((await collect(store.read(streamOf(1)))).length, 20);
    assert.equal((await collect(store.readAll(0n))).length, 84);
  });
};

const reading = (promise: Promised): void => {
  promise('the log is one total order that any reader can resume at any position', async (store) => {
    for (const n of range(5)) await Promise.all(range(8).map((s) => store.append(streamOf(s), n === 0 ? 'no-stream' : n - 1, [eventOf(`${s}-${n}`)])));
    const log = await collect(store.readAll(0n));
    assert.equal(log.length, 40);
    for (const [n, event] of log.entries()) assert.ok(event.position > (log[n - 1]?.position ?? 0n));
    for (const [n, event] of log.entries()) assert.deepEqual(await collect(store.readAll(event.position, 7)), log.slice(n + 1));
    for (const s of range(8)) assert.deepEqual(log.filter((event) => event.stream === streamOf(s)), await collect(store.read(streamOf(s))));
  });
  promise('the log comes in pages of at most the size asked for, none of them empty', async (store) => {
    const sizes = async (pageSize: number): Promise<number[]> => {
      const found: number[] = [];
      for await (const page of store.readAll(0n, pageSize)) found.push(page.length);
      return found;
    };
    assert.deepEqual(await sizes(10), []);
    await store.append(streamOf(1), 'no-stream', eventsOf(25));
    assert.deepEqual(await sizes(10), [10, 10, 5]);
    assert.deepEqual(await sizes(25), [25]);
    assert.deepEqual(await sizes(1), range(25).map(() => 1));
  });
  promise('a read of the log reaches what was appended while it was under way', async (store) => {
    await store.append(streamOf(1), 'no-stream', eventsOf(4));
    const seen: string[] = [];
    for await (const page of store.readAll(0n, 2)) {
      seen.push(...idsOf(page));
      if (seen.length === 2) await store.append(streamOf(2), 'no-stream', [eventOf('late')]);
    }
    assert.deepEqual(seen, ['event-0', 'event-1', 'event-2', 'event-3', 'event-late']);
  });
  promise('a stream is read whole, or from a revision on', async (store) => {
    await store.append(streamOf(1), 'no-stream', eventsOf(1_200));
    await store.append(streamOf(2), 'no-stream', [eventOf('other')]);
    const revisions = (await collect(store.read(streamOf(1)))).map((event) => event.revision);
    assert.deepEqual(revisions, range(1_200));
    assert.deepEqual((await collect(store.read(streamOf(1), 1_198))).map((event) => event.revision), [1_198, 1_199]);
    assert.deepEqual(await collect(store.read(streamOf(1), 1_200)), []);
  });
  promise('an unknown stream has no pages', async (store) => {
    for await (const page of store.read(streamOf('unknown'))) assert.fail(`a page of ${page.length}`);
    await store.append(streamOf('unknown'), 'no-stream', [eventOf(1)]);
    assert.equal((await collect(store.read(streamOf('unknown')))).length, 1);
  });
  promise('the head is the position of the last event', async (store) => {
    assert.equal(await store.head(), 0n);
    const { position } = await store.append(streamOf(1), 'no-stream', eventsOf(3));
    assert.equal(await store.head(), position);
    assert.equal((await collect(store.readAll(position))).length, 0);
  });
};

const following = (promise: Promised): void => {
  promise('onAdvanced calls once the events can be read, until it is stopped', async (store) => {
    const heads: Promise<Position>[] = [];
    const stop = store.onAdvanced(() => heads.push(store.head()));
    const first = await store.append(streamOf(1), 'no-stream', [eventOf(1)]);
    await eventually(() => heads.length > 0);
    assert.equal(await heads.at(-1), first.position);
    stop();
    const before = heads.length;
    await store.append(streamOf(2), 'no-stream', [eventOf(2)]);
    await store.append(streamOf(3), 'no-stream', [eventOf(3)]);
    assert.equal(heads.length, before);
  });
  promise('every appended event reaches every reader exactly once, in one order', async (store) => {
    let serial = 0;
    const plan = fc.array(fc.record({ stream: fc.nat(3), events: fc.integer({ min: 1, max: 3 }), pauses: fc.nat(2) }), { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(plan, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }), async (writes, pageSizes) => {
        const run = (serial += 1);
        const start = await store.head();
        const appended: string[] = [];
        const write = async ({ stream, events, pauses }: (typeof writes)[number], n: number): Promise<void> => {
          for (let pause = 0; pause < pauses; pause++) await new Promise((resolve) => setImmediate(resolve));
          const batch = range(events).map((e) => eventOf(`${run}-${n}-${e}`));
          const target = streamOf(`${run}-${stream}`);
          for (;;) {
            const revision = (await collect(store.read(target))).length - 1;
            try {
              await store.append(target, revision < 0 ? 'no-stream' : revision, batch);
              appended.push(...batch.map((event) => event.id));
              return;
            } catch (error) {
              if (!(error instanceof WrongExpectedRevision)) throw error;
            }
          }
        };
        const expected = writes.reduce((sum, { events }) => sum + events, 0);
        const readers = pageSizes.map((pageSize) => follow(store, start, pageSize, expected));
        await Promise.all(writes.map(write));
        const [seen, ...others] = await Promise.all(readers);
        assert.deepEqual([...(seen ?? [])].sort(), [...appended].sort());
        for (const other of others) assert.deepEqual(other, seen);
      }),
      { numRuns: 25 },
    );
  });
};

/** A consumer as they all are: catch up, wait for the signal, catch up again. */
const follow = async (store: EventStore, after: Position, pageSize: number, count: number): Promise<string[]> => {
  const seen: string[] = [];
  let position = after;
  let advanced = true;
  const stop = store.onAdvanced(() => (advanced = true));
  while (seen.length < count) {
    await eventually(() => advanced);
    advanced = false;
    for await (const page of store.readAll(position, pageSize)) {
      seen.push(...idsOf(page));
      position = page.at(-1)?.position ?? position;
    }
  }
  stop();
  return seen;
};
