/** Runs the real program in a process of its own, with its own config folder. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { catalogSample } from './catalog-sample.ts';
import type { Config } from '../../cli/config-file.ts';

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const mainPath = fileURLToPath(new URL(`../../cli/main.${extension}`, import.meta.url));
/** The clone's own folder, also from the compiled tests. */
export const checkout = ((): string => {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) folder = new URL('..', folder);
  return fileURLToPath(folder);
})();

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export class Run {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  #waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  constructor(args: readonly string[], environ: NodeJS.ProcessEnv) {
    // With --, as scripts/tollgate.mjs starts it: Node would take our --env-file for its own.
    this.child = spawn(process.execPath, ['--', mainPath, ...args], { env: environ, stdio: 'pipe' });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#waiting = this.#waiting.filter((wait) => !this.stderr.includes(wait.text) || void wait.resolve());
    });
    this.child.stdin.on('error', () => undefined); // it may end before it has read everything
    this.ended = new Promise((resolve) => this.child.once('close', (code) => {
      for (const { resolve: go } of this.#waiting) go();
      resolve({ code, stdout: this.stdout, stderr: this.stderr });
    }));
  }
  type(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }
  endInput(): void {
    this.child.stdin.end();
  }
  /** Until it has said this on stderr, or has ended. */
  said(text: string): Promise<void> {
    return this.stderr.includes(text) ? Promise.resolve() : new Promise((resolve) => void this.#waiting.push({ text, resolve }));
  }
}

/** One person's machine. */
export class Machine {
  readonly home = mkdtempSync(join(tmpdir(), 'tollgate-cli-'));
  readonly configFile = join(this.home, 'tollgate', 'config.json');
  readonly environ: Record<string, string>;
  constructor(more: Readonly<Record<string, string>> = {}) {
    const catalog = join(this.home, 'catalog.json');
    writeFileSync(catalog, JSON.stringify(catalogSample));
    const { PATH = '', TZ = 'UTC' } = process.env;
    this.environ = { PATH, TZ, HOME: this.home, XDG_CONFIG_HOME: this.home, XDG_CACHE_HOME: join(checkout, 'dist'), TOLLGATE_CATALOG_FILE: catalog, ...more };
  }
  start(args: readonly string[], more: Readonly<Record<string, string>> = {}): Run {
    return new Run(args, { ...this.environ, ...more });
  }
  run(args: readonly string[], input = '', more: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const run = this.start(args, more);
    run.child.stdin.end(input);
    return run.ended;
  }
  config(): Config {
    return JSON.parse(readFileSync(this.configFile, 'utf8')) as Config;
  }
  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
export const firstLine = (text: string): string => text.split('\n')[0] ?? '';
