/**
 * The order of everything: each asynchronous port's deeds are done, and their answers given, one at a time in an order drawn
 * from the seed, whenever the rest of the process has come to rest. With memory or SQLite behind the ports, the same seed
 * takes the same turns.
 */
import type { Random } from '../../src/domain/ports/random.ts';

/** One life of the process: what still waits when it ends is never answered. */
export type Life = { ended: boolean };
type Waiting = { readonly n: number; readonly life: Life; readonly go: () => void };

/** So many turns of the event loop without anything new count as rest. */
const restTurns = 4;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Numbers below `below`, drawn from the seed. */
export const drawing = (random: Random) => (below: number): number => Buffer.from(random.bytes(4)).readUInt32BE() % below;

export class Turns {
  #draw: (below: number) => number = () => 0;
  #calls = 0;
  /** Deeds under way in the adapters themselves. */
  #busy = 0;
  #stirred = 0;
  #waiting: Waiting[] = [];
  /** Deeds that must take effect in the order of the calls (appends), and the signals that follow them. */
  #queues = new Map<string, { readonly life: Life; readonly deeds: (() => Promise<() => void>)[] }>();
  readonly #answers = new Map<string, (() => void)[]>();
  #signals = new Map<string, { readonly life: Life; readonly tell: () => void }>();
  taken = 0;

  /** From now on turns are drawn from this; a step of a script draws its own, so that leaving out another step changes little. */
  drawFrom(random: Random): void {
    this.#draw = drawing(random);
  }

  /** Waits for a turn, does the deed, waits for another turn, and answers. */
  call<T>(life: Life, deed: () => Promise<T>): Promise<T> {
    const n = this.#number();
    return new Promise((resolve, reject) => this.#wait(n, life, () => this.#perform(n, life, deed, resolve, reject)));
  }
  /** Like `call`, but all that wait under the same name are done together, in the order of the calls, and answered in that order. */
  inOrder<T>(life: Life, name: string, deed: () => Promise<T>): Promise<T> {
    const n = this.#number();
    return new Promise((resolve, reject) => {
      const perform = (): Promise<() => void> => deed().then((value) => () => resolve(value), (error: unknown) => () => reject(error));
      const queue = this.#queues.get(name);
      if (queue && queue.life === life) return void queue.deeds.push(perform);
      this.#queues.set(name, { life, deeds: [perform] });
      this.#wait(n, life, () => this.#performAll(n, life, name));
    });
  }
  #performAll(n: number, life: Life, name: string): void {
    const deeds = this.#queues.get(name)?.deeds ?? [];
    this.#queues.delete(name);
    this.#busy += 1;
    void Promise.all(deeds.map((perform) => perform())).then((answers) => {
      this.#busy -= 1;
      this.#answers.set(name, [...(this.#answers.get(name) ?? []), () => {
        for (const answer of answers) answer();
      }]);
      this.#wait(n, life, () => this.#answers.get(name)?.shift()?.());
    });
  }
  /** A signal, told when its turn comes; several of one name are one. */
  signal(life: Life, name: string, tell: () => void): void {
    this.#stirred += 1;
    this.#signals.set(name, { life, tell });
  }
  /** Whether something waits for its turn, once everything has come to rest. */
  async anything(): Promise<boolean> {
    await this.#rest();
    return this.#waiting.length + this.#signals.size > 0;
  }
  /** Takes one turn; false when nothing waits. */
  async take(): Promise<boolean> {
    if (!(await this.anything())) return false;
    const signals = [...this.#signals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { tell }]) => () => {
      this.#signals.delete(name);
      tell();
    });
    const waiting = this.#waiting.toSorted((a, b) => a.n - b.n);
    const chosen = this.#draw(signals.length + waiting.length);
    this.taken += 1;
    this.#stirred += 1;
    if (chosen < signals.length) signals[chosen]?.();
    else {
      const one = waiting[chosen - signals.length] as Waiting;
      this.#waiting = this.#waiting.filter((entry) => entry !== one);
      one.go();
    }
    return true;
  }
  /** The process dies: nothing of its life goes on. */
  async end(life: Life): Promise<void> {
    await this.#rest();
    life.ended = true;
    this.#waiting = this.#waiting.filter((entry) => !entry.life.ended);
    this.#answers.clear();
    for (const [name, queue] of this.#queues) if (queue.life.ended) this.#queues.delete(name);
    for (const [name, signal] of this.#signals) if (signal.life.ended) this.#signals.delete(name);
  }

  #number(): number {
    this.#stirred += 1;
    return (this.#calls += 1);
  }
  #wait(n: number, life: Life, go: () => void): void {
    this.#stirred += 1;
    if (!life.ended) this.#waiting.push({ n, life, go });
  }
  #perform<T>(n: number, life: Life, deed: () => Promise<T>, resolve: (value: T) => void, reject: (error: unknown) => void): void {
    this.#busy += 1;
    const settled = (answer: () => void): void => {
      this.#busy -= 1;
      this.#wait(n, life, answer);
    };
    deed().then((value) => settled(() => resolve(value)), (error: unknown) => settled(() => reject(error)));
  }
  async #rest(): Promise<void> {
    for (let still = 0; still < restTurns; ) {
      const before = this.#stirred;
      await turn();
      still = this.#busy === 0 && before === this.#stirred ? still + 1 : 0;
    }
  }
}
