/** The README's journey, typed as a stranger would. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { journeyOf, typed } from './journey.ts';
import { startServer } from './typed.ts';

test("the README's journey is what a stranger sees", { timeout: 120_000 }, async () => {
  const steps = journeyOf('README.md');
  assert.ok(steps.length >= 7);
  const home = await mkdtemp(join(tmpdir(), 'tollgate-readme-'));
  const { origin, stop } = await startServer(join(home, 'data'));
  try {
    for (const step of steps) await typed(step, { home, origin });
  } finally {
    await stop();
    await rm(home, { recursive: true, force: true });
  }
});
