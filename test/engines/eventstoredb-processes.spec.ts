/** Two servers, each a process of its own, on one event store and one MongoDB; the one that runs the consumers is killed under load. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, ended, Load, PeerProcess, startServer, untilReady, type ServerProcess } from './processes.ts';
import { dropDatabases, mongoUrl, withMongo } from '../contracts/mongodb.ts';
import { EventStoreDb } from '../../src/adapters/event-store/eventstoredb.ts';
import { SystemRandom } from '../../src/adapters/system/random.ts';

const some = 30;
const invites = async (server: ServerProcess): Promise<number> => {
  const answer = await ask(server, 'GET', '/projections');
  assert.equal(answer.status, 200, answer.text);
  return (JSON.parse(answer.text) as { items: { name: string; count: number }[] }).items.find(({ name }) => name === 'invites')?.count ?? -1;
};
const runsHere = async (server: ServerProcess): Promise<boolean> => !(await ask(server, 'POST', '/projections/plans/rebuild')).text.includes('RunsElsewhere');

withMongo((mongo) => {
  test('two processes: either answers, one is killed, the other takes over by itself; nothing is lost or done twice', { timeout: 120_000 }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-processes-'));
    const peer = new PeerProcess(join(folder, 'peer'));
    await peer.start();
    const kept = mongoUrl(mongo, `replicas_${process.pid}_x`);
    const settings = ['--eventstore', peer.url, '--readmodels', kept];
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    const first = await startServer(a, settings);
    mkdirSync(b);
    cpSync(join(a, 'secrets'), join(b, 'secrets'), { recursive: true });
    const second = await startServer(b, settings, join(a, 'operator.token'));
    const load = new Load([first, second]);
    try {
      assert.deepEqual([await runsHere(first), await runsHere(second)], [true, false]);
      await load.more(some);
      for (const server of [first, second]) assert.equal(JSON.parse((await ask(server, 'GET', '/gate?action=run')).text).allow, true);
      await ended(first.child, 'SIGKILL');
      await load.more(some);
      while (!(await runsHere(second))) await sleep(100);
      await untilReady(second, 200);
      await load.more(some);
      await load.stop();
      assert.deepEqual(load.wrong, []);
      while ((await invites(second)) < load.acknowledged.size) await sleep(50);
      const store = EventStoreDb.open(peer.url, { random: new SystemRandom() });
      let added = 0;
      for await (const page of store.readAll(0n)) added += page.filter(({ type }) => type === 'InviteAdded').length;
      await store.close();
      assert.equal(added, load.acknowledged.size);
      assert.equal(await invites(second), added);
      t.diagnostic(`${added} acknowledged, ${load.unavailable} asked again`);
    } finally {
      load.abandon();
      for (const { child } of [first, second]) await ended(child, 'SIGKILL');
      await peer.end('SIGKILL');
      await dropDatabases(kept);
      await rm(folder, { recursive: true, force: true });
    }
  });
});
