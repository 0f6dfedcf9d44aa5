import type { Instant } from '../../domain/instant.ts';
import { fromEpochMs, toEpochMs } from '../../domain/instant.ts';
import type { Clock, MovableClock } from '../../domain/ports/clock.ts';
import { Sleepers } from './sleepers.ts';

/** The wall clock plus an offset. It never goes back, even when the wall clock is set back. */
export class OffsetClock implements MovableClock {
  readonly #wallMs: () => number;
  readonly #sleepers = new Sleepers(() => this.#nowMs());
  #offsetMs = 0;
  #latestMs = Number.NEGATIVE_INFINITY;
  /** The latest instant as text: under load many ask in one millisecond. */
  #written = '' as Instant;
  #writtenMs = Number.NaN;

  /** `wallMs` is for tests. */
  constructor(offsetMs = 0, wallMs: () => number = Date.now) {
    this.#wallMs = wallMs;
    this.setOffset(offsetMs);
  }
  get offsetMs(): number {
    return this.#offsetMs;
  }
  now(): Instant {
    const nowMs = this.#nowMs();
    if (nowMs !== this.#writtenMs) {
      this.#written = fromEpochMs(nowMs);
      this.#writtenMs = nowMs;
    }
    return this.#written;
  }
  until(instant: Instant, signal?: AbortSignal): Promise<void> {
    return this.#sleepers.sleep(toEpochMs(instant), signal, true);
  }
  setOffset(offsetMs: number): void {
    checkOffset(offsetMs, this.#offsetMs);
    this.#offsetMs = offsetMs;
    this.#sleepers.wakeDue();
  }
  #nowMs(): number {
    this.#latestMs = Math.max(this.#latestMs, this.#wallMs() + this.#offsetMs);
    return this.#latestMs;
  }
}

/** The wall clock, for every mode but mock: it cannot be moved. */
export class SystemClock implements Clock {
  readonly #clock = new OffsetClock();
  now(): Instant {
    return this.#clock.now();
  }
  until(instant: Instant, signal?: AbortSignal): Promise<void> {
    return this.#clock.until(instant, signal);
  }
}

/** Stands still until it is moved: tests and the simulator. */
export class ManualClock implements MovableClock {
  readonly #startMs: number;
  readonly #sleepers = new Sleepers(() => this.#startMs + this.#offsetMs);
  #offsetMs = 0;

  constructor(start: Instant) {
    this.#startMs = toEpochMs(start);
  }
  get offsetMs(): number {
    return this.#offsetMs;
  }
  now(): Instant {
    return fromEpochMs(this.#startMs + this.#offsetMs);
  }
  until(instant: Instant, signal?: AbortSignal): Promise<void> {
    return this.#sleepers.sleep(toEpochMs(instant), signal, false);
  }
  setOffset(offsetMs: number): void {
    checkOffset(offsetMs, this.#offsetMs);
    this.#offsetMs = offsetMs;
    this.#sleepers.wakeDue();
  }
  advance(milliseconds: number): void {
    this.setOffset(this.#offsetMs + milliseconds);
  }
}

const checkOffset = (offsetMs: number, beforeMs: number): void => {
  if (!Number.isSafeInteger(offsetMs) || offsetMs < beforeMs) throw new RangeError(`a clock cannot be moved from ${beforeMs} ms to ${offsetMs} ms`);
};
