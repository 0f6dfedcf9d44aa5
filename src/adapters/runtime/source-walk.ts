/** Reads uploaded code as it comes: unpacks the gzip, walks the tar, and refuses what must not be stored or unpacked. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract as tarExtract, type ExtractEvents, type Header } from 'tar-stream';
import { Refused, Unavailable } from '../../domain/ports/failures.ts';

export type SourceLimits = { readonly packedBytes: number; readonly unpackedBytes: number; readonly entries: number; readonly pathBytes: number };
export const sourceLimits: SourceLimits = { packedBytes: 64 * 1024 * 1024, unpackedBytes: 256 * 1024 * 1024, entries: 20_000, pathBytes: 1_024 };

/** Relative, with plain slashes. */
export type SourceEntry = { readonly path: string; readonly kind: 'file' | 'directory'; readonly executable: boolean };
export type Visit = (entry: SourceEntry, content: AsyncIterable<Uint8Array>) => Promise<void>;
export type Walked = { readonly digest: string; readonly size: number; readonly files: number };

export const refused = (message: string): Refused => new Refused('SourceRefused', message);
const tooBig = (message: string): Refused => new Refused('SourceTooBig', message);
const megabytes = (bytes: number): string => `${Math.round((bytes / 1024 / 1024) * 10) / 10} MiB`;
/** As people can read it, whatever bytes it holds. */
const quote = (name: string): string => JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name);

const kinds: Readonly<Record<string, string>> = {
  symlink: 'a symbolic link', link: 'a hard link', fifo: 'a named pipe', 'character-device': 'a device', 'block-device': 'a device',
};
const hasControlCharacter = (name: string): boolean => /\p{Cc}/u.test(name);

/** Sees every entry once, so that it can tell what does not fit together. */
class EntryCheck {
  readonly #limits: SourceLimits;
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();
  #count = 0;

  constructor(limits: SourceLimits) {
    this.#limits = limits;
  }
  get files(): number {
    return this.#files.size;
  }
  /** Undefined for the archive's root itself. */
  take(header: Header): SourceEntry | undefined {
    const { name, size, mode } = header;
    const type = header.type as Header['type'] | null; // null for what tar-stream does not know
    if ((this.#count += 1) > this.#limits.entries) throw tooBig(`There are more than ${this.#limits.entries} entries; ${quote(name)} is one too many.`);
    if (type !== 'file' && type !== 'directory') throw refused(`${quote(name)} is ${kinds[type ?? ''] ?? 'of an unknown kind'}; only regular files and folders can be uploaded.`);
    if (Object.keys(header.pax ?? {}).some((key) => key.startsWith('GNU.sparse'))) throw refused(`${quote(name)} is a sparse file; pack it as a regular one.`);
    if (type === 'file' && size > this.#limits.unpackedBytes) throw tooBig(`${quote(name)} is larger than ${megabytes(this.#limits.unpackedBytes)}.`);
    const path = this.#plainPath(name);
    if (path === '' && type === 'directory') return undefined;
    this.#place(path, type, name);
    return { path, kind: type, executable: (mode & 0o100) !== 0 };
  }
  #plainPath(name: string): string {
    if (hasControlCharacter(name)) throw refused(`${quote(name)} has a control character in its name.`);
    if (name.includes('\\')) throw refused(`${quote(name)} has a backslash in its name.`);
    if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) throw refused(`${quote(name)} is an absolute path.`);
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw refused(`${quote(name)} leads out of its folder.`);
    const path = parts.join('/');
    if (Buffer.byteLength(path) > this.#limits.pathBytes || parts.some((part) => Buffer.byteLength(part) > 255)) throw refused(`${quote(name)} is too long a path.`);
    return path;
  }
  #place(path: string, type: 'file' | 'directory', name: string): void {
    if (path === '') throw refused(`${quote(name)} is no file name.`);
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      const above = path.slice(0, cut);
      if (this.#files.has(above)) throw refused(`${quote(name)} lies in ${quote(above)}, which is a file.`);
      this.#folders.add(above);
    }
    if (this.#files.has(path) || (type === 'file' && this.#folders.has(path))) throw refused(`${quote(name)} is there twice.`);
    (type === 'file' ? this.#files : this.#folders).add(path);
  }
}

/** Walks a tar; every entry is checked before it is visited. Returns the number of files. */
const walkTar = async (tar: AsyncIterable<Uint8Array>, limits: SourceLimits, visit: Visit): Promise<number> => {
  const check = new EntryCheck(limits);
  const extract = tarExtract();
  let failure: unknown;
  let visiting = Promise.resolve();
  const visitEntry = async (...[header, content, next]: ExtractEvents['entry']): Promise<void> => {
    try {
      const entry = check.take(header);
      if (entry) await visit(entry, content as AsyncIterable<Uint8Array>);
      for await (const _ of content); // what the visitor left
      next();
    } catch (error) {
      failure ??= error;
      extract.destroy(null);
    }
  };
  extract.on('entry', (...entry: ExtractEvents['entry']) => {
    visiting = visitEntry(...entry);
  });
  const closed = new Promise<void>((resolve) => extract.on('close', () => resolve()));
  extract.on('error', (error: Error) => (failure ??= refused(`This is no tar archive, or a damaged one: ${error.message}.`)));
  let unpackedBytes = 0;
  for await (const chunk of tar) {
    if ((unpackedBytes += chunk.length) > limits.unpackedBytes) failure ??= tooBig(`Unpacked it is more than ${megabytes(limits.unpackedBytes)}.`);
    if (failure !== undefined) break;
    if (!extract.write(chunk)) await Promise.race([closed, new Promise<void>((resolve) => extract.once('drain', () => resolve()))]);
  }
  if (failure === undefined) extract.end(null);
  else extract.destroy(null);
  await closed;
  await visiting;
  if (failure !== undefined) throw failure;
  return check.files;
};

const gzipFaults: Readonly<Record<string, string>> = { Z_BUF_ERROR: 'The upload ends too early.', Z_DATA_ERROR: 'This is no tar+gzip, or a damaged one.' };
/** What went wrong, in the port's words. */
const inOurWords = (error: unknown, size: number): unknown => {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (code in gzipFaults && size === 0) return refused('The upload is empty.');
  if (code in gzipFaults) return refused(gzipFaults[code] ?? '');
  return ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'EROFS'].includes(code) ? new Unavailable(`The disk does not take it (${code}).`, { cause: error }) : error;
};

/** Walks a tar+gzip to its end; `taken` gets the packed bytes as they come. */
export const walkSource = async (packed: AsyncIterable<Uint8Array>, limits: SourceLimits, visit: Visit, taken?: (chunk: Uint8Array) => Promise<void>): Promise<Walked> => {
  const hash = createHash('sha256');
  const gunzip = createGunzip();
  let size = 0;
  let files = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of packed) {
      if ((size += chunk.length) > limits.packedBytes) throw tooBig(`The upload is larger than ${megabytes(limits.packedBytes)}.`);
      hash.update(chunk);
      await taken?.(chunk);
      yield chunk;
    }
  };
  try {
    await pipeline(Readable.from(counted(), { objectMode: false }), gunzip, async (tar: AsyncIterable<Uint8Array>) => {
      files = await walkTar(tar, limits, visit);
    });
  } catch (error) {
    throw inOurWords(error, size);
  }
  if (gunzip.bytesWritten !== size) throw refused('There is something after the end of the gzip.');
  if (files === 0) throw refused('There is no file in it.');
  return { digest: `sha256:${hash.digest('hex')}`, size, files };
};
