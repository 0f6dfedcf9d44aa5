/** A read model rebuilt over a million events, against the plainest fold into a table. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillWithMillions } from './million.ts';
import { inTurns, progress, rowOf, type Row } from './measure.ts';
import { built } from './processes.ts';
import { makeWorld } from './world.ts';

const rssMaxMiB = 300;
const rounds = 3;
const model = 'subscriptions';
type Done = { readonly events: number; readonly seconds: number; readonly rssMiB?: number; readonly equal?: boolean };
const run = (file: string, ...args: readonly string[]): Done => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [built(file), ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Done;
};

export const rebuildRows = async (): Promise<Row[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-bench-'));
  try {
    const data = join(folder, 'data');
    await makeWorld(data, { plans: 1, customers: 0 });
    progress('  writing a million events ...');
    await fillWithMillions(data);
    let rssMiB = 0;
    const ours = (): number => {
      const done = run('bench/rebuild-once.js', data, model);
      if (done.equal !== true) throw new Error('the rebuilt model differs');
      rssMiB = Math.max(rssMiB, done.rssMiB ?? 0);
      return done.events / done.seconds;
    };
    const floor = (): number => {
      const done = run('bench/floors/rebuild.js', data, folder);
      return done.events / done.seconds;
    };
    const found = await inTurns({ ours, floor, rounds });
    const facts = { name: `rebuild of '${model}' over 1,000,000 events`, goal: 0.5, better: 'higher', unit: '1/s', sent: `a stopped folder with a million events of 10,000 accounts, pages of 1,000, compared with the live model and swapped, against a raw fold into a table; resident memory at most ${rssMiB} MiB of ${rssMaxMiB}` } as const;
    return [rowOf({ ...facts, ...(rssMiB > rssMaxMiB ? { void: `it held ${rssMiB} MiB` } : {}) }, found)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
