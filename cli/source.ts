/** SOURCE[@REF] as people type it: an existing folder first, then the address of a repository. */
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { usage } from './exit-codes.ts';

export type Source = { readonly kind: 'folder'; readonly path: string } | { readonly kind: 'git'; readonly git: string; readonly ref?: string };

const example = "For example 'tollgate run ./hello' or 'tollgate run github.com/owner/repository@main'.";
const withScheme = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;
/** `host.name/owner/repository`, as it is read aloud. */
const shortForm = /^(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]{2,}(?::\d+)?\/[^/]+/;
const secureShell = /^[\w.-]+@([\w.-]+):(?!\/\/)(.+)$/;

/** The ref is what follows the first @ in the path that does not begin a part of it: `/@ada/site@@scope/pkg@1.0` names `@scope/pkg@1.0`. */
const splitRef = (address: string): { readonly git: string; readonly ref?: string } => {
  const path = address.indexOf('/', address.indexOf('://') + 3);
  const at = path < 0 ? -1 : address.slice(path).search(/(?<!\/)@/);
  if (at < 0) return { git: address };
  const ref = address.slice(path + at + 1);
  if (ref === '') throw usage(`after the @ of '${address}' a branch, tag or commit is missing`, example);
  return { git: address.slice(0, path + at), ref };
};

const isThere = (path: string) => stat(path).catch(() => undefined);

export const sourceOf = async (text: string): Promise<Source> => {
  if (await isThere(text)) return { kind: 'folder', path: text };
  const ssh = secureShell.exec(text);
  if (ssh) throw usage(`'${text}' is an address for ssh; repositories are fetched over https only`, `Give it as https://${ssh[1]}/${ssh[2]}, a private one with 'tollgate git credential set ${ssh[1]}'.`);
  if (withScheme.test(text)) return { kind: 'git', ...splitRef(text) };
  if (shortForm.test(text)) return { kind: 'git', ...splitRef(`https://${text}`) };
  const [folder = '', ref] = text.split(/@(?=[^@]*$)/);
  if (ref !== undefined && folder !== '' && (await isThere(folder))) throw usage(`'${folder}' is a folder, and folders have no '@${ref}'`, `Check it out there and run '${folder}', or give the repository's address.`);
  return { kind: 'folder', path: text }; // not there: the packing says so
};

/** What a workload is called when nobody says: after the folder, or the repository. */
export const nameSourceOf = (source: Source): string => (source.kind === 'folder' ? resolve(source.path) : basename(source.git.replace(/\/$/, '')).replace(/\.git$/, ''));

/** What a workload's record says of its code: `source` once it is stored here. */
export type Code = { readonly git?: GitCode; readonly source?: string };
export type GitCode = { readonly url: string; readonly ref: string; readonly commit: string };
const shortHash = 10;
export const codeShown = (git: GitCode | undefined): string | undefined => git && `${git.url} ${git.ref === '' ? '' : `${git.ref} `}(${git.commit.slice(0, shortHash)})`;
