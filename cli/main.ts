#!/usr/bin/env node
/** The entry: as little as possible before the one thing that was asked. */
import { listenForInterrupt } from './interrupt.ts';
import nodeModule, { createRequire } from 'node:module';

// Bundled, CommonJS libraries look for a global `require` to reach Node's own modules.
(globalThis as { require?: NodeJS.Require }).require ??= createRequire(import.meta.url);

// Who reads us may stop reading (head, less): that ends us, quietly.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

const flushed = (stream: NodeJS.WriteStream): Promise<void> => new Promise((resolve) => void stream.write('', () => resolve()));

/** Compiled code is kept between calls where Node can do that (22.8 and later): half of a short call is compiling. */
const keepCompiled = (): void => {
  const { XDG_CACHE_HOME: cache = '', HOME: home = '' } = process.env;
  if (cache !== '' || home !== '') nodeModule.enableCompileCache?.(`${cache === '' ? `${home}/.cache` : cache}/tollgate/compiled`);
};
const run = async (argv: readonly string[]): Promise<number> => {
  if (argv.length === 1 && ['version', '--version', '-V'].includes(argv[0] ?? '')) {
    const { versionText } = await import('./version.ts');
    process.stdout.write(`tollgate ${versionText()}\n`);
    return 0;
  }
  if (argv.length === 0 || (argv.length === 1 && ['help', '--help', '-h'].includes(argv[0] ?? ''))) {
    const { printTopHelp } = await import('./top-help.ts');
    await printTopHelp();
    return 0;
  }
  keepCompiled();
  if (argv[0] === 'completion' && argv[1] === 'words') {
    await (await import('./complete.ts')).completeWords(argv.slice(argv[2] === '--' ? 3 : 2));
    return 0;
  }
  const { runProgram } = await import('./program.ts');
  return runProgram(argv);
};
listenForInterrupt();
const exitCode = await run(process.argv.slice(2));
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// Not by itself: standard input may still be open, and nobody waits for its end.
process.exit(exitCode);
