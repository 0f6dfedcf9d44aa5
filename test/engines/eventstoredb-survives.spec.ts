/** The event store is stopped, killed, paused and slowed in the middle of a load on the real server: nothing acknowledged is lost, nothing done twice. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, ended, Load, PeerProcess, startServer, untilReady } from './processes.ts';
import { EventStoreDb } from '../../src/adapters/event-store/eventstoredb.ts';
import { SystemRandom } from '../../src/adapters/system/random.ts';
import type { StoredEvent } from '../../src/domain/ports/event-store.ts';

const someMs = 1_500;
const between = 40;
/** What is done to the server of the log, while everybody asks. */
const mishaps: Readonly<Record<string, { readonly away: (peer: PeerProcess) => Promise<void>; readonly back: (peer: PeerProcess) => Promise<void>; readonly seen: boolean; /** So long that the server gives up and its callers have to ask again. */ readonly long?: boolean }>> = {
  'stopped for long and started again': { away: (peer) => peer.end('SIGTERM'), back: (peer) => peer.start(), seen: true, long: true },
  'killed and started again': { away: (peer) => peer.end('SIGKILL'), back: (peer) => peer.start(), seen: true },
  'paused and continued': { away: async (peer) => peer.signal('SIGSTOP'), back: async (peer) => peer.signal('SIGCONT'), seen: true },
  'started again with a disk that takes 150 ms': { away: (peer) => peer.end('SIGTERM'), back: (peer) => peer.start(150), seen: false },
};

test('eventstoredb: stopped, killed, paused and slowed under load: nothing acknowledged is lost, nothing done twice', { timeout: 150_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-survives-'));
  const peer = new PeerProcess(join(folder, 'peer'));
  await peer.start();
  const server = await startServer(join(folder, 'data'), ['--eventstore', peer.url]);
  const load = new Load([server]);
  try {
    await load.more(between);
    for (const [name, { away, back, seen, long }] of Object.entries(mishaps)) {
      await away(peer);
      if (seen) assert.match(await untilReady(server, 503), /EventStoreDB|interruption/, `${name}: /readyz tells the truth`);
      else await sleep(someMs);
      while (long === true && load.unavailable === 0) await sleep(50);
      await back(peer);
      await untilReady(server, 200);
      await load.more(between);
      t.diagnostic(`${name}: ${load.acknowledged.size} acknowledged, ${load.unavailable} asked again so far`);
    }
    await load.stop();
    assert.deepEqual(load.wrong, []);
    assert.equal(server.child.exitCode, null, 'the same process went through all of it');

    const store = EventStoreDb.open(peer.url, { random: new SystemRandom() });
    const events: StoredEvent[] = [];
    for await (const page of store.readAll(0n)) events.push(...page);
    await store.close();
    const added = events.filter(({ type }) => type === 'InviteAdded');
    assert.equal(added.length, load.acknowledged.size, 'every acknowledged one is there, and there is no other');
    assert.equal(new Set(added.map(({ stream }) => stream)).size, added.length, 'once');
    const verified = (await ask(server, 'GET', '/audit/verify')).text.trim().split('\n').at(-1) ?? '{}';
    assert.partialDeepStrictEqual(JSON.parse(verified), { done: true, ok: true, failures: [] });
    const rebuilt = (await ask(server, 'POST', '/projections/invites/rebuild')).text.trim().split('\n').at(-1) ?? '{}';
    assert.partialDeepStrictEqual(JSON.parse(rebuilt), { done: true, equal: true, documents: added.length });
  } finally {
    load.abandon();
    peer.signal('SIGCONT');
    await ended(server.child, 'SIGKILL');
    await peer.end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});
