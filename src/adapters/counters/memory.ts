import type { Instant } from '../../domain/instant.ts';
import { fromEpochMs, toEpochMs } from '../../domain/instant.ts';
import type { CounterAnswer, RateCounters } from '../../domain/ports/counters.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Rate counters in memory. They never answer in the same tick. */
export class MemoryCounters implements RateCounters {
  readonly #hits = new Map<string, number[]>();

  async hit(key: string, limit: number, windowMs: number, now: Instant): Promise<CounterAnswer> {
    await tick();
    const nowMs = toEpochMs(now);
    const hits = (this.#hits.get(key) ?? []).sort((a, b) => a - b);
    const counted = hits.filter((at) => at > nowMs - windowMs);
    const allowed = counted.length < limit;
    if (allowed) {
      counted.push(nowMs);
      hits.push(nowMs);
      this.#hits.set(key, hits);
    }
    // Where the limit was lowered meanwhile, more than one hit must leave first.
    const blocking = counted.sort((a, b) => a - b)[Math.max(0, counted.length - limit)];
    return { allowed, resetAt: fromEpochMs((blocking ?? nowMs) + windowMs) };
  }
  async release(key: string, at: Instant): Promise<void> {
    await tick();
    const hits = this.#hits.get(key);
    const place = hits?.indexOf(toEpochMs(at)) ?? -1;
    if (hits && place >= 0) hits.splice(place, 1);
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
