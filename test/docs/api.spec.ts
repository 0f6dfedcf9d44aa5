/** docs/api.md, typed line by line into one shell: what it prints is what the page says, but for what differs each time. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Shell, startServer, stepsIn } from './typed.ts';

const page = 'docs/api.md';
/** Ids, times, positions and names differ from run to run. */
const masked = (line: string): string => line
  .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'ADDRESS').replaceAll(/\b(per|acc|wl|ns|sub|pln|ten|ses|opr|flw|inv|mail)_[0-9a-z]{20}\b/g, '$1_ID').replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[58][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID')
  .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TIME').replaceAll(/\b[a-z]+-[a-z]+-[a-z]+s\b/g, 'NAMESPACE').replaceAll(/"position":"\d+"/g, '"position":"N"').replaceAll(/^id: \d+$/g, 'id: N').replaceAll(/"correlationId":"[\w-]{16}"/g, '"correlationId":"ID"').trimEnd();
const lines = (text: string): string[] => text.trimEnd().split('\n').map(masked).filter((line) => line !== '');

test(`${page} is what a stranger sees who types it`, { timeout: 120_000 }, async () => {
  const steps = stepsIn(page);
  assert.ok(steps.length > 25, `${steps.length} lines`);
  const home = await mkdtemp(join(tmpdir(), 'tollgate-api-'));
  const server = await startServer(join(home, 'data'));
  const shell = new Shell(home);
  try {
    for (const { command, output } of steps) {
      const printed = await shell.type(command.replaceAll('http://127.0.0.1:8081', server.origin));
      if (process.env['TOLLGATE_SHOW_TYPED'] === '1') process.stderr.write(`$ ${command}\n${printed}\n`);
      else assert.deepEqual(lines(printed), lines(output.join('\n')), command);
    }
  } finally {
    shell.close();
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
});
