/** Finds a workload's processes, and ends them: never a stranger with a recycled number. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { Leader } from './order.ts';
import { attempt, linux, sleep } from './small.ts';

/** How a process is known to belong: any of these is enough. */
export type Marks = {
  /** Texts that its environment at its start must all hold, as NAME=value. */
  readonly environment: readonly string[];
  /** Whatever runs as this user. */
  readonly user?: number | undefined;
  /** It is of this process's group. */
  readonly leader?: Leader | undefined;
  /** What its cgroup holds. */
  readonly listed?: (() => readonly number[]) | undefined;
};

const boot = linux ? attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) : undefined;
type Stat = { readonly running: boolean; readonly group: number; readonly started: string; readonly residentPages: number };
/** What Linux says of a process; undefined when there is none. */
const statOf = (pid: number): Stat | undefined => attempt(() => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { running: fields[0] !== 'Z' && fields[0] !== 'X', group: Number(fields[2]), started: `${boot}.${fields[19]}`, residentPages: Number(fields[21]) };
});
export const startedOf = (pid: number): string | undefined =>
  linux ? statOf(pid)?.started : attempt(() => execFileSync('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined);

/** Those that live. Where there is no /proc, the leader's group stands for all, as a negative number. */
export const processesOf = ({ environment, user, leader, listed }: Marks): readonly number[] => {
  const leads = leader !== undefined && startedOf(leader.pid) === leader.started;
  if (!linux) return leads ? [-leader.pid] : [];
  const inGroup = new Set(listed?.());
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    if (pid === process.pid) return false;
    const stat = statOf(pid);
    if (!stat?.running) return false;
    if (inGroup.has(pid) || (leads && stat.group === leader.pid)) return true;
    if (user !== undefined && attempt(() => statSync(`/proc/${pid}`).uid) === user) return true;
    const text = environment.length === 0 ? undefined : attempt(() => `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}\0`);
    return text !== undefined && environment.every((mark) => text.includes(`\0${mark}\0`));
  });
};
/** Memory that these processes hold, in bytes; what they share is counted for each. */
export const residentBytes = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + (statOf(pid)?.residentPages ?? 0) * 4096, 0);

export const signal = (pid: number, name: NodeJS.Signals): void => void attempt(() => process.kill(pid, name));
/** Ends whatever is left: asks first, insists after the grace time. */
export const endProcesses = async (marks: Marks, graceMs: number): Promise<void> => {
  const insistAt = Date.now() + graceMs;
  for (let asked = false; Date.now() < insistAt + 10_000; asked = true) {
    const pids = processesOf(marks);
    if (pids.length === 0) return;
    const name = Date.now() >= insistAt ? 'SIGKILL' : 'SIGTERM';
    if (!asked || name === 'SIGKILL') for (const pid of pids) signal(pid, name);
    await sleep(25);
  }
};
