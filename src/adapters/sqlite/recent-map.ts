/**
 * A bounded map that forgets what was not used for longest, roughly: two generations, of which the older is dropped
 * when the younger is full. A look-up costs one map access for what is in use, with no list to keep in order.
 */
export class RecentMap<K, V> {
  readonly #generationMax: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  /** Holds between half of `max` and `max` entries. */
  constructor(max: number) {
    this.#generationMax = Math.max(1, Math.floor(max / 2));
  }
  get(key: K): V | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const older = this.#old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }
  set(key: K, value: V): void {
    if (this.#young.size >= this.#generationMax && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }
}
