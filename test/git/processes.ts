/** What runs on this machine, as anybody could see it. */
import { readdirSync, readFileSync } from 'node:fs';

export type Seen = { readonly pid: number; readonly command: string; readonly environment: string };
export const processes = (): readonly Seen[] =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const read = (file: string): string => readFileSync(`/proc/${pid}/${file}`, 'latin1').replaceAll('\0', ' ');
      return [{ pid: Number(pid), command: read('cmdline'), environment: read('environ') }];
    } catch {
      return []; // it has ended meanwhile
    }
  });
/** Command lines of processes, other than this one, that have `text` in theirs or in their environment. */
export const processesNaming = (text: string): readonly string[] => processes().filter(({ pid, command, environment }) => pid !== process.pid && (command.includes(text) || environment.includes(text))).map(({ command }) => command);
