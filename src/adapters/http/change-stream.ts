/** One reader of `GET /events`: frames at its own pace, a bounded buffer, and "read again" where that is too small. */
import type { ServerResponse } from 'node:http';
import type { Position } from '../../domain/ports/event-store.ts';

/** What is told of a change: which document of which model, never the document itself. */
export type Told = { readonly model: string; readonly id: string; readonly kind: 'put' | 'removed'; readonly position: string };

/** Frames kept for a reader that does not keep up; beyond it they are worth less than a fresh look. */
export const waitingMax = 500;
/** A reader that takes nothing for so long is gone, whatever its connection says. */
const stuckMaxMs = 60_000;
const reconnectMs = 1_000;

const frame = (event: string, data: object, id?: string): string => `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

export class ChangeStream {
  readonly #raw: ServerResponse;
  #waiting: string[] = [];
  /** The socket takes no more for now. */
  #full = false;
  #lost = false;
  #last: Position;
  #stuck: NodeJS.Timeout | undefined;

  /** Begins the answer; `from` is where reading on from now misses nothing. */
  constructor(raw: ServerResponse, headers: Readonly<Record<string, string>>, from: Position) {
    this.#raw = raw;
    this.#last = from;
    raw.writeHead(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    raw.on('drain', () => this.#drained());
    raw.once('close', () => clearTimeout(this.#stuck));
    raw.write(`retry: ${reconnectMs}\n\n`);
  }

  ready(models: readonly string[]): void {
    this.#send(frame('ready', { models, position: String(this.#last) }, String(this.#last)));
  }
  /**
   * In the order of the log. The id comes with the last change of a position only: a reader that was cut off between two of
   * them gets both again.
   */
  changes(changes: readonly Told[], upTo: Position): void {
    const frames = changes.map((change, n) => frame('change', change, changes[n + 1]?.position === change.position || BigInt(change.position) < this.#last ? undefined : change.position));
    this.#last = upTo > this.#last ? upTo : this.#last;
    for (const each of frames) this.#send(each);
  }
  /** The reader cannot be told everything one by one: what it shows is to be read again. */
  reset(upTo: Position): void {
    this.#last = upTo > this.#last ? upTo : this.#last;
    this.#send(frame('reset', { position: String(this.#last), reason: 'more has changed than is told one by one: read again' }, String(this.#last)));
  }
  /** Keeps proxies from taking a quiet stream for a dead one. */
  beat(): void {
    if (!this.#full) this.#write(': quiet\n\n');
  }
  /** `last`: why it ends, when coming back will not help by itself. */
  end(last?: object): void {
    this.#raw.end(last === undefined || this.#full ? undefined : frame('end', last));
  }

  #send(text: string): void {
    if (this.#lost) return;
    if (!this.#full) return this.#write(text);
    if (this.#waiting.length < waitingMax) return void this.#waiting.push(text);
    this.#waiting = [];
    this.#lost = true;
  }
  #write(text: string): void {
    if (this.#raw.writableEnded || this.#raw.destroyed || this.#raw.write(text)) return;
    this.#full = true;
    this.#stuck = setTimeout(() => this.#raw.destroy(), stuckMaxMs).unref();
  }
  #drained(): void {
    clearTimeout(this.#stuck);
    this.#full = false;
    if (this.#lost) {
      this.#lost = false;
      return this.reset(this.#last);
    }
    const text = this.#waiting.join('');
    this.#waiting = [];
    if (text !== '') this.#write(text);
  }
}
