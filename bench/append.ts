/** Durable append through the port against the raw loop of `floors/append.ts`, and against emmett-sqlite: same events, same disk. */
import { join } from 'node:path';
import type { EventStore } from '../src/domain/ports/event-store.ts';
import type { StreamName } from '../src/domain/ids.ts';
import { SqliteEventStore } from '../src/adapters/event-store/sqlite.ts';
import { withFolder } from './folder.ts';
import { inTurns, rowOf, type Row } from './measure.ts';
import { outcomeOf } from './processes.ts';
import { emmettFolder } from './peers/install.ts';
import { beforeFirst, chainedEvent, openFloor, streamAt, streamCount, streamNameOf } from './floors/append.ts';

const rounds = 7;
const eventsShared = 19_200;
const eventsSingle = 2_000;
const eventsPeer = 20_000;

/** What the codec and the state cache above the port know: revision and hash of each stream's last event. */
class Writers {
  readonly #store: EventStore;
  readonly #names = Array.from({ length: streamCount }, (_, n) => streamNameOf(n) as StreamName);
  readonly #revisions = new Int32Array(streamCount).fill(-1);
  readonly #hashes = Array.from({ length: streamCount }, (): Buffer => beforeFirst);
  #written = 0;
  constructor(store: EventStore) {
    this.#store = store;
  }
  async append(stream: number): Promise<void> {
    const before = this.#revisions[stream]!;
    const name = this.#names[stream]!;
    const event = chainedEvent(name, before + 1, this.#hashes[stream]!, this.#written++);
    // Decided on the pending state: the next command on this stream may come before this one is answered.
    this.#revisions[stream] = before + 1;
    this.#hashes[stream] = event.hash;
    await this.#store.append(name, before < 0 ? 'no-stream' : before, [event]);
  }
  async prefill(): Promise<void> {
    for (let n = 0; n < streamCount; n += 1_000) await Promise.all(Array.from({ length: 1_000 }, (_, i) => this.append(n + i)));
  }
  /** Events per second of `callers` that each wait for their answer before they append again. */
  async rate(callers: number, count: number, streamOf: (n: number) => number): Promise<number> {
    let left = count;
    const caller = async (): Promise<void> => {
      while (left-- > 0) await this.append(streamOf(this.#written));
    };
    const start = process.hrtime.bigint();
    await Promise.all(Array.from({ length: callers }, caller));
    return count / (Number(process.hrtime.bigint() - start) / 1e9);
  }
}
const withWriters = (work: (writers: Writers, folder: string) => Promise<Row[]>): Promise<Row[]> => withFolder(async (folder) => {
  const store = SqliteEventStore.open(join(folder, 'events.db'));
  try {
    const writers = new Writers(store);
    await writers.prefill();
    return await work(writers, folder);
  } finally {
    await store.close();
  }
});
interface Case {
  readonly name: string;
  readonly goal: number;
  readonly ours: () => Promise<number>;
  readonly floor: () => number;
}
const sent = 'events of 195 bytes of data and 356 of metadata through the EventStore port';
const measure = async ({ name, goal, ours, floor }: Case): Promise<Row> => rowOf({ name, goal, better: 'higher', unit: '1/s', sent }, await inTurns({ ours, floor, rounds }));

export async function appendRows(): Promise<Row[]> {
  return withWriters(async (writers, folder) => {
    const floor = openFloor(folder);
    const shared = (): number => floor.append(eventsShared, 64);
    const cases: Case[] = [
      { name: 'durable append, 64 callers', goal: 0.8, ours: () => writers.rate(64, eventsShared, streamAt), floor: shared },
      { name: 'durable append, 1 caller', goal: 0.6, ours: () => writers.rate(1, eventsSingle, streamAt), floor: () => floor.append(eventsSingle, 1) },
      { name: 'durable append, 64 callers on one stream', goal: 0.3, ours: () => writers.rate(64, eventsShared, () => 0), floor: shared },
    ];
    const rows: Row[] = [];
    for (const each of cases) rows.push(await measure(each));
    floor.close();
    return rows;
  });
}

export async function appendPeerRows(): Promise<Row[]> {
  const facts = {
    name: 'durable append, 64 callers, against emmett-sqlite', goal: 20, better: 'higher', unit: '1/s',
    sent: `${eventsPeer.toLocaleString('en')} ${sent}, against emmett-sqlite's appendToStream with the same events made before and without their chain: 20,000 streams, one connection for which the callers queue, WAL, synchronous=FULL`,
  } as const;
  const peer = emmettFolder();
  if ('why' in peer) return [rowOf({ ...facts, void: peer.why }, [{ ours: 0, floor: 0 }])];
  return withWriters(async (writers, folder) => {
    const ours = (): Promise<number> => writers.rate(64, eventsPeer, streamAt);
    const floor = (): number => {
      const { events, seconds } = outcomeOf('bench/peers/append.js', peer.folder, folder, `${eventsPeer}`, '64');
      return events / seconds;
    };
    return [rowOf(facts, await inTurns({ ours, floor }))];
  });
}
