/** The console blocks of a page, typed into one shell against a real server, as somebody does who follows it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './render.ts';

export type Step = { readonly command: string; readonly output: readonly string[] };
/** Lines that begin with `$ ` are commands, those below each are what it prints. */
export const stepsIn = (page: string): readonly Step[] => [...readFileSync(join(root, page), 'utf8').matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trimEnd().split('\n').reduce<{ command: string; output: string[] }[]>((all, line) => {
  if (line.startsWith('$ ')) all.push({ command: line.slice(2), output: [] });
  else all.at(-1)?.output.push(line);
  return all;
}, []));

/** A server process on a folder of its own; resolves once it is ready. */
export const startServer = (data: string): Promise<{ readonly origin: string; stop(): Promise<void> }> => new Promise((resolve, reject) => {
  const server = spawn(process.execPath, [join(root, 'dist/src/main.js'), '--port', '0', '--data', data, '--stop-workloads'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  const gone = new Promise<void>((ended) => server.once('exit', () => ended()));
  server.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  server.stdout.on('data', (chunk: Buffer) => {
    const origin = /ready at (\S+)/.exec(chunk.toString())?.[1];
    if (origin === undefined) return;
    server.removeAllListeners('exit');
    resolve({
      origin, stop: async () => {
        const over = new Promise<void>((ended) => (server.exitCode === null ? server.once('exit', () => ended()) : ended()));
        server.kill('SIGTERM');
        await over;
      },
    });
  });
  void gone.then(() => reject(new Error(errors)));
});

/** One shell, so that a variable set by one line is there for the next. */
export class Shell {
  readonly #child: ChildProcess;
  #printed = '';
  #serial = 0;
  #wake = (): void => undefined;
  constructor(folder: string) {
    this.#child = spawn('bash', ['--norc', '--noprofile'], { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C.UTF-8' }, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (chunk: Buffer) => {
      this.#printed += chunk.toString();
      this.#wake();
    });
  }
  /** What the line prints, its errors included. */
  async type(line: string): Promise<string> {
    this.#serial += 1;
    const end = `--end of line ${this.#serial}--`;
    this.#child.stdin?.write(`${line}\nprintf '\\n%s\\n' '${end}'\n`);
    while (!this.#printed.includes(`\n${end}\n`)) await new Promise<void>((resolve) => (this.#wake = resolve));
    const [text = '', ...rest] = this.#printed.split(`\n${end}\n`);
    this.#printed = rest.join(`\n${end}\n`);
    return text;
  }
  close(): void {
    this.#child.stdin?.end();
  }
}
