/**
 * A commit's files as tar+gzip, read object by object: no checkout, so no hook, filter, attribute or link of the repository
 * takes effect, and the same commit gives the same bytes.
 */
import { posix } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { pack as newPack } from 'tar-stream';
import type { GitErrand } from './git-errand.ts';
import { refused } from './git-words.ts';

type Entry = { readonly path: string; readonly id: string; readonly kind: 'file' | 'executable' | 'link'; readonly size: number };
const linkBytesMax = 4_096;
const linksMax = 10;
const quote = (name: string): string => JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name);

const kindOf = (mode: string, path: string): Entry['kind'] | undefined => {
  if (mode === '120000') return 'link';
  if (mode === '160000') return undefined; // another repository's commit: left out, as git itself does unless told otherwise
  if (/^100[0-7]{3}$/.test(mode)) return (Number.parseInt(mode, 8) & 0o100) !== 0 ? 'executable' : 'file';
  throw refused('GitRepositoryRefused', `${quote(path)} is of an unknown kind (${mode})`);
};

/** Everything in the commit's tree, in git's order. A tree that unfolds without end is left at `entriesMax`. */
const entriesOf = async (errand: GitErrand, commit: string, entriesMax: number): Promise<readonly Entry[]> => {
  const { input, output, done } = errand.start(['ls-tree', '-r', '-z', '-l', '--full-tree', commit]);
  input.end();
  const entries: Entry[] = [];
  let rest = '';
  let seen = 0;
  output.setEncoding('utf8');
  for await (const chunk of output as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\0');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, mode = '', id = '', size = '', path = ''] = /^(\d+) \w+ ([0-9a-f]+) +(\d+|-)\t(.*)$/s.exec(line) ?? [];
      if ((seen += 1) > entriesMax) throw refused('SourceTooBig', `the repository has more than ${entriesMax} files`);
      if (path.split('/').some((part) => part.toLowerCase() === '.git')) throw refused('GitRepositoryRefused', `${quote(path)} pretends to be git's own`);
      const kind = kindOf(mode, path);
      if (kind !== undefined) entries.push({ path, id, kind, size: size === '-' ? 0 : Number(size) });
    }
  }
  await done;
  return entries;
};

/** Contents of objects, one after the other, from one `git cat-file --batch`. */
class Contents {
  readonly #input: Writable;
  readonly #done: Promise<void>;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(errand: GitErrand) {
    const { input, output, done } = errand.start(['cat-file', '--batch']);
    this.#input = input;
    this.#done = done;
    this.#chunks = (output as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }
  async *of({ id, size, path }: Entry): AsyncGenerator<Buffer> {
    this.#input.write(`${id}\n`);
    for (;;) {
      const end = this.#rest.indexOf(10);
      if (end >= 0) {
        const head = this.#rest.subarray(0, end).toString();
        if (head !== `${id} blob ${size}`) throw refused('GitRepositoryRefused', `${quote(path)} is damaged there`);
        this.#rest = this.#rest.subarray(end + 1);
        break;
      }
      await this.#more();
    }
    for (let left = size; left > 0; ) {
      if (this.#rest.length === 0) await this.#more();
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
    while (this.#rest.length === 0) await this.#more();
    this.#rest = this.#rest.subarray(1); // the line's end after each object
  }
  async end(): Promise<void> {
    this.#input.end();
    await this.#done;
  }
  async #more(): Promise<void> {
    const { done, value } = await this.#chunks.next();
    if (done === true) {
      await this.#done; // says why, where it was broken off
      throw refused('GitRepositoryRefused', 'the repository is damaged there');
    }
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
  }
}

/** A link to a file of the repository stands for that file, as when a folder is uploaded; any other would mean something else here. */
const withoutLinks = async (entries: readonly Entry[], contents: Contents): Promise<readonly Entry[]> => {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const folders = new Set(entries.flatMap(({ path }) => path.split('/').map((_, depth, parts) => parts.slice(0, depth).join('/'))));
  const targetOf = async (link: Entry): Promise<Entry> => {
    let at = link;
    for (let hops = 0; at.kind === 'link'; hops += 1) {
      const no = (why: string) => refused('GitRepositoryRefused', `${quote(link.path)} is a symbolic link ${why}; only links to files of the repository can be run`);
      if (at.size > linkBytesMax || hops >= linksMax) throw no('that leads nowhere');
      const parts: Buffer[] = [];
      for await (const part of contents.of(at)) parts.push(part);
      const target = Buffer.concat(parts).toString('utf8');
      const path = posix.normalize(posix.join(posix.dirname(at.path), target)).replace(/\/$/, '');
      if (target.startsWith('/') || path === '..' || path.startsWith('../')) throw no(`to ${quote(target)}, outside of the repository`);
      const found = byPath.get(path);
      if (!found) throw no(path === '.' || folders.has(path) ? `to the folder ${quote(target)}` : `to ${quote(target)}, which is not there`);
      at = found;
    }
    return at;
  };
  const plain: Entry[] = [];
  for (const entry of entries) plain.push(entry.kind === 'link' ? { ...(await targetOf(entry)), path: entry.path } : entry);
  return plain;
};

const epoch = new Date(0);
export const archiveOf = async function* (errand: GitErrand, commit: string, entriesMax: number): AsyncGenerator<Uint8Array> {
  const entries = await entriesOf(errand, commit, entriesMax);
  const contents = new Contents(errand);
  const pack = newPack();
  const gzip = createGzip({ level: 6 });
  const add = async (entry: Entry): Promise<void> => {
    const header = { name: entry.path, size: entry.size, mode: entry.kind === 'executable' ? 0o755 : 0o644, mtime: epoch, uid: 0, gid: 0, uname: '', gname: '', type: 'file' as const };
    let over: (error?: Error | null) => void = () => undefined;
    const written = new Promise<void>((resolve, reject) => (over = (error) => (error ? reject(error) : resolve())));
    written.catch(() => undefined);
    const sink = pack.entry(header, (error) => over(error)).on('error', (error) => over(error));
    for await (const part of contents.of(entry)) if (!sink.write(part)) await Promise.race([written, new Promise<void>((resolve) => sink.once('drain', () => resolve()))]);
    sink.end(null);
    await written;
  };
  const packing = (async () => {
    for (const entry of await withoutLinks(entries, contents)) await add(entry);
    await contents.end();
    pack.finalize();
  })();
  packing.catch((error: Error) => gzip.destroy(error));
  Readable.from(pack).on('error', (error) => gzip.destroy(error)).pipe(gzip);
  try {
    yield* gzip;
  } finally {
    pack.destroy(null);
    gzip.destroy();
  }
  await packing;
};
