/** Tar+gzip archives for tests, good and bad. */
import { gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';

export type Entry = Partial<Header> & { readonly name: string; readonly text?: string };
export const tar = async (entries: readonly Entry[]): Promise<Buffer> => {
  const packer = pack();
  for (const { text = '', ...header } of entries) packer.entry(header, text);
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};
export const tgz = async (entries: readonly Entry[]): Promise<Buffer> => gzipSync(await tar(entries));
/** Regular files; a text that begins with `#!` is executable. */
export const filesTgz = (files: Readonly<Record<string, string>>): Promise<Buffer> =>
  tgz(Object.entries(files).map(([name, text]) => ({ name, text, mode: text.startsWith('#!') ? 0o755 : 0o644 })));
/** As a request's body comes: in pieces. */
export const pieces = async function* (bytes: Uint8Array, size = 1_000): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
};
