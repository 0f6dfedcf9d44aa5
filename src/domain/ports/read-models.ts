import type { Position } from './event-store.ts';

/** A document: JSON, with whatever its projection folds; the key is kept beside it. */
export type Document = { readonly [field: string]: unknown };
export interface Keyed<D = Document> {
  readonly key: string;
  /** Position of the last event folded into it: older events change nothing. */
  readonly position: Position;
  readonly document: D;
}

/**
 * What `load` answers of a key: its document, or (where documents and checkpoint are not written in one step) that it was
 * deleted, and at which position. Both may be ahead of the checkpoint: events up to that position have had their effect.
 */
export type Loaded<D = Document> = Keyed<D> | { readonly key: string; readonly position: Position; readonly document?: undefined };

export class CheckpointConflict extends Error {
  override readonly name = 'CheckpointConflict';
}

/** A cursor that no answer of a query ever gave. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
  constructor(cursor: string) {
    super(`${JSON.stringify(cursor.slice(0, 40))} is no cursor: leave it out, or use the one of an earlier page`);
  }
}

/**
 * One step of a consumer: documents and checkpoint together, or nothing. A store without transactions may be left with
 * documents ahead of the checkpoint: the same step again, however long its page is then, ends in the same documents.
 */
export interface Batch {
  /** The checkpoint this step starts from; another value in the store throws `CheckpointConflict` and writes nothing. */
  readonly expected: Position;
  readonly next: Position;
  /** A put not above the position of the stored document, of its deletion, or of `expected`, changes nothing. */
  readonly puts: readonly Keyed[];
  /** At `next`: a document above that stays. */
  readonly deletes: readonly string[];
}
export interface Query {
  /** Equality on indexed fields only. A field that holds an array matches on any of its elements. */
  readonly where?: Readonly<Record<string, string | number | boolean>>;
  readonly limit: number;
  /** From an earlier answer's `next`. */
  readonly cursor?: string;
  /** By key; newest first by default (ids sort by nothing in particular, so pages are ordered by the order of first writing). */
  readonly order?: 'oldest' | 'newest';
}
export interface Page {
  readonly items: readonly Keyed[];
  readonly next?: string;
}

/** A named set of documents with one checkpoint. */
export interface Collection {
  readonly name: string;
  checkpoint(): Promise<Position>;
  load(keys: readonly string[]): Promise<ReadonlyMap<string, Loaded>>;
  commit(batch: Batch): Promise<void>;
  query(query: Query): Promise<Page>;
  /** Every document, ordered by key, in pages. */
  all(): AsyncIterable<readonly Keyed[]>;
  count(): Promise<number>;
  /** How many documents have each value of an indexed field. */
  tally(field: string): Promise<ReadonlyMap<string | number | boolean, number>>;
  /** Writes outside the log's order (attempt counters and the like); the checkpoint stays. */
  put(entries: readonly Keyed[], deletes?: readonly string[]): Promise<void>;
}

export interface ReadModels {
  /** Opens a collection, making it (and an index for each field) where it is missing. */
  open(name: string, indexes?: readonly string[]): Promise<Collection>;
  drop(name: string): Promise<void>;
  names(): Promise<readonly string[]>;
  /** Which collection serves a model now; `serve` switches in one step. */
  serving(model: string): Promise<string | undefined>;
  serve(model: string, collection: string): Promise<void>;
  close(): Promise<void>;
}
