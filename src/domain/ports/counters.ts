import type { Instant } from '../instant.ts';

export interface CounterAnswer {
  readonly allowed: boolean;
  /** When the oldest counted hit leaves the window, and one more is allowed again. */
  readonly resetAt: Instant;
}
/** Rate counters: sliding windows, kept across restarts, not events. A refused hit is not counted. */
export interface RateCounters {
  hit(key: string, limit: number, windowMs: number, now: Instant): Promise<CounterAnswer>;
  /** Takes back one hit that was counted at `at`: what it was for came out well. */
  release(key: string, at: Instant): Promise<void>;
  /** Drops what no window can need any more. */
  prune(before: Instant): Promise<void>;
  close(): Promise<void>;
}
