/** The OpenAPI document as its page shows it: one source, so that the two cannot differ. */
import type { OperationObject, ParameterObject, ReferenceObject, RequestBodyObject, ResponseObject, SchemaObject } from 'openapi3-ts/oas31';
import { openApi } from './openapi.ts';
import type { ApiCall, ApiDocsProps, ApiField } from '../../../web/pages.ts';

type Api = ReturnType<typeof openApi>;
type Schema = SchemaObject | ReferenceObject;
const nameIn = (schema: Schema): string | undefined => ('$ref' in schema ? schema.$ref.split('/').at(-1) : undefined);

/** "text", "whole number", "one of a, b", "list of LogLine". */
const typeOf = (schema: Schema): string => {
  if ('$ref' in schema) return nameIn(schema) ?? 'object';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  if (schema.oneOf) return schema.oneOf.map(typeOf).join(' or ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => (type === 'null' ? 'null' : typeOf({ type }))).join(' or ');
  switch (schema.type) {
    case 'string': return schema.format === 'date-time' ? 'time' : schema.format === 'binary' ? 'bytes' : 'text';
    case 'integer': case 'number': return 'whole number';
    case 'boolean': return 'true or false';
    case 'array': return `list of ${schema.items ? typeOf(schema.items) : 'anything'}`;
    default: return schema.properties ? `{ ${Object.keys(schema.properties).join(', ')} }` : 'object';
  }
};
type Described = ApiField & { readonly example?: unknown };
const fieldsOf = (schema: Schema | undefined, api: Api): readonly Described[] => {
  if (!schema) return [];
  const named = nameIn(schema);
  const { properties = {}, required = [], oneOf } = ((named === undefined ? schema : api.components?.schemas?.[named]) ?? {}) as SchemaObject;
  if (oneOf) return oneOf.flatMap((each) => fieldsOf(each, api)).filter(({ name }, place, all) => all.findIndex((other) => other.name === name) === place);
  return Object.entries(properties).map(([name, property]) => ({ name, type: typeOf(property), says: ('description' in property && property.description) || '', required: required.includes(name), ...('examples' in property && property.examples ? { example: property.examples[0] as unknown } : {}) }));
};

const examples: Readonly<Record<string, string>> = { email: 'you@example.com', currency: 'USD', duration: '1d', name: 'hello', to: 'off', token: 'TOKEN' };
const exampleOf = ({ name, type, example }: Described): unknown => {
  if (example !== undefined) return type === 'whole number' ? Number(example) : example;
  if (type === 'whole number') return 3500;
  if (type === 'true or false') return true;
  if (type.startsWith('one of ')) return type.slice(7).split(', ')[0];
  return type === 'object' ? {} : (examples[name] ?? name.toUpperCase());
};
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const curlOf = (origin: string, method: string, route: string, open: boolean, body: readonly Described[], content: string | undefined): string => {
  const needed = body.filter(({ required }) => required);
  return [
    'curl', ...(method === 'GET' ? [] : ['-X', method]), ...(open ? [] : ['-H', '"Authorization: Bearer $TOKEN"']),
    ...(content === 'application/json' ? ['-H', quoted('Content-Type: application/json'), '-d', quoted(JSON.stringify(Object.fromEntries(needed.map((field) => [field.name, exampleOf(field)]))))] : []),
    ...(content === 'application/gzip' ? ['-H', quoted('Content-Type: application/gzip'), '--data-binary', '@source.tgz'] : []),
    quoted(`${origin}${route.replaceAll(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase())}`),
  ].join(' ');
};

const callOf = (api: Api, origin: string, method: string, route: string, operation: OperationObject): ApiCall => {
  const content = Object.entries((operation.requestBody as RequestBodyObject | undefined)?.content ?? {})[0];
  const body = fieldsOf(content?.[1].schema, api);
  const open = (operation.security ?? []).some((need) => Object.keys(need).length === 0);
  const responses = Object.entries(operation.responses as Record<string, ResponseObject>);
  const cli = operation['x-cli'] as string | undefined;
  return {
    id: operation.operationId as string, method: method.toUpperCase(), path: route, summary: operation.summary ?? '', open, body, ...(cli === undefined ? {} : { cli }),
    parameters: ((operation.parameters ?? []) as ParameterObject[]).map(({ name, in: place, description = '', required = false, schema }) => ({ name, place, says: description, required, type: schema ? typeOf(schema) : 'text' })),
    answers: responses.filter(([status]) => Number(status) < 400).map(([status, response]) => ({ status, says: response.description, fields: fieldsOf(Object.values(response.content ?? {})[0]?.schema, api) })),
    refuses: responses.map(([status]) => status).filter((status) => Number(status) >= 400),
    curl: curlOf(origin, method.toUpperCase(), route, open, body, content?.[0]),
  };
};

/** Subjects in the order of the document; those that customers need first come first there. */
export const apiDocs = (version: string, origin: string): Pick<ApiDocsProps, 'subjects' | 'records'> => {
  const api = openApi(version);
  const subjects = new Map<string, ApiCall[]>();
  for (const [route, item] of Object.entries(api.paths ?? {})) {
    for (const [method, operation] of Object.entries(item as Record<string, OperationObject>)) {
      const name = operation.tags?.[0] ?? 'other';
      subjects.set(name, [...(subjects.get(name) ?? []), callOf(api, origin, method, route, operation)]);
    }
  }
  const bodies = /Body$/;
  const commands = new Set(Object.keys(api.paths ?? {}).flatMap((route) => /^\/commands\/(\w+)/.exec(route)?.[1] ?? []));
  const records = Object.keys(api.components?.schemas ?? {}).filter((name) => !bodies.test(name) && !commands.has(name)).map((name) => ({ name, fields: fieldsOf({ $ref: `#/components/schemas/${name}` }, api) }));
  return { subjects: [...subjects].map(([name, calls]) => ({ name, calls })), records };
};
