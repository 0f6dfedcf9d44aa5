import type { Instant } from '../instant.ts';

/** The only source of time. */
export interface Clock {
  now(): Instant;
  /** Resolves once `now()` is at or after `instant`, or as soon as `signal` aborts (never rejects). */
  until(instant: Instant, signal?: AbortSignal): Promise<void>;
}
/** A clock that can be moved forward: mock mode and tests. */
export interface MovableClock extends Clock {
  readonly offsetMs: number;
  /** Sets how far ahead of the wall clock it runs; never backwards. Wakes everybody whose instant has come. */
  setOffset(offsetMs: number): void;
}
