/** What the validated classes say of themselves, read once for OpenAPI, the CLI's flags and the references. */
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';
import { catalog } from './catalog.ts';
import type { CatalogEntry } from './catalog-entry.ts';
import { describedFields } from './describe.ts';

type JsonSchema = { readonly type?: string; readonly enum?: readonly string[]; readonly properties?: Readonly<Record<string, JsonSchema>>; readonly required?: readonly string[] };
export type OpenCommand = {
  readonly name: string;
  readonly noun: string;
  readonly verb: string;
  readonly summary: string;
  readonly audience: string;
  readonly permission: string;
  readonly fields: readonly { readonly name: string; readonly flag: string; readonly type: 'string' | 'integer' | 'boolean' | 'record' | 'enum'; readonly enum?: readonly string[]; readonly required: boolean; readonly description: string; readonly example?: string }[];
};

const additionalConverters = { isId: { type: 'string' as const }, isEnvironment: { type: 'object' as const, additionalProperties: { type: 'string' as const } } };
/** JSON schemas (2020-12, as OpenAPI 3.1 uses them) of every class with validation, by class name. */
export const schemas = () => validationMetadatasToSchemas({ refPointerPrefix: '#/components/schemas/', additionalConverters }) as Readonly<Record<string, JsonSchema>>;

const kindOf = (schema: JsonSchema | undefined): OpenCommand['fields'][number]['type'] => {
  if (schema?.enum) return 'enum';
  if (schema?.type === 'integer' || schema?.type === 'number') return 'integer';
  if (schema?.type === 'boolean') return 'boolean';
  return schema?.type === 'object' ? 'record' : 'string';
};
const kebab = (name: string): string => name.replaceAll(/[A-Z]+/g, (letters) => `-${letters.toLowerCase()}`);

/** Every command that may be sent from outside, with its fields in the order they are written. */
export const openCommands = (entries: readonly CatalogEntry[] = catalog): readonly OpenCommand[] => {
  const all = schemas();
  return entries.flatMap(({ type, open, message, permission }) => {
    if (!open || !message) return [];
    const schema = all[message.name];
    const fields = describedFields(message).map(({ name, description, example }) => {
      const property = schema?.properties?.[name];
      return { name, flag: kebab(name), type: kindOf(property), ...(property?.enum ? { enum: property.enum } : {}), required: schema?.required?.includes(name) ?? false, description, ...(example === undefined ? {} : { example }) };
    });
    return [{ name: type, noun: open.noun, verb: open.verb, summary: open.summary, audience: open.audience, permission, fields }];
  });
};
