/** Reads the whole log again, slowly and for ever, and says which events are not as they were written. */
import type { Logger } from './assembly.ts';
import type { Damage } from './adapters/event-store/chain-check.ts';
import { plus, type Instant } from './domain/instant.ts';
import type { Clock } from './domain/ports/clock.ts';
import type { EventStore, Position } from './domain/ports/event-store.ts';
import { Unavailable } from './domain/ports/failures.ts';
import { BrokenChain, type Log } from './domain/ports/log.ts';

/** After each stream, and after a whole round. */
export type Pauses = { readonly streamMs: number; readonly roundMs: number };
export const usualPauses: Pauses = { streamMs: 50, roundMs: 3_600_000 };
const pageSize = 500;

export class Scrubber {
  readonly #log: Log;
  readonly #store: EventStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #pauses: Pauses;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #damaged = new Map<string, Damage>();
  /** When the last whole round ended. */
  roundEndedAt: Instant | undefined;

  constructor(parts: { readonly log: Log; readonly store: EventStore; readonly clock: Clock; readonly logger: Logger }, pauses = usualPauses) {
    this.#log = parts.log;
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#pauses = pauses;
  }
  /** What has been found since the start, one event a stream. */
  get damaged(): readonly Damage[] {
    return [...this.#damaged.values()];
  }
  start(): void {
    this.#running = this.#rounds().catch((error: unknown) => this.#logger.warn({ error: String(error) }, 'the scrubber stopped'));
  }
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #rounds(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#round(signal);
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error; // an engine that is away: the next round
      }
      await this.#clock.until(plus(this.#clock.now(), this.#pauses.roundMs), signal);
    }
  }
  async #round(signal: AbortSignal): Promise<void> {
    for await (const page of this.#store.readAll(0n as Position, pageSize)) {
      for (const { stream, revision } of page) {
        if (revision !== 0) continue; // each stream is read once, where it begins
        await this.#verify(stream);
        await this.#clock.until(plus(this.#clock.now(), this.#pauses.streamMs), signal);
        if (signal.aborted) return;
      }
    }
    this.roundEndedAt = this.#clock.now();
  }
  async #verify(stream: Parameters<Log['read']>[0]): Promise<void> {
    try {
      for await (const _ of this.#log.read(stream));
      this.#damaged.delete(stream);
    } catch (error) {
      if (error instanceof Unavailable) throw error; // says nothing of the event
      const damage = error instanceof BrokenChain ? { stream, revision: error.revision, problem: error.message } : { stream, revision: -1, problem: String(error) };
      if (!this.#damaged.has(stream)) this.#logger.error(damage, 'an event is damaged');
      this.#damaged.set(stream, damage);
    }
  }
}
