/** docs/quick-start.md, typed as it says, in a folder of one's own. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { journeyOf, typed } from './journey.ts';
import { startServer } from './typed.ts';

test('docs/quick-start.md is what somebody sees who types it', { timeout: 170_000 }, async () => {
  const steps = journeyOf('docs/quick-start.md');
  assert.ok(steps.length >= 15, `${steps.length} commands`);
  const home = await mkdtemp(join(tmpdir(), 'tollgate-docs-'));
  const { origin, stop } = await startServer(join(home, 'data'));
  try {
    for (const step of steps) await typed(step, { home, origin, card: 'succeeds-once', folder: home });
  } finally {
    await stop();
    await rm(home, { recursive: true, force: true });
  }
});
