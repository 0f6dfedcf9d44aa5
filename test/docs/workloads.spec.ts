/** docs/workloads.md, typed as it says. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { journeyOf, typed } from './journey.ts';
import { startServer } from './typed.ts';

test('docs/workloads.md says what is seen', { timeout: 120_000 }, async () => {
  const home = await mkdtemp(join(tmpdir(), 'tollgate-docs-'));
  const { origin, stop } = await startServer(join(home, 'data'));
  try {
    const [invite, login] = journeyOf('README.md').filter(({ command }) => /tollgate (invite add|login --otp)/.test(command));
    assert.ok(invite && login);
    for (const step of [invite, login, ...journeyOf('docs/workloads.md')]) await typed(step, { home, origin });
  } finally {
    await stop();
    await rm(home, { recursive: true, force: true });
  }
});
