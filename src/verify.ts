/**
 * `node dist/src/verify.js DATA`: verifies the log of a data folder without starting anything on it, also one that is stopped
 * for good. Prints JSON lines: progress, each damaged event by stream and revision, and what was found at the end. Exits with 1
 * when something is damaged, with 2 when the folder cannot be read.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ChainCheck, type Damage } from './adapters/event-store/chain-check.ts';
import type { StreamName } from './domain/ids.ts';

const progressEvery = 50_000;
type Row = { readonly stream: string; readonly revision: number; readonly id: string; readonly type: string; readonly data: string; readonly meta: string };

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** Answers what is damaged; `tell` hears of each as it is found, and of progress. */
export const verifyFolder = (data: string, tell: (line: object) => void): { readonly events: number; readonly streams: number; readonly damaged: readonly Damage[] } => {
  const database = new DatabaseSync(join(data, 'events.db'), { readOnly: true });
  const check = new ChainCheck();
  const damaged: Damage[] = [];
  const found = (damage: Damage): void => {
    damaged.push(damage);
    tell({ damaged: damage });
  };
  let last: Row | undefined;
  try {
    const rows = database.prepare('SELECT name AS stream, revision, id, type, data, meta FROM events JOIN streams ON key = stream ORDER BY position').iterate();
    for (const row of rows as IterableIterator<Row & Record<string, never>>) {
      last = row;
      const damage = check.check({ ...row, stream: row.stream as StreamName });
      if (damage) found(damage);
      if (check.events % progressEvery === 0) tell({ events: check.events });
    }
  } catch (error) {
    found({ stream: last?.stream ?? '', revision: last?.revision ?? -1, problem: `the file cannot be read behind this event: ${error instanceof Error ? error.message : String(error)}` });
  } finally {
    database.close();
  }
  return { events: check.events, streams: check.streams, damaged };
};

if (process.argv[1] === import.meta.filename) {
  const [data] = process.argv.slice(2);
  if (data === undefined || !existsSync(join(data, 'events.db'))) {
    process.stderr.write(`there is no log in ${data ?? 'no folder'}; give a data folder\n`);
    process.exit(2);
  }
  try {
    const { events, streams, damaged } = verifyFolder(data, say);
    say({ done: true, ok: damaged.length === 0, events, streams, failures: damaged });
    process.exitCode = damaged.length === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${data} cannot be verified: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
