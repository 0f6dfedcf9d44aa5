/**
 * The client of the HTTP rows, run in a process of its own: raw sockets, so that it needs less of a core than any server.
 * Each connection sends its next request once it has read its last answer whole. `{n}` in a request is its serial number.
 */
import { connect, type Socket } from 'node:net';
import { pathToFileURL } from 'node:url';

export interface Job {
  readonly port: number;
  readonly connections: number;
  /** Sent in order, again from the first after the last. */
  readonly requests: readonly string[];
  readonly count: number;
  /** Serial number of the first one. */
  readonly from: number;
  /** The client never sleeps: one that does is woken by every answer's write, at the cost of the server's core. Only for servers that use one core. */
  readonly awake: boolean;
}
export interface Result {
  readonly seconds: number;
  /** 99th percentile. */
  readonly p99Ms: number;
  readonly cpuSeconds: number;
  /** The first answer that was not a 2xx, whole. */
  readonly refused?: string;
}
const bufferBytes = 65_536;

/** One connection: calls `answered` with each whole answer. */
const open = (port: number, answered: (socket: Socket, answer: string) => void): Promise<Socket> => {
  const opened = Promise.withResolvers<Socket>();
  let text = '';
  const socket = connect({
    port, host: '127.0.0.1', noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafe(bufferBytes),
      callback: (bytes, buffer) => {
        text += (buffer as Buffer).toString('latin1', 0, bytes);
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return true;
        const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
        if (length === undefined || text.length < end + 4 + Number(length)) return true;
        const answer = text;
        text = '';
        answered(socket, answer);
        return true;
      },
    },
  });
  socket.once('connect', () => opened.resolve(socket)).once('error', opened.reject);
  return opened.promise;
};

export const send = async ({ port, connections, requests, count, from, awake }: Job): Promise<Result> => {
  const parts = requests.map((request) => request.split('{n}'));
  const startedAt = new Map<Socket, number>();
  const latencies = new Float64Array(count);
  const done = Promise.withResolvers<void>();
  let refused: string | undefined;
  let [sent, received] = [0, 0];
  const next = (socket: Socket): void => {
    if (sent >= count) return;
    const [before = '', after] = parts[sent % parts.length]!;
    const serial = (from + sent).toString().padStart(12, '0');
    sent += 1;
    startedAt.set(socket, performance.now());
    socket.write(after === undefined ? before : before + serial + after, 'latin1');
  };
  const answered = (socket: Socket, answer: string): void => {
    latencies[received] = performance.now() - startedAt.get(socket)!;
    received += 1;
    if (answer.charCodeAt(9) !== 50) refused ??= answer; // "HTTP/1.1 2.."
    if (received === count) done.resolve();
    else next(socket);
  };
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port, answered)));
  const before = process.cpuUsage();
  const start = performance.now();
  for (const socket of sockets) {
    socket.once('close', () => done.reject(new Error('the server closed a connection')));
    next(socket);
  }
  let running = awake;
  const stayAwake = (): void => void (running && setImmediate(stayAwake));
  stayAwake();
  await done.promise.finally(() => (running = false));
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(before);
  for (const socket of sockets) socket.destroy();
  return { seconds, cpuSeconds: (user + system) / 1e6, p99Ms: latencies.sort()[Math.floor(count * 0.99)] ?? 0, ...(refused === undefined ? {} : { refused }) };
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.on('message', (job: Job) => void send(job).then((result) => process.send?.(result), (error: unknown) => process.send?.({ refused: String(error) })));
  process.on('disconnect', () => process.exit(0));
}
