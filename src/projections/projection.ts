import type { Permission } from '../domain/access.ts';
import { streamName, type TenantId } from '../domain/ids.ts';
import type { Position } from '../domain/ports/event-store.ts';
import type { Recorded } from '../domain/ports/log.ts';
import type { Document } from '../domain/ports/read-models.ts';

/** Whose documents an actor may see: all (staff only), everybody's, or those that carry the actor's own account or namespace. */
export type Scope = 'staff' | 'public' | { readonly own: 'account' | 'namespace'; readonly field: string };

/** A read model: a pure fold over the log, thrown away and rebuilt at will. */
export type Projection<V extends Document = Document> = {
  /** Plural noun; also the path it is read at. */
  readonly name: string;
  /** Another version is another collection, built beside the old one. */
  readonly version: number;
  readonly summary: string;
  readonly indexes: readonly string[];
  readonly readableBy: Permission;
  readonly scope: Scope;
  /** Event types it folds; all others pass by. */
  readonly events: readonly string[];
  /** Which documents an event changes. */
  readonly keys: (event: Recorded<any>) => readonly string[];
  /** The document after the event; undefined removes it. `view` is undefined for a new one. */
  readonly evolve: (view: V | undefined, event: Recorded<any>, key: string) => V | undefined;
  /** The one stream that a document is folded from, where there is one: makes `asOf` cheap. */
  readonly category?: string;
  /** Field with the id of a customer (account or person): whoever reads the document sees the address beside it, as `email`. */
  readonly customer?: string;
  /** Fields not shown to anybody. */
  readonly hidden?: readonly string[];
  /** What lists show people, in this order. */
  readonly columns: readonly string[];
};

export const projection = <V extends Document>(definition: Projection<V>): Projection => definition as unknown as Projection;

/**
 * Folds events onto documents; `undefined` marks a removed one. An event at or before the position that a document already
 * reflects passes it by: after a crash a store may hold documents ahead of the checkpoint, and nothing is counted twice.
 */
export const applyTo = (model: Projection, documents: Map<string, Document | undefined>, events: Iterable<Recorded>, reflected?: ReadonlyMap<string, Position>): void => {
  for (const event of events) {
    if (!model.events.includes(event.type)) continue;
    for (const key of model.keys(event)) if (event.position > (reflected?.get(key) ?? -1n)) documents.set(key, model.evolve(documents.get(key), event, key));
  }
};
export const streamOf = (model: Projection, tenant: TenantId, key: string) => (model.category === undefined ? undefined : streamName(model.category, tenant, key));
