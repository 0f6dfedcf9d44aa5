/** The references, rendered from the code: a test fails when a page and the code differ, `npm run docs` writes them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Flag, Noun, Verb } from '../../cli/command.ts';
import { withGenerated } from '../../cli/generated.ts';
import { handShaped } from '../../cli/hand-shaped.ts';
import { describeForCli } from '../../src/describe-for-cli.ts';
import { openCommands } from '../../src/commands/schemas.ts';
import { catalog } from '../../src/commands/catalog.ts';
import { reactors } from '../../src/commands/reactors/registry.ts';
import { settings } from '../../src/config.ts';
import { allRejections, type RejectionKind } from '../../src/domain/decider.ts';
import { projections } from '../../src/projections/registry.ts';
import { upcasters } from '../../src/upcasters.ts';

export const root = ((): string => {
  const here = fileURLToPath(new URL('.', import.meta.url));
  return here.includes(`${join('dist', 'test')}`) ? join(here, '../../..') : join(here, '../..');
})();

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');
const page = (title: string, intro: string, ...parts: readonly string[]): string => `${[`# ${title}`, `<!-- rendered from the code by \`npm run docs\`; a test compares -->`, intro, ...parts].join('\n\n')}\n`;

const aggregates = (): string[] => readdirSync(join(root, 'src/domain'), { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== 'ports').map(({ name }) => name).sort();
/** Event lines of an aggregate as they are written: name and fields. */
const eventsOf = (aggregate: string): { name: string; fields: string; comment: string }[] => {
  const text = readFileSync(join(root, 'src/domain', aggregate, 'events.ts'), 'utf8');
  return [...text.matchAll(/(?:\/\*\* ([^*]*) \*\/\n\s*)?\|?\s*(?:\| |= )Event<'(\w+)', (.*?)>(?:;|\n)/g)].map(([, comment = '', name = '', fields = '']) => ({ name, fields: fields.replaceAll(/\s+/g, ' '), comment: comment.startsWith('These names') ? '' : comment }));
};

const events = (): string => page('Events', 'Every type of event there is, by stream. Names never change; `v` is the shape written today.', ...aggregates().map((aggregate) =>
  `## \`${aggregate}-<tenant>.<id>\`\n\n${table(['event', 'v', 'data'], eventsOf(aggregate).map(({ name, fields, comment }) => [`\`${name}\``, String((upcasters[name]?.length ?? 0) + 1), `\`${fields}\`${comment === '' ? '' : ` ${comment}`}`]))}`));

const commands = (): string => {
  const open = new Map(openCommands().map((command) => [command.name, command]));
  return page('Commands', 'What may be asked for. Commands with fields are sent to `POST /commands/{Name}`; the others are steps that the system, its reactors, or `POST /sessions/...` take.',
    ...[...open.values()].map((command) => `## ${command.name}\n\n${command.summary}. Permission \`${command.permission}\`; CLI \`tollgate ${command.noun} ${command.verb}\`.\n\n${table(['field', 'type', 'required', 'what'], command.fields.map((field) => [`\`${field.name}\``, field.enum ? field.enum.join(', ') : field.type, field.required ? 'yes' : '', field.description]))}`),
    `## The system's own\n\n${table(['command', 'stream', 'permission'], catalog.filter(({ type }) => !open.has(type)).map((entry) => [`\`${entry.type}\``, entry.decider.category, `\`${entry.permission}\``]))}`,
    `## Reactors\n\nEach does what its streams' states ask for, one deed at a time.\n\n${table(['reactor', 'stream', 'deeds'], reactors.map((reactor) => [`\`${reactor.name}\``, reactor.decider.category, Object.keys(reactor.deeds).join(', ')]))}`,
    `## Read models\n\n${table(['model', 'v', 'what', 'filters', 'folds'], projections.map((model) => [`\`/${model.name}\``, String(model.version), model.summary, model.indexes.join(', '), model.events.join(', ')]))}`);
};

const exits: Readonly<Record<RejectionKind, string>> = { invalid: '422, exit 3', conflict: '409, exit 3', exhausted: '429, exit 3', expired: '410, exit 3', 'not-found': '404, exit 4', forbidden: '403, exit 5', limited: '402, exit 6' };
const refusals = (): string => page('Refusals', 'Every way a rule can say no: the same words in API, CLI and pages. `{...}` is filled in.',
  table(['code', 'answers', 'what is said', 'next step'], [...allRejections].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, [kind, detail, next]]) => [`\`${code}\``, exits[kind], detail, next])));

const configuration = (): string => page('Configuration', 'A flag beats the environment, which beats the file (`tollgate.yaml` in the data folder, or `--config PATH`).',
  table(['flag', 'environment', 'default', 'what'], [...Object.values(settings).map(({ flag, variable, fallback, says }) => [`\`--${flag}\``, `\`${variable}\``, fallback === '' ? '' : `\`${fallback}\``, says]), ['', '`TOLLGATE_SMTP_PASSWORD_FILE`', '', 'File with the password for `--mail`'],
    ['`--config`', '', '', 'The configuration file'], ['`--stop-workloads`', '', '', 'Stop the workloads, too, when the server stops'], ['`--allow-remote-mock`', '', '', 'Let mock mode listen beyond loopback']]),
  'Server secrets are files in `DATA/secrets` (0600, made at first start). Each can be put elsewhere: `TOLLGATE_<NAME>_FILE` names the file, for example `TOLLGATE_IDS_KEY_FILE` for `ids.key`.');

const flagLines = (flags: readonly Flag[]): string => (flags.length === 0 ? '' : `\n\n${flags.map(({ flags: names, description }) => `- \`${names}\` ${description}`).join('\n')}`);
const verbLines = (path: string, { summary, args = '', flags = [], examples = [] }: Omit<Verb, 'name' | 'run'>): string =>
  `### \`tollgate ${path}${args === '' ? '' : ` ${args}`}\`\n\n${summary}.${flagLines(flags)}${examples.length === 0 ? '' : `\n\n\`\`\`\n${examples.join('\n')}\n\`\`\``}`;
const nounLines = ({ name, summary, self, verbs }: Noun): string => [...(self ? [verbLines(name, { summary, ...self })] : []), ...verbs.map((verb) => verbLines(`${name} ${verb.name}`, verb))].join('\n\n');
const commandLine = (): string => {
  const nouns = withGenerated(handShaped, JSON.parse(JSON.stringify(describeForCli())));
  const groups = [...new Set(nouns.map(({ group }) => group))];
  return page('Command line', 'Every verb takes `--json`. Exit codes: 0 done, 1 failure of ours, 2 wrong usage, 3 refused by a rule, 4 not found, 5 not signed in or not permitted, 6 refused by the service level, 7 gave up waiting, 8 somebody was faster, 75 try again later, 130 interrupted.',
    ...groups.map((group) => [`## ${group.replace(':', '')}`, ...nouns.filter((noun) => noun.group === group).map(nounLines)].join('\n\n')));
};

/** Path in the repository -> what it must say. */
export const references = (): Readonly<Record<string, string>> => ({
  'docs/reference/events.md': events(), 'docs/reference/commands.md': commands(), 'docs/reference/refusals.md': refusals(), 'docs/reference/cli.md': commandLine(), 'docs/configuration.md': configuration(),
});
