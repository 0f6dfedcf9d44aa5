/** Every event store keeps the contract; and what only the one on SQLite promises. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fdatasync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { EventStoreDb } from '../../src/adapters/event-store/eventstoredb.ts';
import { FolderInUse, lockFolder } from '../../src/adapters/event-store/lock.ts';
import { MemoryEventStore } from '../../src/adapters/event-store/memory.ts';
import { SqliteEventStore } from '../../src/adapters/event-store/sqlite.ts';
import { DatabaseUnusable } from '../../src/adapters/sqlite/open-database.ts';
import { SystemRandom } from '../../src/adapters/system/random.ts';
import { WrongExpectedRevision } from '../../src/domain/ports/event-store.ts';
import { collect, eventOf, eventStoreContract, streamOf } from './event-store.contract.ts';
import { freshIn, openPeer } from '../peers/eventstoredb/open.ts';

const root = await mkdtemp(join(tmpdir(), 'tollgate-event-store-'));
after(() => rm(root, { recursive: true, force: true }));
let files = 0;
const freshFile = (): string => join(root, `events-${(files += 1)}.db`);

eventStoreContract('memory', async () => new MemoryEventStore());
eventStoreContract('sqlite', async () => SqliteEventStore.open(freshFile()));
// Our own server of its protocol always; a real one where there is one: TOLLGATE_TEST_EVENTSTORE=esdb://... npm test -- 'contracts/event-store.spec.js'
const eventStoreDbLimits = { appendMaxBytes: 1_000_000 };
eventStoreContract('eventstoredb (peer)', async () => (await openPeer()).store, eventStoreDbLimits);
const realServer = process.env['TOLLGATE_TEST_EVENTSTORE'];
if (realServer === undefined) test('eventstoredb (a real server)', { skip: 'TOLLGATE_TEST_EVENTSTORE names none' });
else eventStoreContract('eventstoredb (a real server)', async () => freshIn(EventStoreDb.open(realServer, { random: new SystemRandom() })), eventStoreDbLimits);

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const moduleOf = (path: string): string => JSON.stringify(new URL(`../../src/adapters/event-store/${path}.${extension}`, import.meta.url).href);
/** Another process, running `code` as a module. */
const startProcess = async (code: string) => {
  const file = join(root, `process-${(files += 1)}.mjs`);
  await writeFile(file, code);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.setEncoding('utf8');
  return child;
};

test('memory and sqlite give the same log for the same calls, refused ones among them', async () => {
  const logs = [];
  for (const store of [new MemoryEventStore(), SqliteEventStore.open(freshFile())]) {
    const bad = { ...eventOf('bad'), data: undefined as unknown as string };
    for (let n = 0; n < 10; n++) {
      await Promise.allSettled([
        store.append(streamOf(n), 'no-stream', [eventOf(`a-${n}`), eventOf(`b-${n}`)]),
        store.append(streamOf(`bad-${n}`), 'no-stream', [eventOf('good'), bad]),
        store.append(streamOf(n), n % 2, [eventOf(`c-${n}`)]),
      ]);
    }
    logs.push(await collect(store.readAll(0n)));
    await store.close();
  }
  assert.equal(logs[0]?.length, 25);
  assert.deepEqual(logs[0], logs[1]);
});

test('sqlite: what is stored cannot be changed or deleted', async () => {
  const path = freshFile();
  const store = SqliteEventStore.open(path);
  await store.append(streamOf(1), 'no-stream', [eventOf(1)]);
  const other = new DatabaseSync(path);
  for (const sql of ["UPDATE events SET data = '{}'", 'DELETE FROM events', "UPDATE streams SET name = 'x'", 'DELETE FROM streams']) {
    assert.throws(() => other.exec(sql), /never/);
  }
  assert.throws(() => other.exec("INSERT INTO events VALUES (9, 1, 0, 'i', 't', 'd', 'm')"), /UNIQUE/);
  other.close();
  await store.close();
});

test('sqlite: a log opened again goes on where it stopped', async () => {
  const path = freshFile();
  const first = SqliteEventStore.open(path);
  await first.append(streamOf(1), 'no-stream', [eventOf(1), eventOf(2)]);
  await first.close();
  await assert.rejects(first.append(streamOf(1), 1, [eventOf(3)]), /closed/);
  const second = SqliteEventStore.open(path);
  assert.equal(await second.head(), 2n);
  await assert.rejects(second.append(streamOf(1), 'no-stream', [eventOf(3)]), WrongExpectedRevision);
  assert.deepEqual(await second.append(streamOf(1), 1, [eventOf(3)]), { position: 3n, revision: 2 });
  await second.close();
});

test('sqlite: close answers what was asked before it', async () => {
  const path = freshFile();
  const store = SqliteEventStore.open(path);
  const appends = Array.from({ length: 600 }, (_, n) => store.append(streamOf(n), 'no-stream', [eventOf(n)]));
  await store.close();
  assert.equal((await Promise.all(appends)).length, 600);
});

test('sqlite: nothing is visible before it is durable', async () => {
  let release: (() => void) | undefined;
  const store = SqliteEventStore.open(freshFile(), { sync: (file, done) => (release = () => fdatasync(file, done)) });
  let advanced = 0;
  let answers = 0;
  store.onAdvanced(() => (advanced += 1));
  const append = store.append(streamOf(1), 'no-stream', [eventOf(1)]).then(() => (answers += 1));
  const stale = store.append(streamOf(1), 'no-stream', [eventOf(2)]).catch(() => (answers += 1));
  while (release === undefined) await turn();
  for (let n = 0; n < 10; n++) await turn();
  assert.deepEqual([await store.head(), await collect(store.readAll(0n)), await collect(store.read(streamOf(1)))], [0n, [], []]);
  assert.deepEqual([answers, advanced], [0, 0]);
  release();
  await Promise.all([append, stale]);
  assert.deepEqual([await store.head(), (await collect(store.read(streamOf(1)))).length], [1n, 1]);
  assert.equal(advanced, 1);
  await store.close();
});

test('sqlite: after a failed fsync every append is refused until the log is opened again', async () => {
  const path = freshFile();
  let broken = false;
  const store = SqliteEventStore.open(path, { sync: (file, done) => (broken ? setImmediate(done, new Error('EIO')) : fdatasync(file, done)) });
  await store.append(streamOf(1), 'no-stream', [eventOf(1)]);
  broken = true;
  const refusal = (error: Error): boolean => error.name === 'Unavailable' && /restarted/.test(error.message);
  const lost = Promise.allSettled([store.append(streamOf(1), 0, [eventOf(2)]), store.append(streamOf(2), 0, [eventOf(2)])]);
  for (const outcome of await lost) assert.ok(outcome.status === 'rejected' && refusal(outcome.reason as Error));
  broken = false;
  await assert.rejects(store.append(streamOf(3), 'no-stream', [eventOf(3)]), refusal);
  assert.deepEqual([await store.head(), (await collect(store.readAll(0n))).length], [1n, 1]);
  await store.close();
  const again = SqliteEventStore.open(path);
  await again.append(streamOf(3), 'no-stream', [eventOf(3)]);
  await again.close();
});

test('sqlite: a position beyond 2^53 stays exact', async () => {
  const path = freshFile();
  await SqliteEventStore.open(path).close();
  const raw = new DatabaseSync(path);
  raw.exec(`INSERT INTO streams VALUES (1, '${streamOf(1)}'); INSERT INTO events VALUES (9007199254740993, 1, 0, 'i', 't', 'd', 'm')`);
  raw.close();
  const store = SqliteEventStore.open(path);
  const { position } = await store.append(streamOf(1), 0, [eventOf(1)]);
  assert.equal(position, 9_007_199_254_740_994n);
  assert.deepEqual((await collect(store.readAll(9_007_199_254_740_992n))).map((event) => event.position), [9_007_199_254_740_993n, position]);
  await store.close();
});

test('sqlite: checkpoints beside the writes start the write-ahead log again and lose nothing', async () => {
  const path = freshFile();
  const store = SqliteEventStore.open(path, { checkpointFrames: 50, restartFrames: 200 });
  const watcher = new DatabaseSync(path);
  const frames = (): number => (watcher.prepare('PRAGMA wal_checkpoint(NOOP)').get() as { log: number }).log;
  let restarts = 0;
  let appended = 0;
  for (let before = 0; restarts < 3 && appended < 500_000; ) {
    const round = appended / 16;
    await Promise.all(Array.from({ length: 16 }, (_, s) => store.append(streamOf(s), round === 0 ? 'no-stream' : round - 1, [eventOf(appended + s)])));
    appended += 16;
    const now = frames();
    if (now < before) restarts += 1;
    before = now;
  }
  watcher.close();
  assert.equal(restarts, 3);
  assert.deepEqual((await collect(store.readAll(0n))).map((event) => event.id), Array.from({ length: appended }, (_, n) => `event-${n}`));
  await store.close();
});

test('sqlite: a folder that is not there is refused in one line', () => {
  const refused = (error: Error): boolean => error instanceof DatabaseUnusable && !error.message.includes('\n');
  assert.throws(() => SqliteEventStore.open(join(root, 'missing', 'events.db')), refused);
  assert.throws(() => lockFolder(join(root, 'missing')), refused);
});

test('sqlite: a file that is no database is refused in one line', async () => {
  const path = freshFile();
  await writeFile(path, 'this is not a database, and long enough to look at'.repeat(30));
  assert.throws(() => SqliteEventStore.open(path), (error: Error) => error instanceof DatabaseUnusable && !error.message.includes('\n'));
});

test('sqlite: kill -9 loses nothing that was acknowledged', async () => {
  const path = freshFile();
  const child = await startProcess(`
    import { SqliteEventStore } from ${moduleOf('sqlite')};
    import { writeSync } from 'node:fs';
    const store = SqliteEventStore.open(${JSON.stringify(path)});
    const caller = async (s) => {
      for (let n = 0; ; n++) {
        await store.append('sample-' + s, n === 0 ? 'no-stream' : n - 1, [{ id: s + ':' + n, type: 'T', data: '{}', meta: '{}' }]);
        writeSync(1, s + ':' + n + '\\n');
      }
    };
    for (let s = 0; s < 16; s++) void caller(s);`);
  let text = '';
  child.stdout.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > 20_000) child.kill('SIGKILL');
  });
  await once(child, 'close');
  const acknowledged = text.split('\n').slice(0, -1);
  assert.ok(acknowledged.length > 1_000);
  const store = SqliteEventStore.open(path);
  const stored = new Set((await collect(store.readAll(0n))).map((event) => event.id));
  for (const id of acknowledged) assert.ok(stored.has(id), `${id} is lost`);
  await store.close();
});

test('lock: one process at a time, until it dies', async () => {
  const folder = await mkdtemp(join(root, 'lock-'));
  const child = await startProcess(`
    import { lockFolder } from ${moduleOf('lock')};
    lockFolder(${JSON.stringify(folder)});
    console.log('locked');
    setInterval(() => {}, 1000);`);
  await once(child.stdout, 'data');
  assert.throws(() => lockFolder(folder), FolderInUse);
  child.kill('SIGKILL');
  await once(child, 'close');
  const lock = lockFolder(folder);
  assert.throws(() => lockFolder(folder), FolderInUse);
  lock.release();
  lock.release();
  lockFolder(folder).release();
});
