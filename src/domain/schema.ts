import type { AnyEvent } from './decider.ts';

/** Turns the data of one version of an event into the next; may move sealed values, never looks inside them. */
export type Upcast = (data: any) => object;
/** Per event type, the steps from version 1 on: the current version is the list's length + 1. */
export type Upcasts<E extends AnyEvent> = { readonly [T in E['type']]?: readonly Upcast[] };

export const currentVersion = (upcasts: Readonly<Record<string, readonly Upcast[] | undefined>>, type: string): number => (upcasts[type]?.length ?? 0) + 1;
export const upcast = (upcasts: Readonly<Record<string, readonly Upcast[] | undefined>>, type: string, version: number, data: object): object =>
  (upcasts[type] ?? []).slice(version - 1).reduce((shape, step) => step(shape), data);
