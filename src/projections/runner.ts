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

/** What one page of the log did to one document; undefined where there was none before, or is none after. */
export type Change = { readonly model: string; readonly id: string; /** Of the last event that touched it. */ readonly position: Position; readonly before: Document | undefined; readonly after: Document | undefined };
/** Told when a model has moved on: what changed by that, or `everything` after a rebuild that differed. */
export type OnAdvanced = (changes: readonly Change[] | 'everything') => void;

/** What was reached, and what changed by that: worked out only for who listens once it is written. */
type Folded = { readonly next: Position; readonly changes: () => readonly Change[] };
/** Folds a page into a collection: documents and checkpoint in one step. */
const fold = async (model: Projection, into: Collection, expected: Position, page: readonly Recorded[]): Promise<Folded> => {
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
  const changes = (): readonly Change[] => [...documents].flatMap(([key, after]) => {
    const before = stored.get(key)?.document;
    return before === after ? [] : [{ model: model.name, id: key, position: relevant.findLast((event) => model.keys(event).includes(key))?.position ?? next, before, after }];
  });
  return { next, changes };
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
  /** Events seen since a checkpoint was written: positions of a shared log do not count them. */
  #unwritten = 0;
  /** Whether other servers read the collections, too. */
  #shared = false;
  /** The checkpoint of the step under way, or of the last one. */
  #writing: Position = 0n;
  /** How often in a row it was rested. */
  #tries = 0;
  #waiters: { readonly position: Position; readonly resolve: () => void }[] = [];
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #onFailure: (model: string, error: unknown) => void;
  readonly #listeners = new Set<OnAdvanced>();
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

  get #home(): string {
    return `${this.model.name}.v${this.model.version}`;
  }
  /** The collection of today's version that serves, or the one to begin with. */
  async #today(): Promise<{ readonly name: string; readonly serving: string | undefined }> {
    const serving = await this.#models.serving(this.model.name);
    return { serving, name: serving?.startsWith(`${this.#home}.`) || serving === this.#home ? serving : this.#home };
  }

  /** Without `keeps` another server may be at work on it: nothing is begun, thrown away or switched. */
  async open(keeps = true): Promise<void> {
    this.#shared ||= !keeps;
    const { name, serving } = await this.#today();
    this.#collection = await this.#models.open(name, this.model.indexes);
    this.position = await this.#collection.checkpoint();
    this.#written = this.position;
    if (!keeps) return;
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
    this.#go((signal) => this.#run(signal), () => this.#resume());
  }
  /** Another server keeps the collection: here it is only seen how far it has got. */
  watch(): void {
    this.#go((signal) => this.#watch(signal), async () => undefined);
  }
  /** From now on it is kept here, from where the last keeper left it. */
  async take(): Promise<void> {
    await this.stop();
    await this.open();
    this.start();
  }
  #go(run: (signal: AbortSignal) => Promise<void>, resume: () => Promise<void>): void {
    this.failure = undefined;
    this.unavailable = undefined;
    this.#stop = new AbortController();
    this.#running = this.#keepRunning(this.#stop.signal, run, resume).catch((error: unknown) => {
      this.failure = error instanceof Error ? error.message : String(error);
      this.#onFailure(this.model.name, error);
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Runs, and after the store or the log did not answer, goes on from where they say it was. */
  async #keepRunning(signal: AbortSignal, run: (signal: AbortSignal) => Promise<void>, resume: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.unavailable !== undefined) await resume();
        this.unavailable = undefined;
        return await run(signal);
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
      let changes: Folded['changes'] = () => [];
      this.#writing = last;
      this.#unwritten += page.length;
      if (this.#unwritten > idleEventsMax || page.some((event) => this.model.events.includes(event.type))) {
        const folded = await fold(this.model, this.#collection, this.#written, page);
        this.#written = folded.next;
        changes = folded.changes;
        this.#unwritten = 0;
      }
      this.#tries = 0;
      this.#reached(last);
      // Whoever began to listen while it was being written is told, too: for them it had not been reached.
      if (this.#listeners.size > 0) this.#tell(changes());
      if (signal.aborted) return;
    }
  }

  /** Calls after each step, once a read sees it. Returns how to stop it. */
  onAdvanced(listener: OnAdvanced): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  #tell(changes: Parameters<OnAdvanced>[0]): void {
    for (const listener of [...this.#listeners]) listener(changes);
  }

  /** A position is reached once the keeper's checkpoint is at the last event before it that changes the model. */
  async #watch(signal: AbortSignal): Promise<void> {
    for await (const page of this.#log.follow(this.position, signal)) {
      const needed = page.findLast((event) => this.model.events.includes(event.type))?.position;
      while (needed !== undefined && !signal.aborted && (await this.keptUpTo()) < needed) await this.#rest?.(0, signal);
      if (signal.aborted) return;
      this.#reached(page.at(-1)?.position ?? this.position);
    }
  }
  /** Where the collection stands that serves now: its keeper may have rebuilt it. */
  async keptUpTo(): Promise<Position> {
    const { name } = await this.#today();
    if (name !== this.#collection.name) this.#collection = await this.#models.open(name, this.model.indexes);
    return this.#collection.checkpoint();
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
          position = (await fold(this.model, rebuilt, position, page)).next;
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
      if (swapped && differences.length > 0) this.#tell('everything');
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
      const { next, changes } = await fold(this.model, this.#collection, this.#written, until);
      this.#written = next;
      this.#reached(next); // where following goes on, should there be no swap
      if (this.#listeners.size > 0) this.#tell(changes());
    }
  }

  async #swap(rebuilt: Collection, position: Position): Promise<void> {
    const old = this.#collection.name;
    await this.#models.serve(this.model.name, rebuilt.name);
    this.#collection = rebuilt;
    this.#written = position;
    this.#reached(position > this.position ? position : this.position);
    this.position = position;
    if (!this.#shared) await this.#models.drop(old).catch(() => undefined); // it serves nobody any more, and goes at the next start at the latest: where others may still read it, only then
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
