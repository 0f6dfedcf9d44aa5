/** Lets a few errands run at a time, and of one holder fewer: the others of that holder wait without being in anybody's way. */
export class Lanes {
  readonly #total: number;
  readonly #each: number;
  readonly #running = new Map<string, number>();
  readonly #waiting: { readonly holder: string; readonly go: () => void }[] = [];
  #busy = 0;

  constructor(total: number, each: number) {
    this.#total = total;
    this.#each = each;
  }
  /** Resolves when it is this holder's turn, to what gives the place back. */
  async enter(holder: string): Promise<() => void> {
    if (!this.#free(holder)) await new Promise<void>((go) => this.#waiting.push({ holder, go }));
    else this.#take(holder);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#leave(holder);
    };
  }
  #free(holder: string): boolean {
    return this.#busy < this.#total && (this.#running.get(holder) ?? 0) < this.#each;
  }
  #take(holder: string): void {
    this.#busy += 1;
    this.#running.set(holder, (this.#running.get(holder) ?? 0) + 1);
  }
  #leave(holder: string): void {
    this.#busy -= 1;
    const left = (this.#running.get(holder) ?? 1) - 1;
    if (left === 0) this.#running.delete(holder);
    else this.#running.set(holder, left);
    const place = this.#waiting.findIndex((waiting) => this.#free(waiting.holder));
    if (place < 0) return;
    const [next] = this.#waiting.splice(place, 1);
    if (!next) return;
    this.#take(next.holder);
    next.go();
  }
}
