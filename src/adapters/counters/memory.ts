import type { Instant } from '../../domain/instant.ts';
import { toEpochMs } from '../../domain/instant.ts';
import type { CounterAnswer, RateCounters } from '../../domain/ports/counters.ts';
import { countHit } from './sliding-window.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Rate counters in memory. They never answer in the same tick. */
export class MemoryCounters implements RateCounters {
  readonly #hits = new Map<string, readonly number[]>();

  async hit(key: string, limit: number, windowMs: number, now: Instant): Promise<CounterAnswer> {
    await tick();
    const { answer, hits } = countHit(this.#hits.get(key) ?? [], limit, windowMs, now);
    if (answer.allowed) this.#hits.set(key, hits);
    return answer;
  }
  async release(key: string, at: Instant): Promise<void> {
    await tick();
    const hits = this.#hits.get(key);
    const place = hits?.indexOf(toEpochMs(at)) ?? -1;
    if (hits && place >= 0) this.#hits.set(key, hits.toSpliced(place, 1));
  }
  async prune(before: Instant): Promise<void> {
    await tick();
    const beforeMs = toEpochMs(before);
    for (const [key, hits] of this.#hits) {
      const left = hits.filter((at) => at >= beforeMs);
      if (left.length > 0) this.#hits.set(key, left);
      else this.#hits.delete(key);
    }
  }
  async close(): Promise<void> {
    await tick();
  }
}
