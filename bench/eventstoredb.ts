/** The store on EventStoreDB against the client package's own calls, on the same server: a peer in a process of its own, or the one that TOLLGATE_TEST_EVENTSTORE names. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient, excludeSystemEvents, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { EventStoreDb } from '../src/adapters/event-store/eventstoredb.ts';
import { SystemRandom } from '../src/adapters/system/random.ts';
import type { StreamName } from '../src/domain/ids.ts';
import { inTurns, rowOf, type Row } from './measure.ts';
import { built, start } from './processes.ts';

const rounds = 5;
const eventsShared = 4_000;
const eventsRead = 20_000;
const data = { account: 'acc_00000000000000000000', reason: 'x'.repeat(140) };
const meta = { schema: 1, at: '2026-11-21T12:00:00.000Z', commandId: '00000000-0000-8000-8000-000000000000', hash: 'x'.repeat(230) };
const [dataText, metaText] = [JSON.stringify(data), JSON.stringify(meta)];
const goal = 0.85;
const sent = `events of ${dataText.length} bytes of data and ${metaText.length} of metadata, against @eventstore/db-client's own`;

const secondsOf = async (work: () => Promise<void>): Promise<number> => {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / 1e9;
};

export async function eventStoreDbRows(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-bench-esdb-'));
  const given = process.env['TOLLGATE_TEST_EVENTSTORE'];
  const peer = given === undefined ? await start(built('test/peers/eventstoredb/main.js'), ['--port', '0', '--data', join(folder, 'peer')], folder) : undefined;
  const url = given ?? `esdb://127.0.0.1:${peer?.port}?tls=false`;
  const random = new SystemRandom();
  const store = EventStoreDb.open(url, { random });
  const client = EventStoreDBClient.connectionString(url);
  const run = Buffer.from(random.bytes(6)).toString('hex');
  let serial = 0;
  const rate = async (callers: number, count: number, append: (stream: string) => Promise<unknown>): Promise<number> => {
    let left = count;
    return count / (await secondsOf(async () => void (await Promise.all(Array.from({ length: callers }, async () => {
      while (left-- > 0) await append(`bench-${run}.${(serial += 1)}`);
    })))));
  };
  const ours = (stream: string): Promise<unknown> => store.append(stream as StreamName, 'no-stream', [{ id: `event-${stream}`, type: 'Benched', data: dataText, meta: metaText }]);
  const raw = (stream: string): Promise<unknown> => client.appendToStream(stream, [jsonEvent({ type: 'Benched', data, metadata: meta })], { expectedRevision: NO_STREAM });
  const long = `bench-${run}.long` as StreamName;
  try {
    const from = await store.head();
    for (let n = 0; n < eventsRead; n += 500) await store.append(long, n === 0 ? 'no-stream' : n - 1, Array.from({ length: 500 }, (_, i) => ({ id: `long-${n + i}`, type: 'Benched', data: dataText, meta: metaText })));
    const readOurs = async (): Promise<number> => {
      let count = 0;
      const seconds = await secondsOf(async () => {
        for await (const page of store.read(long)) count += page.length;
      });
      return count / seconds;
    };
    const readRaw = async (): Promise<number> => {
      let count = 0;
      const seconds = await secondsOf(async () => {
        for await (const _ of client.readStream(long)) count += 1;
      });
      return count / seconds;
    };
    const caughtUpOurs = async (): Promise<number> => {
      let count = 0;
      const seconds = await secondsOf(async () => {
        for await (const page of store.readAll(from)) count += page.length;
      });
      return count / seconds;
    };
    const caughtUpRaw = async (): Promise<number> => {
      let count = 0;
      const fromPosition = from === 0n ? {} : { fromPosition: { commit: from, prepare: from } };
      const subscription = client.subscribeToAll({ ...fromPosition, filter: excludeSystemEvents({ checkpointInterval: 32 }) });
      const seconds = await secondsOf(() => new Promise((resolve, reject) => void subscription.on('caughtUp', resolve).on('error', reject).on('data', () => (count += 1))));
      await subscription.unsubscribe();
      return count / seconds;
    };
    await rate(64, 1_000, raw);
    await rate(64, 1_000, ours);
    const cases = [
      { name: 'eventstoredb: append, 64 callers', ours: () => rate(64, eventsShared, ours), floor: () => rate(64, eventsShared, raw) },
      { name: 'eventstoredb: read of a stream', ours: readOurs, floor: readRaw },
      { name: 'eventstoredb: catch-up', ours: caughtUpOurs, floor: caughtUpRaw },
    ];
    const rows: Row[] = [];
    for (const { name, ...contest } of cases) rows.push(rowOf({ name, goal, better: 'higher', unit: '1/s', sent }, await inTurns({ ...contest, rounds })));
    return rows;
  } finally {
    await store.close();
    await client.dispose();
    await peer?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
