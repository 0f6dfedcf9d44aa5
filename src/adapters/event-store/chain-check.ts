/** Verifies a whole log in one pass, in its order: needs nothing but the stored text. */
import { chainHash, hashIn, withoutHash } from './chain.ts';
import type { StoredEvent } from '../../domain/ports/event-store.ts';

/** An event that is not as it was written, and where it is. */
export type Damage = { readonly stream: string; readonly revision: number; readonly problem: string };
type Text = Omit<StoredEvent, 'position'>;

export class ChainCheck {
  readonly #stands = new Map<string, { readonly revision: number; readonly hash: string }>();
  events = 0;
  get streams(): number {
    return this.#stands.size;
  }
  /** What is wrong with the next event. One that is damaged does not make those behind it look so. */
  check({ stream, revision, id, type, data, meta }: Text): Damage | undefined {
    const before = this.#stands.get(stream) ?? { revision: -1, hash: '' };
    const stored = hashIn(meta);
    this.#stands.set(stream, { revision, hash: stored });
    this.events += 1;
    if (revision !== before.revision + 1) return { stream, revision, problem: `revision ${before.revision + 1} is missing before it` };
    if (stored === '' || chainHash(before.hash, stream, revision, id, type, data, withoutHash(meta)) !== stored) return { stream, revision, problem: 'its hash does not match' };
    return undefined;
  }
}

