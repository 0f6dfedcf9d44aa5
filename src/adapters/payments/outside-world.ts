/** Turns the simulated provider's own clockwork: what is due happens, and webhooks are posted, as a real provider would by itself. */
import type { SimulatedPayments } from './simulated.ts';
import type { Post } from './simulated-outbox.ts';
import type { Clock } from '../../domain/ports/clock.ts';

export class OutsideWorld {
  readonly #payments: SimulatedPayments;
  readonly #clock: Clock;
  readonly #post: Post;
  readonly #onFailure: (error: unknown) => void;
  readonly #stop = new AbortController();
  #sleep = new AbortController();
  #turning: Promise<void> | undefined;
  #again = false;

  constructor(payments: SimulatedPayments, clock: Clock, post: Post, onFailure: (error: unknown) => void) {
    this.#payments = payments;
    this.#clock = clock;
    this.#post = post;
    this.#onFailure = onFailure;
  }

  /** Something may have become due: looked at at once, however often this is called. */
  poke(): void {
    this.#again = true;
    this.#turning ??= this.#turn().catch((error: unknown) => this.#onFailure(error)).finally(() => {
      this.#turning = undefined;
      if (this.#again && !this.#stop.signal.aborted) this.poke(); // poked between the last look and here
    });
  }

  idle(): boolean {
    const due = this.#payments.nextDueAt();
    return this.#turning === undefined && (due === undefined || due > this.#clock.now());
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#sleep.abort();
    await this.#turning;
  }

  async #turn(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      await this.#payments.run(this.#clock.now());
      await this.#payments.deliver(this.#post, this.#clock.now());
    }
    this.#sleep.abort();
    const due = this.#payments.nextDueAt();
    if (due === undefined || this.#stop.signal.aborted) return;
    const sleep = new AbortController();
    this.#sleep = sleep;
    void this.#clock.until(due, sleep.signal).then(() => (sleep.signal.aborted ? undefined : this.poke()));
  }
}

/** The same provider, with the world looked at after every deed that may have made something due. */
export const pokingAfter = (payments: SimulatedPayments, world: OutsideWorld): SimulatedPayments =>
  new Proxy(payments, {
    get: (target, name) => {
      const member = Reflect.get(target, name, target) as unknown;
      if (typeof member !== 'function') return member;
      const bound = member.bind(target) as (...args: unknown[]) => unknown;
      if (!['createCheckout', 'subscribe', 'replaceMethod', 'cancel', 'uncancel', 'submitCard'].includes(String(name))) return bound;
      return async (...args: unknown[]) => {
        try {
          return await bound(...args);
        } finally {
          world.poke();
        }
      };
    },
  });
