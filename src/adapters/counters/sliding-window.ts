import type { Instant } from '../../domain/instant.ts';
import { fromEpochMs, toEpochMs } from '../../domain/instant.ts';
import type { CounterAnswer } from '../../domain/ports/counters.ts';

/** One more hit against those there were (epoch milliseconds, in any order): the answer, and the hits if it is counted. */
export const countHit = (before: readonly number[], limit: number, windowMs: number, now: Instant): { readonly answer: CounterAnswer; readonly hits: readonly number[] } => {
  const nowMs = toEpochMs(now);
  const counted = before.filter((at) => at > nowMs - windowMs).sort((a, b) => a - b);
  const allowed = counted.length < limit;
  const within = allowed ? [...counted, nowMs].sort((a, b) => a - b) : counted;
  // Where the limit was lowered meanwhile, more than one hit must leave first.
  const blocking = within[Math.max(0, within.length - limit)];
  return { answer: { allowed, resetAt: fromEpochMs((blocking ?? nowMs) + windowMs) }, hits: allowed ? [...before, nowMs] : before };
};
