/** Repositories over https, fetched by the real git as an unprivileged child that may reach one checked address and nothing else. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { lookup as askSystem, Resolver } from 'node:dns/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve as absolute } from 'node:path';
import { AllowedHosts, type Lookup } from './allowed-hosts.ts';
import { GitErrand, GitFailed, type As, type ErrandLimits } from './git-errand.ts';
import { failureOf, noGitThere, refNotFound, refused, type About } from './git-words.ts';
import { Lanes } from './lanes.ts';
import { archiveOf } from './tree-archive.ts';
import { isCommitHash, isGitRef, readGitUrl, type GitAddress } from '../../domain/git-address.ts';
import type { GitRequest, SourceHost } from '../../domain/ports/source-host.ts';

export type GitLimits = Omit<ErrandLimits, 'timeoutMs'> & {
  readonly lookMs: number;
  readonly fetchMs: number;
  readonly entries: number;
  /** Look-ups and fetches at a time: all together, and of one holder. */
  readonly looks: readonly [number, number];
  readonly fetches: readonly [number, number];
};
export const gitLimits: GitLimits = { lookMs: 20_000, fetchMs: 120_000, stallSeconds: 15, diskBytes: 256 * 1024 * 1024, outputBytes: 16 * 1024 * 1024, entries: 20_000, looks: [16, 4], fetches: [16, 2] };

export type GitOptions = {
  /** For everything that is under way; what is in it at the start is nobody's, and goes. */
  readonly folder: string;
  /** The setting `git.allow`, entry by entry. */
  readonly allow: readonly string[];
  readonly limits?: Partial<GitLimits>;
  /** For tests, never by configuration: another resolver, and an authority to trust instead of the system's. */
  readonly lookup?: Lookup;
  readonly caFile?: string;
  /** Whom to run as where the server is root; by default nobody. */
  readonly as?: As;
};
const nobody: As = { uid: 65_534, gid: 65_534 };
const oldest = [2, 39] as const;

/** The system's own way knows /etc/hosts, but holds one of few threads while it waits: for hosts that the operator has named exactly. */
const systemLookup: Lookup = async (host) => (await askSystem(host, { all: true, verbatim: true })).map(({ address }) => address);
const nameServerMs = 3_000;
const publicLookup: Lookup = async (host) => {
  const resolver = new Resolver({ timeout: nameServerMs, tries: 2 });
  const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (addresses.length > 0) return addresses;
  throw (answers[0] as PromiseRejectedResult).reason;
};

/** Why git cannot be used here. */
const missing = (): Promise<string | undefined> => new Promise((resolve) => {
  execFile('git', ['--version'], (error, stdout) => {
    if (error) return resolve(`git is not installed on this server (it takes ${oldest.join('.')} or newer)`);
    const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout) ?? []).map(Number);
    resolve(major > oldest[0] || (major === oldest[0] && minor >= oldest[1]) ? undefined : `git ${major}.${minor} is installed on this server, and it takes ${oldest.join('.')} or newer`);
  });
});

const everybodyMayPass = (folder: string): boolean => {
  const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0;
  return (mode & 0o001) !== 0 && (dirname(folder) === folder || everybodyMayPass(dirname(folder)));
};
/** A data folder is for its owner alone; where git runs as somebody else, its errands are run beside it, in a folder that only its owner writes. */
const placeFor = (folder: string, as: As | undefined): string =>
  !as || everybodyMayPass(dirname(folder)) ? folder : join(tmpdir(), `tollgate-git-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`);
const makeFolder = (folder: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const seen = lstatSync(folder);
  if (!seen.isDirectory() || (process.getuid && seen.uid !== process.getuid())) throw new Error(`${folder} is not ours`);
  chmodSync(folder, 0o711);
};

export class GitSourceHost implements SourceHost {
  readonly #options: GitOptions;
  readonly #limits: GitLimits;
  readonly #allowed: AllowedHosts;
  /** Apart, so that a look-up, which somebody waits for, never stands behind a fetch. */
  readonly #looks: Lanes;
  readonly #fetches: Lanes;
  readonly #as: As | undefined;
  /** Looked for once; '' when all is well. */
  #missing: Promise<string | undefined> | undefined;
  /** Where its errands are. */
  readonly folder: string;
  readonly #errands = new Set<GitErrand>();

  constructor(options: GitOptions) {
    this.#options = options;
    this.#limits = { ...gitLimits, ...options.limits };
    this.#allowed = new AllowedHosts(options.allow, options.lookup ?? publicLookup, options.lookup ?? systemLookup);
    this.#looks = new Lanes(...this.#limits.looks);
    this.#fetches = new Lanes(...this.#limits.fetches);
    this.#as = process.getuid?.() === 0 ? (options.as ?? nobody) : undefined;
    this.folder = placeFor(absolute(options.folder), this.#as);
    rmSync(this.folder, { recursive: true, force: true }); // what a killed process had not finished
  }
  unusable(): Promise<string | undefined> {
    return (this.#missing ??= missing());
  }

  async resolve(request: GitRequest): Promise<string> {
    return this.#look(request, async (errand, address, about) => {
      const { ref } = request;
      if (!isCommitHash(ref)) return this.#advertised(errand, address, about, request);
      await this.#obtain(errand, address, request, ref, ['--filter=tree:0']);
      return this.#commitOf(errand, ref, about);
    });
  }

  async *fetch(request: GitRequest & { readonly commit: string }): AsyncGenerator<Uint8Array> {
    const leave = await this.#fetches.enter(request.holder);
    const { errand, address, about } = await this.#begin(request, this.#limits.fetchMs).catch((error: unknown) => {
      leave();
      throw error;
    });
    try {
      if (!isCommitHash(request.commit)) throw refNotFound({ ...about, ref: request.commit });
      await this.#obtain(errand, address, request, request.commit, []);
      if ((await this.#commitOf(errand, request.commit, about)) !== request.commit) throw refNotFound({ ...about, ref: request.commit });
      yield* archiveOf(errand, request.commit, this.#limits.entries);
    } catch (error) {
      throw inOurWords(error, about);
    } finally {
      await this.#end(errand);
      leave();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#errands].map((errand) => this.#end(errand)));
    await rmdir(this.folder).catch(() => undefined); // not there, or somebody else's by now
  }

  async #look<T>(request: GitRequest, work: (errand: GitErrand, address: GitAddress, about: About) => Promise<T>): Promise<T> {
    const leave = await this.#looks.enter(request.holder);
    try {
      const { errand, address, about } = await this.#begin(request, this.#limits.lookMs);
      try {
        return await work(errand, address, about);
      } catch (error) {
        throw inOurWords(error, about);
      } finally {
        await this.#end(errand);
      }
    } finally {
      leave();
    }
  }

  /** Checks everything that was given, and pins the host's address, before there is any process. */
  async #begin({ url, ref, credential }: GitRequest, timeoutMs: number): Promise<{ errand: GitErrand; address: GitAddress; about: About }> {
    const unusable = await this.unusable();
    if (unusable !== undefined) throw refused('GitUnusable', unusable);
    const address = readGitUrl(url);
    if ('wrong' in address) throw refused('GitAddressRefused', address.wrong);
    if (!isGitRef(ref)) throw refused('GitRefNotFound', `'${ref.slice(0, 100)}' cannot be the name of a branch, tag or commit`);
    if (credential && /[\0\r\n]/.test(`${credential.username ?? ''}${credential.token}`)) throw refused('GitCredentialRefused', `the credential stored for ${address.authority} has a line end in it`);
    const addresses = await this.#allowed.addressesOf(address);
    const pinned = `http.curloptResolve=${address.host}:${address.port}:${addresses.map((one) => (one.includes(':') ? `[${one}]` : one)).join(',')}`;
    const { caFile } = this.#options;
    makeFolder(this.folder);
    const settings = [...(addresses.includes(address.host.replaceAll(/[[\]]/g, '')) ? [] : [pinned]), ...(caFile === undefined ? [] : [`http.sslCAInfo=${caFile}`])];
    const errand = new GitErrand(this.folder, { ...this.#limits, timeoutMs }, this.#as, settings, address.authority);
    this.#errands.add(errand);
    return { errand, address, about: { authority: address.authority, url: address.url, ref, hasCredential: credential !== undefined } };
  }
  async #end(errand: GitErrand): Promise<void> {
    await errand.close();
    this.#errands.delete(errand);
  }

  /** What the host says the ref is: the branch, else the tag, a tag's commit rather than the tag. */
  async #advertised(errand: GitErrand, { url }: GitAddress, about: About, { ref, credential }: GitRequest): Promise<string> {
    const names = ref === 'HEAD' ? ['HEAD'] : [`refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`, ...(ref.startsWith('refs/') ? [`${ref}^{}`, ref] : [])];
    const text = await this.#askingTwice(url, (address) => errand.run(['ls-remote', '--quiet', '--', address, ...names], credential));
    const refs = new Map(text.split('\n').flatMap((line) => {
      const [id = '', name = ''] = line.split('\t');
      return isCommitHash(id) ? [[name, id] as const] : [];
    }));
    const found = names.map((name) => refs.get(name)).find((id) => id !== undefined);
    if (found === undefined) throw ref === 'HEAD' ? noGitThere(about) : refNotFound(about);
    return found;
  }

  /** Some hosts know a repository only by its name with `.git`, and send elsewhere from the one without. */
  async #askingTwice<T>(url: string, ask: (url: string) => Promise<T>): Promise<T> {
    try {
      return await ask(url);
    } catch (error) {
      if (!(error instanceof GitFailed) || !/returned error: 30[1278]/.test(error.stderr) || url.endsWith('.git')) throw error;
      return ask(`${url}.git`);
    }
  }

  /** The commit alone where the host hands it out by its hash; else the ref with its history, which is all that an old host can be asked for. */
  async #obtain(errand: GitErrand, { url }: GitAddress, { ref, credential }: GitRequest, commit: string, filter: readonly string[]): Promise<void> {
    await errand.run(['init', '--quiet', '--bare', `--object-format=${commit.length === 64 ? 'sha256' : 'sha1'}`]);
    const fetch = (...what: readonly string[]) => this.#askingTwice(url, (address) => errand.run(['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--no-auto-maintenance', ...what.slice(0, -1), '--', address, ...(what.at(-1) ?? '').split(' ')], credential));
    try {
      await fetch('--depth=1', ...filter, commit);
    } catch (error) {
      if (!(error instanceof GitFailed) || !/unadvertised object/.test(error.stderr)) throw error;
      const named = ref === 'HEAD' ? 'HEAD:refs/tollgate/head' : isCommitHash(ref) ? '+refs/heads/*:refs/heads/* +refs/tags/*:refs/tags/*' : undefined;
      if (named !== undefined) await fetch(...filter, named);
      else await fetch(...filter, `+refs/heads/${ref}:refs/tollgate/head`).catch(() => fetch(...filter, `+refs/tags/${ref}:refs/tollgate/head`));
    }
  }
  async #commitOf(errand: GitErrand, id: string, about: About): Promise<string> {
    const commit = (await errand.run(['rev-parse', '--verify', '--quiet', `${id}^{commit}`]).catch((error: unknown) => {
      if (error instanceof GitFailed) throw refNotFound({ ...about, ref: id });
      throw error;
    })).trim();
    if (!isCommitHash(commit)) throw refNotFound({ ...about, ref: id });
    return commit;
  }
}

const inOurWords = (error: unknown, about: About): unknown => (error instanceof GitFailed ? failureOf(error.stderr, about) : error);
