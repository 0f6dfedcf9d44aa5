/**
 * Lines of standard input, one at a time, only when asked. From a pipe no byte beyond the line is taken, so that what
 * nobody asked for is still there for the next program. An aborted wait takes nothing either, but the part of a line read so far is kept.
 */
import { fstatSync, readSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Socket } from 'node:net';

const newline = 10;
type Source = { /** Begins to deliver bytes; `take` answers false to stop it. */ start(take: (bytes: Uint8Array) => boolean, end: () => void): void; stop(): void };

/** A pipe or socket, read byte by byte: a bigger buffer would swallow lines that belong to others. */
const pipeSource = async (): Promise<Source> => {
  const { Socket: NetSocket } = await import('node:net');
  const buffer = Buffer.alloc(1);
  let take: (bytes: Uint8Array) => boolean = () => false;
  let end = (): void => undefined;
  let over = false;
  const options = { fd: 0, readable: true, writable: false, onread: { buffer, callback: () => take(buffer) } };
  const socket: Socket = new NetSocket(options as ConstructorParameters<typeof NetSocket>[0]);
  socket.pause();
  const finish = (): void => {
    over = true;
    end();
  };
  socket.once('end', finish).once('error', finish).once('close', finish);
  return {
    start: (onBytes, onEnd) => {
      [take, end] = [onBytes, onEnd];
      if (over) queueMicrotask(onEnd);
      else socket.resume();
    },
    stop: () => void socket.pause(),
  };
};
const fileSource = (): Source => ({
  start: (take, end) => {
    const byte = Buffer.alloc(1);
    for (;;) {
      let count = 0;
      try {
        count = readSync(0, byte, 0, 1, null);
      } catch {
        // an input that cannot be read has ended
      }
      if (count === 0) return end();
      if (!take(byte)) return undefined;
    }
  },
  stop: () => undefined,
});
const terminalSource = (): Source => {
  let listener: ((chunk: Buffer) => void) | undefined;
  return {
    start: (take, end) => {
      listener = (chunk) => void take(chunk);
      process.stdin.on('data', listener).once('end', end).resume();
    },
    stop: () => {
      if (listener) process.stdin.off('data', listener);
      process.stdin.pause();
    },
  };
};

export class LineReader {
  #source: Source | undefined;
  #bytes: number[] = [];
  #over = false;
  readonly terminal = isatty(0);

  /** The next line without its end; undefined at the end of input; `aborted` when the signal came first. */
  async next(signal?: AbortSignal): Promise<string | undefined | typeof aborted> {
    const ready = this.#line();
    if (ready !== undefined) return ready;
    if (this.#over) return this.#rest();
    if (signal?.aborted) return aborted;
    this.#source ??= await this.#open();
    const source = this.#source;
    return new Promise((resolve) => {
      const finish = (value: string | undefined | typeof aborted): void => {
        signal?.removeEventListener('abort', onAbort);
        source.stop();
        resolve(value);
      };
      const onAbort = () => finish(aborted);
      signal?.addEventListener('abort', onAbort, { once: true });
      source.start((bytes) => {
        this.#bytes.push(...bytes);
        const line = this.#line();
        if (line === undefined) return true;
        finish(line);
        return false;
      }, () => {
        this.#over = true;
        finish(this.#rest());
      });
    });
  }

  async #open(): Promise<Source> {
    if (this.terminal) return terminalSource();
    const kind = fstatSync(0);
    return kind.isFIFO() || kind.isSocket() ? pipeSource() : fileSource();
  }
  #line(): string | undefined {
    const end = this.#bytes.indexOf(newline);
    return end < 0 ? undefined : text(this.#bytes.splice(0, end + 1));
  }
  /** A last line without a newline counts. */
  #rest(): string | undefined {
    return this.#bytes.length === 0 ? undefined : text(this.#bytes.splice(0));
  }
}
export const aborted = Symbol('aborted');
const text = (bytes: readonly number[]): string => Buffer.from(bytes).toString('utf8').replace(/\r?\n$/, '');
