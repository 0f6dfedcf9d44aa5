/** One question, one line: prompts go to stderr, standard input that is no terminal answers them in order. */
import { usage, Failure } from './exit-codes.ts';
import { aborted, type LineReader } from './line-reader.ts';
import type { Output } from './output.ts';

export type Asking = { readonly out: Output; readonly lines: LineReader; /** What to use instead where nothing may be asked. */ readonly instead: string };

/** The answer without its end; a failure at the end of input, or where nothing may be asked. */
export const ask = async ({ out, lines, instead }: Asking, question: string): Promise<string> => {
  if (!out.input) throw usage(`'${question.trim().replace(/[:?]$/, '')}' cannot be asked: --no-input forbids it`, instead);
  if (lines.terminal) process.stderr.write(question);
  else out.note(question.trim());
  const line = await lines.next();
  if (line === undefined || line === aborted) throw new Failure('refused', `there was no answer to '${question.trim()}'`, instead, { code: 'NoAnswer' });
  return line;
};
