import { hash, randomBytes } from 'node:crypto';
import type { Random } from '../../domain/ports/random.ts';

/** The operating system's generator. */
export class SystemRandom implements Random {
  bytes(count: number): Uint8Array {
    return randomBytes(count);
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
