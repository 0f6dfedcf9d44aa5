/** Addresses and refs: one spelling for each, and nothing that git could take for something else. What is refused stands in the contract of source hosts. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isCommitHash, isGitRef, readAuthority, readGitUrl } from '../../src/domain/git-address.ts';

test('an address is read to the one that is fetched', () => {
  for (const [text, url, authority] of [
    ['https://github.com/owner/repository', 'https://github.com/owner/repository', 'github.com'], ['HTTPS://GitHub.COM/Owner/Repo.git/', 'https://github.com/Owner/Repo.git', 'github.com'], ['https://git.example.com:8443/a/b/c.git', 'https://git.example.com:8443/a/b/c.git', 'git.example.com:8443'],
    ['https://git.example.com:443/a', 'https://git.example.com/a', 'git.example.com'], ['https://git.sr.ht/~ada/site', 'https://git.sr.ht/~ada/site', 'git.sr.ht'], ['https://h.test/@ada/site', 'https://h.test/@ada/site', 'h.test'], ['https://dev.azure.com/org/My%20Project/_git/repo', 'https://dev.azure.com/org/My%20Project/_git/repo', 'dev.azure.com'],
    ['https://[2001:db8::1]:8443/x', 'https://[2001:db8::1]:8443/x', '[2001:db8::1]:8443'], ['https://xn--bcher-kva.example/x', 'https://xn--bcher-kva.example/x', 'xn--bcher-kva.example'], ['https://192.0.2.1/x', 'https://192.0.2.1/x', '192.0.2.1'],
  ] as const) assert.partialDeepStrictEqual(readGitUrl(text), { url, authority });
});
test('whatever is read: reading it again changes nothing, a browser reads the same host, and there is nothing but a host and a path', () => {
  let read = 0;
  const piece = fc.oneof(fc.constantFrom('https://', 'git.test', '@', ':', '/', '..', '%2e', '\\', '?', '#', '[::1]', '443', ' ', '\n', '-u', '::', '0x7f', '.', 'ext::'), fc.string({ maxLength: 4 }), fc.string({ unit: 'grapheme', maxLength: 2 }));
  const text = fc.oneof(fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')), fc.array(piece, { maxLength: 6 }).map((parts) => `https://git.test/${parts.join('')}`), fc.array(piece, { maxLength: 6 }).map((parts) => `https://${parts.join('')}/x`));
  fc.assert(fc.property(text, (given) => {
    const address = readGitUrl(given);
    if ('wrong' in address) return assert.ok(address.wrong.length > 0);
    read += 1;
    assert.deepEqual(readGitUrl(address.url), address);
    const url = new URL(address.url);
    assert.deepEqual([url.protocol, url.username, url.password, url.search, url.hash, url.href], ['https:', '', '', '', '', address.url]);
    assert.equal(url.host, address.authority);
  }), { numRuns: 3_000 });
  assert.ok(read > 100, `${read} were addresses`);
});
test('a host is a name or an address in its usual form, with a port where it has one', () => {
  assert.deepEqual(['GitHub.com', 'a.b:8443', '192.0.2.1', '[::1]:1'].map((text) => readAuthority(text)?.authority), ['github.com', 'a.b:8443', '192.0.2.1', '[::1]:1']);
  assert.deepEqual(['', 'a b', 'a/b', 'https://a', 'a@b', 'a:', 'a:0', 'a:65536', '-a', 'a-', 'a..b', 'a.', '127.1', '0x7f000001', '1.2.3.4.5', '256.1.1.1', '*'].filter((text) => readAuthority(text) !== undefined), []);
});
test('refs are what git takes for names', () => {
  assert.deepEqual(['main', 'v1.2', 'feature/x-y', '@ada/hello@1.0', 'größe', 'release#3', 'refs/heads/main', 'a'.repeat(40), 'HEAD'].filter((ref) => !isGitRef(ref)), []);
  assert.deepEqual(['a'.repeat(40), '0'.repeat(64)].filter((text) => !isCommitHash(text)), []);
  assert.deepEqual(['a'.repeat(39), 'A'.repeat(40), 'main', '0'.repeat(41)].filter(isCommitHash), []);
});
