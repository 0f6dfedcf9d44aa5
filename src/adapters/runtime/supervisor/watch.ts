/** Looks after a running release: what it takes of memory, processes and disk, and what the kernel has said about that. */
import type { Cgroup } from './cgroups.ts';
import type { Confinement } from './confinement.ts';
import { diskBytes } from './disk.ts';
import { processesOf, residentBytes, type Marks } from './processes.ts';
import { linux } from './small.ts';

const mebibyte = 1024 * 1024;
/** Disk is measured less often than the rest, and never takes more than this part of the time. */
const diskEvery = 5;
const diskShare = 100;
export type Watching = {
  readonly confinement: Confinement;
  readonly group: Cgroup | undefined;
  readonly marks: () => Marks;
  readonly folders: readonly string[];
  readonly everyMs: number;
  /** It takes more than it may; in words ("over its 512 MiB of memory"). */
  readonly over: (why: string) => void;
  readonly say: (text: string) => void;
};

export class Watch {
  readonly #in: Watching;
  readonly #timer: NodeJS.Timeout;
  readonly #killsBefore: number;
  #refusedBefore: number;
  #told = false;
  #measuring = false;
  #diskAtMs = 0;

  constructor(watching: Watching) {
    this.#in = watching;
    this.#killsBefore = watching.group?.memoryKills() ?? 0;
    this.#refusedBefore = watching.group?.forksRefused() ?? 0;
    this.#timer = setInterval(() => void this.#look(), watching.everyMs);
  }
  /** Stops looking. Says why the kernel ended it, where it did. */
  end(): string | undefined {
    clearInterval(this.#timer);
    return this.#killed() ? this.#memory : undefined;
  }

  get #memory(): string {
    return `over its ${this.#in.confinement.limits.memoryMiB ?? 0} MiB of memory`;
  }
  #killed(): boolean {
    return (this.#in.group?.memoryKills() ?? 0) > this.#killsBefore;
  }
  async #look(): Promise<void> {
    const { confinement: { limits, cgroups }, group, over } = this.#in;
    if (this.#killed()) return over(this.#memory);
    this.#noteForks(group);
    if (linux && (cgroups?.folders.memory === undefined || cgroups.folders.pids === undefined)) {
      const pids = processesOf(this.#in.marks());
      if (cgroups?.folders.memory === undefined && limits.memoryMiB !== undefined && residentBytes(pids) > limits.memoryMiB * mebibyte) return over(this.#memory);
      if (cgroups?.folders.pids === undefined && limits.processes !== undefined && pids.length > limits.processes) return over(`over its ${limits.processes} processes`);
    }
    await this.#lookAtDisk(limits.diskMiB);
  }
  #noteForks(group: Cgroup | undefined): void {
    const refused = group?.forksRefused() ?? 0;
    if (refused > this.#refusedBefore && !this.#told) this.#in.say(`it wanted more than its ${this.#in.confinement.limits.processes ?? 0} processes, and was refused`);
    this.#told ||= refused > this.#refusedBefore;
    this.#refusedBefore = refused;
  }
  async #lookAtDisk(diskMiB: number | undefined): Promise<void> {
    if (diskMiB === undefined || this.#measuring || Date.now() < this.#diskAtMs) return;
    this.#measuring = true;
    const startedMs = Date.now();
    let bytes = 0;
    for (const folder of this.#in.folders) bytes += await diskBytes(folder);
    this.#measuring = false;
    this.#diskAtMs = Date.now() + Math.max(this.#in.everyMs * diskEvery, (Date.now() - startedMs) * diskShare);
    if (bytes > diskMiB * mebibyte) this.#in.over(`over its ${diskMiB} MiB of disk`);
  }
}
