/** Flags that many verbs share. */
import type { Flag } from './command.ts';
import { durationMs } from './duration.ts';
import { usage } from './exit-codes.ts';

/** Every command has these. */
export const globalFlags: readonly Flag[] = [
  { flags: '--json', description: 'print JSON on standard output: one document, or a line for each item of a stream' },
  { flags: '--no-input', description: 'never ask; fail where an answer would be needed' },
  { flags: '--no-color', description: 'no colours, also on a terminal (as NO_COLOR)' },
  { flags: '--verbose', description: 'tell on standard error what is asked of the server, and how long it takes' },
];
export const wholeNumber = (flag: string, min = 0) => (text: string): number => {
  const value = Number(text);
  if (!/^-?\d+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < min) throw usage(`${flag} must be a whole number${min > 0 ? ` of at least ${min}` : ''}, not '${text}'`);
  return value;
};
export const writeFlags: readonly Flag[] = [
  { flags: '--dry-run', description: 'change nothing; print the events it would append' },
  { flags: '--idempotency-key <key>', description: 'the same key again is the same deed (one is made for each call)' },
  { flags: '--if-match <revision>', description: 'only if nobody has changed it since this revision (as answers to writes give it with --json); else exit code 8', parse: wholeNumber('--if-match') },
  { flags: '--reason <text>', description: 'why; kept with the events' },
];
/** What a customer does needs no reason, and is no answer to a record. */
export const customerWriteFlags = writeFlags.filter(({ flags }) => !/^--(?:reason|if-match)/.test(flags));
export const operatorFlags: readonly Flag[] = [{ flags: '--token-file <path>', description: 'operator token to use (or TOLLGATE_TOKEN_FILE)' }];
export const timeoutFlag = (preset: string): Flag => ({ flags: '--timeout <duration>', description: `give up after this long, with exit code 7 (default: ${preset})`, parse: durationMs('--timeout'), preset: durationMs('--timeout')(preset) });
export const waitFlag: Flag = { flags: '--wait', description: 'return when it runs, with its address' };
export const gather = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
