/**
 * Keeps one workload running: a program of its own, started by `local.ts`, that outlives the server. It imports nothing
 * but node: and its own files, starts fast, and has its own clock and chance, because it must work while no server is there to lend
 * them. Its socket is lock and control channel in one: it dies with the process, so two can never run the same workload.
 */
import { createServer } from 'node:net';
import type { Order } from './order.ts';
import { lock } from './sockets.ts';
import { Supervisor } from './supervisor.ts';

let text = '';
for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
const order = JSON.parse(text) as Order;
const server = createServer();
if (await lock(server, order.socket)) {
  const supervisor = new Supervisor(order, server);
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => void supervisor.stop('signal'));
  process.on('SIGHUP', () => undefined);
  process.on('uncaughtException', (error) => supervisor.fail(error));
  process.on('unhandledRejection', (error) => supervisor.fail(error));
  process.stdout.on('error', () => undefined).write('ready\n');
  await supervisor.run();
} else process.stdout.write('busy\n');
