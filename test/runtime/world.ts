/** Real processes on a local runtime of a test's own, in a folder that every user may pass through. */
import { chmod, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { filesTgz, pieces } from '../contracts/source-store.archives.ts';
import { Reports } from '../contracts/runtime.contract.ts';
import { LocalRuntime, type LocalRuntimeOptions } from '../../src/adapters/runtime/local.ts';
import { DiskSourceStore } from '../../src/adapters/runtime/source-store.ts';
import type { Settings } from '../../src/adapters/runtime/supervisor/order.ts';
import { SystemClock } from '../../src/adapters/system/clock.ts';
import type { WorkloadId } from '../../src/domain/ids.ts';

export const quick: Settings = { graceMs: 400, runningAfterMs: 50, healthyMs: 60_000, restartDelayMs: 20, restartDelayMaxMs: 100, buildMaxMs: 60_000, provenAfterMs: 60, provenMaxMs: 5_000, measureMs: 50, logBytes: 10_000_000, logFiles: 5 };
export const linux = process.platform === 'linux';
export const root = linux && process.getuid?.() === 0;
/** This process's alone: a keeper ends whatever runs as its workload's user. */
export const users = { from: 220_000 + (process.pid % 1_000) * 50, to: 220_049 + (process.pid % 1_000) * 50 };

export type Options = Partial<LocalRuntimeOptions>;
export type LocalWorld = {
  readonly folder: string;
  readonly runtime: LocalRuntime;
  readonly reports: Reports;
  readonly put: (files: Readonly<Record<string, string>>) => Promise<string>;
  readonly again: () => LocalRuntime;
  /** The process that keeps the workload. */
  readonly supervisorOf: (workload: WorkloadId) => Promise<number>;
  /** Its folder. */
  readonly own: (workload: WorkloadId, ...parts: string[]) => string;
};
export const lives = (pid: number): Promise<boolean> => readFile(`/proc/${pid}/stat`, 'utf8').then((text) => !text.includes(') Z '), () => false);
export const userOf = async (pid: number): Promise<number> => (await stat(`/proc/${pid}`)).uid;
/** Processes with this in their command line. */
export const processesWith = async (text: string): Promise<readonly number[]> => {
  const found: number[] = [];
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) if ((await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).includes(text) && (await lives(Number(name)))) found.push(Number(name));
  return found.filter((pid) => pid !== process.pid);
};

const supervisorIn = async (own: string): Promise<number> => {
  for (const name of await readdir('/proc')) {
    const [cwd, line] = await Promise.all([readlink(`/proc/${name}/cwd`).catch(() => ''), readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')]);
    if (cwd === own && line.includes('supervisor/main')) return Number(name);
  }
  throw new Error(`${own} has no supervisor`);
};

const open = async (options: Options): Promise<LocalWorld & { readonly close: () => Promise<void> }> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-local-'));
  await chmod(folder, 0o711);
  const sources = new DiskSourceStore(join(folder, 'sources'));
  const { settings, ...rest } = options;
  const opened: LocalRuntime[] = [];
  const again = (): LocalRuntime => {
    opened.push(new LocalRuntime({ folder: join(folder, 'workloads'), sources, clock: new SystemClock(), settings: { ...quick, ...settings }, ...rest }));
    return opened.at(-1) as LocalRuntime;
  };
  const own = (workload: WorkloadId, ...parts: string[]): string => join(folder, 'workloads', workload, ...parts);
  const runtime = again();
  const close = async (): Promise<void> => {
    for (const one of opened) await one.close();
    const last = again();
    for (const workload of new Set((await last.list()).map((report) => report.workload))) await last.remove(workload);
    await last.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  return { folder, runtime, reports: new Reports(runtime), put: async (files) => (await sources.put(pieces(await filesTgz(files)))).digest, again, own, supervisorOf: (workload) => supervisorIn(own(workload)), close };
};

/** A test with such a world; `needs` says what it cannot do without. */
export const local = (text: string, run: (world: LocalWorld) => Promise<void>, options: Options & { readonly needs?: boolean | undefined; readonly without?: string } = {}): void => {
  const { needs = linux, without = 'looks into /proc', ...more } = options;
  test(text, { timeout: 60_000, skip: needs ? false : `skipped: ${without}` }, async () => {
    const world = await open(more);
    try {
      await run(world);
    } finally {
      await world.close();
    }
  });
};
