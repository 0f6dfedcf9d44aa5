/** `npm run demo` on every pair of engines, told of them as its user would: by the environment. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dropDatabases, mongoUrl } from '../contracts/mongodb.ts';
import { onEachPair } from './pairs.ts';

const above = (folder: string): string => (existsSync(join(folder, 'package-lock.json')) ? folder : above(dirname(folder)));
/** What `npm run demo` runs, after everything is built. */
const script = join(above(import.meta.dirname), 'scripts', 'tollgate.mjs');

onEachPair('the whole journey, as the demo plays it', 120_000, async ({ environment }) => {
  const child = spawn(process.execPath, [script, 'demo'], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  const last = said.trimEnd().split('\n').at(-1) ?? '';
  // The demo takes a database of its own, and says which it leaves behind.
  const left = /Left behind: the databases (\w+) and /.exec(last)?.[1];
  const kept = environment.TOLLGATE_READMODELS;
  if (kept !== undefined && left !== undefined) await dropDatabases(mongoUrl(kept, left));
  assert.equal(code, 0, said.slice(-4_000));
  assert.match(last, /^The whole journey in \d+ s\./);
  assert.equal(left !== undefined, kept !== undefined, 'where read models are in MongoDB, they lie there');
});
