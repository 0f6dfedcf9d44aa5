import { hash, randomBytes, randomFillSync } from 'node:crypto';
import type { Random } from '../../domain/ports/random.ts';

/** Asking the operating system costs more than the few bytes that are wanted: they are taken from a larger draw. */
const drawBytes = 8_192;

/** The operating system's generator. */
export class SystemRandom implements Random {
  readonly #draw = new Uint8Array(drawBytes);
  #used = drawBytes;

  /** A copy, and what was handed out does not stay here. */
  bytes(count: number): Uint8Array {
    if (count > drawBytes) return randomBytes(count);
    if (this.#used + count > drawBytes) {
      randomFillSync(this.#draw);
      this.#used = 0;
    }
    const bytes = this.#draw.slice(this.#used, this.#used + count);
    this.#draw.fill(0, this.#used, this.#used + count);
    this.#used += count;
    return bytes;
  }
}

/** The same bytes for the same seed: SHA-256 in counter mode. For tests and the simulator, never for secrets. */
export class SeededRandom implements Random {
  readonly #seed: string;
  #block = 0;
  #left: Uint8Array = new Uint8Array(0);

  constructor(seed: string | number) {
    this.#seed = String(seed);
  }
  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      if (this.#left.length === 0) this.#left = hash('sha256', `${this.#seed}|${this.#block++}`, 'buffer');
      const part = this.#left.subarray(0, count - filled);
      bytes.set(part, filled);
      this.#left = this.#left.subarray(part.length);
      filled += part.length;
    }
    return bytes;
  }
}
