/** A source store in memory, for tests and the simulator: no disk, and never an answer in the same tick. */
import type { SourceStore, StoredSource } from '../../domain/ports/runtime.ts';
import { sourceUnknown, writeFiles } from './source-store.ts';
import { sourceLimits, walkSource, type SourceLimits } from './source-walk.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Uploaded code in memory; checked, and unpacked to a folder, like that on disk. */
export class MemorySourceStore implements SourceStore {
  readonly #limits: SourceLimits;
  readonly #sources = new Map<string, Buffer>();
  readonly #holders = new Map<string, Set<string>>();
  /** Uploaded and not yet held: somebody is about to run it. */
  readonly #fresh = new Set<string>();

  constructor(limits: Partial<SourceLimits> = {}) {
    this.#limits = { ...sourceLimits, ...limits };
  }
  async put(body: AsyncIterable<Uint8Array>): Promise<StoredSource> {
    const chunks: Uint8Array[] = [];
    const stored = await walkSource(body, this.#limits, async () => undefined, async (chunk) => void chunks.push(chunk));
    this.#sources.set(stored.digest, Buffer.concat(chunks));
    this.#fresh.add(stored.digest);
    return stored;
  }
  async has(digest: string): Promise<boolean> {
    await tick();
    return this.#sources.has(digest);
  }
  async unpack(digest: string, folder: string): Promise<void> {
    await tick();
    const bytes = this.#sources.get(digest);
    if (!bytes) throw sourceUnknown(digest);
    await walkSource((async function* () { yield bytes; })(), this.#limits, writeFiles(folder));
  }
  async retain(digest: string, holder: string): Promise<void> {
    await tick();
    if (!this.#sources.has(digest)) throw sourceUnknown(digest);
    this.#holders.set(digest, (this.#holders.get(digest) ?? new Set()).add(holder));
    this.#fresh.delete(digest);
  }
  async release(digest: string, holder: string): Promise<void> {
    await tick();
    const holders = this.#holders.get(digest);
    holders?.delete(holder);
    if ((holders?.size ?? 0) === 0 && !this.#fresh.has(digest)) this.#forget(digest);
  }
  async remove(digest: string): Promise<void> {
    await tick();
    this.#forget(digest);
  }
  #forget(digest: string): void {
    this.#sources.delete(digest);
    this.#holders.delete(digest);
    this.#fresh.delete(digest);
  }
}
