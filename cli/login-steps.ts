/** What the steps of a login share. */
import type { LineReader } from './line-reader.ts';
import type { Output } from './output.ts';
import type { Target } from './target.ts';

export type Steps = { readonly email: string; readonly target: Target; readonly out: Output; readonly lines: LineReader; readonly timeoutMs: number };

/** On a terminal the cursor stays behind the question. */
export const prompt = ({ out, lines }: Steps, text: string): void => {
  if (lines.terminal) process.stderr.write(text);
  else out.note(text.trim());
};
