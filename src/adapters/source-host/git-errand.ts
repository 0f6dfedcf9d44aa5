/** One errand of git: a folder of its own, every process in it, a limit for time and one for space, and nothing left of it at its end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, mkdtempSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { HostUnavailable } from '../../domain/ports/failures.ts';
import type { GitCredential } from '../../domain/ports/source-host.ts';
import { refused } from './git-words.ts';

export type ErrandLimits = {
  readonly timeoutMs: number;
  /** Of everything in the folder. */
  readonly diskBytes: number;
  /** Of what a process says, where it is gathered. */
  readonly outputBytes: number;
  /** Of silence, before the other side is given up. */
  readonly stallSeconds: number;
};
/** An unprivileged user to be. */
export type As = { readonly uid: number; readonly gid: number };
export type Running = { readonly input: Writable; readonly output: Readable; /** Resolves when it ended well; rejects with what it said when it did not. */ readonly done: Promise<void> };
/** It ended badly; what it said is for `failureOf` only. */
export class GitFailed extends Error {
  override readonly name = 'GitFailed';
  readonly stderr: string;
  constructor(stderr: string) {
    super('git ended badly');
    this.stderr = stderr;
  }
}

const lookAtDiskMs = 200;
const closeMaxMs = 1_000;
const stderrMax = 16_384;
const mebibyte = 1024 * 1024;

/** Nothing from the machine's or anybody's configuration counts; only https, no hooks, no helpers, no prompts, no other machine's word for where to go. */
const fixed = (stallSeconds: number): readonly string[] => [
  'protocol.allow=never', 'protocol.https.allow=always', 'protocol.version=2', 'http.followRedirects=false', 'http.sslVerify=true', 'http.proxy=', 'http.lowSpeedLimit=1000', `http.lowSpeedTime=${stallSeconds}`, 'http.saveCookies=false',
  'credential.helper=', 'credential.interactive=false', 'core.askPass=', 'core.hooksPath=/dev/null', 'core.symlinks=false', 'core.fsmonitor=false', 'core.sshCommand=false', 'core.attributesFile=/dev/null', 'core.bigFileThreshold=16m', 'core.alternateRefsCommand=false',
  'submodule.recurse=false', 'fetch.recurseSubmodules=false', 'fetch.unpackLimit=1', 'transfer.unpackLimit=1', 'fetch.writeCommitGraph=false', 'fetch.uriProtocols=', 'transfer.bundleURI=false', 'gc.auto=0', 'maintenance.auto=false', 'pack.threads=1', 'init.templateDir=', 'init.defaultBranch=main',
].flatMap((setting) => ['-c', setting]);
/** Answers git's question out of a pipe that only it holds: no file, no argument and no variable ever has the token. */
const fromPipe = ['-c', 'credential.helper=!f() { test "$1" = get && cat <&3; }; f'];

/** Runs under limits that the kernel keeps: file size, processor time, memory; no core dumps. A system without one of them goes without. */
const limited = (diskBytes: number, seconds: number): string =>
  `ulimit -c 0; ulimit -f ${Math.ceil(diskBytes / 512)}; ulimit -t ${Math.max(1, Math.ceil(seconds))}; ulimit -v ${(2 * 1024 * mebibyte) / 1024} 2>/dev/null; exec "$@"`;

const sizeOf = async (folder: string): Promise<number> => {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (entry.isFile()) bytes += await stat(join(entry.parentPath, entry.name)).then(({ size }) => size, () => 0);
  }
  return bytes;
};

export class GitErrand {
  readonly folder: string;
  readonly #as: As | undefined;
  readonly #limits: ErrandLimits;
  readonly #settings: readonly string[];
  readonly #children = new Set<ChildProcess>();
  readonly #ended = new Set<Promise<unknown>>();
  readonly #timer: NodeJS.Timeout;
  readonly #watch: NodeJS.Timeout;
  #looking = false;
  /** Why it was broken off. */
  #stopped: Error | undefined;

  /** `settings` are git's, `name=value`, and win over the fixed ones. */
  constructor(base: string, limits: ErrandLimits, as: As | undefined, settings: readonly string[], authority: string) {
    this.folder = mkdtempSync(join(base, 'errand-'));
    if (as) chownSync(this.folder, as.uid, as.gid);
    this.#as = as;
    this.#limits = limits;
    this.#settings = settings.flatMap((setting) => ['-c', setting]);
    this.#timer = setTimeout(() => this.stop(new HostUnavailable(`${authority} took longer than ${Math.round(limits.timeoutMs / 1_000)} seconds`)), limits.timeoutMs).unref();
    this.#watch = setInterval(() => void this.#lookAtDisk(), lookAtDiskMs).unref();
  }

  /** Throws why the errand was broken off, if it was. */
  check(): void {
    if (this.#stopped) throw this.#stopped;
  }

  start(args: readonly string[], credential?: GitCredential): Running {
    this.check();
    const { timeoutMs, diskBytes, stallSeconds } = this.#limits;
    const all = ['-c', limited(diskBytes, timeoutMs / 1_000), 'sh', 'git', ...fixed(stallSeconds), ...this.#settings, ...(credential ? fromPipe : []), ...args];
    const child = spawn('/bin/sh', all, {
      cwd: this.folder, detached: true, ...this.#as, stdio: ['pipe', 'pipe', 'pipe', credential ? 'pipe' : 'ignore'],
      env: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: this.folder, TMPDIR: this.folder, LC_ALL: 'C', GIT_DIR: join(this.folder, 'repository'), GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_SYSTEM: '/dev/null', GIT_CONFIG_GLOBAL: '/dev/null', GIT_ATTR_NOSYSTEM: '1',
        GIT_ALLOW_PROTOCOL: 'https', GIT_PROTOCOL_FROM_USER: '0', GIT_TERMINAL_PROMPT: '0', GIT_NO_REPLACE_OBJECTS: '1', GIT_NO_LAZY_FETCH: '1', GIT_LFS_SKIP_SMUDGE: '1', GIT_OPTIONAL_LOCKS: '0', GIT_CEILING_DIRECTORIES: this.folder,
      },
    });
    this.#children.add(child);
    const done = this.#ending(child);
    this.#ended.add(done);
    done.catch(() => undefined).finally(() => this.#ended.delete(done));
    child.stdin?.on('error', () => undefined); // it may end before it has read everything
    const pipe = child.stdio[3] as Writable | null;
    pipe?.on('error', () => undefined);
    if (credential) pipe?.end(`username=${credential.username ?? 'x-access-token'}\npassword=${credential.token}\n`);
    return { input: child.stdin as Writable, output: child.stdout as Readable, done };
  }

  /** Runs to its end; answers what it said. */
  async run(args: readonly string[], credential?: GitCredential): Promise<string> {
    const { input, output, done } = this.start(args, credential);
    input.end();
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of output as AsyncIterable<Buffer>) {
      if ((bytes += chunk.length) > this.#limits.outputBytes) this.stop(refused('SourceTooBig', 'the repository has too many branches and tags, or too many files'));
      chunks.push(chunk);
    }
    await done;
    return Buffer.concat(chunks).toString('utf8');
  }

  /** Ends every process at once; whoever waits learns why. */
  stop(why: Error): void {
    this.#stopped ??= why;
    for (const child of this.#children) endGroup(child);
  }
  /** Resolves when no process and no file is left. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    this.stop(new HostUnavailable('the errand is over'));
    await Promise.allSettled(this.#ended);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #ending(child: ChildProcess): Promise<void> {
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-stderrMax)));
    return new Promise<void>((resolve, reject) => {
      child.once('error', (error) => {
        this.#children.delete(child);
        reject(error);
      });
      // What it started may still hold its pipes: then its group still exists, and ends now.
      child.once('exit', () => setTimeout(() => this.#children.has(child) && endGroup(child), closeMaxMs).unref());
      child.once('close', (code, signal) => {
        this.#children.delete(child);
        if (this.#stopped) return reject(this.#stopped);
        if (code === 0) return resolve();
        reject(signal === 'SIGXFSZ' || /File size limit|file too large/i.test(stderr) ? this.#tooBig() : new GitFailed(stderr));
      });
    });
  }
  async #lookAtDisk(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    if ((await sizeOf(this.folder)) > this.#limits.diskBytes) this.stop(this.#tooBig());
    this.#looking = false;
  }
  #tooBig(): Error {
    return refused('SourceTooBig', `the repository takes more than ${Math.round(this.#limits.diskBytes / mebibyte)} MiB`);
  }
}

const endGroup = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // gone already
  }
};
