/** What all stores of uploaded code promise; `source-store.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { Refused } from '../../src/domain/ports/failures.ts';
import type { SourceStore } from '../../src/domain/ports/runtime.ts';
import { filesTgz, pieces, tar, tgz, type Entry } from './source-store.archives.ts';

/** Small, so that going over them is quick. */
export const limits = { packedBytes: 20_000, unpackedBytes: 100_000, entries: 20, pathBytes: 300 };
export type OpenStore = () => Promise<{ readonly store: SourceStore; /** Everything that is stored, for seeing that nothing stays. */ readonly kept: () => Promise<readonly string[]> }>;

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const text = 'console.log(1);\n';
const noise = (bytes: number): string => Array.from({ length: bytes / 64 }, (_, i) => createHash('sha256').update(String(i)).digest('hex')).join('');
const inFolder = async (run: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-unpacked-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
const file = (name: string, more: Partial<Entry> = {}): Entry => ({ name, text, ...more });
const pax = (records: Readonly<Record<string, string>>): Entry => ({ name: 'plain', text, pax: records });
/** A tar header block as no packer writes it. */
const rawEntry = async (change: (block: Buffer) => void, name = 'odd'): Promise<Buffer> => {
  const bytes = await tar([file(name)]);
  change(bytes);
  bytes.fill(' ', 148, 156);
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return gzipSync(bytes);
};

type Bad = readonly [what: string, bytes: () => Promise<Uint8Array>, code: 'SourceRefused' | 'SourceTooBig', message: RegExp];
const bad: readonly Bad[] = [
  ['nothing', async () => Buffer.alloc(0), 'SourceRefused', /empty/],
  ['no gzip', async () => Buffer.from('PK\u0003\u0004 this is a zip'), 'SourceRefused', /no tar\+gzip/],
  ['gzip of no tar', async () => gzipSync(Buffer.alloc(2_000, 'x')), 'SourceRefused', /no tar archive/],
  ['gzip of nothing', async () => gzipSync(''), 'SourceRefused', /no file/],
  ['a tar without files', async () => tgz([{ name: 'a', type: 'directory' }]), 'SourceRefused', /no file/],
  ['half a gzip', async () => (await tgz([file('a', { text: noise(6_400) })])).subarray(0, 2_000), 'SourceRefused', /too early/],
  ['half a tar', async () => gzipSync((await tar([file('a', { text: noise(6_400) })])).subarray(0, 2_048)), 'SourceRefused', /damaged/],
  ['a flipped bit', async () => { const bytes = await tgz([file('a', { text: noise(640) })]); bytes[bytes.length - 6]! ^= 1; return bytes; }, 'SourceRefused', /damaged/],
  ['rubbish behind the gzip', async () => Buffer.concat([await tgz([file('a')]), Buffer.from('rubbish')]), 'SourceRefused', /damaged|after the end/],
  ['zeros behind the gzip', async () => Buffer.concat([await tgz([file('a')]), Buffer.alloc(100)]), 'SourceRefused', /after the end/],
  ['rubbish behind the tar', async () => gzipSync(Buffer.concat([await tar([file('a')]), Buffer.alloc(512, 'x')])), 'SourceRefused', /damaged/],
  ['an absolute path', async () => tgz([file('/etc/passwd')]), 'SourceRefused', /"\/etc\/passwd" is an absolute path/],
  ['a drive', async () => tgz([file('C:/x')]), 'SourceRefused', /"C:\/x" is an absolute path/],
  ['a path out of the folder', async () => tgz([file('a/../../x')]), 'SourceRefused', /"a\/\.\.\/\.\.\/x" leads out/],
  ['a path that only goes up', async () => tgz([file('..')]), 'SourceRefused', /"\.\." leads out/],
  ['a folder out of the folder', async () => tgz([file('a'), { name: '../b', type: 'directory' }]), 'SourceRefused', /leads out/],
  ['a long name out of the folder', async () => tgz([pax({ path: '../out' })]), 'SourceRefused', /leads out/],
  ['a NUL in a long name', async () => tgz([pax({ path: 'a\0b' })]), 'SourceRefused', /control character/],
  ['a line end in a name', async () => tgz([file('a\nb')]), 'SourceRefused', /"a\\nb" has a control character/],
  ['a backslash', async () => tgz([file('a\\..\\..\\b')]), 'SourceRefused', /backslash/],
  ['no name', async () => tgz([file('./')]), 'SourceRefused', /no file/],
  ['a symbolic link', async () => tgz([file('a'), { name: 'ln', type: 'symlink', linkname: '/etc/passwd' }]), 'SourceRefused', /"ln" is a symbolic link/],
  ['a hard link', async () => tgz([file('a'), { name: 'ln', type: 'link', linkname: 'a' }]), 'SourceRefused', /"ln" is a hard link/],
  ['a named pipe', async () => tgz([{ name: 'p', type: 'fifo' }]), 'SourceRefused', /"p" is a named pipe/],
  ['a device', async () => tgz([{ name: 'null', type: 'character-device', devmajor: 1, devminor: 3 }]), 'SourceRefused', /"null" is a device/],
  ['an unknown kind', () => rawEntry((block) => void block.write('Z', 156)), 'SourceRefused', /"odd" is of an unknown kind/],
  ['a sparse file', async () => tgz([pax({ 'GNU.sparse.major': '1' })]), 'SourceRefused', /sparse/],
  ['a size below zero', () => rawEntry((block) => void block.fill(0xff, 124, 136)), 'SourceRefused', /no tar archive|damaged/],
  ['a size out of this world', () => rawEntry((block) => void block.write('77777777777 ', 124)), 'SourceTooBig', /"odd" is larger/],
  ['a file twice', async () => tgz([file('a'), file('./a')]), 'SourceRefused', /"\.\/a" is there twice/],
  ['a file that is a folder', async () => tgz([file('a/b'), file('a')]), 'SourceRefused', /"a" is there twice/],
  ['a file in a file', async () => tgz([file('a'), file('a/b')]), 'SourceRefused', /"a\/b" lies in "a"/],
  ['too long a path', async () => tgz([file(`${'d/'.repeat(200)}x`)]), 'SourceRefused', /too long/],
  ['too long a name', async () => tgz([file('n'.repeat(256))]), 'SourceRefused', /too long/],
  ['too many entries', async () => tgz(Array.from({ length: 21 }, (_, i) => file(`f${i}`))), 'SourceTooBig', /more than 20 entries; "f20"/],
  ['too large an upload', async () => tgz([file('a', { text: noise(64_000) })]), 'SourceTooBig', /upload is larger/],
  ['a bomb of one file', async () => tgz([file('a', { text: 'a'.repeat(1_000_000) })]), 'SourceTooBig', /"a" is larger/],
  ['a bomb of several files', async () => tgz(['a', 'b', 'c'].map((name) => file(name, { text: 'a'.repeat(50_000) }))), 'SourceTooBig', /Unpacked/],
];

export const sourceStoreContract = (name: string, open: OpenStore): void => {
  const promise = (what: string, run: (store: SourceStore, kept: () => Promise<readonly string[]>) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      const { store, kept } = await open();
      await run(store, kept);
    });
  };
  promise('what is put is known by the hash of its bytes, and unpacked as it was', async (store) => {
    const long = `${'long-folder-name/'.repeat(8)}größe.txt`;
    const bytes = await tgz([{ name: './', type: 'directory' }, file('./run', { mode: 0o4755 }), file('lib/a.js', { mode: 0o600 }), { name: 'empty/', type: 'directory', mode: 0o777 }, file(long), file('nothing', { text: '' })]);
    const stored = await store.put(pieces(bytes, 7));
    assert.deepEqual(stored, { digest: digestOf(bytes), size: bytes.length, files: 4 });
    assert.equal(await store.has(stored.digest), true);
    await inFolder(async (folder) => {
      await store.unpack(stored.digest, folder);
      assert.deepEqual((await readdir(folder)).toSorted(), ['empty', 'lib', 'long-folder-name', 'nothing', 'run']);
      assert.equal(await readFile(join(folder, long), 'utf8'), text);
      assert.equal(await readFile(join(folder, 'lib/a.js'), 'utf8'), text);
      assert.equal((await stat(join(folder, 'run'))).mode & 0o7777, 0o755);
      assert.equal((await stat(join(folder, 'lib/a.js'))).mode & 0o7777, 0o644);
      assert.equal((await stat(join(folder, 'nothing'))).size, 0);
    });
  });
  for (const [what, bytes, code, message] of bad) {
    promise(`refuses ${what}, and nothing of it stays`, async (store, kept) => {
      const before = await kept();
      const refusal = await store.put(pieces(await bytes())).then(() => undefined, (error: unknown) => error);
      assert.ok(refusal instanceof Refused, String(refusal));
      assert.match(refusal.message, message);
      assert.equal(refusal.code, code);
      assert.deepEqual(await kept(), before);
    });
  }
  promise('an upload that breaks off leaves nothing', async (store, kept) => {
    const before = await kept();
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield (await filesTgz({ a: text })).subarray(0, 40);
      throw new Error('connection lost');
    };
    await assert.rejects(store.put(broken()), /connection lost/);
    assert.deepEqual(await kept(), before);
  });
  promise('two uploads of the same at once are one', async (store) => {
    const bytes = await filesTgz({ a: text });
    const [one, two] = await Promise.all([store.put(pieces(bytes, 10)), store.put(pieces(bytes, 50))]);
    assert.deepEqual(one, two);
    await inFolder(async (folder) => {
      await store.unpack(one.digest, folder);
      assert.deepEqual(await readdir(folder), ['a']);
    });
  });
  promise('what is not stored is refused', async (store) => {
    for (const digest of [digestOf(Buffer.from('x')), 'sha256:../../x', '']) {
      assert.equal(await store.has(digest), false);
      await inFolder((folder) => assert.rejects(store.unpack(digest, folder), { name: 'Refused', code: 'SourceUnknown' }));
      await assert.rejects(store.retain(digest, 'wl_a'), { name: 'Refused', code: 'SourceUnknown' });
      await store.release(digest, 'wl_a');
      await store.remove(digest);
    }
  });
  promise('what somebody holds stays; removing is at once', async (store) => {
    const { digest } = await store.put(pieces(await filesTgz({ a: text })));
    await store.retain(digest, 'wl_a');
    await store.retain(digest, 'wl_b');
    await store.retain(digest, 'wl_b');
    await store.release(digest, 'wl_a');
    await store.release(digest, 'wl_a');
    assert.equal(await store.has(digest), true);
    await store.remove(digest);
    assert.equal(await store.has(digest), false);
  });
  promise('what was uploaded again just now stays though the last holder lets go', async (store) => {
    const bytes = await filesTgz({ a: text });
    const { digest } = await store.put(pieces(bytes));
    await store.retain(digest, '../../wl_a');
    await store.put(pieces(bytes));
    await store.release(digest, '../../wl_a');
    assert.equal(await store.has(digest), true);
  });
  test(`${name}: any files come back as they were`, async () => {
    const part = fc.stringMatching(/^[a-zA-Zäß0-9_ -][a-zA-Zäß0-9_. -]{0,12}$/);
    const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.map((one, depth) => `${depth}${one}`).join('/'));
    await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.record({ path, content: fc.string({ maxLength: 2_000 }) }), { minLength: 1, maxLength: 6, selector: (one) => one.path }), async (files) => {
      const { store } = await open();
      const parents = new Set(files.flatMap((one) => one.path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'))));
      const plain = files.filter((one) => !parents.has(one.path));
      const { digest } = await store.put(pieces(await tgz(plain.map((one) => file(one.path, { text: one.content }))), 333));
      await inFolder(async (folder) => {
        await store.unpack(digest, folder);
        for (const one of plain) assert.equal(await readFile(join(folder, one.path), 'utf8'), one.content.toWellFormed());
      });
    }), { numRuns: 15 });
  });
};
