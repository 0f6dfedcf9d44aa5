/** Walks mock mode's clock from due instant to due instant, letting everything settle at each. */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { OutsideWorld } from './adapters/payments/outside-world.ts';
import type { Pump } from './commands/reactors/pump.ts';
import { earliest, plus, toEpochMs, type Instant } from './domain/instant.ts';
import type { MovableClock } from './domain/ports/clock.ts';
import type { Log } from './domain/ports/log.ts';
import type { ModelRunner } from './projections/runner.ts';

const lookAgainMs = 2;

type Parts = {
  readonly clock: MovableClock;
  readonly log: Log;
  readonly models: readonly ModelRunner[];
  readonly pumps: readonly Pump[];
  readonly outside: OutsideWorld;
  readonly nextOutside: () => Instant | undefined;
  /** Makes the clock's new offset durable. */
  readonly record: (offsetMs: number) => Promise<void>;
};

export class MockTime {
  readonly #p: Parts;
  /** One walk at a time: a second one begins where the first ended. */
  #walking: Promise<unknown> = Promise.resolve();
  constructor(parts: Parts) {
    this.#p = parts;
  }

  advance(durationMs: number, progress: (now: Instant, due: Instant) => void): Promise<{ now: Instant; steps: number }> {
    const walk = this.#walking.then(() => this.#walk(durationMs, progress));
    this.#walking = walk.catch(() => undefined);
    return walk;
  }

  async #walk(durationMs: number, progress: (now: Instant, due: Instant) => void): Promise<{ now: Instant; steps: number }> {
    const { clock, pumps, nextOutside } = this.#p;
    const target = plus(clock.now(), durationMs);
    let steps = 0;
    for (;;) {
      await this.settled();
      const due = earliest(nextOutside(), ...pumps.map((pump) => pump.nextDueAt()));
      if (due === undefined || due > target) break;
      await this.#moveTo(due);
      steps += 1;
      progress(clock.now(), due);
    }
    await this.#moveTo(target);
    await this.settled();
    return { now: clock.now(), steps };
  }

  async #moveTo(instant: Instant): Promise<void> {
    const { clock, record, outside } = this.#p;
    const aheadMs = toEpochMs(instant) - toEpochMs(clock.now());
    if (aheadMs > 0) {
      const offsetMs = clock.offsetMs + aheadMs;
      clock.setOffset(offsetMs);
      await record(offsetMs);
    }
    outside.poke();
    await turn();
  }

  /** Resolves once everything has been seen, nothing is due now, and nothing is under way; twice in a row. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      const head = await this.#p.log.head();
      const idle = this.#p.models.every((model) => model.position >= head || model.failure !== undefined) && this.#p.pumps.every((pump) => pump.idle(head)) && this.#p.outside.idle();
      quiet = idle ? quiet + 1 : 0;
      await sleep(lookAgainMs);
    }
  }
}
