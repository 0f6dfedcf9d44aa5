import { canonicalJson } from '../domain/canonical-json.ts';
import { applyTo, type Projection } from './projection.ts';
import type { Position } from '../domain/ports/event-store.ts';
import { Unavailable } from '../domain/ports/failures.ts';
import type { Log, Recorded } from '../domain/ports/log.ts';
import { CheckpointConflict, type Collection, type Document, type Keyed, type ReadModels } from '../domain/ports/read-models.ts';

/** Checkpoints of pages with nothing for this model are written only so often: reading them again is harmless. */
const idleEventsMax = 2_000;

export type Difference = { readonly key: string; readonly live?: Document; readonly rebuilt?: Document };
export type Rebuilt = { readonly equal: boolean; readonly differences: readonly Difference[]; readonly swapped: boolean; readonly documents: number };
/** Waits before what was unavailable is tried again; ends early when `signal` aborts. */
export type Rest = (tries: number, signal: AbortSignal) => Promise<void>;
export class RebuildRunning extends Error {
  override readonly name = 'RebuildRunning';
}

/** Folds a page into a collection: documents and checkpoint in one step. Returns the checkpoint reached. */
const fold = async (model: Projection, into: Collection, expected: Position, page: readonly Recorded[]): Promise<Position> => {
  const next = page.at(-1)?.position ?? expected;
  const relevant = page.filter((event) => model.events.includes(event.type));
  const keys = [...new Set(relevant.flatMap((event) => model.keys(event)))];
  const stored = await into.load(keys);
  const documents = new Map<string, Document | undefined>(keys.map((key) => [key, stored.get(key)?.document]));
  applyTo(model, documents, relevant, new Map([...stored].map(([key, { position }]) => [key, position])));
  const puts: Keyed[] = [];
  const deletes: string[] = [];
  for (const [key, document] of documents) {
    if (document) puts.push({ key, position: next, document });
    else deletes.push(key);
  }
  await into.commit({ expected, next, puts, deletes });
  return next;
};

/** Keeps one read model up to date, and rebuilds it beside the live one. */
export class ModelRunner {
  readonly model: Projection;
  position: Position = 0n;
  failure: string | undefined;
  /** Why it waits just now; it goes on by itself. */
  unavailable: string | undefined;
  rebuilding: Position | undefined;
  readonly #log: Log;
  readonly #models: ReadModels;
  #collection!: Collection;
  #written: Position = 0n;
  /** The checkpoint of the step under way, or of the last one. */
  #writing: Position = 0n;
  /** How often in a row it was rested. */
  #tries = 0;
  #waiters: { readonly position: Position; readonly resolve: () => void }[] = [];
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #onFailure: (model: string, error: unknown) => void;
  readonly #rest: Rest | undefined;

  /** Without `rest`, a store that does not answer stops it like any other failure. */
  constructor(model: Projection, log: Log, models: ReadModels, onFailure: (model: string, error: unknown) => void, rest?: Rest) {
    this.model = model;
    this.#log = log;
    this.#models = models;
    this.#onFailure = onFailure;
    this.#rest = rest;
  }

  get collection(): Collection {
    return this.#collection;
  }

  async open(): Promise<void> {
    const home = `${this.model.name}.v${this.model.version}`;
    const serving = await this.#models.serving(this.model.name);
    const name = serving?.startsWith(`${home}.`) || serving === home ? serving : home;
    this.#collection = await this.#models.open(name, this.model.indexes);
    this.position = await this.#collection.checkpoint();
    if (this.position > (await this.#log.head())) {
      // The log was put back from a backup: what was folded from its lost end is thrown away.
      await this.#models.drop(name);
      this.#collection = await this.#models.open(name, this.model.indexes);
      this.position = 0n;
    }
    this.#written = this.position;
    // A new version is caught up before it serves; nothing else serves meanwhile, because this process has just started.
    if (serving !== name) await this.#models.serve(this.model.name, name);
    // Older versions, and what a rebuild that was cut off has left.
    for (const other of await this.#models.names()) if (other.startsWith(`${this.model.name}.v`) && other !== name) await this.#models.drop(other);
  }

  start(): void {
    this.#stop = new AbortController();
    this.#running = this.#keepRunning(this.#stop.signal).catch((error: unknown) => {
      this.failure = error instanceof Error ? error.message : String(error);
      this.#onFailure(this.model.name, error);
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Runs, and after the store or the log did not answer, goes on from where they say it was. */
  async #keepRunning(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.unavailable !== undefined) await this.#resume();
        this.unavailable = undefined;
        return await this.#run(signal);
      } catch (error) {
        if (!(error instanceof Unavailable) || !this.#rest) throw error;
        this.unavailable = error.message;
        this.#tries += 1;
        await this.#rest(this.#tries, signal);
      }
    }
  }
  /** Whether the last step was written is unknown: the store says. Nobody else may have moved it. */
  async #resume(): Promise<void> {
    const written = await this.#collection.checkpoint();
    if (written !== this.#written && written !== this.#writing) throw new CheckpointConflict(`${this.#collection.name} is at ${written}, not at ${this.#written}`);
    this.#written = written;
    if (written > this.position) this.#reached(written);
  }

  async #run(signal: AbortSignal): Promise<void> {
    for await (const page of this.#log.follow(this.position, signal)) {
      const last = page.at(-1)?.position ?? this.position;
      this.#writing = last;
      if (last - this.#written > idleEventsMax || page.some((event) => this.model.events.includes(event.type))) this.#written = await fold(this.model, this.#collection, this.#written, page);
      this.#tries = 0;
      this.#reached(last);
      if (signal.aborted) return;
    }
  }

  #reached(position: Position): void {
    this.position = position;
    const due = this.#waiters.filter((waiter) => waiter.position <= position);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.position > position);
    for (const waiter of due) waiter.resolve();
  }

  /** Resolves true once the model reflects `position`, false when that takes longer than `timeout` allows. */
  async reached(position: Position, timeout: Promise<void>): Promise<boolean> {
    if (this.position >= position) return true;
    const reached = new Promise<true>((resolve) => this.#waiters.push({ position, resolve: () => resolve(true) }));
    return Promise.race([reached, timeout.then(() => this.position >= position)]);
  }

  /** Builds the model anew beside the live one, compares them at the same position, and swaps only equals (or when told). */
  async rebuild(options: { readonly acceptDifferences: boolean; readonly progress: (position: Position) => void; readonly differencesMax: number }): Promise<Rebuilt> {
    if (this.rebuilding !== undefined) throw new RebuildRunning(`${this.model.name} is being rebuilt`);
    this.rebuilding = 0n;
    const name = `${this.model.name}.v${this.model.version}.${(await this.#log.head()).toString(36)}${this.#collection.name.endsWith('b') ? 'a' : 'b'}`;
    await this.#models.drop(name);
    const rebuilt = await this.#models.open(name, this.model.indexes);
    try {
      let position = 0n;
      const catchUp = async () => {
        for await (const page of this.#log.readAll(position)) {
          position = await fold(this.model, rebuilt, position, page);
          this.rebuilding = position;
          options.progress(position);
        }
      };
      await catchUp();
      await this.stop(); // for the moment of the swap only; what comes meanwhile is folded right after
      await catchUp();
      await this.#catchUpLive(position);
      const differences = await compare(this.#collection, rebuilt, options.differencesMax);
      const swapped = differences.length === 0 || options.acceptDifferences;
      if (swapped) await this.#swap(rebuilt, position);
      else await this.#models.drop(name);
      return { equal: differences.length === 0, differences, swapped, documents: await this.#collection.count() };
    } catch (error) {
      // Not the one that serves: whether a swap was carried out may be unknown. What is left over goes at the next start.
      if (this.#collection.name !== name && !(error instanceof Unavailable)) await this.#models.drop(name);
      throw error;
    } finally {
      this.rebuilding = undefined;
      this.failure = undefined;
      this.start();
    }
  }

  async #catchUpLive(position: Position): Promise<void> {
    if (this.failure !== undefined) return; // a stopped model is compared as it stands
    for await (const page of this.#log.readAll(this.#written)) {
      const until = page.filter((event) => event.position <= position);
      if (until.length === 0) return;
      this.#written = await fold(this.model, this.#collection, this.#written, until);
    }
  }

  async #swap(rebuilt: Collection, position: Position): Promise<void> {
    const old = this.#collection.name;
    await this.#models.serve(this.model.name, rebuilt.name);
    this.#collection = rebuilt;
    this.#written = position;
    this.#reached(position > this.position ? position : this.position);
    this.position = position;
    await this.#models.drop(old).catch(() => undefined); // it serves nobody any more, and goes at the next start at the latest
  }
}

const flat = async function* (collection: Collection): AsyncGenerator<Keyed> {
  for await (const page of collection.all()) yield* page;
};
/** Walks both in key order. */
const compare = async (live: Collection, rebuilt: Collection, max: number): Promise<readonly Difference[]> => {
  const differences: Difference[] = [];
  const a = flat(live);
  const b = flat(rebuilt);
  let [x, y] = [await a.next(), await b.next()];
  while ((!x.done || !y.done) && differences.length < max) {
    if (!x.done && (y.done || x.value.key < y.value.key)) {
      differences.push({ key: x.value.key, live: x.value.document });
      x = await a.next();
    } else if (!y.done && (x.done || y.value.key < x.value.key)) {
      differences.push({ key: y.value.key, rebuilt: y.value.document });
      y = await b.next();
    } else if (!x.done && !y.done) {
      if (canonicalJson(x.value.document) !== canonicalJson(y.value.document)) differences.push({ key: x.value.key, live: x.value.document, rebuilt: y.value.document });
      [x, y] = [await a.next(), await b.next()];
    }
  }
  return differences;
};
