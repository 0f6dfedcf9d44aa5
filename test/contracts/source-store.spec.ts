/** All stores of uploaded code keep the contract. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MemorySourceStore } from '../../src/adapters/runtime/memory.ts';
import { DiskSourceStore } from '../../src/adapters/runtime/source-store.ts';
import { filesTgz, pieces } from './source-store.archives.ts';
import { limits, sourceStoreContract } from './source-store.contract.ts';

const root = await mkdtemp(join(tmpdir(), 'tollgate-sources-'));
after(() => rm(root, { recursive: true, force: true }));
let folders = 0;
const freshFolder = (): string => join(root, String((folders += 1)));
const filesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).toSorted();

sourceStoreContract('memory', async () => ({ store: new MemorySourceStore(limits), kept: async () => [] }));
sourceStoreContract('disk', async () => {
  const folder = freshFolder();
  return { store: new DiskSourceStore(folder, limits), kept: () => filesIn(folder) };
});

test('memory: what nobody holds any more is gone', async () => {
  const store = new MemorySourceStore();
  const { digest } = await store.put(pieces(await filesTgz({ a: 'a' })));
  await store.retain(digest, 'wl_a');
  await store.release(digest, 'wl_a');
  assert.equal(await store.has(digest), false);
});
test('disk: what nobody holds any more, and is not fresh, is gone, with all that belongs to it', async () => {
  const folder = freshFolder();
  const store = new DiskSourceStore(folder, { freshMs: 0 });
  const { digest } = await store.put(pieces(await filesTgz({ a: 'a' })));
  await store.retain(digest, 'wl_a');
  await store.release(digest, 'wl_a');
  assert.equal(await store.has(digest), false);
  assert.deepEqual(await filesIn(folder), [join(folder, 'now')]);
});
test('disk: an upload sweeps out what nobody ran in time, and keeps what is held', async () => {
  const store = new DiskSourceStore(freshFolder(), { freshMs: 0 });
  const forgotten = await store.put(pieces(await filesTgz({ a: 'forgotten' })));
  const held = await store.put(pieces(await filesTgz({ a: 'held' })));
  await store.retain(held.digest, 'wl_a');
  const last = await store.put(pieces(await filesTgz({ a: 'last' })));
  assert.deepEqual(await Promise.all([forgotten, held, last].map(({ digest }) => store.has(digest))), [false, true, true]);
});
test('disk: sources and holders outlive a restart; a half upload does not', async () => {
  const folder = freshFolder();
  const first = new DiskSourceStore(folder, { freshMs: 0 });
  const { digest } = await first.put(pieces(await filesTgz({ a: 'a' })));
  await first.retain(digest, 'wl_a');
  await first.retain(digest, 'wl_b');
  await writeFile(join(folder, 'incoming', '1-1'), 'half');
  const second = new DiskSourceStore(folder, { freshMs: 0 });
  await second.release(digest, 'wl_a');
  assert.equal(await second.has(digest), true);
  assert.deepEqual(await readdir(join(folder, 'incoming')), []);
});
test('disk: a source that was changed on disk is not run', async () => {
  const folder = freshFolder();
  const store = new DiskSourceStore(folder);
  const good = await store.put(pieces(await filesTgz({ a: 'good' })));
  const other = await store.put(pieces(await filesTgz({ a: 'other' })));
  const path = (digest: string): string => join(folder, `${digest.slice('sha256:'.length)}.tgz`);
  await writeFile(path(good.digest), await readFile(path(other.digest)));
  const target = freshFolder();
  await mkdir(target);
  await assert.rejects(store.unpack(good.digest, target), { name: 'Refused', code: 'SourceDamaged' });
});
