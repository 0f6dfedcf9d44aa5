/** Every event type and version that was ever written can still be read: decoded, verified, folded and opened. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { folder, goldenVault, logOver, type Golden } from './fixture.ts';
import { stories } from './samples.ts';
import { chainHash, hashIn, withoutHash } from '../../src/adapters/event-store/chain.ts';
import { MemoryEventStore } from '../../src/adapters/event-store/memory.ts';
import { fold } from '../../src/domain/decider.ts';
import { categoryOf, type StreamName } from '../../src/domain/ids.ts';
import type { Instant } from '../../src/domain/instant.ts';
import { isSealed, personal, type Sealed } from '../../src/domain/personal.ts';
import { beginning, type Meta, type Recorded } from '../../src/domain/ports/log.ts';
import { currentVersion, upcast, type Upcast } from '../../src/domain/schema.ts';
import { upcasters } from '../../src/upcasters.ts';
import { root } from './root.ts';

const typesInDomain = (): string[] => {
  const domain = join(root, 'src/domain');
  const folders = readdirSync(domain, { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== 'ports');
  return folders.flatMap(({ name }) => [...readFileSync(join(domain, name, 'events.ts'), 'utf8').matchAll(/Event<'(\w+)'/g)].map(([, type = '']) => type)).sort();
};
const files = readdirSync(folder).filter((name) => name.endsWith('.json')).sort();
const golden = (name: string): Golden => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Golden;
const sealedIn = (value: unknown): Sealed[] => {
  if (typeof value !== 'object' || value === null) return [];
  return isSealed(value) ? [value] : Object.values(value).flatMap(sealedIn);
};
/** As it is read today. */
const decoded = ({ type, data, meta }: Golden): object => upcast(upcasters, type, (JSON.parse(meta) as Meta).schema, JSON.parse(data) as object);

test('every event type has a golden file of each of its versions, and every golden file a type', () => {
  const types = typesInDomain();
  assert.ok(types.length > 60, `only ${types.length} types were found`);
  const expected = types.flatMap((type) => Array.from({ length: currentVersion(upcasters, type) }, (_, n) => `${type}.v${n + 1}.json`));
  assert.deepEqual(files, expected.sort(), 'missing ones are written by test/golden/write.ts');
});

test('no golden file has changed since it was written', () => {
  const sums = files.map((name) => `${createHash('sha256').update(readFileSync(join(folder, name))).digest('hex')}  ${name}\n`).join('');
  assert.equal(sums, readFileSync(join(folder, 'golden.sha256'), 'utf8'));
});

for (const name of files) {
  const file = golden(name);
  test(`${name} is stored as its name says, and its hash is right for its bytes`, () => {
    assert.equal(name, `${file.type}.v${file.version}.json`);
    assert.equal((JSON.parse(file.meta) as Meta).schema, file.version);
    assert.equal(chainHash(file.previous, file.stream, file.revision, file.id, file.type, file.data, withoutHash(file.meta)), hashIn(file.meta));
    for (const text of [file.data, file.meta]) assert.equal(JSON.stringify(JSON.parse(text)), text, 'parsing and writing again gives the same bytes');
  });
  test(`${name} opens to what was sealed, and holds none of it in clear`, async () => {
    const vault = goldenVault();
    const opened = await Promise.all(sealedIn([decoded(file), JSON.parse(file.meta)]).map((value) => vault.open(value)));
    assert.deepEqual(opened, file.opens);
    for (const text of file.opens) assert.ok(!`${file.data}${file.meta}`.includes(JSON.stringify(text).slice(1, -1)));
  });
  test(`${name} has the fields that are written today, and folds after the ones before it`, () => {
    const own = stories.find(({ decider }) => decider.category === categoryOf(file.stream));
    const place = own?.events.findIndex(({ type }) => type === file.type) ?? -1;
    assert.ok(own && place >= 0);
    const data = decoded(file);
    assert.deepEqual(Object.keys(data), Object.keys(own.events[place]?.data ?? {}));
    const before = fold(own.decider, own.events.slice(0, place));
    const after = own.decider.evolve(before, { type: file.type, data });
    assert.equal(typeof after, 'object');
    assert.ok(after !== null);
  });
}

// Made up: v1 { name, mail } -> v2 { names: [...], mail } -> v3 { names, contact: { mail } }
type Three = { readonly names: readonly string[]; readonly contact: { readonly mail: Sealed } };
const v1to2: Upcast = ({ name, ...rest }) => ({ names: [name], ...rest });
const v2to3: Upcast = ({ mail, ...rest }) => ({ ...rest, contact: { mail } });
const sampled = 'sample-ten_11111111111111111111.1' as StreamName;
const origin = (n: number) => ({ at: '2026-03-01T12:00:00.000Z' as Instant, commandId: `00000000-0000-8000-8000-00000000000${n}`, correlationId: 'c', causationId: 'c', actor: 'system:test', tenant: 'ten_11111111111111111111', fingerprint: 'f' });
const mail = personal('per_11111111111111111111', 'email', 'ada@example.com');

test('upcasting: whoever reads sees today\'s shape only, sealed values are moved unopened, and the chain of the stored bytes still verifies', async () => {
  const store = new MemoryEventStore();
  const written: [table: Record<string, readonly Upcast[]>, data: object][] = [
    [{}, { name: 'Ada', mail }],
    [{ SampleTaken: [v1to2] }, { names: ['Ada', 'Bea'], mail }],
    [{ SampleTaken: [v1to2, v2to3] }, { names: ['Cleo'], contact: { mail } }],
  ];
  let head = beginning;
  for (const [n, [table, data]] of written.entries()) {
    const pending = await logOver(store, table, `seed ${n}`).append(sampled, head, [{ type: 'SampleTaken', data }, { type: 'Untouched', data: { name: 'as it is' } }], origin(n));
    await pending.durable;
    head = pending.head;
  }
  const today = logOver(store, { SampleTaken: [v1to2, v2to3] });
  await today.recover();
  const collected = async (pages: AsyncIterable<readonly Recorded[]>): Promise<Recorded[]> => {
    const events: Recorded[] = [];
    for await (const page of pages) events.push(...page);
    return events;
  };
  const stop = new AbortController();
  const follow = async (): Promise<Recorded[]> => {
    for await (const page of today.follow(0n, stop.signal)) return [...page];
    return [];
  };
  const followed = await follow();
  stop.abort();
  for (const events of [await collected(today.read(sampled)), await collected(today.readAll(0n)), followed]) {
    const samples = events.filter(({ type }) => type === 'SampleTaken');
    assert.deepEqual(samples.map(({ meta }) => meta.schema), [1, 2, 3], 'the stored version stays what it was');
    const views = await Promise.all(samples.map(async ({ data }) => ({ ...(data as Three), contact: await goldenVault().open((data as Three).contact.mail) })));
    assert.deepEqual(views, [['Ada'], ['Ada', 'Bea'], ['Cleo']].map((names) => ({ names, contact: 'ada@example.com' })));
    assert.deepEqual(events.filter(({ type }) => type === 'Untouched').map(({ data }) => data), [1, 2, 3].map(() => ({ name: 'as it is' })));
  }
  assert.deepEqual((await collected(today.read(sampled))).at(-1)?.meta.hash, head.hash);
});

test('upcasting: an event of a version newer than this program\'s is given as it is stored, never cut down', () => {
  assert.deepEqual(upcast({ SampleTaken: [v1to2] }, 'SampleTaken', 3, { future: true }), { future: true });
  assert.deepEqual(upcast({}, 'SampleTaken', 1, { name: 'Ada' }), { name: 'Ada' });
});
