/** Sends a folder to the server: packed on the way, with progress when it takes a while. */
import { Transform, type Readable } from 'node:stream';
import { stat } from 'node:fs/promises';
import type { Client } from './client.ts';
import { usage } from './exit-codes.ts';
import type { Output } from './output.ts';
import { archiveOf, filesOf } from './pack.ts';

export type StoredSource = { readonly digest: string; readonly size: number; readonly files: number };
const quietMs = 1_000;
const progressEveryMs = 250;
const uploadMaxMs = 120_000;
const mebibytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;

export const requireFolder = async (path: string): Promise<void> => {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw usage(`there is no folder '${path}'`, "Give the path of a folder with code: 'tollgate run ./hello'.");
  if (!found.isDirectory()) throw usage(`'${path}' is no folder`, "Give the path of a folder with code: 'tollgate run ./hello'.");
};

/** Counts what passes; after a second it begins to tell. */
const counted = (source: Readable, files: number, out: Output): Readable => {
  let bytes = 0;
  let told = 0;
  const startedMs = Date.now();
  const counter = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      const now = Date.now();
      if (now - startedMs > quietMs && now - told > progressEveryMs) {
        if (told === 0 && !process.stderr.isTTY) out.note(`Sending ${files} files ...`);
        told = now;
        out.progress(`Sending ${files} files: ${mebibytes(bytes)}`);
      }
      done(null, chunk);
    },
    flush(done) {
      if (told > 0) {
        out.progressEnd();
        out.note(`Sent ${files} files, ${mebibytes(bytes)}.`);
      }
      done();
    },
  });
  source.once('error', (error) => counter.destroy(error));
  counter.once('close', () => source.destroy());
  return source.pipe(counter);
};

export const upload = async (client: Client, folder: string, out: Output): Promise<StoredSource> => {
  const files = await filesOf(folder);
  return client.json<StoredSource>({
    method: 'PUT', path: '/sources', headers: { 'content-type': 'application/gzip' }, repeatable: true, timeoutMs: uploadMaxMs,
    upload: async () => counted(await archiveOf(files), files.length, out),
  });
};
