/** The server's catalog as the CLI knows it: which commands and read models there are, and with which fields. */
import { readFileSync } from 'node:fs';
import { Failure } from './exit-codes.ts';

export type CatalogField = {
  readonly name: string;
  readonly flag: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'record' | 'enum';
  readonly enum?: readonly string[];
  readonly required: boolean;
  readonly description: string;
  readonly example?: string;
  /** Never a plain flag: it is read from a file or standard input. */
  readonly secret?: boolean;
};
export type CatalogCommand = { readonly name: string; readonly noun: string; readonly verb: string; readonly summary: string; readonly audience: 'operator' | 'customer'; readonly fields: readonly CatalogField[] };
export type CatalogModel = { readonly name: string; readonly noun: string; readonly summary: string; readonly audience: 'operator' | 'customer'; readonly filters: readonly string[]; readonly columns: readonly string[] };
export type Catalog = { readonly commands: readonly CatalogCommand[]; readonly models: readonly CatalogModel[] };

/** `TOLLGATE_CATALOG_FILE` is for tests and for trying another server's catalog. */
export const loadCatalog = async (): Promise<Catalog> => {
  const other = process.env['TOLLGATE_CATALOG_FILE'];
  try {
    if (other) return JSON.parse(readFileSync(other, 'utf8')) as Catalog;
    const { default: catalog } = await import('./generated/catalog.json', { with: { type: 'json' } });
    return catalog as unknown as Catalog;
  } catch (error) {
    throw new Failure('ours', `the catalog of commands cannot be loaded (${(error as Error).message.split('\n')[0]})`, "Build it: 'npm run build'.", { code: 'CatalogMissing' });
  }
};
