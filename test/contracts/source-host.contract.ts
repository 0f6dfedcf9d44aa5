/** What every source host promises. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DiskSourceStore } from '../../src/adapters/runtime/source-store.ts';
import { HostUnavailable, Refused } from '../../src/domain/ports/failures.ts';
import type { GitCredential, GitRefusalCode, GitRequest, SourceHost } from '../../src/domain/ports/source-host.ts';

export type Repo = {
  readonly url: string;
  commit(files: Readonly<Record<string, string>>, options?: { readonly branch?: string }): string;
  tag(name: string, commit: string): void;
};
export type Opened = {
  readonly host: SourceHost;
  /** A host that is not allowed, as an address begins. */
  readonly elsewhere: string;
  create(guard?: GitCredential): Repo;
  outage(on: boolean): void;
  /** Files and processes that errands have left behind. */
  left(): Promise<readonly string[]>;
};

export const ask = (url: string, ref = 'HEAD', credential?: GitCredential): GitRequest => ({ url, ref, holder: 'ns_1', ...(credential ? { credential } : {}) });
export const refusal = async (deed: Promise<unknown>, code: GitRefusalCode, message?: RegExp): Promise<void> => {
  const error = await deed.then(() => undefined, (reason: unknown) => reason);
  assert.ok(error instanceof Refused, `not refused: ${error instanceof Error ? error.stack : String(error)}`);
  assert.equal(error.code, code, error.message);
  if (message) assert.match(error.message, message);
};
export const drained = async (bytes: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
};
/** The files of a commit after they went through the store that checks everything: by path, `!` after those that may be executed. */
export const unpacked = async (host: SourceHost, request: GitRequest & { readonly commit: string }): Promise<Readonly<Record<string, string>>> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-fetched-'));
  try {
    const store = new DiskSourceStore(join(folder, 'sources'));
    const { digest } = await store.put(host.fetch(request));
    const into = await mkdtemp(join(folder, 'code-'));
    await store.unpack(digest, into);
    const files: Record<string, string> = {};
    for (const entry of await readdir(into, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      files[path.slice(into.length + 1) + (((await stat(path)).mode & 0o100) !== 0 ? '!' : '')] = await readFile(path, 'utf8');
    }
    return files;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** What is no address of a repository, however it is dressed. */
export const noAddresses: readonly string[] = [
  '', 'hello', './hello', '/etc', '--upload-pack=touch /tmp/pwned', '-u', '-uhttps://git.test/x', 'ext::sh -c "touch /tmp/pwned"', 'ext::sh', 'fd::7', 'file:///etc', 'file://git.test/etc', 'ssh://git@git.test/x', 'git@git.test:x/y.git', 'git://git.test/x', 'http://git.test/x', 'ftp://git.test/x',
  'https://ada@git.test/x', 'https://ada:secret@git.test/x', 'https://:secret@git.test/x', 'https://git.test@evil.test/x', 'https://git.test', 'https://git.test/', 'https:///x', 'https://git.test/x?y=z', 'https://git.test/x#main', 'https://git.test/../x', 'https://git.test/a/./b', 'https://git.test/a//b',
  'https://git.test/x\n', 'https://git.test/x\nHost: evil.test', 'https://git.test/x\0y', 'https://git.test/x y', 'https://git.test/x\u00a0', 'https://gıt.test/x', 'https://git.test/\u202ex', 'https://git.test\u3002evil.test/x', 'https://git.test\\@evil.test/x', 'https://git.test:99999/x', 'https://git.test:/x', 'https://git.test:0/x',
  'https://git.test/%2e%2e/x', 'https://git.test/%00', 'https://127.1/x', 'https://0x7f.0.0.1/x', 'https://2130706433/x', 'https://0177.0.0.1/x', 'https://git..test/x', 'https://-git.test/x', `https://git.test/${'x'.repeat(500)}`, 'https+git://git.test/x', 'HTTPS::https://git.test/x',
];
export const noRefs: readonly string[] = ['', '-x', '--upload-pack=x', '--option', 'a b', 'a\nb', 'a\0b', 'a..b', 'a~1', 'a^', 'a^{/x}', 'a:b', 'a?', 'a*', '[a', 'a\\b', '/a', 'a/', 'a//b', '.a', 'a/.b', 'a.lock', 'a.', '@', 'a@{1}', ':/x', '+a', 'x'.repeat(251)];

export const sourceHostContract = (name: string, open: () => Promise<Opened>): void => {
  const promise = (what: string, run: (opened: Opened) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      const opened = await open();
      try {
        await run(opened);
        assert.deepEqual(await opened.left(), [], 'nothing is left of it');
      } finally {
        opened.outage(false);
        await opened.host.close();
      }
    });
  };
  promise('a ref is a commit: the default branch, a branch, a tag, a whole hash; a branch goes before a tag', async ({ host, create }) => {
    const repo = create();
    const first = repo.commit({ a: 'one' });
    repo.tag('v1', first);
    const second = repo.commit({ a: 'two' });
    const other = repo.commit({ a: 'three' }, { branch: 'feature/x' });
    repo.tag('feature/x', first);
    const found = await Promise.all(['HEAD', 'main', 'v1', 'feature/x', second, first].map((ref) => host.resolve(ask(repo.url, ref))));
    assert.deepEqual(found, [second, second, first, other, second, first]);
  });
  promise('what is not there is told', async ({ host, create }) => {
    const repo = create();
    await refusal(host.resolve(ask(repo.url)), 'GitRepositoryRefused', /no git repository with a commit/);
    repo.commit({ a: 'one' });
    await refusal(host.resolve(ask(repo.url, 'nope')), 'GitRefNotFound', /there is no 'nope' in https:/);
    await refusal(host.resolve(ask(repo.url, 'deadbee')), 'GitRefNotFound', /whole hash/);
    await refusal(host.resolve(ask(repo.url, '1'.repeat(40))), 'GitRefNotFound', /there is no '1111/);
    await refusal(drained(host.fetch({ ...ask(repo.url, 'main'), commit: '1'.repeat(40) })), 'GitRefNotFound');
    await refusal(drained(host.fetch({ ...ask(repo.url, 'main'), commit: 'main' })), 'GitRefNotFound');
    await refusal(host.resolve(ask(`${repo.url}-nope`)), 'GitRepositoryNotFound');
  });
  for (const url of noAddresses) {
    promise(`${JSON.stringify(url.slice(0, 60))} is no address, and nothing is asked`, async ({ host }) => {
      await refusal(host.resolve(ask(url)), 'GitAddressRefused');
      await refusal(drained(host.fetch({ ...ask(url), commit: '1'.repeat(40) })), 'GitAddressRefused');
    });
  }
  promise('what git would not take for a ref is none', async ({ host, create }) => {
    const repo = create();
    repo.commit({ a: 'one' });
    for (const ref of noRefs.filter((text) => text !== '+a')) await refusal(host.resolve(ask(repo.url, ref)), 'GitRefNotFound');
  });
  promise('only hosts that are allowed are asked', async ({ host, elsewhere }) => {
    await refusal(host.resolve(ask(`${elsewhere}/x`)), 'GitHostNotAllowed', /only from/);
  });
  promise('a commit comes as it was, also after its branch went on, and the same bytes each time', async ({ host, create }) => {
    const repo = create();
    const commit = repo.commit({ run: '#!/bin/sh\necho hi\n', 'lib/größe.txt': 'text', empty: '' });
    const request = { ...ask(repo.url, 'main'), commit };
    const before = await drained(host.fetch(request));
    repo.commit({ run: 'other' });
    assert.deepEqual(await unpacked(host, request), { 'run!': '#!/bin/sh\necho hi\n', 'lib/größe.txt': 'text', empty: '' });
    assert.ok(before.equals(await drained(host.fetch(request))));
  });
  promise('a private repository opens for its credential only', async ({ host, create }) => {
    const guard = { username: 'ada', token: 'tok-3n' };
    const repo = create(guard);
    const commit = repo.commit({ a: 'secret' });
    await refusal(host.resolve(ask(repo.url)), 'GitCredentialNeeded', /wants a credential/);
    await refusal(host.resolve(ask(repo.url, 'HEAD', { ...guard, token: 'wrong' })), 'GitCredentialRefused');
    await refusal(drained(host.fetch({ ...ask(repo.url), commit })), 'GitCredentialNeeded');
    assert.equal(await host.resolve(ask(repo.url, 'HEAD', guard)), commit);
    assert.deepEqual(await unpacked(host, { ...ask(repo.url, 'HEAD', guard), commit }), { a: 'secret' });
  });
  promise('a host that does not answer is unavailable, not wrong', async ({ host, create, outage }) => {
    const repo = create();
    const commit = repo.commit({ a: 'one' });
    outage(true);
    await assert.rejects(host.resolve(ask(repo.url)), HostUnavailable);
    await assert.rejects(drained(host.fetch({ ...ask(repo.url), commit })), HostUnavailable);
    outage(false);
    assert.equal(await host.resolve(ask(repo.url)), commit);
  });
  promise('a reader that stops in the middle leaves nothing', async ({ host, create }) => {
    const repo = create();
    const commit = repo.commit(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, `${i}`.repeat(20_000)])));
    for await (const chunk of host.fetch({ ...ask(repo.url), commit })) {
      assert.ok(chunk.length > 0);
      break;
    }
  });
};
