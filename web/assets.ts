/** The files pages refer to. They are not compiled, so they are found in the source folder from `web/` and `dist/web/` alike. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folders = ['./assets/', '../../web/assets/'].map((folder) => new URL(folder, import.meta.url));
const folder = folders.find((url) => existsSync(new URL('tollgate.css', url))) ?? folders[0]!;
const asset = (name: string, type: string) => [`/assets/${name}`, { file: fileURLToPath(new URL(name, folder)), type }] as const;

/** By the path they are served at. */
export const assets: Readonly<Record<string, { readonly file: string; readonly type: string }>> = Object.fromEntries([
  asset('tollgate.css', 'text/css; charset=utf-8'),
  asset('tollgate.js', 'text/javascript; charset=utf-8'),
  asset('favicon.svg', 'image/svg+xml'),
]);
