/** What the store on EventStoreDB does when things go wrong, against the peer: a real server of the protocol that fails on demand. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { collect, eventOf, streamOf } from './event-store.contract.ts';
import { accepted, everything, job, logOn, tallyStream } from '../commands/harness.ts';
import { Engine } from '../peers/eventstoredb/engine.ts';
import { Node } from '../peers/eventstoredb/node.ts';
import { openPeer, type Opened } from '../peers/eventstoredb/open.ts';
import { ConnectionStringInvalid, EventStoreDb } from '../../src/adapters/event-store/eventstoredb.ts';
import { SystemRandom } from '../../src/adapters/system/random.ts';
import { Streams } from '../../src/commands/streams.ts';
import { WrongExpectedRevision, type NewEvent } from '../../src/domain/ports/event-store.ts';
import { Refused, Unavailable } from '../../src/domain/ports/failures.ts';
import { BrokenChain } from '../../src/domain/ports/log.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const ids = (events: readonly { readonly id: string }[]): string[] => events.map(({ id }) => id);
const eventsOf = (count: number, name = 'n'): NewEvent[] => range(count).map((n) => eventOf(`${name}${n}`));
const random = new SystemRandom();

type Options = NonNullable<Parameters<typeof openPeer>[0]>;
const withPeer = (name: string, work: (opened: Opened) => Promise<void>, options: Options = {}): void => {
  test(`eventstoredb: ${name}`, async () => {
    const opened = await openPeer(options);
    try {
      await work(opened);
    } finally {
      await opened.store.close();
    }
  });
};
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(2);
};

withPeer('a read that the server cannot answer is tried again, and answered once', async ({ node, store }) => {
  await store.append(streamOf(1), 'no-stream', eventsOf(3));
  for (const kind of ['unavailable', 'deadline', 'cancelled', 'timed-out'] as const) {
    node.faults.plan({ on: 'read', times: 2, what: { kind } });
    assert.deepEqual(ids(await collect(store.read(streamOf(1)))), ids(eventsOf(3)));
    assert.equal(node.faults.befallen[kind], 2);
  }
  node.faults.plan({ on: 'read', what: { kind: 'unavailable' } });
  await assert.rejects(store.head(), Unavailable);
});

withPeer('a read that is cut in the middle gives every event once, in order: of a stream, of the log, far from its end', async ({ node, store }) => {
  for (const n of range(12)) await store.append(streamOf(n % 3), n < 3 ? 'no-stream' : Math.floor(n / 3) * 20 - 1, eventsOf(20, `${n}-`));
  const log = ids(await collect(store.readAll(0n)));
  assert.equal(log.length, 240);
  node.faults.plan({ on: 'read', times: 3, of: (about) => about === 'stream', what: { kind: 'cut', after: 31 } });
  assert.equal((await collect(store.read(streamOf(1)))).length, 80);
  for (const pageSize of [7, 100]) {
    node.faults.plan({ on: 'read', times: 3, of: (about) => about === 'all', what: { kind: 'cut', after: 3 } });
    node.faults.plan({ on: 'read', times: 3, of: (about) => about === 'subscription', what: { kind: 'cut', after: 20 } });
    assert.deepEqual(ids(await collect(store.readAll(0n, pageSize))), log);
  }
  assert.ok((node.faults.befallen['cut'] ?? 0) >= 9);
});

withPeer('thousands who ask at once are all answered, over one connection; asking for what is not there breaks nothing', async ({ node, store }) => {
  for (const n of range(3_000)) await collect(store.read(streamOf(`none-${n}`)));
  assert.equal(node.calls.read, 6_000, 'none was tried again: an unknown stream is looked for, and then whether it was deleted');
  await Promise.all(range(3_000).map((n) => store.append(streamOf(n), 'no-stream', [eventOf(n)])));
  const read = await Promise.all(range(3_000).map((n) => collect(store.read(streamOf(n)))));
  assert.deepEqual(read.map((events) => ids(events)), range(3_000).map((n) => [`event-${n}`]));
});

withPeer('every connection breaks in the middle of a long read', async ({ node, store }) => {
  for (const n of range(30)) await store.append(streamOf(1), n === 0 ? 'no-stream' : n * 100 - 1, eventsOf(100, `${n}-`));
  const seen: string[] = [];
  for await (const page of store.readAll(0n, 500)) {
    seen.push(...ids(page));
    node.cut();
  }
  assert.deepEqual(seen, range(30).flatMap((n) => ids(eventsOf(100, `${n}-`))));
});

withPeer('an append whose answer is lost says that its outcome is unknown, and is never sent again by itself', async ({ node, store }) => {
  node.faults.plan({ on: 'append', times: 1, what: { kind: 'answer-lost' } });
  await assert.rejects(store.append(streamOf(1), 'no-stream', eventsOf(2)), Unavailable);
  assert.equal(node.calls.append, 1);
  assert.deepEqual(ids(await collect(store.read(streamOf(1)))), ids(eventsOf(2)), 'it had happened');
  assert.equal((await store.append(streamOf(1), 'no-stream', eventsOf(2))).revision, 1, 'the same again is answered as it was');
  for (const expected of [0, 2] as const) await assert.rejects(store.append(streamOf(1), expected, eventsOf(2)), WrongExpectedRevision);
  assert.equal((await collect(store.readAll(0n))).length, 2);
});

withPeer('other bytes under the same event ids are no repeat: their writer is told that he was late', async ({ store }) => {
  await store.append(streamOf(1), 'no-stream', [eventOf('a')]);
  await assert.rejects(store.append(streamOf(1), 'no-stream', [{ ...eventOf('a'), meta: '{"schema":1,"commandId":"command-a","at":"later"}' }]), WrongExpectedRevision);
  assert.deepEqual((await collect(store.readAll(0n))).map(({ meta }) => meta), [eventOf('a').meta]);
});

for (const kind of ['unavailable', 'deadline', 'cancelled', 'timed-out', 'hang'] as const) {
  withPeer(`an append that ends in '${kind}' is unknown, sent once, and the next one goes through`, async ({ node, store }) => {
    node.faults.plan({ on: 'append', times: 1, what: { kind } });
    await assert.rejects(store.append(streamOf(1), 'no-stream', eventsOf(1)), Unavailable);
    assert.equal(node.calls.append, 1);
    assert.equal((await store.append(streamOf(1), 'no-stream', eventsOf(1))).revision, 0);
  }, { deadlineMs: 300 });
}

withPeer('a commit whose answer was lost is found by its command id: one event, its listeners told before the answer', async ({ node, store }) => {
  const log = logOn(store, false);
  const heard: string[] = [];
  log.onCommitted((events) => heard.push(...events.map(({ meta }) => meta.commandId)), 0n);
  const streams = new Streams(log);
  accepted(await streams.run(job(1, { of: 'a' })));
  node.faults.plan({ on: 'append', times: 1, what: { kind: 'answer-lost' } });
  const outcome = accepted(await streams.run(job(2, { of: 'b' })));
  assert.ok(outcome.repeated);
  assert.deepEqual(heard, [job(1, { of: '' }).commandId, job(2, { of: '' }).commandId]);
  accepted(await streams.run(job(3, { of: 'c' })));
  assert.equal((await everything(log.read(tallyStream()))).length, 3, 'and the chain verifies');
  log.close();
});

test('eventstoredb: two servers that decide the same command at once: one event, and both answer with it', async () => {
  const { node, store: a } = await openPeer();
  const b = EventStoreDb.open(node.url, { random });
  try {
    const [left, right] = [new Streams(logOn(a, false, 'left')), new Streams(logOn(b, false, 'right'))];
    const at = (now: string) => ({ now: () => now as never });
    const answers = await Promise.all([left.run(job(1, { of: 'x' }, at('2026-03-01T12:00:00.000Z'))), right.run(job(1, { of: 'x' }, at('2026-03-01T12:00:00.007Z')))]);
    assert.deepEqual(answers.map((answer) => accepted(answer).events.map(({ meta }) => meta.hash)).map(String).length, 2);
    const stored = await everything(logOn(a, false).read(tallyStream()));
    assert.equal(stored.length, 1);
    for (const answer of answers) assert.equal(accepted(answer).events[0]?.meta.hash, stored[0]?.meta.hash);
    for (const streams of [left, right]) accepted(await streams.run(job(streams === left ? 2 : 3, { of: 'y' })));
    assert.equal((await everything(logOn(b, false).read(tallyStream()))).length, 3);
  } finally {
    await b.close();
    await a.close();
  }
});

test('eventstoredb: what breaks one connection leaves the appends of another alone', async () => {
  const { node, store: a } = await openPeer();
  const b = EventStoreDb.open(node.url, { random });
  try {
    await b.append(streamOf('warm'), 'no-stream', eventsOf(1));
    node.faults.plan({ on: 'append', of: (stream) => stream === streamOf('slow'), what: { kind: 'slow', ms: 150 } });
    node.faults.plan({ on: 'append', of: (stream) => stream === streamOf('lost'), what: { kind: 'answer-lost' } });
    const slow = b.append(streamOf('slow'), 'no-stream', eventsOf(1));
    await assert.rejects(a.append(streamOf('lost'), 'no-stream', eventsOf(1)), Unavailable);
    assert.equal((await slow).revision, 0);
  } finally {
    await b.close();
    await a.close();
  }
});

/** Two nodes of one cluster, the first of which leads. */
const cluster = async (): Promise<{ nodes: [Node, Node]; lead: (n: 0 | 1) => void; close: () => Promise<void> }> => {
  const engine = new Engine();
  const nodes: [Node, Node] = [await new Node(engine).start(), await new Node(engine).start()];
  const lead = (leader: 0 | 1): void => nodes.forEach((node, n) => (node.leads = n === leader));
  for (const node of nodes) node.members = nodes;
  lead(0);
  return { nodes, lead, close: async () => void (await Promise.all(nodes.map((node) => node.stop()))) };
};

test('eventstoredb: when another node leads, reads follow it by themselves and appends after being told once', async () => {
  const { nodes, lead, close } = await cluster();
  const store = EventStoreDb.open(nodes[0].url, { random });
  try {
    await store.append(streamOf(1), 'no-stream', eventsOf(1));
    lead(1);
    assert.equal((await collect(store.read(streamOf(1)))).length, 1);
    const outcome = await store.append(streamOf(1), 0, eventsOf(1, 'second')).catch((error: unknown) => error);
    if (outcome instanceof Error) {
      assert.ok(outcome instanceof Unavailable);
      assert.equal((await store.append(streamOf(1), 0, eventsOf(1, 'second'))).revision, 1);
    }
    assert.equal((await collect(store.readAll(0n))).length, 2);
    assert.ok(nodes[1].calls.append > 0 || nodes[1].calls.read > 0);
  } finally {
    await store.close();
    await close();
  }
});

test('eventstoredb: a node is lost, another leads: found by gossip, nothing missed, nothing told twice', async () => {
  const { nodes, lead, close } = await cluster();
  const store = EventStoreDb.open(`esdb://127.0.0.1:${nodes[0].port},127.0.0.1:${nodes[1].port}?tls=false&nodePreference=leader&gossipTimeout=1`, { random });
  const other = EventStoreDb.open(nodes[1].url, { random });
  const log = logOn(store, false);
  const heard: string[] = [];
  log.onCommitted((events) => heard.push(...events.map(({ id }) => id)), 0n);
  const streams = new Streams(log);
  try {
    accepted(await streams.run(job(1, { of: 'a' })));
    await nodes[0].stop();
    lead(1);
    const others = new Streams(logOn(other, false));
    accepted(await others.run(job(2, { of: 'b' })));
    await until(() => heard.length === 2);
    for (let tries = 0; tries < 10; tries += 1) {
      const outcome = await streams.run(job(3, { of: 'c' })).catch((error: unknown) => error);
      if (!(outcome instanceof Error)) break;
      assert.ok(outcome instanceof Unavailable);
    }
    await until(() => heard.length === 3);
    assert.equal(new Set(heard).size, 3);
    assert.deepEqual(heard, ids(await collect(other.readAll(0n))));
  } finally {
    log.close();
    await other.close();
    await store.close();
    await close();
  }
});

withPeer('whoever waits for news goes on after the server was away, and hears what came meanwhile', async ({ node, store }) => {
  let signals = 0;
  store.onAdvanced(() => (signals += 1));
  await store.append(streamOf(1), 'no-stream', eventsOf(1));
  await until(() => signals > 0);
  await node.stop();
  node.engine.append(streamOf(2), 'no-stream', [{ id: '00000000-0000-4000-8000-00000000000a', type: 'SampleTaken', json: true, data: Buffer.from('{}'), meta: Buffer.from('{"id":"x","meta":{}}') }]);
  const before = signals;
  await node.start();
  await until(() => signals > before);
  assert.equal((await collect(store.readAll(0n))).length, 2);
});

withPeer('an append that is too big is refused in words before it is sent; a server with a smaller limit refuses it itself', async ({ node, store }) => {
  const big = { ...eventOf(1), data: JSON.stringify('x'.repeat(300_000)) };
  await assert.rejects(store.append(streamOf(1), 'no-stream', [big, big, big, big]), (error: unknown) => error instanceof Refused && error.code === 'AppendTooLarge' && /12\d{5} bytes.*1048576/.test(error.message));
  assert.equal(node.calls.append, 0);
  await assert.rejects(store.append(streamOf(1), 'no-stream', [big]), (error: unknown) => error instanceof Refused && error.code === 'AppendTooLarge' && /200000 bytes at once/.test(error.message));
  await assert.rejects(new Streams(logOn(store, false)).run(job(1, { of: 'y'.repeat(300_000) })), Refused);
  assert.equal((await store.append(streamOf(1), 'no-stream', eventsOf(1))).revision, 0);
}, { engine: { appendMaxBytes: 200_000 } });

withPeer('a stream that was deleted, truncated or scavenged is damaged, in words; it is never taken for a shorter or a new one', async ({ node, store }) => {
  const client = EventStoreDBClient.connectionString(node.url);
  const log = logOn(store, false);
  const streams = new Streams(log);
  const fill = async (id: string): Promise<void> => {
    for (const n of range(4)) accepted(await streams.run(job(n, { of: String(n) }, { stream: tallyStream(id) })));
  };
  const damaged = (id: string, words: RegExp): Promise<void> => assert.rejects(everything(logOn(store, false).read(tallyStream(id))), (error: unknown) => error instanceof BrokenChain && words.test(error.message));
  for (const id of ['tombstoned', 'deleted', 'cut', 'gone', 'scavenged']) await fill(id);
  await client.tombstoneStream(tallyStream('tombstoned'));
  await client.deleteStream(tallyStream('deleted'));
  await client.setStreamMetadata(tallyStream('cut'), { truncateBefore: 2 });
  await client.setStreamMetadata(tallyStream('gone'), { truncateBefore: 9 });
  await client.setStreamMetadata(tallyStream('scavenged'), { maxCount: 1 });
  await damaged('tombstoned', /tombstoned/);
  await damaged('deleted', /deleted or truncated/);
  await damaged('cut', /goes on at revision 2: what lies before was deleted, truncated or scavenged/);
  await damaged('gone', /deleted or truncated/);
  node.engine.scavenge();
  await damaged('scavenged', /goes on at revision 3/);
  const again = new Streams(logOn(store, false));
  for (const id of ['tombstoned', 'deleted', 'cut', 'gone', 'scavenged']) await assert.rejects(again.run(job(9, { of: 'new' }, { stream: tallyStream(id) })), BrokenChain, `nothing is decided on ${id}`);
  await assert.rejects(streams.run(job(9, { of: 'new' }, { stream: tallyStream('deleted') })), BrokenChain, 'not even by who remembers it');
  await assert.rejects(store.append(tallyStream('tombstoned'), 3, eventsOf(1)), BrokenChain);
  await client.dispose();
});

withPeer('system events and links are nobody\'s events; positions say nothing about how many lie between', async ({ node, store }) => {
  for (const n of range(40)) await store.append(streamOf(n), 'no-stream', [eventOf(n)]);
  assert.ok(node.engine.log.some(({ type }) => type === '$>') && node.engine.log.some(({ type }) => type === '$statsCollected'));
  const log = await collect(store.readAll(0n, 9));
  assert.deepEqual(ids(log), range(40).map((n) => `event-${n}`));
  assert.equal(await store.head(), log.at(-1)?.position);
  assert.ok((log[1]?.position ?? 0n) - (log[0]?.position ?? 0n) > 1n);
});

withPeer('a slow reader is not pushed: it gets everything, in order, and others are served meanwhile', async ({ store }) => {
  for (const n of range(20)) await store.append(streamOf(n), 'no-stream', eventsOf(100, `${n}-`));
  const seen: string[] = [];
  for await (const page of store.readAll(0n, 250)) {
    seen.push(...ids(page));
    await store.append(streamOf(`meanwhile-${seen.length}`), 'no-stream', eventsOf(1, `m${seen.length}-`));
    await sleep(20);
  }
  assert.deepEqual(seen.slice(0, 2_000), range(20).flatMap((n) => ids(eventsOf(100, `${n}-`))));
  assert.ok(seen.length > 2_000);
});

withPeer('events of another program are no surprise to the store; the chain does not take them for ours', async ({ node, store }) => {
  const client = EventStoreDBClient.connectionString(node.url);
  await client.appendToStream(tallyStream(), jsonEvent({ type: 'Theirs', data: { a: 1 }, metadata: { b: 2 } }));
  assert.deepEqual((await collect(store.read(tallyStream()))).map(({ type, data, meta }) => [type, data, meta]), [['Theirs', '{"a":1}', '{"b":2}']]);
  await assert.rejects(everything(logOn(store, false).read(tallyStream())), BrokenChain);
  await client.dispose();
});

test('eventstoredb: a connection string that makes no sense is refused at once, and no password is repeated', () => {
  for (const text of ['http://127.0.0.1', 'esdb://', 'esdb://admin:secret@host:port']) {
    assert.throws(() => EventStoreDb.open(text, { random }), (error: unknown) => error instanceof ConnectionStringInvalid && !error.message.includes('secret') && !error.message.includes('\n'));
  }
});

test('eventstoredb: TLS, its certificate and the credentials come from the connection string', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-tls-'));
  const file = (name: string): string => join(folder, name);
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', file('key.pem'), '-out', file('cert.pem')]);
  if (made.status !== 0) return t.skip('openssl, which makes the certificate, is not installed');
  const node = await new Node(new Engine(), { tls: { key: await readFile(file('key.pem')), certificate: await readFile(file('cert.pem')) }, users: { ada: 'very:secret' } }).start();
  const at = (credentials: string, query: string): EventStoreDb => EventStoreDb.open(`esdb://${credentials}localhost:${node.port}?${query}`, { random, deadlineMs: 1_000 });
  const trusted = `tls=true&tlsCaFile=${encodeURIComponent(file('cert.pem'))}`;
  const stores = [at('ada:very%3Asecret@', trusted), at('ada:wrong@', trusted), at('', trusted), at('ada:very%3Asecret@', 'tls=true'), at('ada:very%3Asecret@', 'tls=false')] as const;
  try {
    const [good, wrong, nobody, untrusted, plain] = stores;
    assert.equal((await good.append(streamOf(1), 'no-stream', eventsOf(1))).revision, 0);
    assert.equal((await collect(good.readAll(0n))).length, 1);
    for (const store of [wrong, nobody]) {
      await assert.rejects(store.head(), (error: unknown) => error instanceof Refused && /user, password/.test(error.message));
      await assert.rejects(store.append(streamOf(2), 'no-stream', eventsOf(1)), Refused);
    }
    for (const store of [untrusted, plain]) await assert.rejects(store.append(streamOf(2), 'no-stream', eventsOf(1)), Unavailable);
  } finally {
    for (const store of stores) await store.close();
    await node.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
