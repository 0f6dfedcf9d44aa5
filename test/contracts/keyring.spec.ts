/** Every keyring keeps the contract; what lies on the disk; and how addresses are normalised. */
import assert from 'node:assert/strict';
import { fdatasync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { MemoryKeyring } from '../../src/adapters/keyring/memory.ts';
import { MongoKeyring } from '../../src/adapters/keyring/mongodb.ts';
import { normaliseEmail } from '../../src/adapters/keyring/normalise-email.ts';
import { SqliteKeyring } from '../../src/adapters/keyring/sqlite.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { freshMongo, withMongo } from './mongodb.ts';
import { keyringContract } from './keyring.contract.ts';

const root = await mkdtemp(join(tmpdir(), 'tollgate-keyring-'));
after(() => rm(root, { recursive: true, force: true }));
let files = 0;
const freshFile = (): string => join(root, `keys-${(files += 1)}.db`);
const secrets = (seed = 1) => ({ masterKey: new SeededRandom(`master ${seed}`).bytes(32), hmacKey: new SeededRandom(`hmac ${seed}`).bytes(32), random: new SeededRandom(`ids ${(files += 1)}`) });

keyringContract('memory', async () => new MemoryKeyring(secrets()));
keyringContract('sqlite', async () => SqliteKeyring.open(freshFile(), secrets()));
withMongo((server) => test('mongodb: persons, keys and links are there when it is connected to again; no address and no key lies there in clear, and after erasure nothing of the person does', async () => {
  const mongo = await freshMongo(server);
  const first = await MongoKeyring.open(mongo, secrets());
  const ada = await first.findOrCreate('ada@example.com');
  const pooled = await first.takePooledKey();
  await first.link(pooled, ada);
  const before = [await first.sealingKey(ada), await first.sealingKey(pooled)];
  await first.close();
  const again = await freshMongo(server, mongo.database.databaseName);
  const second = await MongoKeyring.open(again, secrets());
  assert.deepEqual([await second.find('ada@example.com'), await second.sealingKey(ada), await second.sealingKey(pooled)], [ada, ...before]);
  const stored = async (): Promise<string> => JSON.stringify(await again.keyring.collection('owners').find().toArray());
  const text = await stored();
  for (const secret of ['example.com', Buffer.from(before[0]?.key ?? []).toString('base64url'), Buffer.from(before[0]?.key ?? []).toString('base64')]) assert.ok(!text.includes(secret));
  await assert.rejects((await MongoKeyring.open(again, { ...secrets(), masterKey: secrets(2).masterKey })).sealingKey(ada), /does not open with this master key/);
  await second.erase(ada);
  const afterwards = await stored();
  for (const gone of [ada, pooled]) assert.ok(text.includes(gone) && !afterwards.includes(gone));
  await second.close();
}));
withMongo((server) => keyringContract('mongodb', async () => MongoKeyring.open(await freshMongo(server), secrets())));

const bytesOf = async (path: string): Promise<Buffer> => Buffer.concat([await readFile(path), await readFile(`${path}-wal`).catch(() => Buffer.alloc(0))]);

test('sqlite: persons, keys and links are there when the file is opened again', async () => {
  const path = freshFile();
  const first = SqliteKeyring.open(path, secrets());
  const ada = await first.findOrCreate('ada@example.com');
  const pooled = await first.takePooledKey();
  await first.link(pooled, ada);
  await first.addPassword(ada, '$argon2id$v=19$ada');
  const before = [await first.sealingKey(ada), await first.sealingKey(pooled)];
  await first.close();
  await first.close();
  const second = SqliteKeyring.open(path, secrets());
  assert.equal(await second.find('ada@example.com'), ada);
  assert.deepEqual([await second.sealingKey(ada), await second.sealingKey(pooled)], before);
  assert.equal(await second.password(ada, 1), '$argon2id$v=19$ada');
  assert.notEqual(await second.takePooledKey(), pooled);
  await second.erase(ada);
  assert.equal(await second.sealingKey(pooled), undefined);
  await second.close();
});

test('sqlite: neither addresses nor unwrapped keys lie on the disk, and after erasure nothing of the person does', async () => {
  const path = freshFile();
  const keyring = SqliteKeyring.open(path, secrets());
  for (let n = 0; n < 40; n++) await keyring.findOrCreate(`other-${n}@example.com`);
  const ada = await keyring.findOrCreate('ada@example.com');
  const { key } = (await keyring.sealingKey(ada)) ?? { key: new Uint8Array(0) };
  await keyring.addPassword(ada, '$argon2id$v=19$somethinglong');
  const reader = new DatabaseSync(path);
  const wrapped = Buffer.from(reader.prepare('SELECT wrapped FROM keys WHERE owner = ?').get(ada)?.['wrapped'] as Uint8Array);
  const hash = Buffer.from(reader.prepare('SELECT wrapped FROM passwords WHERE person = ?').get(ada)?.['wrapped'] as Uint8Array);
  reader.close();
  const before = await bytesOf(path);
  for (const secret of ['ada@example.com', 'example.com', 'argon2id', key]) assert.equal(before.indexOf(secret), -1);
  for (const stored of [wrapped, hash, ada]) assert.notEqual(before.indexOf(stored), -1);
  await keyring.erase(ada);
  const afterwards = await bytesOf(path);
  for (const gone of [wrapped, hash, ada]) assert.equal(afterwards.indexOf(gone), -1);
  await keyring.close();
});

test('sqlite: another master key opens nothing, and says so', async () => {
  const path = freshFile();
  const first = SqliteKeyring.open(path, secrets());
  const ada = await first.findOrCreate('ada@example.com');
  await first.close();
  const second = SqliteKeyring.open(path, { ...secrets(), masterKey: secrets(2).masterKey });
  await assert.rejects(second.sealingKey(ada), /does not open with this master key/);
  await second.close();
});

test('sqlite: nobody sees a person or a key before it is durable', async () => {
  const held: (() => void)[] = [];
  let hold = false;
  const keyring = SqliteKeyring.open(freshFile(), secrets(), { sync: (file, done) => (hold ? void held.push(() => fdatasync(file, done)) : fdatasync(file, done)) });
  await keyring.findOrCreate('first@example.com');
  hold = true;
  let answers = 0;
  const asked = [keyring.findOrCreate('ada@example.com'), turn().then(turn).then(() => keyring.find('ada@example.com'))].map((promise) => promise.then(() => (answers += 1)));
  while (held.length === 0) await turn();
  for (let n = 0; n < 10; n++) await turn();
  assert.equal(answers, 0);
  hold = false;
  for (const release of held.splice(0)) release();
  await Promise.all(asked);
  await keyring.close();
});

test('an address is trimmed, composed, lower case, its domain in ASCII; nothing else is folded', () => {
  const cases: [string, string][] = [
    [' Ada@Example.COM\n', 'ada@example.com'],
    ['a.d.a+tag@example.com', 'a.d.a+tag@example.com'],
    ['ju\u0308rgen@example.com', 'j\u00fcrgen@example.com'],
    ['ada@B\u00fccher.example', 'ada@xn--bcher-kva.example'],
    ['ada@bu\u0308cher.example', 'ada@xn--bcher-kva.example'],
    ['"a@b"@example.com', '"a@b"@example.com'],
    ['ada@[192.0.2.1]', 'ada@[192.0.2.1]'],
    ['Nobody', 'nobody'],
  ];
  for (const [given, normalised] of cases) assert.equal(normaliseEmail(given), normalised);
});

test('normalising twice changes nothing more', () => {
  const text = fc.oneof(fc.emailAddress(), fc.string({ unit: 'binary' }), fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })).map((parts) => parts.join('@')));
  fc.assert(fc.property(text, (email) => assert.equal(normaliseEmail(normaliseEmail(email)), normaliseEmail(email))), { numRuns: 500 });
});
