import type { Instant } from '../../domain/instant.ts';
import { plus } from '../../domain/instant.ts';
import type { Lease, Leases } from '../../domain/ports/leases.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Leases in memory. They never answer in the same tick. */
export class MemoryLeases implements Leases {
  /** A released lease stays, without a holder, so that its fencing number goes on growing. */
  readonly #leases = new Map<string, Omit<Lease, 'holder'> & { readonly holder: string | undefined }>();

  async acquire(name: string, holder: string, ttlMs: number, now: Instant): Promise<Lease | undefined> {
    await tick();
    const before = this.#leases.get(name);
    if (before?.holder !== undefined && before.holder !== holder && before.until > now) return undefined;
    const fencing = before?.holder === holder ? before.fencing : (before?.fencing ?? 0) + 1;
    const lease = { name, holder, fencing, until: plus(now, ttlMs) };
    this.#leases.set(name, lease);
    return lease;
  }
  async release(name: string, holder: string): Promise<void> {
    await tick();
    const lease = this.#leases.get(name);
    if (lease?.holder === holder) this.#leases.set(name, { ...lease, holder: undefined });
  }
  async close(): Promise<void> {
    await tick();
  }
}
