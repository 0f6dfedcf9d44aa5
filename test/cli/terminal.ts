/** A real terminal for a program under test: `script` of util-linux, which every Debian has, gives it one and passes its exit code on. */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const found = (program: string, args: readonly string[], says: RegExp): boolean => {
  try {
    return says.test(execFileSync(program, [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return false;
  }
};
/** False, or why a test that needs it is skipped. */
export const withoutTerminal = found('script', ['--version'], /util-linux/) ? false : 'SKIPPED: there is no script(1) of util-linux here, so nothing is tried on a terminal';
export const without = (shell: string): string | false => (found(shell, ['--version'], /\d/) ? false : `SKIPPED: ${shell} is not installed here (apt install ${shell})`);

const lookAgainMs = 5;
const waitMaxMs = 20_000;
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
export class Terminal {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  /** Everything that has appeared. */
  screen = '';
  constructor(command: readonly string[], environ: NodeJS.ProcessEnv, columns = 80) {
    const line = `stty cols ${columns} rows 24; exec ${command.map(quoted).join(' ')}`;
    this.child = spawn('script', ['-qfec', line, '/dev/null'], { env: { TERM: 'xterm', SHELL: '/bin/sh', ...environ }, stdio: 'pipe' });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.screen += text));
    this.child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }
  /** Keys as they are pressed; `\r` is Enter, `\t` Tab, `\x03` Ctrl-C. */
  press(keys: string): void {
    this.child.stdin.write(keys);
  }
  /** Until this has appeared (again, after `from`), or the program has ended. */
  async shows(text: string | RegExp, from = 0): Promise<void> {
    let over = false;
    void this.ended.then(() => (over = true));
    const seen = () => (typeof text === 'string' ? this.screen.slice(from).includes(text) : text.test(this.screen.slice(from)));
    for (let waitedMs = 0; !seen(); waitedMs += lookAgainMs) {
      if (over || waitedMs > waitMaxMs) throw new Error(`${over ? 'ended' : 'stood still'} without showing ${String(text)}; the screen:\n${this.screen}`);
      await sleep(lookAgainMs);
    }
  }
  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
  }
}
