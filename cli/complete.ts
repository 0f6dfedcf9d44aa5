/**
 * What may stand next on a command line, for the shells' completion scripts: words of this program at once, live names after that, as far as the
 * budget goes. Never asks anything, never says what went wrong: a completion that fails is no completion.
 */
import { performance } from 'node:perf_hooks';
import { loadCatalog, type Catalog } from './catalog.ts';
import type { Flag, Noun, Verb } from './command.ts';
import { withGenerated } from './generated.ts';
import { globalFlags } from './flags.ts';
import { handShaped } from './hand-shaped.ts';
import { showsOperating } from './top-help.ts';

export type Word = { readonly word: string; readonly says?: string };
/** Ends the process, counted from its start: a shell waits for every keystroke. `TOLLGATE_COMPLETION_MS` is for slow machines. */
const budgetDefaultMs = 300;
const namesMax = 200;
/** Tells the script to complete a path instead. */
const files: Word = { word: ':files' };
/** Others would have to be quoted. */
const plain = /^[\w@%+=:,./-]+$/;

type Fetched = (path: string, query?: Readonly<Record<string, string>>) => Promise<any>;
type Asking = { readonly get: Fetched; readonly catalog: Catalog; readonly before: readonly string[] };
/** Where the words for one place come from. */
type Source = (asking: Asking) => Promise<readonly Word[]> | readonly Word[];

const itemsOf = (path: string, word: string, says?: string): Source => async ({ get }) =>
  ((await get(path, { limit: String(namesMax) })) as { items: readonly Record<string, unknown>[] }).items.map((item) => ({ word: String(item[word]), ...(says === undefined || item[says] === undefined ? {} : { says: String(item[says]) }) }));
const workloads = itemsOf('/workloads', 'name', 'state');
const envs = (removable: boolean): Source => async () => {
  const [{ readConfig }, { environments }] = await Promise.all([import('./config-file.ts'), import('./target.ts')]);
  return environments(readConfig()).filter(({ builtIn }) => !removable || !builtIn).map(({ name, url }) => ({ word: name, says: url ?? 'no address' }));
};
const namespaces: Source = async () => {
  const [{ readConfig }, { targetOf }] = await Promise.all([import('./config-file.ts'), import('./target.ts')]);
  const config = readConfig();
  return (config.credentials[targetOf(config).url]?.customer?.namespaces ?? []).map((word) => ({ word }));
};
/** What is parked at the reactor that stands before. */
const parkedSubjects: Source = async ({ get, before }) => {
  const { items } = (await get('/reactors')) as { items: readonly { name: string; parked: readonly { subject: string; error: string }[] }[] };
  return items.filter(({ name }) => name === before.at(-1)).flatMap(({ parked }) => parked.map(({ subject, error }) => ({ word: subject, says: error })));
};
const pathHere: Source = () => [files];
const nouns: Source = ({ catalog }) => visible(withGenerated(handShaped, catalog)).map(({ name, summary }) => ({ word: name, says: summary }));

/** Places by what stands before them; each further argument has a source of its own, the last one for all that follow. */
const places: Readonly<Record<string, readonly Source[]>> = {
  run: [pathHere], status: [workloads], logs: [workloads], update: [workloads, pathHere], kill: [workloads],
  'env set': [envs(false)], 'env remove': [envs(true)], 'namespace use': [namespaces],
  'projection rebuild': [itemsOf('/projections', 'name', 'status')], 'reactor retry': [itemsOf('/reactors', 'name'), parkedSubjects],
  'invite revoke': [itemsOf('/invites', 'email', 'status')], help: [nouns],
};
/** Anything called `...-id` is an id of the read model of that noun. */
const idSource = (noun: string, { models }: Catalog): Source | undefined => {
  const model = models.find((item) => item.noun === noun);
  if (!model) return undefined;
  return itemsOf(`/${model.name}`, 'id', ['name', 'status', 'stage', 'state', 'email'].find((field) => model.columns.includes(field)));
};
const placeSource = (path: string, index: number, { args = '' }: { readonly args?: string }, catalog: Catalog): Source | undefined => {
  const own = places[path];
  if (own) return own[Math.min(index, own.length - 1)];
  const name = args.split(' ')[index]?.replaceAll(/[<>[\].]/g, '') ?? '';
  if (name === 'id') return idSource(path.split(' ')[0] ?? '', catalog);
  return name.endsWith('-id') ? idSource(name.slice(0, -3), catalog) : undefined;
};
const takesValue = ({ flags }: Flag): boolean => /[<[]/.test(flags);
const namesOf = ({ flags }: Flag): readonly string[] => flags.split(/[ ,]+/).filter((word) => word.startsWith('-'));
const valueSource = ({ flags, choices }: Flag, catalog: Catalog): Source | undefined => {
  if (choices) return () => choices.map((word) => ({ word }));
  const name = flags.split(/[ ,]+/).find((word) => word.startsWith('--'))?.slice(2) ?? '';
  if (/<(?:path|file|folder)>/.test(flags)) return pathHere;
  if (/<yes\|no>/.test(flags)) return () => [{ word: 'yes' }, { word: 'no' }];
  return name.endsWith('-id') ? idSource(name.slice(0, -3), catalog) : undefined;
};

/** A customer is not offered what only operators may do. */
const visible = (all: readonly Noun[]): readonly Noun[] => (showsOperating() ? all : all.filter(({ group }) => group !== 'Operating the platform:'));
const flagWords = (flags: readonly Flag[], given: readonly string[]): readonly Word[] =>
  flags.filter((flag) => flag.parse !== undefined || !namesOf(flag).some((name) => given.includes(name))).map((flag) => ({ word: namesOf(flag).at(-1) ?? '', says: flag.description }));

type Standing = { readonly path: string; readonly verb: Omit<Verb, 'name' | 'run' | 'summary'> | undefined; readonly noun: Noun | undefined; readonly args: readonly string[]; readonly open: Flag | undefined; /** Words of a verb that has more of them. */ readonly before: string };
const isOrBegins = (name: string, words: string): boolean => name === words || name.startsWith(`${words} `);
/** Where the cursor stands: after which noun and verb, how many arguments, behind which flag that wants a value. */
const standing = (words: readonly string[], all: readonly Noun[]): Standing => {
  let noun: Noun | undefined;
  let verb: Standing['verb'];
  let path = '';
  let open: Flag | undefined;
  let before = '';
  const args: string[] = [];
  for (const word of words) {
    const flags = [...(verb?.flags ?? []), ...globalFlags];
    if (open) open = undefined;
    else if (word.startsWith('-')) open = word.includes('=') ? undefined : flags.find((flag) => takesValue(flag) && namesOf(flag).includes(word));
    else if (!noun && path === '') {
      noun = all.find(({ name }) => name === word);
      path = word;
      verb = noun?.self;
    } else if (noun && args.length === 0 && noun.verbs.some(({ name }) => isOrBegins(name, `${before}${word}`))) {
      before = `${before}${word} `;
      const named = noun.verbs.find(({ name }) => name === before.trim());
      verb = named ?? verb;
      path = `${noun.name} ${before.trim()}`;
      if (named) noun = { ...noun, verbs: [] };
    } else args.push(word);
  }
  return { path, verb, noun, args, open, before };
};

/** The words that need nobody, and the source of those that do. */
export const completionsOf = (words: readonly string[], catalog: Catalog): { readonly at: string; readonly known: readonly Word[]; readonly live: Source | undefined; readonly before: readonly string[] } => {
  const at = words.at(-1) ?? '';
  const all = withGenerated(handShaped, catalog);
  const before = words.slice(0, -1);
  const { path, verb, noun, args, open, before: begun } = standing(before, all);
  const result = (known: readonly Word[], live?: Source) => ({ at, known, live, before: args });
  if (open) return result([], valueSource(open, catalog));
  if (at.startsWith('-')) return result(flagWords([...(verb?.flags ?? []), ...globalFlags], before));
  if (path === '') return result([...visible(all).map(({ name, summary }) => ({ word: name, says: summary })), { word: 'help', says: 'Help for a command' }]);
  const verbs = args.length === 0 ? (noun?.verbs ?? []).filter(({ name }) => name.startsWith(begun)).map(({ name, summary }) => ({ name: name.slice(begun.length), summary })) : [];
  const next = verbs.map(({ name, summary }) => (name.includes(' ') ? { word: name.split(' ')[0] ?? '' } : { word: name, says: summary })).filter(({ word }, place, every) => every.findIndex((other) => other.word === word) === place);
  return result(next, path === 'help' && args.length > 0 ? undefined : placeSource(path, args.length, verb ?? {}, catalog));
};

const fetcher = (before: readonly string[]): Fetched => {
  const flag = before.indexOf('--token-file');
  const tokenFile = flag < 0 ? undefined : before[flag + 1];
  return async (path, query = {}) => {
    const [{ Client }, { credentialFor }, { readConfig }, { targetOf }] = await Promise.all([import('./client.ts'), import('./credentials.ts'), import('./config-file.ts'), import('./target.ts')]);
    const config = readConfig();
    const target = targetOf(config);
    return new Client(target, credentialFor(target, { audience: path === '/workloads' ? 'either' : 'operator', tokenFile }, config)).json({ path, query });
  };
};

const print = (words: readonly Word[], at: string): void => {
  const fitting = words.filter(({ word }) => word === files.word || (word.startsWith(at) && plain.test(word)));
  const text = fitting.map(({ word, says }) => `${word}${says === undefined ? '' : `\t${says.replaceAll(/\s+/g, ' ')}`}\n`).join('');
  process.stdout.write(text);
};

/** `completion words -- WORDS...`: one line a word, with what it means after a tab. */
export const completeWords = async (given: readonly string[]): Promise<void> => {
  const budgetMs = Number(process.env['TOLLGATE_COMPLETION_MS']) || budgetDefaultMs;
  const over = setTimeout(() => process.exit(0), Math.max(1, budgetMs - performance.now()));
  try {
    const words = given.filter((word) => word !== '='); // bash takes --flag=value apart
    const catalog = await loadCatalog().catch((): Catalog => ({ commands: [], models: [] }));
    const { at, known, live, before } = completionsOf(words, catalog);
    print(known, at);
    if (live) print(await live({ get: fetcher(words), catalog, before }), at);
  } catch {
    // nothing is offered then
  }
  clearTimeout(over);
};
