import 'reflect-metadata';

/** What a field is for, in a sentence: shown by CLI help and OpenAPI. Also says how the CLI names it. */
export type FieldDescription = { readonly name: string; readonly description: string; readonly example?: string };
const key = Symbol('tollgate:fields');

export const Field = (description: string, example?: string): PropertyDecorator => (target, property) => {
  const fields = (Reflect.getOwnMetadata(key, target) as FieldDescription[] | undefined) ?? [];
  Reflect.defineMetadata(key, [...fields, { name: String(property), description, ...(example === undefined ? {} : { example }) }], target);
};
export const describedFields = (message: new () => object): readonly FieldDescription[] => (Reflect.getMetadata(key, message.prototype as object) as FieldDescription[] | undefined) ?? [];
