/** Types what a page says, as a stranger would: the real server, the real CLI, and the output compared line by line. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './render.ts';

type Step = { readonly command: string; readonly output: string[] };
/** The console blocks between the page's marks. */
export const journeyOf = (page: string): readonly Step[] => {
  const text = readFileSync(join(root, page), 'utf8');
  const journey = text.slice(text.indexOf('<!-- journey'), text.indexOf('<!-- end of journey'));
  return [...journey.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trimEnd().split('\n').reduce<Step[]>((all, line) => {
    if (line.startsWith('$ ')) all.push({ command: line.slice(2), output: [] });
    else all.at(-1)?.output.push(line);
    return all;
  }, []));
};

/** What differs from run to run is masked: addresses, ids, times, names, counts. */
const masked = (line: string): string => line
  .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'ADDRESS').replaceAll(/\b(per|acc|wl|ns|sub|pln|opr|ten|mail)_[0-9a-z]{20}\b/g, '$1_ID').replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d/g, 'TIME')
  .replaceAll(/cs_test_\w+/g, 'SESSION').replaceAll(/\b[a-z]+-[a-z]+-[a-z]+s\b/g, 'NAMESPACE').replaceAll(/\d+ events in \d+ streams/g, 'N events in N streams').replaceAll(/\d+ things? fell due/g, 'N fell due').replaceAll(/limits: .*/g, 'LIMITS').replaceAll(/^([a-z-]+)( +\d+){4}$/g, '$1 NUMBERS').replaceAll(/ +/g, ' ').trimEnd();

const until = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
  for (let tries = 0; tries < 150; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(100);
  }
  throw new Error('waited in vain');
};
const post = async (url: string, fields: Record<string, string>) => (await fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields) })).headers.get('location') ?? undefined;
/** Ada in her browser: the token out of her mail, then the subscribe page and the card. */
const asAda = async (origin: string, card: string, type: (line: string) => void): Promise<void> => {
  const mails = async () => (await (await fetch(`${origin}/mailbox.json?to=ada@example.com`)).json()) as { text: string }[];
  type(await until(async () => (await mails()).map(({ text }) => /[0-9a-f]{40}/.exec(text)?.[0]).find((token) => token)));
  const checkout = await until(() => post(`${origin}/subscribe`, { email: 'ada@example.com' }));
  await fetch((await post(checkout, { card })) as string);
};

/** Types one command, with answers where it asks; progress, which depends on the machine's speed, is left out of the comparison. */
export const typed = async ({ command, output }: Step, { home, origin, card = 'succeeds', folder = root }: { readonly home: string; readonly origin: string; /** What is given at the checkout. */ readonly card?: string; /** Where it is typed. */ readonly folder?: string }): Promise<void> => {
  const plain = /^npx tollgate [^|$]*$/.test(command);
  const args = [...command.replace(/^npx tollgate /, '').replaceAll('data/operator.token', join(home, 'data/operator.token')).matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
  // One file for both streams, so that their lines come in the order of a terminal.
  const path = join(home, 'typed.txt');
  const file = await open(path, 'w');
  const line = command.replaceAll('npx tollgate', `'${process.execPath}' '${join(root, 'scripts/tollgate.mjs')}'`);
  const child = spawn(plain ? process.execPath : 'bash', plain ? [join(root, 'scripts/tollgate.mjs'), ...args] : ['--norc', '-c', line], { cwd: folder, stdio: ['pipe', file.fd, file.fd], env: { PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, TZ: 'UTC', TOLLGATE_URL: origin, XDG_CONFIG_HOME: join(home, 'config'), NO_COLOR: '1' } });
  const ended = new Promise((resolve) => child.once('close', resolve));
  if (plain && args[0] === 'login') await asAda(origin, card, (answer) => void child.stdin?.write(`${answer}\n`));
  else child.stdin?.end();
  if (plain && args.join(' ') === 'account pay') await post((await until(async () => checkoutIn(await readFile(path, 'utf8')))), { card: 'succeeds' }).then((back) => fetch(back as string));
  await ended;
  await file.close();
  const printed = await readFile(path, 'utf8');
  const compared = (lines: readonly string[]) => lines.map(masked).filter((text) => !/^[a-z-]+: (update )?(pending|fetching|building|starting|running|error)\b/.test(text));
  assert.deepEqual(compared(printed.trimEnd().split('\n')), compared(output.length === 0 ? [''] : output), command);
};
const checkoutIn = (text: string): string | undefined => /http:\S+\/checkout\/\S+/.exec(text)?.[0];
