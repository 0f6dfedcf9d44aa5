/** The first page of help. Made without the rest of the program: it is what people wait for most often. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import type { Catalog } from './catalog.ts';
import type { Group } from './command.ts';
import { nounLines } from './nouns.ts';

const groups: readonly Group[] = ['Getting in:', 'Running things:', 'Your account:', 'Operating the platform:', 'This program:'];
const options: readonly (readonly [string, string])[] = [
  ['--json', 'print JSON on standard output: one document, or lines for a stream'],
  ['--no-input', 'never ask; fail where an answer would be needed'],
  ['--no-color', 'no colours, also on a terminal (as NO_COLOR)'],
  ['--verbose', 'tell on standard error what is asked of the server'],
  ['-V, --version', 'the version of this program'],
  ['-h, --help', 'help for a command'],
];
const columnWidth = 16;
const widthMin = 40;

const wrap = (text: string, width: number): readonly string[] =>
  text.split(' ').reduce<string[]>((lines, word) => {
    const last = lines.at(-1);
    return last === undefined || last.length + word.length + 1 > width ? [...lines, word] : [...lines.slice(0, -1), `${last} ${word}`];
  }, []);
const entry = (width: number) => ([term, text]: readonly [string, string]): string => `  ${term.padEnd(columnWidth)}${wrap(text, Math.max(widthMin, width - columnWidth - 2)).join(`\n${' '.repeat(columnWidth + 2)}`)}`;

/** What the catalog adds; a catalog that is not there adds nothing. */
const generatedLines = (catalog: Catalog | undefined): readonly (readonly [string, string])[] => {
  const names = [...new Set([...(catalog?.commands ?? []), ...(catalog?.models ?? [])].map(({ noun }) => noun))].filter((name) => !(name in nounLines)).sort();
  return names.map((name) => [name, catalog?.models.find(({ noun }) => noun === name)?.summary ?? catalog?.commands.filter(({ noun }) => noun === name).map(({ verb }) => verb).join(', ') ?? '']);
};
const linesOf = (group: Group, catalog: Catalog | undefined): readonly (readonly [string, string])[] => {
  const own = Object.entries(nounLines).filter(([, line]) => line.group === group).map(([name, { summary }]) => [name, summary] as const);
  return group === 'Operating the platform:' ? [...own, ...generatedLines(catalog)] : own;
};

export const topHelp = (catalog: Catalog | undefined, operating: boolean, width: number): string => {
  const block = (title: string, lines: readonly (readonly [string, string])[]) => `${title}\n${lines.map(entry(width)).join('\n')}\n`;
  return [
    'Usage: tollgate [options] NOUN [VERB] [arguments]\n',
    ...wrap('From "who are you?" to a running, paid service: the command line of Tollgate.', width), '',
    block('Options:', options),
    ...groups.filter((group) => operating || group !== 'Operating the platform:').map((group) => block(group, linesOf(group, catalog))),
    ...(operating ? [] : wrap("Operators see more here: 'tollgate operator login --token-file PATH'.", width)),
    ...wrap("First steps: 'tollgate login help', 'tollgate account help'. Every command has --help and --json.", width),
    ...wrap('Exit codes: 0 done, 1 failure of ours, 2 wrong usage, 3 refused, 4 not found, 5 not logged in or not permitted, 6 refused by the service level, 7 gave up waiting, 8 somebody else was faster, 75 try again later, 130 interrupted.', width), '',
  ].join('\n');
};

/** A customer's help leaves out what only operators may do; who is nobody yet, or both, sees everything. */
export const showsOperating = (environ = process.env): boolean => {
  if (environ['TOLLGATE_TOKEN_FILE']) return true;
  try {
    const file = `${environ['XDG_CONFIG_HOME'] || `${homedir()}/.config`}/tollgate/config.json`;
    const held = Object.values((JSON.parse(readFileSync(file, 'utf8')) as { credentials?: Record<string, { customer?: object; operator?: object }> }).credentials ?? {});
    return held.some(({ operator }) => operator !== undefined) || !held.some(({ customer }) => customer !== undefined);
  } catch {
    return true; // no config, or a damaged one: other commands say so
  }
};
export const helpWidth = (): number => (process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : 80);

export const printTopHelp = async (): Promise<void> => {
  const { loadCatalog } = await import('./catalog.ts');
  process.stdout.write(topHelp(await loadCatalog().catch(() => undefined), showsOperating(), helpWidth()));
};
