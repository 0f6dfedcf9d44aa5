/**
 * Peer of the append row: emmett-sqlite's `appendToStream` on one connection, with the bytes that ours writes made before
 * the clock runs. Its transactions nest by connection, so callers that do not queue are answered before the COMMIT: here
 * they queue, and each answer is durable. `node append.js PACKAGES FOLDER EVENTS CALLERS`.
 */
import { join } from 'node:path';
import { beforeFirst, chainedEvent, streamAt, streamCount, streamNameOf } from '../floors/append.ts';
import { emmettIn, openPeer, type PeerEvent } from './emmett.ts';

const [packages = '.', folder = '.', count = '20000', callers = '64'] = process.argv.slice(2);
const events = Number(count);
const emmett = emmettIn(packages);
const connection = await openPeer(emmett, join(folder, `append-${process.pid}.db`));

const versions = Array.from({ length: streamCount }, () => 0n);
const names = Array.from({ length: streamCount }, (_, n) => streamNameOf(n));
const eventOf = (stream: number, n: number): PeerEvent => {
  const { type, data, meta } = chainedEvent(names[stream]!, 0, beforeFirst, n);
  return { type, data: JSON.parse(data) as PeerEvent['data'], metadata: JSON.parse(meta) as PeerEvent['metadata'] };
};
const appendOne = async (stream: number, event: PeerEvent): Promise<void> => {
  const { success } = await emmett.appendToStream(connection, names[stream]!, 'subscription', [event], { expectedStreamVersion: versions[stream]! });
  if (!success) throw new Error(`${names[stream]} is not at ${versions[stream]}`);
  versions[stream]! += 1n;
};
await connection.withTransaction(async () => {
  for (let n = 0; n < streamCount; n += 1) await appendOne(n, eventOf(n, n));
});

const made = Array.from({ length: events }, (_, n) => ({ stream: streamAt(n), event: eventOf(streamAt(n), streamCount + n) }));
let next = 0;
let before: Promise<void> = Promise.resolve();
const append = ({ stream, event }: (typeof made)[number]): Promise<void> => (before = before.then(() => appendOne(stream, event)));
const caller = async (): Promise<void> => {
  while (next < events) await append(made[next++]!);
};
const startedAt = performance.now();
await Promise.all(Array.from({ length: Number(callers) }, caller));
const seconds = (performance.now() - startedAt) / 1_000;
const stored = await connection.querySingle<{ n: number }>('SELECT COUNT(*) AS n FROM emt_messages');
if (stored?.n !== streamCount + events) throw new Error(`${stored?.n} events are stored`);
connection.close();
process.stdout.write(`${JSON.stringify({ events, seconds })}\n`);
