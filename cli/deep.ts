/** `doctor --deep`: verifies every event of a data folder on this machine, whether a server runs on it or not. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Failure } from './exit-codes.ts';
import type { Output } from './output.ts';

export type Damage = { readonly stream: string; readonly revision: number; readonly problem: string };
type Line = { readonly events?: number; readonly done?: true; readonly ok?: boolean; readonly streams?: number; readonly failures?: readonly Damage[] };

/** The bundle lies in `dist/cli-bundle`: the verifier, which opens nothing but the log, beside it. */
const dist = dirname(dirname(fileURLToPath(import.meta.url)));
const verifier = join(dist, 'src', 'verify.js');
const ownNode = join(dirname(dist), 'node_modules', '.bin', 'node');

export const verifyFolder = async (data: string, out: Output): Promise<{ readonly events: number; readonly streams: number; readonly failures: readonly Damage[] }> => {
  if (!existsSync(join(data, 'events.db'))) throw new Failure('usage', `there is no log in '${data}'`, "Give a data folder: 'tollgate doctor --deep --data ./data'.", { code: 'NoDataFolder' });
  const child = spawn(existsSync(ownNode) ? ownNode : process.execPath, [verifier, data], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  let end: Line | undefined;
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as Line;
    if (line.done) end = line;
    else if (line.events !== undefined) out.progress(`Verifying: ${line.events} events`);
  }
  out.progressEnd();
  if (!end) throw new Failure('ours', `the log in '${data}' cannot be read${errors.trim() === '' ? '' : `: ${errors.trim()}`}`, 'Check that you may read the folder, or put events.db back from a backup.', { code: 'LogUnreadable' });
  return { events: end.events ?? 0, streams: end.streams ?? 0, failures: end.failures ?? [] };
};
