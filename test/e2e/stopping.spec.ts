/** Stopping: what was asked is answered, and nobody's open connection holds it up. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { invite, linesOf, restarted, startSystem, storedEvents } from './system.ts';

test('a stop answers what is under way and is not held up by clients that keep their connections', async () => {
  const started = await startSystem();
  const asked = Promise.all(Array.from({ length: 20 }, (_, n) => started.call('POST', '/commands/AddInvite', { token: started.operator, body: { email: `p${n}@example.com` } }).catch((error: unknown) => error)));
  await new Promise((resolve) => setImmediate(resolve));
  await started.stop({ keep: true });
  const answers = await asked;
  const again = await restarted({ ...started, stop: async () => undefined });
  try {
    const invited = (await storedEvents(again)).filter(({ type }) => type === 'InviteAdded').length;
    const acknowledged = answers.filter((answer) => (answer as { status?: number }).status === 200).length;
    assert.ok(invited >= acknowledged, 'what was acknowledged is there');
  } finally {
    await again.stop();
  }
});

test('a stop ends the answers of those who follow the log', async () => {
  const started = await startSystem();
  await invite(started, 'ada@example.com');
  const following = started.call('GET', '/audit/log?follow=true', { token: started.operator }).catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await started.stop();
  const seen = await following;
  if (!(seen instanceof Error)) assert.ok(linesOf(seen as never).length > 0);
});
