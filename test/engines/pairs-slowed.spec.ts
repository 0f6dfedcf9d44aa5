/** Every engine of every pair answers late under load, then so late that it counts as silent, then as before: nothing acknowledged is lost, /readyz tells the truth. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Between } from './between.ts';
import { intact } from './intact.ts';
import { onEachPair } from './pairs.ts';
import { ended, Load, startServer, untilReady } from './processes.ts';

const between = 15;
const lateMs = 300;
/** Beyond what /readyz waits for an answer. */
const silentMs = 4_000;

onEachPair('its engines answer late under load, and so late that they count as silent', 170_000, async ({ arguments: given }, t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-slowed-'));
  const ways: { readonly name: string; readonly way: Between }[] = [];
  const args: string[] = [];
  for (const argument of given) {
    const name = /^(esdb|mongodb):/.exec(argument)?.[1];
    if (name === undefined) args.push(argument);
    else {
      const way = await Between.of(argument);
      ways.push({ name: name === 'esdb' ? 'EventStoreDB' : 'MongoDB', way });
      args.push(way.through(argument));
    }
  }
  const server = await startServer(join(folder, 'data'), args);
  const load = new Load([server], 6);
  try {
    await load.more(between);
    for (const { name, way } of ways) {
      way.delayMs = lateMs;
      await load.more(between);
      await untilReady(server, 200); // late is not away
      way.delayMs = silentMs;
      assert.match(await untilReady(server, 503), new RegExp(`no answer from: .*${name}|after an interruption`), `${name}: said`);
      way.delayMs = 0;
      await untilReady(server, 200);
      await load.more(between);
      t.diagnostic(`${name}: ${load.acknowledged.size} acknowledged, ${load.unavailable} asked again so far`);
    }
    await load.stop();
    assert.deepEqual(load.wrong, [], server.errors().slice(-4_000));
    assert.equal(server.child.exitCode, null, 'the same process went through all of it');
    await intact(server, load.acknowledged);
  } finally {
    load.abandon();
    await ended(server.child, 'SIGKILL');
    for (const { way } of ways) way.close();
    await rm(folder, { recursive: true, force: true });
  }
});
