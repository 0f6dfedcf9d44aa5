/** A real nginx with the configuration that docs/api.md shows, as a process and in a folder of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../docs/render.ts';

const program = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'].find((path) => existsSync(path));
/** False where it can run, else why the tests of it are skipped. */
export const withoutNginx: string | false = program === undefined ? 'NGINX IS MISSING: forward-auth is not tried (Debian: apt-get install nginx-light)' : false;

/** The `server` block a reader of the documentation copies. */
export const documented = (): string => /```nginx\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/api.md'), 'utf8'))?.[1] ?? '';

const freePort = (): Promise<number> => new Promise((resolve, reject) => {
  const server = createServer();
  server.once('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    server.close(() => resolve(port));
  });
});
const answers = (port: number): Promise<boolean> => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1', () => {
    socket.destroy();
    resolve(true);
  }).once('error', () => resolve(false));
});

export type Nginx = { readonly url: string; stop(): Promise<void>; errors(): Promise<string> };
/** In front of `upstream`, asking `tollgate`; both like http://127.0.0.1:PORT. `change` edits the documented block. */
export const startNginx = async (tollgate: string, upstream: string, change: (block: string) => string = (block) => block): Promise<Nginx> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-nginx-'));
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'temp'));
  const port = await freePort();
  const block = change(documented()).replace('listen 8080', `listen 127.0.0.1:${port}`).replaceAll('http://127.0.0.1:9000', upstream).replaceAll('http://127.0.0.1:8081', tollgate);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${join(folder, 'temp', name)};`).join('\n');
  await writeFile(join(folder, 'nginx.conf'), `daemon off;\nworker_processes 1;\npid ${join(folder, 'nginx.pid')};\nerror_log ${join(folder, 'error.log')};\nevents { worker_connections 64; }\nhttp {\n  access_log off;\n${temp}\n${block}\n}\n`);
  const child: ChildProcess = spawn(program as string, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await gone;
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (child.exitCode !== null || tries > 200) {
      await stop();
      throw new Error(`nginx did not start: ${complaint}`);
    }
    await sleep(25);
  }
  return { url: `http://127.0.0.1:${port}`, stop, errors: () => readFile(join(folder, 'error.log'), 'utf8') };
};
