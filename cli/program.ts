/** From nouns and verbs as data to the program: parsing, help, suggestions, and one way to fail. */
import { Command, CommanderError, Option } from 'commander';
import type { Call, Flag, Noun, Verb } from './command.ts';
import { Failure, Said, usage } from './exit-codes.ts';
import { globalFlags } from './flags.ts';
import { handShaped } from './hand-shaped.ts';
import { nearest } from './nearest.ts';
import { Output, reportFailure } from './output.ts';
import { beVerbose } from './verbose.ts';

const optionOf = ({ flags, description, parse, preset, choices }: Flag): Option => {
  const option = new Option(flags, description);
  if (choices) option.choices([...choices]);
  if (parse) option.argParser((text, before) => parse(text, before === preset ? undefined : before));
  if (preset !== undefined) option.default(preset);
  return option;
};

const outputOf = (command: Command): Output => {
  const { json, input, color, verbose } = command.optsWithGlobals<{ json?: boolean; input?: boolean; color?: boolean; verbose?: boolean }>();
  if (verbose === true) beVerbose();
  return new Output({ json: json === true, input: input !== false, color: color !== false });
};
const dress = (command: Command, verb: Omit<Verb, 'name'>): void => {
  for (const argument of verb.args?.split(' ') ?? []) command.argument(argument);
  for (const flag of verb.flags ?? []) command.addOption(optionOf(flag));
  if (verb.examples?.length) command.addHelpText('after', `\nExamples:\n${verb.examples.map((line) => `  $ ${line}`).join('\n')}`);
  command.action(async () => {
    const call: Call = { args: command.processedArgs, options: command.optsWithGlobals(), out: outputOf(command) };
    await verb.run(call);
  });
};

/** `credential set` is the verb `set` of the group `credential`. */
const groupIn = (parent: Command, name: string): Command => parent.commands.find((child) => child.name() === name) ?? parent.command(name).summary(`${name} ...`).helpCommand(false);
const addNoun = (program: Command, noun: Noun): void => {
  const command = program.command(noun.name).summary(noun.summary).description(noun.summary);
  const own = new Set(noun.verbs.map(({ name }) => name));
  command.helpCommand(false);
  if (noun.self) dress(command, { summary: noun.summary, ...noun.self });
  if (noun.self && noun.verbs.length > 0) {
    const run = noun.self.run;
    command.allowExcessArguments(true).action(async () => {
      const [word] = command.args;
      // A word that is no verb may be what the noun itself takes: an address.
      const given = noun.self?.args !== undefined && word?.includes('@') && command.args.length === 1;
      if (word !== undefined && !given) throw unknownWord(word, `tollgate ${noun.name}`, [...own]);
      await run({ args: given ? [word] : [], options: command.optsWithGlobals(), out: outputOf(command) });
    });
  }
  for (const { name, ...verb } of noun.verbs) {
    const [last = '', ...words] = name.split(' ').reverse();
    dress(words.reverse().reduce(groupIn, command).command(last).summary(verb.summary).description(verb.summary), verb);
  }
};
const unknownWord = (word: string, after: string, known: readonly string[]): Failure => {
  const near = nearest(word, known);
  return usage(`unknown command '${word}'${near === undefined ? '' : `; did you mean '${near}'?`}`, `See '${after} --help'.`);
};

/** Nouns that the catalog adds to; for others it need not be read. */
const mayGrow = (word: string | undefined): boolean => {
  const found = handShaped.find(({ name }) => name === word);
  return !found || found.name === 'account' || found.name === 'namespace' || found.name === 'workload';
};
const nounsFor = async (argv: readonly string[]): Promise<readonly Noun[]> => {
  const words = argv.filter((text) => !text.startsWith('-'));
  if (!mayGrow(words[0])) return handShaped;
  const [{ loadCatalog }, { withGenerated }] = await Promise.all([import('./catalog.ts'), import('./generated.ts')]);
  try {
    return withGenerated(handShaped, await loadCatalog());
  } catch (error) {
    const known = handShaped.map(({ name }) => name);
    if (words[0] === undefined || known.includes(words[0]) || nearest(words[0], known) !== undefined) return handShaped;
    throw error;
  }
};

export const buildProgram = (nouns: readonly Noun[], version: () => string): Command => {
  const program = new Command('tollgate')
    .description('From "who are you?" to a running, paid service: the command line of Tollgate.')
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() + (command.registeredArguments.length > 0 ? ` ${command.registeredArguments.map((item) => (item.required ? `<${item.name()}>` : `[${item.name()}]`)).join(' ')}` : ''), optionDescription: (option) => (option.argChoices ? `${option.description} (${option.argChoices.join(', ')})` : option.description) })
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .helpCommand(false);
  for (const { flags, description } of globalFlags) program.addOption(new Option(flags, description));
  program.option('-V, --version', 'the version of this program').on('option:version', () => {
    process.stdout.write(`tollgate ${version()}\n`);
    throw new CommanderError(0, 'commander.version', '');
  });
  for (const noun of nouns) addNoun(program, noun);
  return program;
};

/** What commander refuses, in our words: what, why, and the next step. */
const usageOf = (error: CommanderError, program: Command, argv: readonly string[]): Failure => {
  const [what = '', hint = ''] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /\(Did you mean (?:one of )?(.*?)\?\)/.exec(hint)?.[1];
  return usage(suggestion === undefined ? what : `${what}; did you mean '${suggestion}'?`, `See '${commandPath(program, argv)} --help'.`);
};
/** Wrong usage without a next step of its own: the command's help. */
const withNextStep = (error: unknown, program: Command, argv: readonly string[]): unknown => {
  const bare = error instanceof Failure && error.problem.code === 'WrongUsage' && error.problem.nextStep === '';
  return bare ? usage(error.message, `See '${commandPath(program, argv)} --help'.`) : error;
};
const commandPath = (program: Command, argv: readonly string[]): string => {
  let command = program;
  for (const word of argv.filter((text) => !text.startsWith('-'))) {
    const next = command.commands.find((child) => child.name() === word);
    if (!next) break;
    command = next;
  }
  return command === program ? 'tollgate' : `tollgate ${pathOf(command, program)}`;
};
const pathOf = (command: Command, program: Command): string => (command.parent && command.parent !== program ? `${pathOf(command.parent, program)} ${command.name()}` : command.name());

/** `help noun verb` reads `noun verb --help`. */
const withoutHelpWord = (argv: readonly string[]): readonly string[] => (argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv);
/** Help for something that is none is refused like the thing itself, not answered with the help of something else. */
const requireKnown = (program: Command, words: readonly string[]): void => {
  let command = program;
  for (const word of words) {
    const next = command.commands.find((child) => child.name() === word);
    if (next) command = next;
    else if (command.commands.length > 0) throw unknownWord(word, commandPath(program, words), command.commands.map((child) => child.name()));
  }
};

/** Runs the program; answers the exit code. */
export const runProgram = async (given: readonly string[]): Promise<number> => {
  const argv = withoutHelpWord(given);
  const json = argv.includes('--json');
  let program: Command | undefined;
  try {
    if (argv.every((word) => ['--help', '-h', ...globalFlags.map(({ flags }) => flags)].includes(word))) {
      await (await import('./top-help.ts')).printTopHelp();
      return 0;
    }
    const { versionText } = await import('./version.ts');
    program = buildProgram(await nounsFor(argv), versionText);
    if (given[0] === 'help') requireKnown(program, given.slice(1).filter((word) => !word.startsWith('-')));
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof Said) return error.exitCode;
    if (!(error instanceof CommanderError)) return reportFailure(program ? withNextStep(error, program, argv) : error, json);
    if (error.exitCode === 0) return 0;
    if (error.code === 'commander.help') return 2; // a noun without its verb: its help is on stderr
    return reportFailure(program ? usageOf(error, program, argv) : error, json);
  }
};
