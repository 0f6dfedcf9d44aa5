/** A workload's code on disk: unpacked once for each release, handed to the workload's user, kept while it is of use. */
import { chmod, lchown, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSpec, SourceStore } from '../../domain/ports/runtime.ts';
import { detect, shellLine, type Plan } from './detect.ts';
import { programOn, type Machine } from './machine.ts';
import { removeOwned } from './supervisor/disk.ts';
import { appFolder, builtMark, type Part } from './supervisor/order.ts';

/** Gives a folder and all in it to a user. Nobody else can reach into it yet, so no link can lead us astray. */
const handOver = async (folder: string, user: number): Promise<void> => {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await handOver(path, user);
    else await lchown(path, user, user);
  }
  await lchown(folder, user, user);
};
const isThere = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);

export class Releases {
  readonly #folder: string;
  readonly #sources: SourceStore;
  readonly #machine: Machine;
  constructor(folder: string, sources: SourceStore, machine: Machine) {
    this.#folder = folder;
    this.#sources = sources;
    this.#machine = machine;
  }
  /** Makes the workload's folders; its home belongs to its user. */
  async open(user: number | undefined): Promise<void> {
    const [releases, home] = [join(this.#folder, 'releases'), join(this.#folder, 'home')];
    for (const folder of [this.#folder, releases]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, user === undefined ? 0o700 : 0o711);
    }
    await mkdir(home, { recursive: true, mode: 0o700 });
    if (user !== undefined && (await stat(home)).uid !== user) await handOver(home, user);
    await rm(join(this.#folder, 'app'), { recursive: true, force: true }); // where earlier versions had the code
  }
  /** Everything that can be refused, before anything that runs is touched. `inUse`: its processes may be at work in it. */
  async prepare(spec: RunSpec, command: string | undefined, incarnation: number, user: number | undefined, inUse: boolean): Promise<Part> {
    const app = appFolder(this.#folder, spec.release);
    const mark = builtMark(this.#folder, spec.release);
    const built = (await isThere(app)) ? await readFile(mark, 'utf8').then((text) => JSON.parse(text) as Pick<Part, 'command' | 'path' | 'how'>, () => undefined) : undefined;
    const { generation, release } = spec;
    if (built) return { generation, release, incarnation, ...built, steps: [] };
    if (!inUse || !(await isThere(app))) await this.#unpack(spec, app, mark, command, user);
    const plan = await this.#detect(app, command, app);
    return { generation, release, incarnation, command: shellLine(plan.command), path: [...plan.paths, ...this.#machine.search].join(':'), how: plan.how, steps: plan.steps };
  }

  async #unpack({ source, release }: RunSpec, app: string, mark: string, command: string | undefined, user: number | undefined): Promise<void> {
    await rm(mark, { force: true });
    await removeOwned(app, user); // half built, perhaps, when the machine failed
    const next = `${app}.next`;
    await rm(next, { recursive: true, force: true });
    await mkdir(next, { mode: 0o700 });
    try {
      await this.#sources.unpack(source, next);
      await this.#detect(next, command, appFolder(this.#folder, release));
      if (user !== undefined) await handOver(next, user);
      await rename(next, app);
    } catch (error) {
      await rm(next, { recursive: true, force: true });
      throw error;
    }
  }
  #detect(folder: string, command: string | undefined, runFolder: string): Promise<Plan> {
    return detect(folder, command, async (name) => programOn(this.#machine.search, name), runFolder);
  }
}
