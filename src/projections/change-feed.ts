/** What read models have folded, in the order of the log, for whoever watches several of them at once. */
import type { Position } from '../domain/ports/event-store.ts';
import type { Change, ModelRunner } from './runner.ts';

/** Held back while one of the models is behind the others; beyond this the watcher is told to read again. */
const heldMax = 5_000;

/**
 * Watches some models. Changes come in the order of the log, none before every watched model has folded as far: who has seen
 * everything up to a position has missed nothing before it, whichever model it concerned. A model that has stopped holds up nobody.
 */
export class ChangeWatch {
  readonly #models: readonly ModelRunner[];
  readonly #stops: readonly (() => void)[];
  #held: Change[] = [];
  #told: Position = 0n;
  #onChanges: ((changes: readonly Change[], upTo: Position) => void) | undefined;
  #onReset: (upTo: Position) => void = () => undefined;
  #lost = false;

  constructor(models: readonly ModelRunner[]) {
    this.#models = models;
    this.#stops = models.map((model) => model.onAdvanced((changes) => {
      if (changes === 'everything' || this.#held.length + changes.length > heldMax) this.#lost = true;
      else this.#held.push(...changes);
      this.#release();
    }));
  }

  /** Every watched model has folded this far, or further. */
  get position(): Position {
    const positions = this.#models.filter(({ failure }) => failure === undefined).map(({ position }) => position);
    return positions.length === 0 ? this.#told : positions.reduce((a, b) => (a < b ? a : b));
  }

  /** The furthest of the models now: once all have come this far, nothing that was folded before watching is still to be told. */
  get furthest(): Position {
    return this.#models.reduce((max, { position }) => (position > max ? position : max), 0n);
  }

  /** Tells what comes after `from`, at first what has been held since the watch was made. `onReset`: too much or something else has changed, read again. */
  start(from: Position, onChanges: (changes: readonly Change[], upTo: Position) => void, onReset: (upTo: Position) => void): void {
    this.#told = from;
    this.#held = this.#held.filter(({ position }) => position > from);
    this.#onReset = onReset;
    this.#onChanges = onChanges;
    this.#release();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#onChanges = undefined;
    this.#held = [];
  }

  #release(): void {
    if (!this.#onChanges) return;
    const { position } = this;
    if (this.#lost) {
      this.#lost = false;
      this.#held = [];
      this.#told = position;
      this.#onReset(position);
      return;
    }
    if (position <= this.#told) return;
    this.#told = position;
    const due = this.#held.filter((change) => change.position <= position);
    if (due.length === 0) return;
    this.#held = this.#held.filter((change) => change.position > position);
    this.#onChanges(due.sort((a, b) => Number(a.position - b.position)), position);
  }
}
