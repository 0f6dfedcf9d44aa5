import type { Document } from '../../domain/ports/read-models.ts';

/** Indexed fields and their values in a document, as `field` and JSON text; an array counts with each of its elements. */
export const indexedValues = (document: Document, fields: readonly string[]): [field: string, value: string][] => {
  const found: [string, string][] = [];
  for (const field of fields) {
    const value = document[field];
    const values = Array.isArray(value) ? new Set<unknown>(value) : [value];
    for (const each of values) if (isScalar(each)) found.push([field, JSON.stringify(each)]);
  }
  return found;
};
const isScalar = (value: unknown): value is string | number | boolean => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** The conditions of a query in the same form; a field without an index is a mistake in the code that asks. */
export const conditionsOf = (where: Readonly<Record<string, string | number | boolean>>, fields: readonly string[], collection: string): [field: string, value: string][] =>
  Object.entries(where).map(([field, value]) => {
    if (!fields.includes(field)) throw new Error(`collection ${collection} has no index on ${field}`);
    return [field, JSON.stringify(value)];
  });
