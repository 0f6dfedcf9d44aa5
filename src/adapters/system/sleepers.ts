/** Everybody who waits for an instant of one clock. */
export interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}
/** Node counts a longer timer as one of a millisecond. */
const timerMax = 2 ** 31 - 1;

export class Sleepers {
  readonly #nowMs: () => number;
  readonly #sleepers = new Set<Sleeper>();
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }
  /** Resolves at `dueMs` or on `signal`. `timed` clocks also advance by themselves, so a timer looks again. */
  sleep(dueMs: number, signal: AbortSignal | undefined, timed: boolean): Promise<void> {
    if (signal?.aborted === true || this.#nowMs() >= dueMs) return Promise.resolve();
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (): void => {
        clearTimeout(timer);
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const wake = (): void => {
        const leftMs = dueMs - this.#nowMs();
        if (!(leftMs > 0)) return end();
        if (!timed) return;
        clearTimeout(timer);
        // Unreferenced: waiting for a time keeps no process alive.
        timer = setTimeout(wake, Math.min(Math.ceil(leftMs), timerMax)).unref();
      };
      const sleeper = { dueMs, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', end, { once: true });
      wake();
    });
  }
  /** After the clock was moved: in the order in which they are due. */
  wakeDue(): void {
    for (const sleeper of [...this.#sleepers].sort((a, b) => a.dueMs - b.dueMs)) sleeper.wake();
  }
}
