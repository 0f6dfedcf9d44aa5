/** A folder as tar+gzip: the same files give the same bytes, whoever packs them and when. */
import { createReadStream } from 'node:fs';
import { readFile, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Ignore } from 'ignore';
import { pack as newPack } from 'tar-stream';
import { Failure, usage } from './exit-codes.ts';

export type PackedFile = { readonly name: string; readonly path: string; readonly size: number; readonly executable: boolean };
const executableBits = 0o111;

/** A label from a folder's name: a-z, 0-9 and -, at most 40. */
export const labelOf = (folder: string): string => basename(folder).toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').slice(0, 40).replaceAll(/^-+|-+$/g, '');

/** Rules of one file, for what lies under its folder. */
type Rules = { readonly folder: string; readonly ignore: Ignore };
const rulesIn = async (root: string, folder: string, file: string): Promise<Rules | undefined> => {
  let text: string;
  try {
    text = await readFile(join(root, folder, file), 'utf8');
  } catch {
    return undefined;
  }
  const { default: ignore } = await import('ignore');
  return { folder, ignore: ignore().add(text) };
};
/** The last rule that says something decides, deeper folders after higher ones, as git does it. */
const isIgnored = (rules: readonly Rules[], name: string, isFolder: boolean): boolean => {
  let ignored = false;
  for (const { folder, ignore } of rules) {
    const said = ignore.test((folder === '' ? name : name.slice(folder.length + 1)) + (isFolder ? '/' : ''));
    if (said.ignored || said.unignored) ignored = said.ignored;
  }
  return ignored;
};
const refused = (name: string, why: string): Failure => usage(`'${name}' cannot be packed: ${why}`, "Leave it out by a line in .tollgateignore, or replace it.");

class Walk {
  readonly files: PackedFile[] = [];
  readonly #root: string;
  readonly #own: boolean;
  constructor(root: string, own: boolean) {
    this.#root = root;
    this.#own = own;
  }

  /** `kept` is set under node_modules, which .gitignore names for other reasons than ours: it is needed to run. */
  async folder(name: string, inherited: readonly Rules[], kept: boolean): Promise<void> {
    const local = this.#own || kept ? undefined : await rulesIn(this.#root, name, '.gitignore');
    const rules = local ? [...inherited, local] : inherited;
    for (const entry of await readdir(join(this.#root, name), { withFileTypes: true })) {
      if (entry.name === '.git') continue;
      const path = name === '' ? entry.name : `${name}/${entry.name}`;
      const needed = kept || (!this.#own && entry.name === 'node_modules');
      if (!needed && isIgnored(rules, path, entry.isDirectory())) continue;
      if (entry.isDirectory()) await this.folder(path, rules, needed);
      else if (entry.isFile()) await this.#file(path, join(this.#root, path));
      else if (entry.isSymbolicLink()) await this.#link(path);
      // sockets, pipes and devices are no code
    }
  }
  async #file(name: string, path: string): Promise<void> {
    const { size, mode } = await stat(path);
    this.files.push({ name, path, size, executable: (mode & executableBits) !== 0 });
  }
  /** A link to a file inside is packed as that file; any other would mean something else on the server. */
  async #link(name: string): Promise<void> {
    let target: string;
    try {
      target = await realpath(join(this.#root, name));
    } catch {
      throw refused(name, 'it is a symbolic link to nothing');
    }
    const inside = relative(this.#root, target);
    if (inside === '..' || inside.startsWith(`..${sep}`)) throw refused(name, `it is a symbolic link to '${target}', outside of the folder`);
    if (!(await stat(target)).isFile()) throw refused(name, 'it is a symbolic link to a folder');
    await this.#file(name, target);
  }
}

const byName = (a: PackedFile, b: PackedFile): number => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
/** What would be packed, in order. */
export const filesOf = async (folder: string): Promise<readonly PackedFile[]> => {
  const root = await realpath(folder);
  const own = await rulesIn(root, '', '.tollgateignore');
  const walk = new Walk(root, own !== undefined);
  await walk.folder('', own ? [own] : [], false);
  if (walk.files.length === 0) throw usage(`there is nothing to run in '${folder}'`, 'Is everything in it ignored?');
  return walk.files.sort(byName);
};

const epoch = new Date(0);
/** The archive as a stream of gzip bytes. */
export const archiveOf = async (files: readonly PackedFile[]): Promise<Readable> => {
  const pack = newPack();
  const add = async ({ name, path, size, executable }: PackedFile): Promise<void> => {
    const header = { name, size, mode: executable ? 0o755 : 0o644, mtime: epoch, uid: 0, gid: 0, uname: '', gname: '', type: 'file' as const };
    await new Promise<void>((resolve, reject) => {
      const entry = pack.entry(header, (error) => (error ? reject(changed(name)) : resolve()));
      // To the size that the header says: what is appended meanwhile (a log, say) stays out.
      if (size === 0) entry.end(Buffer.alloc(0));
      else createReadStream(path, { end: size - 1 }).once('error', reject).pipe(entry);
    });
  };
  const gzip = createGzip({ level: 6 });
  void (async () => {
    for (const file of files) await add(file);
    pack.finalize();
  })().catch((error: Error) => gzip.destroy(error instanceof Failure ? error : usage(`cannot be packed: ${error.message}`, 'Make the file readable, or name it in .tollgateignore.')));
  Readable.from(pack).on('error', (error) => gzip.destroy(error)).pipe(gzip);
  return gzip;
};
const changed = (name: string): Failure => refused(name, 'it became shorter while it was read');
