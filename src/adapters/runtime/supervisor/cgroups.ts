/** Control groups, version 1 and 2: the interface files are known here and nowhere else. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, sleep } from './small.ts';

export type CgroupLimits = { readonly cpuMillis?: number; readonly memoryMiB?: number; readonly processes?: number };
const controllers = ['cpu', 'memory', 'pids'] as const;
type Controller = (typeof controllers)[number];
/** Where groups can be made: in version 2 every controller has the same folder. */
export type CgroupPlace = { readonly version: 1 | 2; readonly folders: Readonly<Partial<Record<Controller, string>>> };

const periodUs = 100_000;
const mebibyte = 1024 * 1024;
/** File and content; those marked optional exist on some machines only. */
type Setting = readonly [controller: Controller, file: string, content: string, optional?: 'optional'];
const settingsOf = (version: 1 | 2, { cpuMillis, memoryMiB, processes }: CgroupLimits): readonly Setting[] => {
  const cpu = cpuMillis === undefined ? undefined : Math.max(1_000, (cpuMillis * periodUs) / 1_000);
  const memory = memoryMiB === undefined ? undefined : String(memoryMiB * mebibyte);
  return [
    ...(memory === undefined ? [] : version === 1
      ? ([['memory', 'memory.limit_in_bytes', memory], ['memory', 'memory.memsw.limit_in_bytes', memory, 'optional']] as const)
      : ([['memory', 'memory.max', memory], ['memory', 'memory.swap.max', '0', 'optional'], ['memory', 'memory.oom.group', '1', 'optional']] as const)),
    ...(cpu === undefined ? [] : version === 1 ? ([['cpu', 'cpu.cfs_period_us', String(periodUs)], ['cpu', 'cpu.cfs_quota_us', String(cpu)]] as const) : ([['cpu', 'cpu.max', `${cpu} ${periodUs}`]] as const)),
    ...(processes === undefined ? [] : ([['pids', 'pids.max', String(processes)]] as const)),
  ];
};
const counted = (path: string, name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(attempt(() => readFileSync(path, 'utf8')) ?? '')?.[1] ?? 0);

const processesIn = (folder: string): readonly number[] => (attempt(() => readFileSync(join(folder, 'cgroup.procs'), 'utf8')) ?? '').split('\n').filter((line) => line !== '').map(Number);
/** The kernel takes a moment to let go of the last process. */
const removeFolder = async (folder: string): Promise<void> => {
  for (let tries = 0; tries < 50 && existsSync(folder) && attempt(() => (rmdirSync(folder), true)) === undefined; tries += 1) await sleep(10);
};
/** Never `recursive`: that does not come back where the kernel lets nobody make folders. */
const makeFolder = (folder: string): void => {
  if (!existsSync(folder)) mkdirSync(folder);
};
const foldersOf = ({ folders }: CgroupPlace): readonly string[] => [...new Set(Object.values(folders))];

/** One group. Making it sets its limits; it throws where the machine refuses. */
export class Cgroup {
  readonly #place: CgroupPlace;
  readonly #name: string;
  constructor(place: CgroupPlace, name: string, limits: CgroupLimits) {
    this.#place = place;
    this.#name = name;
    try {
      this.#make(limits);
    } catch (error) {
      for (const folder of this.#folders()) attempt(() => rmdirSync(folder));
      throw error;
    }
  }
  #make(limits: CgroupLimits): void {
    const { version, folders } = this.#place;
    for (const folder of foldersOf(this.#place)) for (const path of [folder, join(folder, this.#name)]) makeFolder(path);
    for (const [controller, file, content, optional] of settingsOf(version, limits)) {
      const folder = folders[controller];
      if (folder === undefined) continue;
      const path = join(folder, this.#name, file);
      if (!optional || existsSync(path)) writeFileSync(path, content);
    }
  }
  /** Takes a process in, and whatever it starts from then on. */
  add(pid: number): void {
    for (const folder of this.#folders()) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  }
  processes(): readonly number[] {
    const [folder] = this.#folders();
    return folder === undefined ? [] : processesIn(folder);
  }
  /** How often a process of it was ended for its memory. */
  memoryKills(): number {
    const folder = this.#place.folders.memory;
    return folder === undefined ? 0 : counted(join(folder, this.#name, this.#place.version === 1 ? 'memory.oom_control' : 'memory.events'), 'oom_kill');
  }
  /** How often it could not start one more process. */
  forksRefused(): number {
    const folder = this.#place.folders.pids;
    return folder === undefined ? 0 : counted(join(folder, this.#name, 'pids.events'), 'max');
  }
  /** Once nothing runs in it; what cannot be removed is used again by the next of its name. */
  async remove(): Promise<void> {
    for (const folder of this.#folders()) await removeFolder(folder);
  }
  #folders(): readonly string[] {
    return foldersOf(this.#place).map((folder) => join(folder, this.#name));
  }
}

const lines = (path: string): readonly string[] => (attempt(() => readFileSync(path, 'utf8')) ?? '').split('\n');
/** Version 1: a mount per controller; groups are made below our own, so that what bounds us bounds them. */
const placeOf1 = (mounts: string, own: string, name: string): CgroupPlace['folders'] => {
  const ownPaths = new Map(lines(own).flatMap((line) => {
    const [, list = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    return list.split(',').map((controller) => [controller, path] as const);
  }));
  return Object.fromEntries(lines(mounts).flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const mount = before.split(' ')[4] ?? '';
    const [kind, , options = ''] = after.split(' ');
    if (kind !== 'cgroup') return [];
    return options.split(',').filter((option): option is Controller => (controllers as readonly string[]).includes(option)).map((controller) => {
      const below = join(mount, ownPaths.get(controller) ?? '');
      return [controller, join(existsSync(below) ? below : mount, name)];
    });
  }));
};
/** Version 2: one tree, and the root must pass its controllers on. */
const placeOf2 = (root: string, name: string): CgroupPlace['folders'] => {
  const there = lines(join(root, 'cgroup.controllers')).join(' ').split(/\s+/);
  const wanted = controllers.filter((controller) => there.includes(controller));
  const folder = join(root, name);
  for (const controller of wanted) attempt(() => writeFileSync(join(root, 'cgroup.subtree_control'), `+${controller}`));
  makeFolder(folder);
  return Object.fromEntries(wanted.filter((controller) => attempt(() => (writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`), true))).map((controller) => [controller, folder]));
};
/** Can a group be made there, bounded, and removed again? */
const usable = (place: CgroupPlace): boolean => {
  const name = `trial-${process.pid}`;
  const made = attempt(() => new Cgroup(place, name, { cpuMillis: 1_000, memoryMiB: 64, processes: 16 }));
  for (const folder of foldersOf(place)) attempt(() => rmdirSync(join(folder, name)));
  return made !== undefined;
};
export type CgroupFiles = { readonly mounts: string; readonly own: string; readonly root: string };
const ofThisMachine: CgroupFiles = { mounts: '/proc/self/mountinfo', own: '/proc/self/cgroup', root: '/sys/fs/cgroup' };
/** Where this machine lets us make groups; undefined where it does not. Controllers that are missing bound nothing. */
export const findCgroups = (name: string, { mounts, own, root }: CgroupFiles = ofThisMachine): CgroupPlace | undefined => {
  for (const version of [1, 2] as const) {
    const folders = attempt(() => (version === 1 ? placeOf1(mounts, own, name) : existsSync(join(root, 'cgroup.controllers')) ? placeOf2(root, name) : {})) ?? {};
    if (Object.keys(folders).length === 0) continue;
    const place: CgroupPlace = { version, folders };
    if (usable(place)) return place;
  }
  return undefined;
};
/** What a killed supervisor left of its workload's groups. */
export const leftOf = (place: CgroupPlace, group: string): { readonly processes: () => readonly number[]; readonly remove: () => Promise<void> } => {
  const left = foldersOf(place).flatMap((folder) => (attempt(() => readdirSync(folder)) ?? []).filter((name) => name.startsWith(`${group}.`)).map((name) => join(folder, name)));
  return {
    processes: () => left.flatMap(processesIn),
    remove: async () => {
      for (const folder of left) await removeFolder(folder);
    },
  };
};
/** Removes the folders of a place; where groups are in use they stay. */
export const leaveCgroups = (place: CgroupPlace): void => {
  for (const folder of foldersOf(place)) attempt(() => rmdirSync(folder));
};
