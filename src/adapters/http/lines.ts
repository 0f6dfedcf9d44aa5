/** Lines that one side pushes and the other reads; progress that is read too slowly is thinned out, the last line never. */
const waitingMax = 1_000;

export class Lines implements AsyncIterable<object> {
  #waiting: object[] = [];
  #over = false;
  #failure: unknown;
  #wake: (() => void) | undefined;

  push(line: object): void {
    if (this.#waiting.length >= waitingMax) this.#waiting.shift();
    this.#waiting.push(line);
    this.#wake?.();
  }
  end(last: object): void {
    this.push(last);
    this.#over = true;
    this.#wake?.();
  }
  fail(error: unknown): void {
    this.#failure = error;
    this.#over = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<object> {
    for (;;) {
      const line = this.#waiting.shift();
      if (line) yield line;
      else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#over) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
