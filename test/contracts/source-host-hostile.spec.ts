/** Real git against everything that may come from the other side, or be asked of it: nothing is written outside, no process is left over. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { setImmediate as soon, setTimeout as sleep } from 'node:timers/promises';
import { ask, drained, refusal, unpacked } from './source-host.contract.ts';
import { selfSigned } from '../git/certificate.ts';
import { processes, processesNaming } from '../git/processes.ts';
import { gitInstalled, startGitServer, type Fault, type GitRepo } from '../git/server.ts';
import { DiskSourceStore } from '../../src/adapters/runtime/source-store.ts';
import { GitSourceHost, type GitOptions } from '../../src/adapters/source-host/git.ts';
import { Lanes } from '../../src/adapters/source-host/lanes.ts';
import { isPublicAddress } from '../../src/adapters/source-host/public-address.ts';
import { HostUnavailable, Refused } from '../../src/domain/ports/failures.ts';

const privately = [
  '127.0.0.1', '127.8.8.8', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1', '100.127.255.255', '192.0.0.1', '198.18.0.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255',
  '::1', '::', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8', '::7f00:1', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1', '64:ff9b::7f00:1', '64:ff9b:1::1', '2001::1', '2001:db8::1', '2002:7f00:1::', '3fff::1', 'no address', '',
];
test('addresses of machines of ours are not public, however they are written', () => {
  assert.deepEqual(privately.filter(isPublicAddress), []);
  assert.deepEqual(['1.1.1.1', '140.82.121.4', '172.15.0.1', '172.32.0.1', '100.63.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'].filter((address) => !isPublicAddress(address)), []);
});

test('lanes: a holder with many errands leaves room for others', async () => {
  const lanes = new Lanes(3, 2);
  const order: string[] = [];
  const leave: Record<string, () => void> = {};
  const enter = (holder: string, name: string) => lanes.enter(holder).then((out) => {
    order.push(name);
    leave[name] = out;
  });
  for (const name of ['a1', 'a2', 'a3', 'a4']) void enter('a', name);
  void enter('b', 'b1');
  void enter('b', 'b2');
  await soon();
  assert.deepEqual(order, ['a1', 'a2', 'b1']);
  leave['a1']?.();
  leave['a1']?.(); // twice is once
  await soon();
  assert.deepEqual(order, ['a1', 'a2', 'b1', 'a3']);
  leave['b1']?.();
  await soon();
  assert.deepEqual(order.at(-1), 'b2');
});

describe('real git', { skip: !gitInstalled }, async () => {
  if (!gitInstalled) return;
  const server = await startGitServer();
  const root = mkdtempSync(join(tmpdir(), 'tollgate-hostile-'));
  chmodSync(root, 0o755); // git runs as nobody
  const canary = join(tmpdir(), `tollgate-pwned-${process.pid}`);
  const hosts: GitSourceHost[] = [];
  let names = 0;
  const host = (more: Partial<GitOptions> = {}): GitSourceHost => {
    const opened = new GitSourceHost({ folder: join(root, String((names += 1))), allow: [server.host], lookup: server.lookup, caFile: server.caFile, ...more });
    hosts.push(opened);
    return opened;
  };
  const create = (): GitRepo => server.create(`r${(names += 1)}.git`);
  after(async () => {
    await server.close();
    rmSync(root, { recursive: true, force: true });
  });
  afterEach(async () => {
    server.misbehave(undefined);
    server.old = false;
    for (const one of hosts.splice(0)) {
      assert.deepEqual(existsSync(one.folder) ? readdirSync(one.folder) : [], [], 'no file is left');
      assert.deepEqual(processesNaming(one.folder), [], 'no process is left');
      await one.close();
      assert.ok(!existsSync(one.folder) || !one.folder.startsWith(join(tmpdir(), 'tollgate-git-')), 'nor its folder, where it is not in the data folder');
    }
    assert.ok(!existsSync(canary), 'nothing was executed');
  });
  const fetched = (repo: GitRepo, commit: string, one = host()) => unpacked(one, { ...ask(repo.url), commit });

  test('a name that is a machine of ours is not asked, whichever of its addresses that is', async () => {
    const before = server.requests.length;
    for (const address of privately.filter((text) => text.includes('.') || text.includes(':'))) {
      for (const addresses of [[address], ['140.82.121.4', address]]) await refusal(host({ allow: ['git.test'], lookup: async () => addresses }).resolve(ask('https://git.test/x.git')), 'GitHostNotAllowed', /public internet/);
    }
    for (const literal of ['127.0.0.1', '169.254.169.254', '[::1]', '[::ffff:127.0.0.1]', '10.1.2.3']) await refusal(host({ allow: ['*'] }).resolve(ask(`https://${literal}/latest/meta-data`)), 'GitHostNotAllowed', /public internet/);
    assert.equal(server.requests.length, before);
  });
  test('a host is allowed by its name on port 443, or exactly with a port', async () => {
    for (const [allow, url] of [[['git.test'], `https://${server.host}/x.git`], [['*'], `https://${server.host}/x.git`], [['git.test:1'], `https://${server.host}/x.git`], [[], 'https://github.com/x/y'], [['github.com'], 'https://evil-github.com/x'], [['github.com'], 'https://github.com.evil.test/x'], [['github.com'], 'https://sub.github.com/x']] as const) await refusal(host({ allow: [...allow] }).resolve(ask(url)), 'GitHostNotAllowed');
    await refusal(host({ allow: ['*', 'nowhere.test'] }).resolve(ask('https://nowhere.test/x')), 'GitRepositoryNotFound', /no host/);
    await assert.rejects(host({ allow: ['*'], lookup: async () => Promise.reject(Object.assign(new Error('no'), { code: 'ETIMEOUT' })) }).resolve(ask('https://slow.test/x')), HostUnavailable);
  });
  test('the address that was checked is the one that is reached: a name that means another machine later changes nothing', async () => {
    const repo = create();
    const commit = repo.commit({ a: 'one' });
    let asked = 0;
    const one = host({ lookup: async () => ((asked += 1) === 1 ? ['127.0.0.1'] : ['192.0.2.1']) });
    assert.equal(await one.resolve(ask(repo.url)), commit); // git.test is a name that nobody but this lookup knows
    assert.equal(asked, 1);
  });

  const redirects: Readonly<Record<string, (port: number) => string>> = {
    'another repository there': (port) => `https://git.test:${port}/other.git/info/refs?service=git-upload-pack`, 'another host': (port) => `https://other.test:${port}/x.git/info/refs`, 'a machine of ours': (port) => `https://127.0.0.1:${port}/x.git/info/refs`, 'the cloud\'s own data': () => 'http://169.254.169.254/latest/meta-data', 'a file': () => 'file:///etc/passwd', 'another transport': () => 'ext::sh -c id',
  };
  for (const [what, location] of Object.entries(redirects)) {
    test(`a redirect to ${what} is not followed`, async () => {
      const repo = create();
      for (const status of [301, 302, 303, 307, 308]) {
        const before = server.requests.length;
        server.misbehave((_, response) => Boolean(response.writeHead(status, { location: location(server.port) }).end()));
        const failure = await host().resolve(ask(repo.url)).then(() => undefined, (error: unknown) => error);
        assert.ok(failure instanceof Refused, String(failure));
        assert.equal(server.requests.length, before + 1, 'asked once, there only');
      }
    });
  }
  test('the name with .git is tried where the one without is sent elsewhere', async () => {
    const repo = create();
    const commit = repo.commit({ a: 'one' });
    server.misbehave((request, response) => !request.url?.includes('.git/') && Boolean(response.writeHead(301, { location: `${repo.url}/info/refs` }).end()));
    const url = repo.url.replace(/\.git$/, '');
    assert.equal(await host().resolve(ask(url)), commit);
    assert.deepEqual(await unpacked(host(), { ...ask(url), commit }), { a: 'one' });
  });

  test('submodules are left out, whatever they are called and wherever they are', async () => {
    const repo = create();
    const file = repo.blob('text');
    const modules = repo.blob(`[submodule "x"]\n\tpath = sub\n\turl = ext::sh -c "touch ${canary}"\n[submodule "../../x"]\n\tpath = -u\n\turl = --upload-pack=touch ${canary}\n`);
    const commit = repo.commitTree(repo.tree([['100644', modules, '.gitmodules'], ['100644', file, 'a'], ['160000', '1'.repeat(40), 'sub']]));
    repo.git(['update-ref', 'refs/heads/main', commit]);
    assert.deepEqual(Object.keys(await fetched(repo, commit)).sort(), ['.gitmodules', 'a']);
  });
  test('hooks, filters and attributes of a repository are text and nothing else', async () => {
    const repo = create();
    for (const hook of ['post-checkout', 'pre-receive', 'post-update', 'upload-pack']) writeFileSync(join(repo.folder, 'hooks', hook), `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 });
    const files = { '.gitattributes': '* filter=evil eol=crlf ident\nsecret export-ignore\nv export-subst\n', '.gitconfig': `[filter "evil"]\n\tsmudge = touch ${canary}\n[core]\n\tfsmonitor = touch ${canary}\n`, secret: 'line\n', v: '$Format:%H$ $Id$\n', 'hooks/post-checkout!': `#!/bin/sh\ntouch ${canary}\n`, 'big.bin': 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n' };
    const commit = repo.commit(Object.fromEntries(Object.entries(files).map(([name, text]) => [name.replace('!', ''), text])));
    assert.deepEqual(await fetched(repo, commit), files);
  });

  test('a link to a file of the repository is that file', async () => {
    const repo = create();
    const commit = repo.commit({ 'lib/run': '#!/bin/sh\n', 'bin/run': { link: '../lib/run' }, again: { link: './bin/run' } });
    assert.deepEqual(await fetched(repo, commit), { 'lib/run!': '#!/bin/sh\n', 'bin/run!': '#!/bin/sh\n', 'again!': '#!/bin/sh\n' });
  });
  for (const [what, link, message] of [
    ['to /etc/passwd', '/etc/passwd', /"ln" is a symbolic link to "\/etc\/passwd", outside of the repository/], ['out of the repository', '../../etc/passwd', /outside of the repository/], ['out and in again', 'lib/../../x', /outside/], ['to a folder', 'lib', /to the folder "lib"/], ['to the repository', '.', /to the folder/],
    ['to nothing', 'nope', /which is not there/], ['to itself', 'ln', /leads nowhere/], ['through another', 'other/a', /which is not there/],
  ] as const) {
    test(`a link ${what} is refused, and says so`, async () => {
      const repo = create();
      const commit = repo.commit({ 'lib/a': 'a', other: { link: 'lib' }, ln: { link } });
      const failure = fetched(repo, commit);
      await refusal(failure, 'GitRepositoryRefused', what === 'through another' ? /symbolic link/ : message);
    });
  }
  for (const name of ['..', '.git', '.GIT', '/etc', 'a\\..\\b', 'a\nb', '', '.']) {
    test(`a tree with an entry ${JSON.stringify(name)} writes nothing outside`, async () => {
      const repo = create();
      const file = repo.blob('pwned');
      const inner = repo.tree([['100644', file, 'config']]);
      const commit = repo.commitTree(repo.tree([['40000', inner, name]]));
      repo.git(['update-ref', 'refs/heads/main', commit]);
      const failure = await fetched(repo, commit).then((files) => files, (error: unknown) => error);
      if (failure instanceof Error) assert.ok(failure instanceof Refused || failure instanceof HostUnavailable, String(failure.stack));
      else assert.deepEqual(Object.values(failure as object), ['pwned'], 'or the file lies within');
    });
  }

  test('a tree that unfolds to more files than there are grains of sand is left at the limit', async () => {
    const repo = create();
    let id = repo.blob('bomb');
    for (let level = 0; level < 10; level += 1) id = repo.tree(Array.from({ length: 10 }, (_, i) => [level === 0 ? '100644' : '40000', id, `f${i}`] as const));
    const commit = repo.commitTree(id);
    repo.git(['update-ref', 'refs/heads/main', commit]);
    await refusal(fetched(repo, commit), 'SourceTooBig', /more than 20000 files/);
  });
  test('a repository larger than its room is given up while it comes', async () => {
    const repo = create();
    const noise = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 2_654_435_761) >>> ((i * 7) % 24)));
    const commit = repo.commit({ a: noise });
    await refusal(fetched(repo, commit, host({ limits: { diskBytes: 100_000 } })), 'SourceTooBig', /the repository takes more than/);
  });
  test('a file that is small on the wire and large unpacked is refused where sources are kept', async () => {
    const repo = create();
    const commit = repo.commit({ a: Buffer.alloc(8_000_000) });
    const one = host();
    await assert.rejects(new DiskSourceStore(join(root, 'small'), { unpackedBytes: 1_000_000 }).put(one.fetch({ ...ask(repo.url), commit })), { code: 'SourceTooBig' });
  });
  test('more branches than anybody can read are too many', async () => {
    const repo = create();
    const commit = repo.commit({ a: 'one' });
    repo.git(['update-ref', '--stdin'], Array.from({ length: 500 }, (_, i) => `create refs/heads/b${i}/refs/heads/main ${commit}\n`).join(''));
    server.old = true; // it sends them all
    await refusal(host({ limits: { outputBytes: 10_000 } }).resolve(ask(repo.url, 'main')), 'SourceTooBig', /branches/);
  });
  test('refs that look like options are names on the other side, and none here', async () => {
    const repo = create();
    const commit = repo.commit({ a: 'one' });
    for (const name of ['--upload-pack=x', '-u', '--exec=x']) {
      writeFileSync(join(repo.folder, 'refs/heads', name), `${commit}\n`);
      await refusal(host().resolve(ask(repo.url, name)), 'GitRefNotFound', /cannot be the name/);
    }
    assert.equal(await host().resolve(ask(repo.url)), commit);
    assert.equal(await host().resolve(ask(repo.url, commit)), commit);
  });

  const lies: Readonly<Record<string, Fault>> = {
    'a page': (_, response) => Boolean(response.writeHead(200, { 'content-type': 'text/html' }).end('<html>fatal: certificate</html>')),
    'rubbish': (_, response) => Boolean(response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' }).end('rubbish rubbish rubbish')),
    'rubbish as an answer': (request, response) => request.method === 'POST' && Boolean(response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' }).end('rubbish')),
    'control characters': (_, response) => Boolean(response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' }).end('001e# service=git-upload-pack\n0000\u001b[2J\u0007')),
    'an error of its own words': (_, response) => Boolean(response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' }).end('001e# service=git-upload-pack\n0000001fERR \u001b[31mtoken=hunter2\n')),
    'no end of headers': (request) => Boolean(request.socket.write('HTTP/1.1 200 OK\r\nx: y') && request.socket.destroy()),
    'half an answer': (request, response) => request.method === 'POST' && Boolean(response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result', 'content-length': '5000' }).write('0') && setImmediate(() => response.destroy())),
  };
  for (const [what, lie] of Object.entries(lies)) {
    test(`a server that sends ${what} is told in our words`, async () => {
      const repo = create();
      const commit = repo.commit({ a: 'one' });
      server.misbehave(lie);
      for (const deed of [() => host().resolve(ask(repo.url)), () => drained(host().fetch({ ...ask(repo.url), commit }))]) {
        const failure = await deed().then(() => undefined, (error: unknown) => error);
        assert.ok(failure instanceof Refused || failure instanceof HostUnavailable, String(failure));
        assert.doesNotMatch(failure.message, /hunter2|fatal|rubbish|\/tmp|[\u0000-\u001f]/); // eslint-disable-line no-control-regex
      }
    });
  }
  test('a pack whose bytes were changed on the way is no source', async () => {
    const repo = create();
    const commit = repo.commit({ a: 'text that is long enough to be compressed, long enough to be compressed'.repeat(50) });
    for (const object of readdirSync(join(repo.folder, 'objects'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.name.length === 38 && `${entry.parentPath.slice(-2)}${entry.name}` !== commit)) {
      const path = join(object.parentPath, object.name);
      const bytes = readFileSync(path);
      bytes[bytes.length - 8] = (bytes[bytes.length - 8] ?? 0) ^ 0xff;
      rmSync(path);
      writeFileSync(path, bytes);
    }
    const failure = await fetched(repo, commit).then(() => undefined, (error: unknown) => error);
    assert.ok(failure instanceof Refused || failure instanceof HostUnavailable, String(failure));
  });

  test('a server that falls silent is given up: by its silence, and by the clock', async () => {
    const repo = create();
    const commit = repo.commit({ a: 'one' });
    server.misbehave(() => true);
    await assert.rejects(host({ limits: { stallSeconds: 1 } }).resolve(ask(repo.url)), { name: 'Unavailable', message: /does not answer/ });
    await assert.rejects(host({ limits: { lookMs: 300 } }).resolve(ask(repo.url)), { name: 'Unavailable', message: /took longer than/ });
    await assert.rejects(drained(host({ limits: { fetchMs: 300 } }).fetch({ ...ask(repo.url), commit })), { name: 'Unavailable', message: /took longer than/ });
  });
  test('a look-up does not stand behind fetches, nor one customer behind another', async () => {
    const repo = create();
    const commit = repo.commit({ a: 'one' });
    const slow = host({ limits: { fetches: [3, 2] } });
    let stuck = 0;
    let arrived = (): void => undefined;
    const both = new Promise<void>((resolve) => (arrived = resolve));
    server.misbehave((request) => {
      if (request.method !== 'POST' || stuck === 2) return false;
      if ((stuck += 1) === 2) arrived();
      return true;
    });
    const waiting = Promise.allSettled([1, 2, 3].map(() => drained(slow.fetch({ ...ask(repo.url), commit }))));
    await both;
    assert.equal(await slow.resolve(ask(repo.url)), commit);
    assert.ok((await drained(slow.fetch({ ...ask(repo.url), holder: 'ns_2', commit }))).length > 0);
    await slow.close(); // the two that are stuck are over, and the third has its turn
    const [, , third] = await waiting;
    assert.equal(third?.status, 'fulfilled');
  });
  test('a server that answers in drops is given up, too', async () => {
    const repo = create();
    const timers: NodeJS.Timeout[] = [];
    server.misbehave((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
      timers.push(setInterval(() => response.write('0'), 50));
      return true;
    });
    await assert.rejects(host({ limits: { stallSeconds: 1, lookMs: 5_000 } }).resolve(ask(repo.url)), HostUnavailable);
    for (const timer of timers) clearInterval(timer);
  });
  for (const [status, expected] of [[403, 'GitCredentialRefused'], [404, 'GitRepositoryNotFound'], [410, 'GitRepositoryNotFound'], [418, 'GitRepositoryRefused']] as const) {
    test(`a server that answers ${status} refuses`, async () => {
      server.misbehave((_, response) => Boolean(response.writeHead(status).end()));
      await refusal(host().resolve(ask(create().url)), expected);
    });
  }
  for (const status of [429, 500, 502, 503]) {
    test(`a server that answers ${status} is asked again later`, async () => {
      server.misbehave((_, response) => Boolean(response.writeHead(status).end()));
      await assert.rejects(host().resolve(ask(create().url)), HostUnavailable);
    });
  }
  test('a certificate that nobody vouches for is not taken', async () => {
    const repo = create();
    repo.commit({ a: 'one' });
    const caFile = join(root, 'other-ca.pem');
    writeFileSync(caFile, selfSigned(['git.test']).cert);
    await refusal(host({ caFile }).resolve(ask(repo.url)), 'GitHostNotTrusted', /certificate of git\.test/);
  });

  test('an old server that hands out no commit by its hash is asked for the ref and its history', async () => {
    const repo = create();
    const first = repo.commit({ a: 'one' });
    repo.commit({ a: 'two' });
    repo.tag('late', repo.commit({ a: 'three' }));
    server.old = true;
    assert.equal(await host().resolve(ask(repo.url, first)), first);
    for (const ref of ['main', 'HEAD', 'late', first]) assert.deepEqual(await unpacked(host(), { ...ask(repo.url, ref), commit: first }), { a: 'one' }, ref);
    await refusal(host().resolve(ask(repo.url, '1'.repeat(40))), 'GitRefNotFound');
  });
  test('a tag of something that is no commit brings nothing', async () => {
    const repo = create();
    repo.commit({ a: 'one' });
    const blob = repo.blob('text');
    repo.git(['update-ref', 'refs/tags/blob', blob]);
    await refusal(drained(host().fetch({ ...ask(repo.url, 'blob'), commit: blob })), 'GitRefNotFound');
  });

  test('git runs as nobody, with nothing of the server\'s environment, and may reach one address', async () => {
    const repo = create();
    repo.commit({ a: 'one' });
    const planted = { GIT_SSH_COMMAND: canary, GIT_PROXY_COMMAND: canary, HTTPS_PROXY: 'http://127.0.0.1:9', ALL_PROXY: 'http://127.0.0.1:9', GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'core.sshCommand', GIT_CONFIG_VALUE_0: canary, GIT_TRACE: '1', GIT_SSL_NO_VERIFY: '1', TOLLGATE_SECRET_PLANTED: 'planted' };
    Object.assign(process.env, planted);
    const one = host();
    const seen: { command: string; environment: string; uid: string }[] = [];
    server.misbehave(() => {
      for (const { pid, command, environment } of processes().filter((item) => item.pid !== process.pid && item.environment.includes(one.folder))) seen.push({ command, environment, uid: /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '' });
      return false;
    });
    try {
      await one.resolve(ask(repo.url));
    } finally {
      for (const name of Object.keys(planted)) delete process.env[name];
    }
    assert.ok(seen.some(({ command }) => command.includes('ls-remote')), 'it was caught at work');
    for (const { command, environment, uid } of seen) {
      for (const [name, value] of Object.entries(planted)) assert.ok(!environment.includes(`${name}=${value}`), name);
      if (process.getuid?.() === 0) assert.equal(uid, '65534', command);
    }
  });
  test('a server that is killed leaves git to end by itself, and the next one sweeps', async () => {
    const repo = create();
    const commit = repo.commit({ a: 'one' });
    const folder = join(root, 'killed');
    const options = { folder, allow: [server.host], caFile: server.caFile, limits: { stallSeconds: 1 } };
    const script = `const { GitSourceHost } = await import(process.argv[1]); const host = new GitSourceHost({ ...${JSON.stringify(options)}, lookup: async () => ['127.0.0.1'] }); for await (const _ of host.fetch(${JSON.stringify({ ...ask(repo.url), commit })}));`;
    let arrived = (): void => undefined;
    const underWay = new Promise<void>((resolve) => (arrived = resolve));
    server.misbehave((request) => {
      if (request.method === 'POST') arrived();
      return request.method === 'POST';
    });
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, new URL(`../../src/adapters/source-host/git.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url).href], { stdio: ['ignore', 'ignore', 'inherit'] });
    await underWay;
    child.kill('SIGKILL');
    await once(child, 'exit');
    const naming = () => processes().filter(({ pid, environment }) => pid !== process.pid && pid !== child.pid && environment.includes('/errand-') && environment.includes('GIT_ALLOW_PROTOCOL'));
    while (naming().length > 0) await sleep(20); // bounded by the silence that git bears
    const next = host({ folder });
    assert.ok(!existsSync(next.folder), 'swept');
  });
  test('without git nothing is fetched, and it says why', async () => {
    const path = process.env['PATH'];
    const empty = join(root, 'empty');
    mkdirSync(empty);
    process.env['PATH'] = empty;
    try {
      const one = host();
      assert.match((await one.unusable()) ?? '', /git is not installed on this server \(it takes 2\.39 or newer\)/);
      await refusal(one.resolve(ask('https://git.test/x')), 'GitUnusable', /not installed/);
      writeFileSync(join(empty, 'git'), '#!/bin/sh\necho git version 2.30.2\n', { mode: 0o755 });
      process.env['PATH'] = `${empty}:${path}`;
      assert.match((await host().unusable()) ?? '', /git 2\.30 is installed/);
    } finally {
      process.env['PATH'] = path;
    }
  });
  test('what is in its folder at the start is nobody\'s, and goes', () => {
    const one = host();
    mkdirSync(join(one.folder, 'errand-old/repository'), { recursive: true });
    writeFileSync(join(one.folder, 'errand-old/x'), 'left');
    const next = host({ folder: join(root, String(names)) });
    assert.ok(!existsSync(next.folder) || statSync(next.folder).isDirectory());
    assert.ok(!existsSync(join(next.folder, 'errand-old')));
  });
});
