/** A read model rebuilt over a million events, against the plainest fold into a table, and against emmett-sqlite's projection. */
import { withFolder } from './folder.ts';
import { million } from './million.ts';
import { inTurns, rowOf, type Row } from './measure.ts';
import { emmettFolder } from './peers/install.ts';
import { outcomeOf } from './processes.ts';

const rssMaxMiB = 300;
const rounds = 5;
const model = 'subscriptions';
const eventsPeer = 20_000;

const rateOf = (file: string, ...args: readonly string[]): number => {
  const { events, seconds } = outcomeOf(file, ...args);
  return events / seconds;
};
const rebuilt = (data: string): { readonly rate: number; readonly rssMiB: number } => {
  const { events, seconds, rssMiB = 0, equal } = outcomeOf('bench/rebuild-once.js', data, model);
  if (equal !== true) throw new Error('the rebuilt model differs');
  return { rate: events / seconds, rssMiB };
};
const withMillion = (work: (folder: string, data: string) => Promise<Row[]>): Promise<Row[]> => withFolder(async (folder) => work(folder, (await million()).data));
const sentOurs = 'a stopped folder with a million events of 10,000 accounts, pages of 1,000, compared with the live model and swapped';

export const rebuildRows = (): Promise<Row[]> => withMillion(async (folder, data) => {
  let rssMiB = 0;
  const ours = (): number => {
    const once = rebuilt(data);
    rssMiB = Math.max(rssMiB, once.rssMiB);
    return once.rate;
  };
  const found = await inTurns({ ours, floor: () => rateOf('bench/floors/rebuild.js', data, folder), rounds });
  const facts = { name: `rebuild of '${model}' over 1,000,000 events`, goal: 0.5, better: 'higher', unit: '1/s', sent: `${sentOurs}, against a raw fold into a table; resident memory at most ${rssMiB} MiB of ${rssMaxMiB}` } as const;
  return [rowOf({ ...facts, ...(rssMiB > rssMaxMiB ? { void: `it held ${rssMiB} MiB` } : {}) }, found)];
});

export const rebuildPeerRows = async (): Promise<Row[]> => {
  const facts = {
    name: `rebuild of '${model}', against emmett-sqlite's projection`, goal: 50, better: 'higher', unit: '1/s',
    sent: `${sentOurs}, against emmett-sqlite's consumer with one statement an event into a table, over ${eventsPeer.toLocaleString('en')} such events in one batch`,
  } as const;
  const peer = emmettFolder();
  if ('why' in peer) return [rowOf({ ...facts, void: peer.why }, [{ ours: 0, floor: 0 }])];
  return withMillion(async (folder, data) => [rowOf(facts, await inTurns({ ours: () => rebuilt(data).rate, floor: () => rateOf('bench/peers/projection.js', peer.folder, folder, `${eventsPeer}`) }))]);
};
