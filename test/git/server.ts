/**
 * A real git server on loopback: git's own `http-backend` behind https, with basic authentication and ways to misbehave.
 * Its name is none that the world knows: `lookup` makes it 127.0.0.1 for whom it is handed to.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { selfSigned } from './certificate.ts';

/** Answers instead of git; false lets git answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
export type Files = Readonly<Record<string, string | Uint8Array | { readonly link: string }>>;

const quiet = { stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] };
const clean = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', GIT_AUTHOR_NAME: 'Ada', GIT_AUTHOR_EMAIL: 'ada@example.com', GIT_COMMITTER_NAME: 'Ada', GIT_COMMITTER_EMAIL: 'ada@example.com' };

/** One bare repository on the server's disk, written with plumbing: nothing a client would refuse to make is refused here. */
export class GitRepo {
  readonly folder: string;
  readonly url: string;
  constructor(folder: string, url: string) {
    this.folder = folder;
    this.url = url;
  }
  git(args: readonly string[], input?: string | Uint8Array, environment: Readonly<Record<string, string>> = {}): string {
    return execFileSync('git', ['--git-dir', this.folder, ...args], { ...quiet, ...(input === undefined ? {} : { input, stdio: ['pipe', 'pipe', 'pipe'] }), env: { ...clean, ...environment }, maxBuffer: 1e9 }).toString().trim();
  }
  config(name: string, value: string): void {
    this.git(['config', name, value]);
  }
  blob(content: string | Uint8Array): string {
    return this.git(['hash-object', '-w', '--stdin'], content);
  }
  /** A commit of a tree, on nothing. */
  commitTree(tree: string, message = 'a commit', parent?: string): string {
    return this.git(['commit-tree', tree, '-m', message, ...(parent === undefined ? [] : ['-p', parent])]);
  }
  /** Entries as `git mktree` takes them; what it would refuse goes through `--literally`. */
  tree(entries: readonly (readonly [mode: string, id: string, name: string])[]): string {
    const bytes = Buffer.concat(entries.map(([mode, id, name]) => Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')])));
    return this.git(['hash-object', '-w', '--literally', '-t', 'tree', '--stdin'], bytes);
  }
  /** Files of a whole new state of `branch`; answers the commit. */
  commit(files: Files, { branch = 'main', message = 'a commit' }: { readonly branch?: string; readonly message?: string } = {}): string {
    const work = mkdtempSync(join(tmpdir(), 'tollgate-git-work-'));
    try {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(work, name)), { recursive: true });
        if (typeof content === 'object' && 'link' in content) symlinkSync(content.link, join(work, name));
        else writeFileSync(join(work, name), content, { mode: String(content).startsWith('#!') ? 0o755 : 0o644 });
      }
      const here = { GIT_INDEX_FILE: `${work}.index`, GIT_WORK_TREE: work };
      execFileSync('git', ['--git-dir', this.folder, 'add', '--force', '--all', '--', '.'], { ...quiet, cwd: work, env: { ...clean, ...here } });
      const parent = this.find(`refs/heads/${branch}`);
      const commit = this.commitTree(this.git(['write-tree'], undefined, here), message, parent);
      this.git(['update-ref', `refs/heads/${branch}`, commit]);
      return commit;
    } finally {
      rmSync(work, { recursive: true, force: true });
      rmSync(`${work}.index`, { force: true });
    }
  }
  find(ref: string): string | undefined {
    try {
      return this.git(['rev-parse', '--verify', '--quiet', ref]);
    } catch {
      return undefined;
    }
  }
  tag(name: string, commit: string, annotated = false): void {
    if (annotated) this.git(['tag', '-a', '-m', name, '--', name, commit]);
    else this.git(['tag', '--', name, commit]);
  }
}

export type GitServer = {
  /** `git.test:PORT`: what an allow list names. */
  readonly host: string;
  readonly port: number;
  /** PEM file of the authority that signed its certificate. */
  readonly caFile: string;
  /** What came, newest last: method, path and query, and the user name of basic authentication. */
  readonly requests: readonly { readonly method: string; readonly url: string; readonly user?: string; readonly password?: string }[];
  /** Names the server has a certificate for, all of them 127.0.0.1. */
  readonly lookup: (host: string) => Promise<readonly string[]>;
  create(name: string): GitRepo;
  /** From now on everything below `/name` needs this user and password. */
  protect(name: string, user: string, password: string): void;
  misbehave(fault: Fault | undefined): void;
  /** Forgets the protocol version that clients ask for: an old server. */
  old: boolean;
  close(): Promise<void>;
};

export const gitInstalled = (() => {
  try {
    execFileSync('git', ['--version'], quiet);
    return true;
  } catch {
    return false;
  }
})();

/** Runs git's CGI program for one request. */
const backend = (root: string, request: IncomingMessage, response: ServerResponse, user: string | undefined, old: boolean): ChildProcess => {
  const url = new URL(request.url ?? '/', 'https://git.test');
  const header = (name: string) => String(request.headers[name] ?? '');
  const child = spawn('git', ['http-backend'], {
    env: {
      ...clean, GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: decodeURIComponent(url.pathname), QUERY_STRING: url.search.slice(1), REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: header('content-type'), HTTP_CONTENT_ENCODING: header('content-encoding'), ...(header('content-length') ? { CONTENT_LENGTH: header('content-length') } : {}), ...(old ? {} : { GIT_PROTOCOL: header('git-protocol') }), ...(user === undefined ? {} : { REMOTE_USER: user }),
      GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  let head: Buffer | undefined = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    if (head === undefined) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const [, name = '', value = ''] = /^([^:]+): (.*)$/.exec(line) ?? [];
      if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10);
      else if (name !== '') response.setHeader(name, value);
    }
    response.write(head.subarray(end + 4));
    head = undefined;
  });
  child.on('close', () => response.end());
  response.on('close', () => child.kill('SIGKILL'));
  return child;
};

export const startGitServer = async (): Promise<GitServer> => {
  const root = mkdtempSync(join(tmpdir(), 'tollgate-git-server-'));
  chmodSync(root, 0o755); // git runs as nobody and reads the certificate
  const names = ['git.test', 'other.test', 'localhost'];
  const { cert, key } = selfSigned(names);
  const caFile = join(root, 'ca.pem');
  writeFileSync(caFile, cert);
  const requests: { method: string; url: string; user?: string; password?: string }[] = [];
  const guarded = new Map<string, { user: string; password: string }>();
  const children = new Set<ChildProcess>();
  const sockets = new Set<Socket>();
  let fault: Fault | undefined;
  let old = false;
  const listen = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, basic] = /^Basic (.*)$/.exec(request.headers.authorization ?? '') ?? [];
    const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(basic ?? '', 'base64').toString()) ?? [];
    requests.push({ method: request.method ?? '', url: request.url ?? '', ...(user === undefined ? {} : { user, password: password ?? '' }) });
    if (fault && (await fault(request, response))) return;
    const wanted = guarded.get((request.url ?? '').split('/')[1] ?? '');
    if (wanted && (user !== wanted.user || password !== wanted.password)) return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?');
    const child = backend(root, request, response, user, old);
    children.add(child);
    child.once('close', () => children.delete(child));
  };
  const server = createServer({ cert, key }, (request, response) => void listen(request, response).catch(() => response.destroy()));
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const host = `git.test:${port}`;
  return {
    host, port, caFile, requests,
    get old() {
      return old;
    },
    set old(value) {
      old = value;
    },
    lookup: async (name) => {
      if (names.includes(name)) return ['127.0.0.1'];
      throw Object.assign(new Error(`there is no ${name} here`), { code: 'ENOTFOUND' });
    },
    create: (name) => {
      const folder = join(root, name);
      execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', folder], { ...quiet, env: clean });
      return new GitRepo(folder, `https://${host}/${name}`);
    },
    protect: (name, user, password) => void guarded.set(name, { user, password }),
    misbehave: (next) => {
      fault = next;
    },
    close: async () => {
      for (const child of children) child.kill('SIGKILL');
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      while (children.size > 0) await sleep(5);
      rmSync(root, { recursive: true, force: true });
    },
  };
};
