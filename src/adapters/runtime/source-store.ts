/** Uploaded code on disk: one file per source, named by the SHA-256 of what was uploaded. */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { Refused } from '../../domain/ports/failures.ts';
import type { SourceStore, StoredSource } from '../../domain/ports/runtime.ts';
import { refused, sourceLimits, walkSource, type SourceLimits, type Visit } from './source-walk.ts';

export type DiskLimits = SourceLimits & {
  /** How long a source that nobody holds yet is kept: time enough to run what was just uploaded. */
  readonly freshMs: number;
};
export const sourceUnknown = (digest: string): Refused => new Refused('SourceUnknown', `This source is not stored: ${digest.slice(0, 80)}. Upload it first.`);
const hexOf = (digest: string): string | undefined => /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
const nothing: Visit = async () => undefined;
const missing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
const isThere = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);
const syncFolder = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
};
let uploads = 0;

/** Writes a checked archive's files, and nothing outside `folder`. */
export const writeFiles = (folder: string): Visit => {
  const root = resolve(folder);
  return async ({ path, kind, executable }, content) => {
    const target = join(root, path);
    if (!target.startsWith(root + sep)) throw refused(`${JSON.stringify(path)} leads out of its folder.`);
    await mkdir(kind === 'directory' ? target : dirname(target), { recursive: true, mode: 0o755 });
    if (kind === 'directory') return;
    const file = await open(target, 'wx', executable ? 0o755 : 0o644);
    try {
      await file.chmod(executable ? 0o755 : 0o644);
      for await (const chunk of content) await file.writeFile(chunk);
    } finally {
      await file.close();
    }
  };
};

/** `<hex>.tgz` is the source, `<hex>.fresh` was written at its last upload, `<hex>.held/` has a file per holder. */
export class DiskSourceStore implements SourceStore {
  readonly #folder: string;
  readonly #limits: DiskLimits;
  #opened: Promise<void> | undefined;
  /** Changes of what is stored happen one at a time: nothing is removed while it is being put or retained. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string, limits: Partial<DiskLimits> = {}) {
    this.#folder = resolve(folder);
    this.#limits = { ...sourceLimits, freshMs: 60 * 60 * 1_000, ...limits };
  }
  async put(body: AsyncIterable<Uint8Array>): Promise<StoredSource> {
    await (this.#opened ??= this.#open());
    const path = join(this.#folder, 'incoming', `${process.pid}-${(uploads += 1)}`);
    const file = await open(path, 'wx', 0o600);
    try {
      const stored = await walkSource(body, this.#limits, nothing, (chunk) => file.writeFile(chunk));
      await file.sync();
      await file.close();
      await this.#exclusively(() => this.#keep(path, stored));
      return stored;
    } finally {
      await file.close();
      await rm(path, { force: true });
    }
  }
  async has(digest: string): Promise<boolean> {
    const hex = hexOf(digest);
    return hex !== undefined && isThere(this.#path(`${hex}.tgz`));
  }
  async unpack(digest: string, folder: string): Promise<void> {
    const hex = hexOf(digest);
    if (hex === undefined || !(await this.has(digest))) throw sourceUnknown(digest);
    const walked = await walkSource(createReadStream(this.#path(`${hex}.tgz`)), this.#limits, writeFiles(folder));
    if (walked.digest !== digest) throw new Refused('SourceDamaged', `The stored source is damaged: ${digest}. Upload it again.`);
  }
  retain(digest: string, holder: string): Promise<void> {
    return this.#exclusively(async () => {
      const hex = hexOf(digest);
      if (hex === undefined || !(await this.has(digest))) throw sourceUnknown(digest);
      await mkdir(this.#path(`${hex}.held`), { recursive: true });
      await writeFile(this.#path(`${hex}.held`, nameOf(holder)), '');
    });
  }
  release(digest: string, holder: string): Promise<void> {
    return this.#exclusively(async () => {
      const hex = hexOf(digest);
      if (hex === undefined) return;
      await rm(this.#path(`${hex}.held`, nameOf(holder)), { force: true });
      if (await isThere(this.#path(`${hex}.tgz`))) await this.#removeUnneeded([hex]);
    });
  }
  remove(digest: string): Promise<void> {
    return this.#exclusively(async () => {
      const hex = hexOf(digest);
      if (hex !== undefined) await this.#remove(hex);
    });
  }

  /** What a killed process had not finished is of no use. */
  async #open(): Promise<void> {
    const incoming = join(this.#folder, 'incoming');
    await mkdir(incoming, { recursive: true, mode: 0o700 });
    for (const name of await readdir(incoming)) if (!name.startsWith(`${process.pid}-`)) await rm(join(incoming, name), { force: true });
  }
  async #keep(path: string, { digest }: StoredSource): Promise<void> {
    const hex = hexOf(digest) ?? '';
    await writeFile(this.#path(`${hex}.fresh`), '');
    await rename(path, this.#path(`${hex}.tgz`));
    await syncFolder(this.#folder);
    const stored = (await readdir(this.#folder)).flatMap((name) => (name.endsWith('.tgz') ? [name.slice(0, -4)] : []));
    await this.#removeUnneeded(stored.filter((other) => other !== hex));
  }
  /** Removes those that nobody holds and that are not fresh. Age is told by the disk's own clock, which no test or demo moves. */
  async #removeUnneeded(candidates: readonly string[]): Promise<void> {
    await writeFile(this.#path('now'), '');
    const nowMs = (await stat(this.#path('now'))).mtimeMs;
    for (const hex of candidates) {
      const holders = await readdir(this.#path(`${hex}.held`)).catch(() => []);
      if (holders.length > 0) continue;
      const freshSinceMs = await stat(this.#path(`${hex}.fresh`)).then(({ mtimeMs }) => mtimeMs, (error: unknown) => (missing(error) ? 0 : nowMs));
      if (nowMs - freshSinceMs >= this.#limits.freshMs) await this.#remove(hex);
    }
  }
  async #remove(hex: string): Promise<void> {
    for (const ending of ['tgz', 'fresh', 'held']) await rm(this.#path(`${hex}.${ending}`), { recursive: true, force: true });
  }
  #path(...parts: readonly string[]): string {
    return join(this.#folder, ...parts);
  }
  #exclusively<T>(deed: () => Promise<T>): Promise<T> {
    const done = this.#last.then(async () => {
      await (this.#opened ??= this.#open());
      return deed();
    });
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** A holder's file name: whatever its id holds, it stays in the folder. */
const nameOf = (holder: string): string => `by-${encodeURIComponent(holder)}`;
