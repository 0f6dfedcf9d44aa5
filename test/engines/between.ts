/** Stands between a server and its engine on loopback, and lets everything that the engine says arrive later. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export class Between {
  /** From now on; what is under way comes when it was to come, and nothing overtakes. */
  delayMs = 0;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((caller) => this.#carry(caller));

  /** In front of what listens on the port of this address. */
  static async of(url: string): Promise<Between> {
    const between = new Between(Number(portOf.exec(url)?.[1]));
    between.#server.listen(0, '127.0.0.1');
    await once(between.#server, 'listening');
    return between;
  }
  private constructor(target: number) {
    this.#target = target;
  }
  /** The same address, by way of here. */
  through(url: string): string {
    return url.replace(portOf, `://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #carry(caller: Socket): void {
    const engine = connect(this.#target, '127.0.0.1');
    // One timer for the first in line: timers of their own, each rounded, might overtake one another.
    const line: { readonly dueMs: number; readonly deed: () => void }[] = [];
    const serve = (): void => {
      for (let first = line[0]; first && first.dueMs <= performance.now(); first = line[0]) {
        line.shift();
        first.deed();
      }
      if (line[0]) setTimeout(serve, Math.ceil(line[0].dueMs - performance.now()));
    };
    const later = (deed: () => void): void => {
      line.push({ dueMs: performance.now() + this.delayMs, deed });
      if (line.length === 1) setTimeout(serve, this.delayMs);
    };
    for (const [socket, other] of [[caller, engine], [engine, caller]] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.once('close', () => this.#sockets.delete(socket));
    }
    caller.on('data', (chunk) => void engine.write(chunk));
    caller.once('end', () => engine.end());
    caller.once('close', () => engine.destroy());
    engine.on('data', (chunk) => later(() => void (caller.writable && caller.write(chunk))));
    engine.once('close', () => later(() => caller.destroy()));
  }
}
const portOf = /:\/\/127\.0\.0\.1:(\d+)/;
