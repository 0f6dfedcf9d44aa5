/** One question, one line: prompts go to stderr, standard input that is no terminal answers them in order. */
import { Failure, usage } from './exit-codes.ts';
import { interrupted } from './interrupt.ts';
import { aborted, type LineReader } from './line-reader.ts';
import type { Output } from './output.ts';

export type Asking = { readonly out: Output; readonly lines: LineReader; /** What to use instead where nothing may be asked. */ readonly instead: string };
const bare = (question: string): string => question.trim().replace(/[:?]$/, '');
const noAnswer = (question: string, instead: string): Failure => new Failure('refused', `there was no answer to '${bare(question)}'`, instead, { code: 'NoAnswer' });
const requireInput = ({ out, instead }: Asking, question: string): void => {
  if (!out.input) throw usage(`'${bare(question)}' cannot be asked: --no-input forbids it`, instead);
};

/** The answer without its end; a failure at the end of input, or where nothing may be asked. */
export const ask = async (asking: Asking, question: string): Promise<string> => {
  const { out, lines, instead } = asking;
  requireInput(asking, question);
  if (lines.terminal) process.stderr.write(question);
  else out.note(question.trim());
  const line = await lines.next();
  if (line === undefined || line === aborted) throw noAnswer(question, instead);
  return line;
};

/** As `ask`, for what nobody should see: on a terminal nothing of it is shown. */
export const askSecret = async (asking: Asking, question: string): Promise<string> => {
  if (!asking.lines.terminal) return ask(asking, question);
  requireInput(asking, question);
  const unseen = typedUnseen(); // before there is a question: what is typed at once is not shown either
  process.stderr.write(question);
  const typed = await unseen;
  process.stderr.write('\n');
  if (typed === undefined) throw noAnswer(question, asking.instead);
  return typed;
};

/** A new password, twice until both are the same. A very short one is refused here, so that no mail is sent for it in vain. */
export const askNewPassword = async (asking: Asking, what = 'Password'): Promise<string> => {
  for (;;) {
    const password = await askSecret(asking, `${what}: `);
    if ([...password.normalize('NFC')].length < shortestPassword) asking.out.note(`The password is too short: it needs at least ${shortestPassword} characters.`);
    else if ((await askSecret(asking, `${what}, again: `)) === password) return password;
    else asking.out.note('The two differ. Once more:');
  }
};
const shortestPassword = 10;

/** Keys until Enter, in raw mode: a terminal would show them. */
const typedUnseen = (): Promise<string | undefined> => {
  const { stdin } = process;
  const signs: string[] = [];
  stdin.setRawMode(true);
  return new Promise((resolve) => {
    const restore = (): void => {
      stdin.setRawMode(false);
      stdin.off('data', onData).pause();
    };
    const finish = (value: string | undefined): void => {
      restore();
      resolve(value);
    };
    const onData = (chunk: Buffer): void => {
      for (const sign of chunk.toString('utf8')) {
        if (sign === '\r' || sign === '\n') return finish(signs.join(''));
        if (sign === '\u0003') {
          restore();
          return interrupted(); // raw mode delivers the sign instead of the signal
        }
        if (sign === '\u0004') return finish(undefined);
        if (sign === '\u007f' || sign === '\b') signs.pop();
        else if (sign === '\u0015') signs.length = 0;
        else if (sign >= ' ') signs.push(sign);
      }
    };
    stdin.on('data', onData).resume();
  });
};
