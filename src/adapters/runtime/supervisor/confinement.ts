/** What a workload may use, as whom it runs, and how a process is started so: nothing of its own runs before it is kept to it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { Cgroup, type CgroupPlace } from './cgroups.ts';
import { signal } from './processes.ts';

export type Limits = { readonly cpuMillis?: number; readonly memoryMiB?: number; readonly diskMiB?: number; readonly processes?: number };
export type Confinement = {
  readonly limits: Limits;
  /** The number of its own user and group; undefined where it runs as ours. */
  readonly user?: number;
  readonly cgroups?: CgroupPlace;
  /** Its groups are named so, with the release behind it. */
  readonly group: string;
  /** There is a setpriv that keeps programs from gaining rights. */
  readonly setpriv?: string;
};

export const groupOf = ({ cgroups, group, limits }: Confinement, release: number): Cgroup | undefined => cgroups && new Cgroup(cgroups, `${group}.${release}`, limits);

const cores = (millis: number): string => (millis === 1_000 ? '1 core' : `${millis / 1_000} cores`);
/** For people: what it may use, and how it is kept to it. */
export const limitsInWords = ({ limits: { cpuMillis, memoryMiB, diskMiB, processes }, cgroups, user }: Confinement): string => {
  const held = cgroups?.folders ?? {};
  const wanted = [
    { text: cpuMillis === undefined ? undefined : cores(cpuMillis), by: held.cpu === undefined ? 'not limited on this machine' : 'cgroup' },
    { text: memoryMiB === undefined ? undefined : `${memoryMiB} MiB of memory`, by: held.memory === undefined ? 'rlimit, measured' : 'cgroup' },
    { text: processes === undefined ? undefined : `${processes} processes`, by: held.pids !== undefined ? 'cgroup' : user === undefined ? 'measured' : 'rlimit' },
    { text: diskMiB === undefined ? undefined : `${diskMiB} MiB of disk`, by: 'measured' },
  ].filter(({ text }) => text !== undefined);
  const ways = [...new Set(wanted.map(({ by }) => by))].map((by) => `${wanted.filter((each) => each.by === by).map(({ text }) => text).join(', ')} (${by === 'cgroup' ? `cgroup v${cgroups?.version ?? 0}` : by})`);
  return [...ways, user === undefined ? "as the server's user" : `as user ${user}`].join(', ');
};

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
/** Read by the shell once it is in its group: limits, environment, and then the command in the shell's place. */
const scriptOf = (command: string, environment: Readonly<Record<string, string>>, { limits, cgroups, user, setpriv }: Confinement): string => {
  const { diskMiB, memoryMiB, processes } = limits;
  const bounded = cgroups?.folders ?? {};
  return [
    'umask 022',
    ...(diskMiB === undefined ? [] : [`ulimit -f ${diskMiB * 2_048}`]), // in blocks of 512 bytes: no single file may be larger than all of it
    ...(memoryMiB === undefined || bounded.memory !== undefined ? [] : [`ulimit -d ${memoryMiB * 1_024}`]),
    ...(processes === undefined || bounded.pids !== undefined || user === undefined ? [] : [`(ulimit -u ${processes}) 2>/dev/null && ulimit -u ${processes} || ulimit -p ${processes}`]),
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${quote(value)}`),
    `exec ${setpriv === undefined ? '' : `${setpriv} --no-new-privs `}/bin/sh -c ${quote(command)} </dev/null`, '',
  ].join('\n');
};

export type Launch = { readonly command: string; readonly folder: string; readonly environment: Readonly<Record<string, string>> };
/**
 * Starts it as its own user in its group. The shell comes up with an empty environment and waits on its standard input: a variable
 * like LD_PRELOAD must not run anything before the limits stand, and none of it may show in a process list.
 */
export const launch = ({ command, folder, environment }: Launch, confinement: Confinement, group: Cgroup | undefined): ChildProcess => {
  const { user } = confinement;
  const child = spawn('/bin/sh', [], { cwd: folder, env: {}, detached: true, stdio: ['pipe', 'pipe', 'pipe'], ...(user === undefined ? {} : { uid: user, gid: user }) });
  if (child.pid === undefined) return child;
  try {
    group?.add(child.pid);
  } catch (error) {
    signal(child.pid, 'SIGKILL');
    throw error;
  }
  child.stdin?.on('error', () => undefined).end(scriptOf(command, environment, confinement));
  return child;
};
