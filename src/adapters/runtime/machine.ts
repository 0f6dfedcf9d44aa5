/** What this machine lets us do to keep workloads apart, found out once; and which programs a workload can use. */
import { accessSync, chmodSync, constants, copyFileSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { findCgroups, type CgroupPlace } from './supervisor/cgroups.ts';

/** Numbers for workloads' own users, both ends included. They need no entry anywhere. */
export type UserRange = { readonly from: number; readonly to: number };
export type Machine = { readonly users?: UserRange; readonly cgroups?: CgroupPlace; readonly setpriv?: string; readonly isolation: string; readonly search: readonly string[] };
export type Wanted = { readonly folder: string; readonly users: UserRange | undefined; readonly cgroups: boolean };

const attempt = <T>(deed: () => T): T | undefined => {
  try {
    return deed();
  } catch {
    return undefined;
  }
};
const ancestors = (path: string): readonly string[] => (dirname(path) === path ? [path] : [...ancestors(dirname(path)), path]);
/** Whether everybody may pass through this folder and all above it; the first that nobody may is named. */
const barrier = (folder: string): string | undefined => ancestors(folder).find((part) => ((attempt(() => statSync(part).mode) ?? 0) & 0o001) === 0);

/** Where programs are looked for: the running node's folder, then the server's own PATH without what npm put there. */
const inherited = (): readonly string[] => (process.env['PATH'] ?? '').split(':').filter((folder) => isAbsolute(folder) && !folder.endsWith('node_modules/.bin') && !folder.includes('node-gyp-bin'));
/** The node that we run on, where every user can reach it: as it is, or linked (else copied) beside the workloads. */
const nodeFolder = (folder: string): string => {
  const own = dirname(process.execPath);
  if (barrier(own) === undefined) return own;
  const [bin, node] = [join(folder, '.bin'), join(folder, '.bin', 'node')];
  mkdirSync(bin, { recursive: true });
  chmodSync(bin, 0o755);
  const same = attempt(() => statSync(node).size === statSync(process.execPath).size);
  if (same !== true) {
    rmSync(node, { force: true });
    if (attempt(() => (linkSync(process.execPath, node), true)) === undefined) copyFileSync(process.execPath, node); // on another disk
  }
  attempt(() => chmodSync(node, 0o755));
  return bin;
};
const searchFor = (folder: string, ownUsers: boolean): readonly string[] => {
  const all = [ownUsers ? nodeFolder(folder) : dirname(process.execPath), ...inherited(), '/usr/local/bin', '/usr/bin', '/bin'];
  return [...new Set(all)].filter((path) => !ownUsers || barrier(path) === undefined);
};
/** Where a program is found on a search path that every user can walk. */
export const programOn = (search: readonly string[], name: string): string | undefined =>
  search.map((folder) => join(folder, name)).find((path) => attempt(() => (accessSync(path, constants.X_OK), statSync(path).isFile())) === true);

const usersOf = ({ folder, users }: Wanted): { readonly users?: UserRange; readonly why?: string } => {
  if (users === undefined) return { why: 'users of their own are switched off' };
  if (process.getuid?.() !== 0) return { why: 'the server is not root and cannot give them users of their own' };
  const closed = barrier(folder);
  return closed === undefined ? { users } : { why: `their own users could not pass through ${closed}; choose a data folder below one that everybody may pass through, such as /var/lib` };
};

export const lookAtMachine = (wanted: Wanted, groupName: string): Machine => {
  const { users, why } = usersOf(wanted);
  const cgroups = wanted.cgroups && process.platform === 'linux' ? findCgroups(groupName) : undefined;
  const search = searchFor(wanted.folder, users !== undefined);
  const setpriv = users === undefined || process.platform !== 'linux' ? undefined : programOn(['/usr/bin', '/bin'], 'setpriv');
  const apart = users
    ? `each workload runs as a user of its own (of ${users.from} to ${users.to}), with folders that nobody else can enter`
    : `each workload has its own folder, environment and process group, but all run as the server's user, not kept apart from each other or from the server: ${why}`;
  const held = Object.keys(cgroups?.folders ?? {});
  const limits = cgroups ? `${held.join(', ')} limited by cgroups (v${cgroups.version}), disk measured` : 'memory limited by rlimits and measured, CPU not limited (no cgroups can be made here), disk measured';
  return { search, isolation: `${apart}; ${limits}; the network of this machine is shared`, ...(users ? { users } : {}), ...(cgroups ? { cgroups } : {}), ...(setpriv === undefined ? {} : { setpriv }) };
};

const usersWithProcesses = (): ReadonlySet<number | undefined> => new Set((attempt(() => readdirSync('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map((name) => attempt(() => statSync(join('/proc', name)).uid)));
/** Gives each workload a number that no other has; written down, so that its files stay its own. */
export class Users {
  readonly #range: UserRange;
  readonly #taken = new Set<number>();
  constructor(range: UserRange, folder: string) {
    this.#range = range;
    for (const name of readdirSync(folder)) {
      const user = Users.written(join(folder, name));
      if (user !== undefined) this.#taken.add(user);
    }
  }
  static written(folder: string): number | undefined {
    const user = Number(attempt(() => readFileSync(join(folder, 'user'), 'utf8')) ?? Number.NaN);
    return Number.isInteger(user) && user > 0 ? user : undefined;
  }
  /** The next free one from `start` on; undefined when all are taken. One that has processes is another server's, whose range overlaps ours. */
  take(start: number): number | undefined {
    const { from, to } = this.#range;
    const size = to - from + 1;
    const busy = usersWithProcesses();
    for (let step = 0; step < size; step += 1) {
      const user = from + ((start + step) % size);
      if (this.#taken.has(user) || busy.has(user)) continue;
      this.#taken.add(user);
      return user;
    }
    return undefined;
  }
  giveBack(user: number): void {
    this.#taken.delete(user);
  }
}
