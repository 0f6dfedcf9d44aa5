#!/usr/bin/env node
/** The entry: as little as possible before the one thing that was asked. */
import { createRequire } from 'node:module';

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

const { listenForInterrupt } = await import('./interrupt.ts');
listenForInterrupt();
const { runProgram } = await import('./program.ts');
const exitCode = await runProgram(process.argv.slice(2));
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// Not by itself: standard input may still be open, and nobody waits for its end.
process.exit(exitCode);
