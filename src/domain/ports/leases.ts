import type { Instant } from '../instant.ts';

export interface Lease {
  readonly name: string;
  readonly holder: string;
  /** Grows with every change of holder. */
  readonly fencing: number;
  readonly until: Instant;
}
/** Who may run a consumer now. A lease not renewed in time is anybody's. */
export interface Leases {
  /** The lease, new or renewed; undefined while another holds it. */
  acquire(name: string, holder: string, ttlMs: number, now: Instant): Promise<Lease | undefined>;
  /** Only the holder's release has an effect. */
  release(name: string, holder: string): Promise<void>;
  close(): Promise<void>;
}
