/** A source host in memory: repositories as a test writes them. Keeps the contract, reaches nothing. */
import { createHash } from 'node:crypto';
import { setImmediate as soon } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { pack as newPack } from 'tar-stream';
import { noGitThere, refNotFound, refused } from './git-words.ts';
import { isCommitHash, isGitRef, readAuthority, readGitUrl } from '../../domain/git-address.ts';
import { HostUnavailable } from '../../domain/ports/failures.ts';
import type { GitCredential, GitRequest, SourceHost } from '../../domain/ports/source-host.ts';

/** Text by path; one that begins with `#!` is executable. */
type Files = Readonly<Record<string, string>>;
export class MemoryRepo {
  readonly url: string;
  /** What reading it takes, where it is private. */
  readonly guard: GitCredential | undefined;
  readonly commits = new Map<string, Files>();
  readonly branches = new Map<string, string>();
  readonly tags = new Map<string, string>();
  constructor(url: string, guard: GitCredential | undefined) {
    this.url = url;
    this.guard = guard;
  }
  commit(files: Files, { branch = 'main' }: { readonly branch?: string } = {}): string {
    const id = createHash('sha1').update(JSON.stringify([files, this.branches.get(branch)])).digest('hex');
    this.commits.set(id, files);
    this.branches.set(branch, id);
    return id;
  }
  tag(name: string, commit: string): void {
    this.tags.set(name, commit);
  }
}

export class MemorySourceHost implements SourceHost {
  readonly #allowed: readonly string[];
  readonly #repositories = new Map<string, MemoryRepo>();
  /** Whether the host answers at all. */
  available = true;
  /** How often something was asked for, by what it was. */
  readonly asked: string[] = [];

  constructor(allowed: readonly string[] = ['git.test']) {
    this.#allowed = allowed;
  }
  create(url: string, guard?: GitCredential): MemoryRepo {
    const repository = new MemoryRepo(url, guard);
    this.#repositories.set(url, repository);
    return repository;
  }
  async unusable(): Promise<string | undefined> {
    return undefined;
  }
  async resolve(request: GitRequest): Promise<string> {
    this.asked.push(`resolve ${request.url} ${request.ref}`);
    await soon();
    const { ref } = request;
    const repository = this.#read(request);
    const found = repository.branches.get(ref === 'HEAD' ? 'main' : ref) ?? repository.tags.get(ref) ?? (repository.commits.has(ref) ? ref : undefined);
    if (found === undefined && ref === 'HEAD') throw noGitThere(repository);
    if (found === undefined) throw refNotFound({ ref, url: repository.url });
    return found;
  }
  async *fetch(request: GitRequest & { readonly commit: string }): AsyncGenerator<Uint8Array> {
    this.asked.push(`fetch ${request.url} ${request.commit}`);
    await soon();
    const files = this.#read(request).commits.get(request.commit);
    if (!files || !isCommitHash(request.commit)) throw refNotFound({ ref: request.commit, url: request.url });
    const pack = newPack();
    for (const [name, text] of Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1))) pack.entry({ name, mode: text.startsWith('#!') ? 0o755 : 0o644, mtime: new Date(0) }, text);
    pack.finalize();
    yield* Readable.from(pack).pipe(createGzip({ level: 6 }));
  }
  async close(): Promise<void> {}

  #read({ url, ref, credential }: GitRequest): MemoryRepo {
    const address = readGitUrl(url);
    if ('wrong' in address) throw refused('GitAddressRefused', address.wrong);
    if (!isGitRef(ref)) throw refused('GitRefNotFound', `'${ref}' cannot be the name of a branch, tag or commit`);
    if (!this.#allowed.some((entry) => readAuthority(entry)?.authority === address.authority)) throw refused('GitHostNotAllowed', `code is not fetched from '${address.authority}' here, only from ${this.#allowed.join(', ')}`);
    if (!this.available) throw new HostUnavailable(`${address.authority} does not answer just now`);
    const found = this.#repositories.get(address.url);
    if (!found) throw refused('GitRepositoryNotFound', `there is no repository ${address.url}`);
    const { guard } = found;
    if (guard && !credential) throw refused('GitCredentialNeeded', `there is no public repository ${address.url}; if it is private, ${address.authority} wants a credential`);
    if (guard && (guard.token !== credential?.token || guard.username !== credential.username)) throw refused('GitCredentialRefused', `${address.authority} does not take the stored credential for ${address.url}`);
    return found;
  }
}
