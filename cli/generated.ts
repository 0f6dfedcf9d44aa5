/** Nouns and verbs made from the catalog: no code per command. Hand-shaped verbs of the same noun win. */
import { readFileSync } from 'node:fs';
import type { Catalog, CatalogCommand, CatalogField, CatalogModel } from './catalog.ts';
import type { Call, Flag, Noun, Verb } from './command.ts';
import { Failure, usage } from './exit-codes.ts';
import { operatorFlags, wholeNumber, writeFlags } from './flags.ts';
import type { Committed, WouldAppend } from './here.ts';
import { kebab, shown, words } from './output.ts';
import type { Client } from './client.ts';

const audienceOf = ({ audience }: { readonly audience: 'operator' | 'customer' }) => (audience === 'operator' ? 'operator' : 'any');
const camel = (flag: string): string => flag.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const placeholder = ({ flag, type }: CatalogField): string => (type === 'integer' ? 'number' : type === 'record' ? 'NAME=VALUE' : flag.replace(/^.*-/, ''));

const pairs = (flag: string) => (text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => {
  const cut = text.indexOf('=');
  if (cut < 1) throw usage(`--${flag} takes NAME=VALUE, not '${text}'`, `For example --${flag} COLOUR=blue.`);
  return { ...before, [text.slice(0, cut)]: text.slice(cut + 1) };
};
const flagOf = (field: CatalogField): Flag => {
  const { flag, type, description } = field;
  if (field.secret) return { flags: `--${flag}-file <path>`, description: `${description}; the file that holds it, - for standard input` };
  if (type === 'boolean') return { flags: `--${flag} <yes|no>`, description, parse: yesOrNo(`--${flag}`) };
  const base: Flag = { flags: `--${flag} <${placeholder(field)}>`, description };
  if (type === 'integer') return { ...base, parse: wholeNumber(`--${flag}`) };
  if (type === 'record') return { ...base, parse: pairs(flag) };
  return field.enum ? { ...base, choices: field.enum } : base;
};
const yesOrNo = (flag: string) => (text: string): boolean => {
  if (text !== 'yes' && text !== 'no' && text !== 'true' && text !== 'false') throw usage(`${flag} takes yes or no, not '${text}'`);
  return text === 'yes' || text === 'true';
};

const secretIn = (path: string, flag: string): string => {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8').trim();
  } catch (error) {
    throw usage(`--${flag}-file '${path}' cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
};
const firstRequired = ({ fields }: CatalogCommand): CatalogField | undefined => fields.find(({ required, secret, type }) => required && !secret && type !== 'record');

/** The command's body from flags and the positional one; what is missing is named. */
export const bodyOf = (command: CatalogCommand, call: Call): Readonly<Record<string, unknown>> => {
  const [positional] = call.args as readonly (string | undefined)[];
  const main = firstRequired(command);
  const body: Record<string, unknown> = {};
  for (const field of command.fields) {
    const given = field.secret ? call.options[camel(`${field.flag}-file`)] : call.options[camel(field.flag)];
    const byPlace = field === main ? positional : undefined;
    if (given !== undefined && byPlace !== undefined) throw usage(`--${field.flag} is given twice`, 'Give it by its flag or by its place, not both.');
    const value = byPlace === undefined ? given : checkedPlace(field, byPlace);
    if (value === undefined && field.required) throw usage(`--${field.flag} is missing: ${field.description}`, `See 'tollgate ${command.noun} ${command.verb} --help'.`);
    if (value !== undefined) body[field.name] = field.secret ? secretIn(String(value), field.flag) : value;
  }
  return body;
};
const checkedPlace = (field: CatalogField, text: string): unknown => {
  if (field.enum && !field.enum.includes(text)) throw usage(`${field.flag} must be one of ${field.enum.join(', ')}, not '${text}'`);
  const { parse } = flagOf(field);
  return parse ? parse(text, undefined) : text;
};

const runCommand = (command: CatalogCommand, model: CatalogModel | undefined) => async (call: Call): Promise<void> => {
  const body = bodyOf(command, call);
  const { clientFor, commandHeaders, showDryRun } = await import('./here.ts');
  const client = clientFor(audienceOf(command), call);
  const dryRun = call.options['dryRun'] === true;
  const answer = await client.json<Committed | WouldAppend>({ method: 'POST', path: `/commands/${command.name}`, body, query: { dryRun: dryRun || undefined }, headers: await commandHeaders(call), repeatable: true });
  await call.out.result(answer, () => ('dryRun' in answer ? showDryRun(answer, call) : showDone(answer, client, model, call)));
};
/** What was done, and the record as it is now, once the view has caught up with the write. */
const showDone = async ({ events, stream, position }: Committed, client: Client, model: CatalogModel | undefined, { out }: Call): Promise<void> => {
  out.note(events.length === 0 ? 'Nothing had to change.' : `Done: ${events.map(({ type }) => words(type.charAt(0).toLowerCase() + type.slice(1)).toLowerCase()).join(', ')}.`);
  const id = stream.slice(stream.indexOf('.') + 1);
  if (!model || !stream.startsWith(`${model.noun}-`)) return;
  try {
    await out.record(await client.json<object>({ path: `/${model.name}/${encodeURIComponent(id)}`, query: { after: position } }));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.kind !== 'notFound') out.note(`It cannot be shown now: ${error.message}`);
  }
};

const exampleValue = ({ example, enum: values, type }: CatalogField): string | undefined => example ?? values?.[0] ?? (type === 'integer' ? '10' : undefined);
const exampleOf = (command: CatalogCommand): string => {
  const main = firstRequired(command);
  const others = command.fields.filter((field) => field.required && field !== main && !field.secret).map((field) => ` --${field.flag} ${exampleValue(field) ?? placeholder(field).toUpperCase()}`);
  return `tollgate ${command.noun} ${command.verb}${main ? ` ${exampleValue(main) ?? placeholder(main).toUpperCase()}` : ''}${others.join('')}`;
};
const verbOf = (command: CatalogCommand, model: CatalogModel | undefined): Verb => {
  const main = firstRequired(command);
  const own = command.fields.map(flagOf);
  const taken = new Set(own.map(({ flags }) => flags.split(/[ ,]/)[0]));
  return {
    name: command.verb, summary: command.summary, ...(main ? { args: `[${main.flag}]` } : {}),
    flags: [...own, ...[...writeFlags, ...operatorFlags].filter(({ flags }) => !taken.has(flags.split(/[ ,]/)[0]))],
    examples: [exampleOf(command), `${exampleOf(command)} --dry-run`],
    run: runCommand(command, model),
  };
};

const filterValues = (model: CatalogModel, { options }: Call): Readonly<Record<string, string | undefined>> => Object.fromEntries(model.filters.map((name) => [name, options[camel(kebab(name))] as string | undefined]));
const listFlags = (model: CatalogModel): readonly Flag[] => [
  { flags: '--limit <number>', description: 'at most so many; all when left out', parse: wholeNumber('--limit', 1) },
  ...model.filters.map((name): Flag => ({ flags: `--${kebab(name)} <value>`, description: `only those with this ${words(name)}` })),
  ...operatorFlags,
];
const listOf = (model: CatalogModel): Verb => ({
  name: 'list', summary: `List: ${model.summary.charAt(0).toLowerCase()}${model.summary.slice(1)}`, flags: listFlags(model),
  examples: [`tollgate ${model.noun} list`, ...(model.filters[0] ? [`tollgate ${model.noun} list --${kebab(model.filters[0])} VALUE --limit 20`] : []), `tollgate ${model.noun} list --json`],
  run: async (call) => {
    const { clientFor, wholeList } = await import('./here.ts');
    const list = await wholeList(clientFor(audienceOf(model), call), `/${model.name}`, filterValues(model, call), call.options['limit']);
    await call.out.result(list, async () => {
      if (list.items.length === 0) return call.out.note('None.');
      return call.out.table(list.items, model.columns.map((name) => ({ title: words(name), value: (row) => shown(row[name]) })));
    });
  },
});
const showOf = (model: CatalogModel): Verb => ({
  name: 'show', summary: `Show one ${words(model.noun)}`, args: '<id>',
  flags: [{ flags: '--as-of <time|position>', description: 'as it was then' }, ...operatorFlags],
  examples: [`tollgate ${model.noun} show ID`, `tollgate ${model.noun} show ID --as-of 2026-11-21T08:00:00Z`],
  run: async (call) => {
    const { clientFor } = await import('./here.ts');
    const document = await clientFor(audienceOf(model), call).json<object>({ path: `/${model.name}/${encodeURIComponent(call.args[0])}`, query: { asOf: call.options['asOf'] } });
    await call.out.result(document, () => call.out.record(document));
  },
});

const summaryOf = (noun: string, verbs: readonly Verb[], model: CatalogModel | undefined): string => model?.summary ?? `${noun}: ${verbs.map(({ name }) => name).join(', ')}`;
/** Every noun of the catalog; a hand-shaped one of the same name keeps its verbs and gains the others. */
export const withGenerated = (hand: readonly Noun[], catalog: Catalog): readonly Noun[] => {
  const nouns = new Set([...catalog.commands.map(({ noun }) => noun), ...catalog.models.map(({ noun }) => noun)]);
  const made = [...nouns].map((noun): Noun => {
    const model = catalog.models.find((item) => item.noun === noun);
    const verbs = [...catalog.commands.filter((item) => item.noun === noun).map((item) => verbOf(item, model)), ...(model ? [listOf(model), showOf(model)] : [])];
    return { name: noun, summary: summaryOf(noun, verbs, model), group: 'Operating the platform:', verbs };
  });
  const merged = hand.map((noun) => {
    const more = made.find(({ name }) => name === noun.name);
    return more ? { ...noun, verbs: [...noun.verbs, ...more.verbs.filter(({ name }) => !noun.verbs.some((verb) => verb.name === name))] } : noun;
  });
  return [...merged, ...made.filter(({ name }) => !hand.some((noun) => noun.name === name)).sort((a, b) => (a.name < b.name ? -1 : 1))];
};
