/** Flags that many verbs share. */
import type { Flag } from './command.ts';
import { durationMs } from './duration.ts';
import { usage } from './exit-codes.ts';

export const wholeNumber = (flag: string, min = 0) => (text: string): number => {
  const value = Number(text);
  if (!/^-?\d+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < min) throw usage(`${flag} must be a whole number${min > 0 ? ` of at least ${min}` : ''}, not '${text}'`);
  return value;
};
export const writeFlags: readonly Flag[] = [
  { flags: '--dry-run', description: 'change nothing; print the events it would append' },
  { flags: '--idempotency-key <key>', description: 'the same key again is the same deed (one is made for each call)' },
  { flags: '--reason <text>', description: 'why; kept with the events' },
];
export const operatorFlags: readonly Flag[] = [{ flags: '--token-file <path>', description: 'operator token to use (or TOLLGATE_TOKEN_FILE)' }];
export const timeoutFlag = (preset: string): Flag => ({ flags: '--timeout <duration>', description: `give up after this long, with exit code 7 (default: ${preset})`, parse: durationMs('--timeout'), preset: durationMs('--timeout')(preset) });
export const waitFlag: Flag = { flags: '--wait', description: 'return when it runs, with its address' };
export const gather = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
