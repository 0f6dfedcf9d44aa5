/** `--env-file`: names and values as .env files have them. Written down here, because not every Node that runs this program reads them. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { usage } from './exit-codes.ts';

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };
const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=[^\S\n]*/;
/** Quoted values may go on over several lines; in double quotes \n and the like are meant. A value without quotes ends at ` #`. */
const valueAt = (content: string): { readonly value: string; readonly rest: string } | undefined => {
  const quoted = /^'([^']*)'[^\S\n]*(?:#[^\n]*)?(?:\n|$)/.exec(content);
  if (quoted) return { value: quoted[1] ?? '', rest: content.slice(quoted[0].length) };
  const double = /^"((?:[^"\\]|\\[\s\S])*)"[^\S\n]*(?:#[^\n]*)?(?:\n|$)/.exec(content);
  if (double) return { value: (double[1] ?? '').replaceAll(/\\([\s\S])/g, (whole, letter: string) => escapes[letter] ?? whole), rest: content.slice(double[0].length) };
  if (/^['"]/.test(content)) return undefined;
  const line = /^[^\n]*(?:\n|$)/.exec(content)?.[0] ?? '';
  return { value: line.replace(/(^|\s)#.*/, '').trim(), rest: content.slice(line.length) };
};

export const parseEnvironment = (content: string, file: string): Readonly<Record<string, string>> => {
  const found: Record<string, string> = {};
  const whole = content.replaceAll('\r\n', '\n').replace(/^\uFEFF/, '');
  let rest = whole;
  const wrong = (what: string) => usage(`line ${whole.slice(0, whole.length - rest.length).split('\n').length} of '${file}' ${what}`, 'Lines are NAME=VALUE, empty, or begin with #.');
  while (rest !== '') {
    const empty = /^[^\S\n]*(?:#[^\n]*)?(?:\n|$)/.exec(rest);
    if (empty) {
      rest = rest.slice(empty[0].length);
      continue;
    }
    const [begin, name = ''] = assignment.exec(rest) ?? [];
    if (begin === undefined) throw wrong('is no NAME=VALUE');
    const next = valueAt(rest.slice(begin.length));
    if (!next) throw wrong('has a quote that does not end');
    Object.defineProperty(found, name, { value: next.value, enumerable: true, configurable: true, writable: true });
    rest = next.rest;
  }
  return found;
};

/** `-` is standard input, too, where Node itself does not stumble over it: through npx it does, and /dev/stdin says the same. */
export const readEnvironment = async (file: string): Promise<Readonly<Record<string, string>>> => {
  try {
    return parseEnvironment(file === '-' ? await text(process.stdin) : await readFile(file, 'utf8'), file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw usage(`the file '${file}' of --env-file cannot be read (${code})`, 'Check its path.');
  }
};
