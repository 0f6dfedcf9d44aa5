/** What SQLite fails with, in the ports' words: a disk that does not take it now may take it later. */
import { Unavailable } from '../../domain/ports/failures.ts';

/** Primary result codes of SQLite (sqlite.org/rescode.html): BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN. */
const passing = new Set([5, 6, 8, 10, 13, 14]);
const fullCode = 13;
const codeOf = (error: unknown): number | undefined => {
  const { errcode } = (error ?? {}) as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
};
export const isFull = (error: unknown): boolean => codeOf(error) === fullCode;

export const inOurWords = (error: unknown): Error => {
  const code = codeOf(error);
  if (code !== undefined && passing.has(code)) return new Unavailable(`The disk does not take it: ${(error as Error).message}.`, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
};
