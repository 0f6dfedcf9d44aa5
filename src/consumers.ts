/** What must run once among all servers of a log: it runs where the lease is held, and moves on when its holder falls silent. */
import type { Logger } from './assembly.ts';
import { plus, second, type Instant } from './domain/instant.ts';
import type { Clock } from './domain/ports/clock.ts';
import type { Leases } from './domain/ports/leases.ts';

const ttlMs = 10 * second;
/** How often the holder renews, and how often the others try. */
const renewMs = 3 * second;
const tryMs = second;

export type Work = {
  readonly begin: () => Promise<void>;
  readonly end: () => Promise<void>;
  /** Called now and then while it is done somewhere else. */
  readonly elsewhere: () => Promise<void>;
};
type Parts = {
  readonly leases: Leases;
  /** The wall's: a lease does not run out because a mock clock was walked. */
  readonly clock: Clock;
  readonly name: string;
  readonly holder: string;
  readonly work: Work;
  readonly logger: Logger;
};

/**
 * The lease says who runs the consumers; the compare-and-set of their checkpoints is what makes a second one harmless, should a holder be so slow
 * that it has lost the lease without knowing.
 */
export class Consumers {
  readonly #p: Parts;
  readonly #stop = new AbortController();
  /** Until when the lease is ours, as far as we know. */
  #until: Instant | undefined;
  #begun = false;
  #running: Promise<void> = Promise.resolve();
  constructor(parts: Parts) {
    this.#p = parts;
  }

  /** Whether they run here. */
  get here(): boolean {
    return this.#begun;
  }

  /** Resolves after the first look: by then they run here, or somewhere else. */
  async start(): Promise<void> {
    await this.#look();
    this.#running = this.#keepLooking();
  }
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const { leases, name, holder } = this.#p;
    if (this.#until === undefined) return;
    await this.#end();
    await leases.release(name, holder).catch(() => undefined); // it runs out by itself
  }

  async #keepLooking(): Promise<void> {
    const { clock } = this.#p;
    const { signal } = this.#stop;
    for (;;) {
      await clock.until(plus(clock.now(), this.#until === undefined ? tryMs : renewMs), signal);
      if (signal.aborted) return;
      await this.#look();
    }
  }
  async #look(): Promise<void> {
    const { leases, clock, name, holder, work, logger } = this.#p;
    try {
      const lease = await leases.acquire(name, holder, ttlMs, clock.now());
      if (!lease) return void (await (this.#until === undefined ? work.elsewhere() : this.#end()));
      this.#until = lease.until;
      if (this.#begun) return;
      logger.info({ lease: name, fencing: lease.fencing }, 'the consumers run here');
      await work.begin();
      this.#begun = true;
    } catch (error) {
      logger.warn({ lease: name, error: String(error) }, 'the consumers could not be begun, or their lease not be looked at');
      // Nobody answers who holds it: it is ours for as long as it was given, and no longer.
      if (this.#until !== undefined && clock.now() >= this.#until) await this.#end();
    }
  }
  async #end(): Promise<void> {
    const { name, work, logger } = this.#p;
    this.#until = undefined;
    this.#begun = false;
    logger.warn({ lease: name }, 'the consumers run here no more');
    await work.end();
  }
}
