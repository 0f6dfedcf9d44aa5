/** The log's bytes: the hash chain as FORMAT.md defines it, computed here a second time; damage is found and named; JSON comes back as it went in. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { commandId, everything, logOn, originOf, someEvent, start, storedIn, tallyStream } from './harness.ts';
import { eventId } from '../../src/adapters/event-store/chain.ts';
import { StoredLog } from '../../src/adapters/event-store/log.ts';
import { MemoryEventStore } from '../../src/adapters/event-store/memory.ts';
import { KeyringVault } from '../../src/adapters/event-store/vault.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { personal, type Personal } from '../../src/domain/personal.ts';
import { beginning, BrokenChain, type Head } from '../../src/domain/ports/log.ts';
import type { NewEvent, StoredEvent } from '../../src/domain/ports/event-store.ts';
import { person } from '../domain/samples.ts';
import { goldenKeyring, goldenLogId, goldenVault } from '../golden/fixture.ts';

const stream = tallyStream();
/** A stream of events written by the log. */
const written = async (...data: readonly object[]): Promise<MemoryEventStore> => {
  const store = new MemoryEventStore();
  const log = logOn(store);
  let head: Head = beginning;
  for (const [n, item] of data.entries()) {
    const pending = await log.append(stream, head, [someEvent(item)], originOf(start, n));
    await pending.durable;
    head = pending.head;
  }
  return store;
};
/** The same rows in another store: as somebody leaves them who can write the file but cannot compute the chain. */
const stored = async (rows: readonly NewEvent[]): Promise<MemoryEventStore> => {
  const store = new MemoryEventStore();
  if (rows.length > 0) await store.append(stream, 'no-stream', rows);
  return store;
};
const brokenAt = (revision: number) => (error: unknown) => {
  assert.ok(error instanceof BrokenChain);
  assert.deepEqual([error.stream, error.revision], [stream, revision]);
  assert.ok(error.message.includes(stream) && error.message.includes(String(revision)));
  return true;
};

/** FORMAT.md: SHA-256(previous hash (32 bytes, zeros at revision 0) || for each of stream, revision (u64, big endian), id, type, data, meta without hash: u32 length || bytes). */
const byTheBook = (previous: Buffer, event: StoredEvent): Buffer => {
  const u32 = (n: number): Buffer => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
  const u64 = (n: number): Buffer => Buffer.concat([u32(Math.floor(n / 2 ** 32)), u32(n % 2 ** 32)]);
  const { hash: _, ...unhashed } = JSON.parse(event.meta) as { hash: string };
  const fields = [Buffer.from(event.stream), u64(event.revision), Buffer.from(event.id), Buffer.from(event.type), Buffer.from(event.data), Buffer.from(JSON.stringify(unhashed))];
  return createHash('sha256').update(Buffer.concat([previous, ...fields.flatMap((bytes) => [u32(bytes.length), bytes])])).digest();
};

test('the chain is the one that FORMAT.md defines, computed independently', async () => {
  const store = await written({ a: 1 }, { text: 'ünïcödé 🦆\u2028' }, { mail: personal(person, 'email', 'ada@example.com') }, {});
  let previous: Buffer = Buffer.alloc(32);
  for (const event of await storedIn(store)) {
    previous = byTheBook(previous, event);
    assert.equal((JSON.parse(event.meta) as { hash: string }).hash, previous.toString('base64url'), `revision ${event.revision}`);
    assert.ok(event.meta.endsWith(`,"hash":"${previous.toString('base64url')}"}`));
  }
});

test('an event\'s id is a UUIDv5 of its command, stream and place: known answer', () => {
  const namespace = Buffer.from('6ba7b8109dad11d180b400c04fd430c8', 'hex');
  const digest = createHash('sha1').update(namespace).update('tally-ten_1.1|3').digest();
  const hex = digest.toString('hex').slice(0, 32);
  const expected = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${((Number.parseInt(hex.slice(16, 18), 16) & 63) | 128).toString(16)}${hex.slice(18, 20)}-${hex.slice(20)}`;
  assert.equal(eventId('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'tally-ten_1.1', 3), expected);
});

const changedByte = (text: string, at: number): string => {
  const place = at % text.length;
  const letter = text[place] === 'x' ? 'y' : 'x';
  return `${text.slice(0, place)}${letter}${text.slice(place + 1)}`;
};
test('one changed letter, anywhere in data, meta, type or id of any event, is found there', async () => {
  const rows = await storedIn(await written({ a: 'one' }, { b: 'two' }, { c: 'three' }));
  await fc.assert(fc.asyncProperty(fc.nat(2), fc.constantFrom('data', 'meta', 'type', 'id'), fc.nat(1_000), async (revision, part, at) => {
    const damaged = rows.map((row) => (row.revision === revision ? { ...row, [part]: changedByte(row[part], at) } : row));
    await assert.rejects(everything(logOn(await stored(damaged)).read(stream)), brokenAt(revision));
  }), { numRuns: 150 });
});
test('every letter of one event\'s meta is guarded, its hash included', async () => {
  const rows = await storedIn(await written({ a: 1 }));
  const meta = rows[0]?.meta ?? '';
  for (let at = 0; at < meta.length; at += 1) await assert.rejects(everything(logOn(await stored(rows.map((row) => ({ ...row, meta: changedByte(meta, at) })))).read(stream)), brokenAt(0), `letter ${at}: ${meta[at]}`);
});
test('a letter between two fields does not count twice: moving it from type to id is found', async () => {
  const [row] = await storedIn(await written({ a: 1 }));
  assert.ok(row);
  await assert.rejects(everything(logOn(await stored([{ ...row, id: `${row.id}${row.type[0]}`, type: row.type.slice(1) }])).read(stream)), brokenAt(0));
});
test('exchanged, missing, repeated and foreign events are found', async () => {
  const rows = await storedIn(await written({ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }));
  const [a, b, c, d] = rows as [StoredEvent, StoredEvent, StoredEvent, StoredEvent];
  const damaged: readonly [string, readonly StoredEvent[], number][] = [
    ['exchanged', [a, c, b, d], 1], ['the first missing', [b, c, d], 0], ['one missing', [a, c, d], 1], ['twice', [a, b, b, c], 2], ['of another log', [a, b, (await storedIn(await written({ n: 9 })))[0] as StoredEvent], 2],
  ];
  for (const [what, events, revision] of damaged) await assert.rejects(everything(logOn(await stored(events)).read(stream)), brokenAt(revision), what);
  assert.equal((await everything(logOn(await stored(rows)).read(stream))).length, 4, 'the undamaged one is read');
});
test('a gap in the revisions that a store gives is found, and so is damage after a point from which one continues', async () => {
  const store = await written({ n: 0 }, { n: 1 }, { n: 2 });
  const rows = await storedIn(store);
  const withGap = Object.assign(new MemoryEventStore(), { read: async function* () { yield rows.filter(({ revision }) => revision !== 1); } });
  await assert.rejects(everything(logOn(withGap).read(stream)), brokenAt(1));
  const misnumbered = Object.assign(new MemoryEventStore(), { read: async function* () { yield rows.map((row) => (row.revision === 2 ? { ...row, revision: 5 } : row)); } });
  await assert.rejects(everything(logOn(misnumbered).read(stream)), brokenAt(2));
  const first = (await everything(logOn(store).read(stream)))[0];
  assert.ok(first);
  const head: Head = { revision: 0, hash: first.meta.hash, at: first.meta.at };
  assert.deepEqual((await everything(logOn(store).read(stream, head))).map(({ revision }) => revision), [1, 2]);
  await assert.rejects(everything(logOn(store).read(stream, { ...head, hash: changedByte(head.hash, 3) })), brokenAt(1));
});
test('an event of the same bytes in another stream is broken there', async () => {
  const rows = await storedIn(await written({ n: 0 }));
  const store = new MemoryEventStore();
  const other = tallyStream('other');
  await store.append(other, 'no-stream', rows);
  await assert.rejects(everything(logOn(store).read(other)), (error: unknown) => error instanceof BrokenChain && error.stream === other && error.revision === 0);
});

/** Any JSON whose keys survive, with personal values anywhere in it. */
const plainKey = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('constructor', 'toString', 'a b', '-1', '01', '1.5', 'é', '')).filter((key) => key !== '__proto__' && !key.startsWith('$') && !/^(0|[1-9]\d*)$/.test(key));
const text = fc.string({ unit: 'binary', maxLength: 20 }).map((value) => value.toWellFormed());
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof({ maxDepth: 4 }, text, fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)), fc.boolean(), fc.constant(null), text.map((value) => personal(person, 'label', value)),
    fc.array(tie('json'), { maxLength: 4 }), fc.dictionary(plainKey, tie('json'), { maxKeys: 5, noNullPrototype: true })),
}));
const openAll = async (value: unknown): Promise<unknown> => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Promise.all(value.map(openAll));
  if ('$p' in value) {
    const opened = await goldenVault().open(value as Personal);
    assert.ok(opened !== undefined);
    return personal(person, 'label', opened);
  }
  return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([key, item]) => [key, await openAll(item)] as const)));
};

test('seal, encode, store, read and open give back any JSON, key order included; nothing personal is stored in clear', async () => {
  await fc.assert(fc.asyncProperty(fc.dictionary(plainKey, json, { maxKeys: 6, noNullPrototype: true }), async (data) => {
    const store = await written(data);
    const [event] = await everything(logOn(store).read(stream));
    assert.ok(event);
    const opened = await openAll(event.data);
    assert.deepEqual(opened, data);
    assert.equal(JSON.stringify(opened), JSON.stringify(data));
    const [row] = await storedIn(store);
    assert.ok(row && !row.data.includes('$clear'));
    assert.equal(JSON.stringify(JSON.parse(row.data)), row.data, 'parse and stringify is the identity');
  }), { numRuns: 300 });
});
test('what the writer is given at once is what a reader gets later, but for positions', async () => {
  const store = new MemoryEventStore();
  const log = logOn(store);
  const heard: unknown[] = [];
  log.onCommitted((events) => heard.push(...events));
  const pending = await log.append(stream, beginning, [someEvent({ a: 1, nothing: undefined, mail: personal(person, 'email', 'a@b.example') }), someEvent({ b: [] })], originOf(start, 1, { reason: personal(person, 'reason', 'because') }));
  const committed = await pending.durable;
  const read = await everything(logOn(store).read(stream));
  assert.deepEqual(committed, read);
  assert.deepEqual(heard, read);
  assert.deepEqual(pending.head, { revision: 1, hash: read[1]?.meta.hash, at: start });
  assert.equal(await goldenVault().open(read[0]?.meta.reason as Personal), 'because');
  assert.ok(!JSON.stringify((await storedIn(store)).map(({ meta }) => meta)).includes('because'));
});
test('keys that parsing would move or swallow are refused, wherever they stand, and nothing is written', async () => {
  const store = new MemoryEventStore();
  const log = logOn(store);
  const bad = ['0', '1', '42', '4294967294', '4294967295', '9007199254740993', '__proto__'];
  for (const key of bad) {
    const data = JSON.parse(`{"${key}":1}`) as object;
    for (const nested of [data, { a: data }, { a: [{ b: data }] }]) await assert.rejects(log.append(stream, beginning, [someEvent({ fine: 1 }), someEvent(nested)], originOf(start, 1)), { message: `an event may not have a field named '${key}'` });
  }
  assert.deepEqual(await storedIn(store), []);
  assert.equal((await (await log.append(stream, beginning, [someEvent({ '01': 1, '-1': 2, '1.0': 3, 'proto': 4 })], originOf(start, 1))).durable).length, 1);
});
test('a value that was sealed before is stored unchanged; of somebody whose key is destroyed nothing new is sealed', async () => {
  const [first] = await everything(logOn(await written({ mail: personal(person, 'email', 'ada@example.com') })).read(stream));
  assert.ok(first);
  const { mail } = first.data as { mail: Personal };
  const [copy] = await everything(logOn(await written({ deep: [{ mail }] })).read(stream));
  assert.deepEqual(copy?.data, { deep: [{ mail }] });
  const erased = new KeyringVault({ ...goldenKeyring, sealingKey: async () => undefined }, new SeededRandom('erased'), goldenLogId);
  const store = new MemoryEventStore();
  const log = new StoredLog(store, erased, {}, true);
  await assert.rejects(log.append(stream, beginning, [someEvent({ mail: personal(person, 'email', 'ada@example.com') })], originOf(start, 1)), /has been destroyed/);
  assert.deepEqual(await storedIn(store), []);
  assert.equal((await (await log.append(stream, beginning, [someEvent({ mail })], originOf(start, 1))).durable).length, 1);
});
test('a sealed value opens for its owner, field and log only', async () => {
  const [event] = await everything(logOn(await written({ mail: personal(person, 'email', 'ada@example.com') })).read(stream));
  assert.ok(event);
  const [owner, keyNo, field, iv, bytes] = (event.data as { mail: { $p: [string, number, string, string, string] } }).mail.$p;
  const vault = goldenVault();
  const open = (...value: readonly unknown[]): Promise<string | undefined> => vault.open({ $p: value } as never);
  assert.equal(await open(owner, keyNo, field, iv, bytes), 'ada@example.com');
  assert.equal(await open(owner, 2, field, iv, bytes), undefined, 'a key that is gone opens nothing, without an error');
  for (const moved of [['per_22222222222222222222', keyNo, field, iv, bytes], [owner, keyNo, 'ip', iv, bytes], [owner, keyNo, field, iv, changedByte(bytes, 3)], [owner, keyNo, field, changedByte(iv, 3), bytes]]) await assert.rejects(open(...moved));
});
test('command ids and places give distinct event ids', () => {
  const ids = [0, 1, 2].flatMap((n) => [0, 1, 2].flatMap((index) => ['1', '2'].map((id) => eventId(commandId(n), tallyStream(id), index))));
  assert.equal(new Set(ids).size, ids.length);
});
