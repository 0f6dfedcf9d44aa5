/** What a test lets go wrong, call by call. */
export type Method = 'read' | 'append' | 'delete' | 'tombstone' | 'gossip' | 'features';
export type Fault = {
  readonly on: Method;
  /** How many calls it befalls; for ever without. */
  readonly times?: number;
  /** Which of them: reads as 'stream', 'all' or 'subscription', appends by their stream's name. */
  readonly of?: (about: string) => boolean;
  readonly what:
    /** Nothing is done. */
    | { readonly kind: 'unavailable' | 'deadline' | 'cancelled' | 'timed-out' | 'denied' | 'wrong-version' | 'hang' }
    | { readonly kind: 'not-leader'; readonly host: string; readonly port: number }
    /** It is done, and the caller never hears of it. */
    | { readonly kind: 'answer-lost' }
    /** The connection breaks after so many events of the answer. */
    | { readonly kind: 'cut'; readonly after: number }
    | { readonly kind: 'slow'; readonly ms: number };
};

export class Faults {
  #planned: { readonly fault: Fault; left: number }[] = [];
  /** How often each kind has befallen somebody. */
  readonly befallen: Record<string, number> = {};

  plan(fault: Fault): void {
    this.#planned.push({ fault, left: fault.times ?? Infinity });
  }
  clear(): void {
    this.#planned = [];
  }
  next(on: Method, about = ''): Fault['what'] | undefined {
    const found = this.#planned.find(({ fault, left }) => left > 0 && fault.on === on && (fault.of?.(about) ?? true));
    if (!found) return undefined;
    found.left -= 1;
    const { kind } = found.fault.what;
    this.befallen[kind] = (this.befallen[kind] ?? 0) + 1;
    return found.fault.what;
  }
}
