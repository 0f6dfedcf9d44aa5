/** Asks the gate at fixed instants, whether earlier questions are answered or not; in a process of its own, which nothing else can make late. */
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { asking, must } from './asking.ts';
import { answerOf, built } from './processes.ts';

export const perSecond = 1_000;
const durationDefaultMs = 4_000;
const connections = 32;
interface Job {
  readonly port: number;
  readonly tokens: readonly string[];
  readonly durationMs: number;
}

/**
 * 99th percentile in milliseconds. How late the timer here is counts, too: a client that never sleeps would be punctual, and would take
 * a core from the server, which has threads that sync and collect.
 */
const p99 = async ({ port, tokens, durationMs }: Job): Promise<number> => {
  const ask = asking(port, connections);
  const found: number[] = [];
  const asked: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let n = 0; n < (durationMs / 1_000) * perSecond; n += 1) {
    const dueAt = startedAt + (n * 1_000) / perSecond;
    while (performance.now() < dueAt) await sleep(1);
    asked.push(must(ask({ path: '/gate?action=run', token: tokens[n % tokens.length] ?? '' })).then(() => void found.push(performance.now() - dueAt)));
  }
  await Promise.all(asked);
  return found.sort((a, b) => a - b)[Math.floor(found.length * 0.99)] ?? Number.NaN;
};

export class OpenLoop {
  readonly #child = fork(built('bench/open-loop.js'), { serialization: 'advanced' });
  readonly #port: number;
  readonly #tokens: readonly string[];
  constructor(port: number, tokens: readonly string[]) {
    this.#port = port;
    this.#tokens = tokens;
  }
  async p99(durationMs = durationDefaultMs): Promise<number> {
    const found = await answerOf<number | string>(this.#child, { port: this.#port, tokens: this.#tokens, durationMs } satisfies Job);
    if (typeof found === 'string') throw new Error(found);
    return found;
  }
  stop(): void {
    this.#child.disconnect();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.on('message', (job: Job) => void p99(job).then((found) => process.send?.(found), (error: unknown) => process.send?.(String(error))));
  process.on('disconnect', () => process.exit(0));
}
