/** `npm run bench [-- --json] [-- --only NAME]`: every goal of the design's PERFORMANCE page, each as a ratio within this run. */
import { parseArgs } from 'node:util';
import { appendPeerRows, appendRows } from './append.ts';
import { eventStoreDbRows } from './eventstoredb.ts';
import { httpRows } from './http.ts';
import { lapseRows } from './lapse.ts';
import { mongoDbRows } from './mongodb.ts';
import { progress, reached, type Row } from './measure.ts';
import { rebuildPeerRows, rebuildRows } from './rebuild.ts';
import { cliRows, startMillionRows, startRows } from './starting.ts';
import { busyGateRows, latencyRows, slowDiskRows } from './waiting.ts';

/** What `--only` takes: a part of the rows that share their preparation. */
const parts: Readonly<Record<string, () => Promise<Row[]>>> = {
  append: appendRows,
  'append-peer': appendPeerRows,
  eventstoredb: eventStoreDbRows,
  mongodb: mongoDbRows,
  command: () => httpRows(['command']),
  gate: () => httpRows(['gate']),
  webhook: () => httpRows(['webhook']),
  cli: cliRows,
  start: startRows,
  'start-million': startMillionRows,
  rebuild: rebuildRows,
  'rebuild-peer': rebuildPeerRows,
  latency: latencyRows,
  'busy-gate': busyGateRows,
  'slow-disk': slowDiskRows,
  lapse: lapseRows,
};

const shown = (value: number): string => (value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toFixed(value < 10 ? 2 : 1));
const table = (rows: readonly Row[]): string => {
  const lines = [['row', 'ours', 'floor', 'unit', 'ratio', 'goal', 'reached'], ...rows.map((row) => [
    row.name, shown(row.ours), shown(row.floor), row.unit, row.void === undefined ? row.ratio.toFixed(2) : 'void', `${row.better === 'higher' ? '>=' : '<='} ${row.goal}`, reached(row) ? 'yes' : 'NO',
  ])];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const left = new Set([0, 3, 6]);
  const drawn = lines.map((line) => line.map((cell, column) => (left.has(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ').trimEnd());
  const notes = rows.map((row) => `${row.name}: ${row.sent}${row.void === undefined ? '' : `. VOID: ${row.void}`}`);
  return [...drawn, '', ...notes, ''].join('\n');
};

const { values: { json, only } } = parseArgs({ options: { json: { type: 'boolean', default: false }, only: { type: 'string' } } });
if (only !== undefined && !(only in parts)) {
  process.stderr.write(`--only takes one of ${Object.keys(parts).join(', ')}, not '${only}'\n`);
  process.exit(2);
}
const rows: Row[] = [];
for (const [name, run] of Object.entries(parts)) {
  if (only !== undefined && only !== name) continue;
  progress(`${name} ...`);
  rows.push(...(await run()));
}
process.stdout.write(json ? `${JSON.stringify(rows.map(({ name, ratio, goal, better, void: why }) => ({ name, ratio, goal, better, ...(why === undefined ? {} : { void: true }) })))}\n` : table(rows));
