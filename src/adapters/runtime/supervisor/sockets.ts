/** Sockets: the one that is lock and control channel, the workload's ports, and lines of JSON. */
import { existsSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { FromSupervisor } from './order.ts';
import { attempt, linux } from './small.ts';

const listen = (server: Server, path: string | number): Promise<boolean> => new Promise((resolve, reject) => {
  server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
  server.listen(typeof path === 'string' ? { path } : { port: path, host: '127.0.0.1' }, () => resolve(true));
});
export const answers = (path: string | number, host = '127.0.0.1'): Promise<boolean> => new Promise((resolve) => {
  const socket = connect(typeof path === 'string' ? { path, timeout: 1_000 } : { port: path, host, timeout: 1_000 });
  const end = (answer: boolean): void => void resolve((socket.destroy(), answer));
  socket.once('connect', () => end(true)).once('error', () => end(false)).once('timeout', () => end(false));
});
/** Whether the socket is ours now. Where it is a file, one left by a killed supervisor answers nobody. */
export const lock = async (server: Server, path: string): Promise<boolean> => {
  if (!path.startsWith('\0') && existsSync(path) && !(await answers(path))) rmSync(path, { force: true });
  return listen(server, path);
};
/** A free port; on Linux no other supervisor picks the same one while `release` has not been called. */
export const takePort = async (): Promise<{ readonly port: number; readonly release: () => void }> => {
  for (;;) {
    const probe = createServer();
    await listen(probe, 0);
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    if (!linux) return { port, release: () => undefined };
    const reservation = createServer();
    if (await listen(reservation, `\0tollgate-port-${port}`)) return { port, release: () => void reservation.close() };
  }
};

export const send = (socket: Socket, message: FromSupervisor): void => void socket.write(`${JSON.stringify(message)}\n`);
/** Who has not shown the key may not say much; an order with its environment is longer. */
export const readMessages = <M extends object>(socket: Socket, bytesMax: () => number, take: (message: M) => void): void => {
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > bytesMax()) socket.destroy();
    for (const line of lines) {
      const message = attempt(() => JSON.parse(line) as unknown);
      if (typeof message === 'object' && message !== null) take(message as M);
      else socket.destroy();
    }
  });
};
