/**
 * Several servers on one log: any of them answers commands and the gate, one of them runs the consumers. Here they share a peer and, in
 * memory, what a MongoDB would hold; `processes.spec.ts` has the same with processes that are killed.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPeer, type Opened } from '../peers/eventstoredb/open.ts';
import { openAdapters, type Adapters } from '../../src/adapters.ts';
import { MemoryCounters } from '../../src/adapters/counters/memory.ts';
import { MemoryKeyring } from '../../src/adapters/keyring/memory.ts';
import { MemoryLeases } from '../../src/adapters/lease/memory.ts';
import { MemoryReadModels } from '../../src/adapters/read-models/memory.ts';
import { MemoryRuntime } from '../../src/adapters/runtime/memory.ts';
import { DiskSourceStore } from '../../src/adapters/runtime/source-store.ts';
import { OffsetClock } from '../../src/adapters/system/clock.ts';
import { SystemRandom } from '../../src/adapters/system/random.ts';
import { assemble, type Assembled } from '../../src/assembly.ts';
import { StartRefused } from '../../src/config.ts';
import { operatorToken } from '../../src/founding.ts';
import { serve } from '../../src/server.ts';

type Shared = Pick<Adapters, 'readModels' | 'keyring' | 'counters' | 'leases'>;
type Replica = { readonly origin: string; readonly system: Assembled; readonly data: string; readonly log: string[]; call(method: string, path: string, body?: unknown): Promise<{ status: number; json: any }>; stop(): Promise<void> };
type Cluster = { readonly opened: Opened; readonly folder: string; readonly join: (name: string) => Promise<Replica> };

const random = new SystemRandom();
/** Secrets and operator token are the same for all, as an operator mounts them. */
const shareFolder = (from: string, to: string): void => {
  mkdirSync(to, { recursive: true });
  cpSync(join(from, 'secrets'), join(to, 'secrets'), { recursive: true });
};
const replicaOf = async (opened: Opened, shared: Shared, data: string, tokenFile: string): Promise<Replica> => {
  let origin = '';
  const log: string[] = [];
  const note = (facts: object, message: string): void => void log.push(`${message} ${JSON.stringify(facts)}`);
  const clock = new OffsetClock();
  const sources = new DiskSourceStore(join(data, 'sources'));
  const own = await openAdapters({ data, eventStore: opened.node.url }, () => origin, {}, { clock, sources, runtime: new MemoryRuntime({ sources, clock }) });
  const adapters: Adapters = { ...own, ...shared, replicated: true, claim: async () => undefined };
  const system = await assemble(adapters, { mode: 'mock', data, version: 'test', origin: () => origin, logger: { debug: note, info: note, warn: note, error: note }, post: async () => 200 });
  await operatorToken(system.handler, system.identity, data, random, true);
  const { app, close } = await serve(system, { host: '127.0.0.1', hostNames: [] }, { debug: () => undefined, info: () => undefined, warn: note, error: note });
  await app.listen(0, '127.0.0.1');
  origin = `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`;
  await system.start();
  const token = (await readFile(tokenFile, 'utf8')).trim();
  return {
    origin, system, data, log,
    call: async (method, path, body) => {
      const answer = await fetch(`${origin}${path}`, { method, headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      const text = await answer.text();
      return { status: answer.status, json: text.startsWith('{') && !text.includes('\n{') ? JSON.parse(text) : text };
    },
    stop: async () => {
      await close();
      await system.stop();
      await own.close();
    },
  };
};
const withCluster = (name: string, work: (cluster: Cluster) => Promise<void>): void => {
  test(name, async () => {
    const opened = await openPeer();
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-replicas-'));
    const shared: Shared = { readModels: new MemoryReadModels(), keyring: new MemoryKeyring({ random, masterKey: Buffer.alloc(32, 1), hmacKey: Buffer.alloc(32, 2) }), counters: new MemoryCounters(), leases: new MemoryLeases() };
    const first = join(folder, 'a');
    const running = new Set<Replica>();
    try {
      await work({
        opened, folder,
        join: async (id) => {
          const data = join(folder, id);
          if (data !== first) shareFolder(first, data);
          const replica = await replicaOf(opened, shared, data, join(first, 'operator.token'));
          running.add(replica);
          return { ...replica, stop: () => (running.delete(replica), replica.stop()) };
        },
      });
    } finally {
      for (const replica of running) await replica.stop();
      await opened.store.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
};
const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await sleep(5);
};
const invite = (replica: Replica, n: number) => replica.call('POST', '/commands/AddInvite', { email: `person${n}@example.com` });
const invites = async (replica: Replica, after: string): Promise<number> => {
  const { status, json } = await replica.call('GET', `/invites?limit=1000&after=${after}`);
  assert.equal(status, 200, JSON.stringify(json));
  return json.items.length;
};

withCluster('commands go to either of two servers, both see them, one runs the consumers', async ({ join: joined }) => {
  const [a, b] = [await joined('a'), await joined('b')];
  assert.deepEqual([a.system.rim.consumersHere(), b.system.rim.consumersHere()], [true, false]);
  let last = '';
  for (let n = 0; n < 10; n += 1) {
    const { status, json } = await invite(n % 2 === 0 ? a : b, n);
    assert.equal(status, 200, JSON.stringify(json));
    last = json.position;
  }
  for (const replica of [a, b]) {
    assert.equal(await invites(replica, last), 10);
    assert.equal((await replica.call('GET', '/readyz')).status, 200);
  }
  assert.equal((await b.call('POST', '/projections/invites/rebuild')).json.code, 'RunsElsewhere');
  assert.equal((await b.call('POST', '/clock/advance', { duration: '1d' })).json.code, 'RunsElsewhere');
  assert.match((await a.call('POST', '/projections/invites/rebuild')).json, /"done":true,"equal":true/);
  await until(async () => (await invites(b, last)) === 10);
});

withCluster('the gate of every server follows the log: what one has let in, the other lets in; the clock goes for both', async ({ join: joined }) => {
  const [a, b] = [await joined('a'), await joined('b')];
  const { position } = (await invite(a, 1)).json;
  await until(() => b.system.rim.gate.position >= BigInt(position));
  assert.equal((await b.call('GET', '/gate?action=run')).json.allow, true);
  await a.call('POST', '/clock/advance', { duration: '40d' });
  await until(() => b.system.rim.clock.offsetMs === a.system.rim.clock.offsetMs);
  assert.ok(b.system.rim.clock.offsetMs > 39 * 86_400_000);
  assert.deepEqual([a.system.rim.consumersHere(), b.system.rim.consumersHere()], [true, false], 'a walked clock takes no lease away');
});

withCluster('two servers that found a log at once found it once', async ({ opened, folder, join: joined }) => {
  const a = await joined('a');
  await a.stop();
  const founded = new Set((await opened.store.head()) > 0n ? opened.node.engine.log.filter(({ type }) => type === 'InstallationFounded').map(({ stream }) => stream) : []);
  assert.equal(founded.size, 1);
  const fresh = await openPeer();
  const started: Replica[] = [];
  try {
    const shared: Shared = { readModels: new MemoryReadModels(), keyring: new MemoryKeyring({ random, masterKey: Buffer.alloc(32, 1), hmacKey: Buffer.alloc(32, 2) }), counters: new MemoryCounters(), leases: new MemoryLeases() };
    const folders = ['x', 'y'].map((name) => join(folder, name));
    for (const data of folders) {
      shareFolder(join(folder, 'a'), data);
      cpSync(join(folder, 'a', 'operator.token'), join(data, 'operator.token'));
    }
    const both = await Promise.all(folders.map((data) => replicaOf(fresh, shared, data, join(folder, 'a', 'operator.token'))));
    started.push(...both);
    const types = fresh.node.engine.log.map(({ type }) => type);
    for (const type of ['InstallationFounded', 'TenantCreated', 'PlanOffered', 'OperatorTokenIssued']) assert.equal(types.filter((each) => each === type).length, 1, type);
    assert.equal(both.filter(({ system }) => system.rim.consumersHere()).length, 1);
    for (const replica of both) assert.equal((await invite(replica, 1)).status, 200);
    assert.equal(fresh.node.engine.log.filter(({ type }) => type === 'InviteAdded').length, 1);
  } finally {
    for (const replica of started) await replica.stop();
    await fresh.store.close();
  }
});

withCluster('when the one that runs the consumers stops, the other takes over at once', async ({ join: joined }) => {
  const [a, b] = [await joined('a'), await joined('b')];
  await invite(a, 1);
  await a.stop();
  await until(() => b.system.rim.consumersHere());
  const { json } = await invite(b, 2);
  assert.equal(await invites(b, json.position), 2);
});

withCluster('a server with other secrets, or another mode, is refused in words', async ({ opened, folder, join: joined }) => {
  await joined('a');
  const attempt = async (data: string, mode: 'mock' | 'production'): Promise<unknown> => {
    const adapters = await openAdapters({ data, eventStore: opened.node.url }, () => '', {}, {});
    try {
      return await assemble(adapters, { mode, data, version: 'test', origin: () => '', logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }, post: async () => 200 });
    } finally {
      await adapters.close();
    }
  };
  await assert.rejects(attempt(join(folder, 'stranger'), 'mock'), (error: unknown) => error instanceof StartRefused && /not those of the server that founded the log.*give every server the same/.test(error.message));
  shareFolder(join(folder, 'a'), join(folder, 'other-mode'));
  await assert.rejects(attempt(join(folder, 'other-mode'), 'production'), (error: unknown) => error instanceof StartRefused && /founded in mock mode.*--eventstore/.test(error.message));
  shareFolder(join(folder, 'a'), join(folder, 'no-keys'));
  await assert.rejects(attempt(join(folder, 'no-keys'), 'mock'), (error: unknown) => error instanceof StartRefused && /keys\.db/.test(error.message), 'the secrets alone are not enough: the keys are with the first one');
});
