/** Workloads from git over HTTP: with repositories in memory, and with the real git against a real server. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { bytesOf, eventsOf, outside, parked, refreshed, refusal, running, signUp, storedEvents, withSystem, workloadNamed, type Answer, type Customer, type Started } from './system.ts';
import { Machine } from '../cli/run-cli.ts';
import { helloHost, helloUrl } from '../git/hello.ts';
import { processes, processesNaming } from '../git/processes.ts';
import { gitInstalled, startGitServer, type GitServer } from '../git/server.ts';
import { GitSourceHost } from '../../src/adapters/source-host/git.ts';
import { minute } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const send = (started: Started, customer: Customer, name: string, body: object, query = '', headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  started.call('POST', `/commands/${name}${query}`, { token: customer.access, headers: { 'micro-namespace': customer.namespace, ...headers }, body });
const runGit = (started: Started, customer: Customer, name: string, more: object = {}, query = '', headers = {}): Promise<Answer> => send(started, customer, 'RunWorkload', { name, git: helloUrl, ...more }, query, headers);

test('a repository runs: its commit is known before anything starts, then it is fetched once and stays', async () => {
  const sourceHost = helloHost();
  await withSystem(async (started) => {
    const customer = await signUp(started, ada);
    const first = sourceHost.hello.branches.get('main');
    const second = sourceHost.hello.commit({ 'server.js': 'setInterval(() => 2, 1000);' });
    assert.equal((await runGit(started, customer, 'hello', { ref: 'v1' })).status, 200);
    const view = await workloadNamed(started, customer, 'hello', running);
    assert.partialDeepStrictEqual(view, { state: 'running', git: { url: helloUrl, ref: 'v1', commit: first } });
    assert.match(view.source, /^sha256:/);
    const id = view.id as string;
    assert.deepEqual((await eventsOf(started, 'WorkloadSourceFetched')).map(({ source }) => source), [view.source]);

    const same = await send(started, customer, 'UpdateWorkload', { workloadId: id });
    assert.deepEqual([same.status, same.json.events], [200, []], 'its ref has no newer commit');
    const followed = await send(started, customer, 'UpdateWorkload', { workloadId: id, ref: 'main' });
    assert.deepEqual(followed.json.events.map(({ type }: { type: string }) => type), ['WorkloadUpdated']);
    assert.partialDeepStrictEqual(await workloadNamed(started, customer, 'hello', (now) => running(now) && now.git.commit === second), { git: { ref: 'main', commit: second } });
    const third = sourceHost.hello.commit({ 'server.js': 'setInterval(() => 3, 1000);' });
    await send(started, customer, 'UpdateWorkload', { workloadId: id });
    assert.partialDeepStrictEqual(await workloadNamed(started, customer, 'hello', (now) => running(now) && now.git.commit === third), { git: { ref: 'main', commit: third } });
    assert.equal((await send(started, customer, 'KillWorkload', { workloadId: id })).status, 200);
    await started.settled();
    assert.equal(await workloadNamed(started, customer, 'hello'), undefined);
  }, { sourceHost });
});

test('what is wrong is told at once, and takes no slot', async () => {
  const sourceHost = helloHost();
  await withSystem(async (started) => {
    const customer = await signUp(started, ada);
    const before = (await storedEvents(started)).length;
    assert.match(refusal(await runGit(started, customer, 'hello', { ref: 'nope' }), 404, 'GitRefNotFound').detail, /^There is no 'nope' in https:/);
    refusal(await runGit(started, customer, 'hello', { git: 'https://git.test/nope' }), 404, 'GitRepositoryNotFound');
    refusal(await runGit(started, customer, 'hello', { git: 'https://elsewhere.test/x' }), 422, 'GitHostNotAllowed');
    for (const [more, field] of [[{ git: 'ext::sh -c id' }, 'git'], [{ git: 'https://ada:pass@git.test/x' }, 'git'], [{ git: 'file:///etc' }, 'git'], [{ ref: '--upload-pack=x' }, 'ref'], [{ git: 7 }, 'git']] as const) {
      const problem = refusal(await runGit(started, customer, 'hello', more), 400, 'InvalidInput');
      assert.deepEqual(problem.errors.map((error: { field: string }) => error.field), [field]);
      assert.doesNotMatch(JSON.stringify(problem), /pass@/);
    }
    const digest = `sha256:${'0'.repeat(64)}`;
    for (const more of [{ git: undefined }, { source: digest }, { git: undefined, source: digest, ref: 'main' }]) refusal(await runGit(started, customer, 'hello', more), 422, 'SourceOrGit');
    sourceHost.available = false;
    assert.match(refusal(await runGit(started, customer, 'hello'), 503, 'Unavailable').detail, /git\.test does not answer/);
    sourceHost.available = true;
    const dry = await runGit(started, customer, 'hello', {}, '?dryRun=true');
    assert.equal(dry.json.events[0].data.git.commit, sourceHost.hello.branches.get('main'));
    refusal(await runGit(started, customer, 'hello', { ref: 'nope' }, '?dryRun=true'), 404, 'GitRefNotFound');
    assert.equal((await storedEvents(started)).length, before, 'nothing was written');
    assert.equal((await runGit(started, customer, 'hello')).status, 200, 'and the name is free');
    const id = (await workloadNamed(started, customer, 'hello', running)).id;
    refusal(await send(started, customer, 'UpdateWorkload', { workloadId: id, ref: 'nope' }), 404, 'GitRefNotFound');
    const stranger = await signUp(started, 'eve@example.com');
    const asked = sourceHost.asked.length;
    refusal(await send(started, stranger, 'UpdateWorkload', { workloadId: id }), 404, 'WorkloadNotFound');
    const home = (await started.call('GET', '/namespaces', { token: customer.access })).json.items[0].id as string;
    refusal(await runGit(started, stranger, 'x', { namespaceId: home }), 404, 'NamespaceNotFound');
    assert.equal(sourceHost.asked.length, asked, 'no host is asked in the name of others');
  }, { sourceHost });
});

test('hosts are asked so often and no more; a repeat of a command asks none', async () => {
  const sourceHost = helloHost();
  await withSystem(async (started) => {
    const customer = await signUp(started, ada);
    const key = { 'idempotency-key': 'once' };
    const first = await runGit(started, customer, 'hello', {}, '', key);
    const asked = sourceHost.asked.filter((line) => line.startsWith('resolve')).length;
    assert.deepEqual((await runGit(started, customer, 'hello', {}, '', key)).json.events, first.json.events);
    assert.equal(sourceHost.asked.filter((line) => line.startsWith('resolve')).length, asked);
    let answer = await runGit(started, customer, 'x', { ref: 'nope' });
    for (let more = 0; more < 100 && answer.status === 404; more += 1) answer = await runGit(started, customer, 'x', { ref: 'nope' });
    const problem = refusal(answer, 429, 'GitLookupsUsedUp');
    assert.ok(problem.resetAt > started.system.rim.clock.now());
    const other = await signUp(started, 'eve@example.com');
    assert.equal((await runGit(started, other, 'mine')).status, 200, 'nobody else is held up');
  }, { sourceHost });
});

test('a host that falls silent between look-up and fetch is asked again; after some minutes the customer is told', async () => {
  const sourceHost = helloHost();
  await withSystem(async (started) => {
    const customer = await signUp(started, ada);
    const resolve = sourceHost.resolve.bind(sourceHost);
    sourceHost.resolve = async (request) => {
      const commit = await resolve(request);
      sourceHost.available = false;
      return commit;
    };
    assert.equal((await runGit(started, customer, 'back')).status, 200);
    await started.settled();
    assert.equal((await workloadNamed(started, customer, 'back')).state, 'pending');
    sourceHost.available = true;
    await started.advance(minute);
    assert.equal((await workloadNamed(started, customer, 'back', running)).state, 'running');

    assert.equal((await runGit(started, customer, 'gone')).status, 200);
    await started.advance(15 * minute);
    assert.partialDeepStrictEqual(await workloadNamed(started, await refreshed(started, customer), 'gone', (view) => view.state === 'error'), { state: 'error', reason: 'git.test does not answer just now; given up after 5 tries' });
    assert.deepEqual(await parked(started), [], 'nothing waits for an operator');
  }, { sourceHost });
});

test('one customer\'s slow repositories hold up neither other customers nor the runtime', async () => {
  const sourceHost = helloHost();
  await withSystem(async (started) => {
    const [slow, quick] = [await signUp(started, ada), await signUp(started, 'eve@example.com')];
    const fetch = sourceHost.fetch.bind(sourceHost);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let stuck = 0;
    sourceHost.fetch = async function* (request) {
      if (request.ref === 'v1') {
        stuck += 1;
        await released;
      }
      yield* fetch(request);
    };
    for (let n = 0; n < 10; n += 1) assert.equal((await runGit(started, slow, `slow${n}`, { ref: 'v1' })).status, 200);
    assert.equal((await runGit(started, quick, 'quick')).status, 200);
    const view = async () => (await started.call('GET', '/workloads?name=quick', { token: quick.access, headers: { 'micro-namespace': quick.namespace } })).json.items[0];
    while ((await view())?.state !== 'running') await new Promise((resolve) => setImmediate(resolve));
    assert.equal(stuck, 10, 'they were all under way');
    release();
    assert.equal((await workloadNamed(started, slow, 'slow9', running)).state, 'running');
  }, { sourceHost });
});

test('what is fetched for an asking that is over is not kept', async () => {
  const sourceHost = helloHost();
  await withSystem(async (started) => {
    const customer = await signUp(started, ada);
    const fetch = sourceHost.fetch.bind(sourceHost);
    let killed: Promise<Answer> | undefined;
    sourceHost.fetch = async function* (request) {
      const { json } = await started.call('GET', '/workloads?name=hello', { token: customer.access, headers: { 'micro-namespace': customer.namespace } });
      killed ??= send(started, customer, 'KillWorkload', { workloadId: json.items[0].id });
      await killed;
      yield* fetch(request);
    };
    assert.equal((await runGit(started, customer, 'hello')).status, 200);
    await started.settled();
    assert.equal((await killed)?.status, 200);
    assert.deepEqual(await eventsOf(started, 'WorkloadSourceFetched'), []);
    const held = readdirSync(join(started.data, 'sources'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.held/'));
    assert.deepEqual(held, []);
    assert.deepEqual(await parked(started), []);
  }, { sourceHost });
});

const token = 'glpat-Zm9vYmFy-SECRET';
/** Everything that a credential could have been written to, as text. */
const traces = async (started: Started): Promise<string> => {
  const shown = await Promise.all([
    started.call('GET', '/audit/log', { token: started.operator }), started.call('GET', '/namespaces', { token: started.operator }),
    ...(await eventsOf(started, 'NamespaceCreated')).map(({ namespaceId }) => started.call('GET', `/audit/show?subject=${namespaceId}`, { token: started.operator })),
  ]);
  return [...shown.map(({ text }) => text), JSON.stringify(started.logged), ...bytesOf(started.data).map(({ text }) => text)].join('\n');
};

test('a credential opens private repositories, and is nowhere to be seen', async () => {
  const sourceHost = helloHost();
  const secret = sourceHost.create('https://git.test/ada/secret', { username: 'ada-at-work', token });
  const commit = secret.commit({ run: '#!/bin/sh\nsleep 1000\n' });
  await withSystem(async (started) => {
    const customer = await signUp(started, ada);
    const asking = () => runGit(started, customer, 'secret', { git: secret.url });
    assert.match(refusal(await asking(), 403, 'GitCredentialNeeded').nextStep, /git credential set HOST/);
    const set = (body: object, query = '') => send(started, customer, 'SetGitCredential', { host: 'git.test', username: 'ada-at-work', token, ...body }, query);
    assert.match(refusal(await set({}, '?dryRun=true'), 400, 'NoDryRun').detail, /no dry run/);
    for (const body of [{ token: '' }, { token: 'two words' }, { token: 'line\nend' }, { token: undefined }, { host: 'https://git.test' }, { host: 'git.test/x' }, { host: 'ada@git.test' }, { username: 'a b' }]) assert.doesNotMatch(JSON.stringify(refusal(await set(body), 400, 'InvalidInput')), /SECRET/);
    assert.equal((await set({ token: 'wrong-token' })).status, 200);
    refusal(await asking(), 403, 'GitCredentialRefused');
    assert.deepEqual((await set({ host: 'GIT.test' })).json.events.map(({ type }: { type: string }) => type), ['GitCredentialSet']);
    assert.equal((await asking()).status, 200);
    assert.partialDeepStrictEqual(await workloadNamed(started, customer, 'secret', running), { state: 'running', git: { commit } });

    const [home] = (await started.call('GET', '/namespaces', { token: customer.access })).json.items;
    assert.deepEqual(home.gitCredentials.map(({ at: _, ...held }: { at: string }) => held), [{ host: 'git.test', username: 'ada-at-work' }]);
    assert.doesNotMatch(await traces(started), new RegExp(`${token}|wrong-token`));
    const show = (await started.call('GET', `/audit/show?subject=${home.id}`, { token: started.operator })).json.streams[0].events.find(({ type }: { type: string }) => type === 'GitCredentialSet');
    assert.equal(show.data.token, 'sealed');

    const eve = await signUp(started, 'eve@example.com');
    for (const caller of [eve.access, started.operator]) {
      const answer = await started.call('POST', '/commands/SetGitCredential', { token: caller, body: { host: 'git.test', token: 'x', namespaceId: home.id } });
      refusal(answer, 404, 'NamespaceNotFound');
      refusal(await started.call('POST', '/commands/RemoveGitCredential', { token: caller, body: { host: 'git.test', namespaceId: home.id } }), 404, 'NamespaceNotFound');
    }
    refusal(await runGit(started, eve, 'secret', { git: secret.url }), 403, 'GitCredentialNeeded');
    refusal(await send(started, customer, 'RemoveGitCredential', { host: 'nowhere.test' }), 404, 'GitCredentialNotFound');
    assert.equal((await send(started, customer, 'RemoveGitCredential', { host: 'git.test' })).status, 200);
    refusal(await send(started, customer, 'UpdateWorkload', { workloadId: (await workloadNamed(started, customer, 'secret')).id }), 403, 'GitCredentialNeeded');
    for (let n = 0; n < 20; n += 1) assert.equal((await set({ host: `h${n}.test` })).status, 200);
    refusal(await set({ host: 'one-more.test' }), 429, 'GitCredentialLimitReached');
  }, { sourceHost });
});

const withGit = async (work: (server: GitServer, host: (data: string) => GitSourceHost) => Promise<void>): Promise<void> => {
  const server = await startGitServer();
  try {
    await work(server, (data) => new GitSourceHost({ folder: join(data, 'git'), allow: [server.host], lookup: server.lookup, caFile: server.caFile }));
  } finally {
    await server.close();
  }
};
/** A machine on which the customer is logged in. */
const machineOf = (started: Started, { access, refresh, account, email, namespace }: Customer): Machine => {
  const machine = new Machine({ TOLLGATE_URL: started.origin });
  mkdirSync(dirname(machine.configFile), { recursive: true });
  writeFileSync(machine.configFile, JSON.stringify({ credentials: { [started.origin]: { customer: { accessToken: access, refreshToken: refresh, account, email, namespace, namespaces: [namespace], expiresAt: '' } } } }));
  return machine;
};

test('the command line runs a private repository with the real git, and the token is in no process, log or file', { skip: !gitInstalled }, () => withGit(async (server, hostFor) => {
  const repo = server.create('hello.git');
  const first = repo.commit({ run: '#!/bin/sh\nsleep 1000\n' });
  repo.tag('@ada/hello@1.0', first, true);
  server.protect('hello.git', 'ada-at-work', token);
  const seen: string[] = [];
  const data = await mkdtemp(join(tmpdir(), 'tollgate-test-'));
  const sourceHost = hostFor(data);
  await withSystem(async (started) => {
    const customer = await signUp(started, ada);
    using machine = machineOf(started, customer);
    const refused = await machine.run(['run', repo.url]);
    assert.deepEqual([refused.code, refused.stdout], [5, '']);
    assert.match(refused.stderr, /^There is no public repository .*; if it is private, git\.test:\d+ wants a credential\.\nCheck the address, or store a credential: 'tollgate git credential set HOST'\.\n$/);
    const stored = await machine.run(['git', 'credential', 'set', server.host, '--username', 'ada-at-work'], `${token}\n`);
    assert.deepEqual([stored.code, stored.stdout], [0, `The credential for ${server.host} is stored, sealed. It is not shown again.\n`], stored.stderr);
    assert.match((await machine.run(['git', 'credential', 'list'])).stdout, new RegExp(`${server.host} +ada-at-work`));

    server.misbehave(() => {
      seen.push(...processes().map(({ command, environment }) => `${command}\n${environment}`)); // git waits for this very answer
      return false;
    });
    const missing = await machine.run(['run', `${repo.url}@nope`]);
    assert.deepEqual([missing.code, missing.stderr.split('\n')[0]], [4, `There is no 'nope' in ${repo.url}.`]);
    const ran = await machine.run(['run', `${repo.url}@@ada/hello@1.0`, '--wait']);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, new RegExp(`hello: fetching ${repo.url} @ada/hello@1\\.0 \\(${first.slice(0, 10)}\\)\\n(.*\\n)*hello: running`));
    assert.match(ran.stdout, /^name +hello\nstate +running\n/);

    const second = repo.commit({ run: '#!/bin/sh\nsleep 2000\n' });
    assert.match((await machine.run(['update', 'hello'])).stderr, /'hello' runs this source already/);
    const updated = await machine.run(['update', 'hello', '@main', '--wait', '--json']);
    assert.equal(updated.code, 0, updated.stderr);
    await workloadNamed(started, customer, 'hello', (view) => running(view) && view.git.commit === second);
    assert.equal(outside(started).told.filter((line) => line.startsWith('apply')).length, 2);
    assert.equal((await machine.run(['git', 'credential', 'remove', server.host])).code, 0);
    assert.equal((await machine.run(['git', 'credential', 'remove', server.host])).code, 4);
    assert.equal((await machine.run(['kill', 'hello'])).code, 0);

    assert.ok(seen.some((text) => text.includes('credential.helper=!f')), 'git was caught at work');
    assert.ok(!seen.some((text) => text.includes(token)), 'in no process');
    assert.ok(!(await traces(started)).includes(token), 'in no answer, log line or file');
    assert.deepEqual(processesNaming(sourceHost.folder), []);
  }, { sourceHost, data });
}));

test('a fetch that is broken off leaves nothing behind, and is made again', { skip: !gitInstalled }, () => withGit(async (server, hostFor) => {
  const repo = server.create('hello.git');
  repo.commit({ run: '#!/bin/sh\nsleep 1000\n' });
  const data = await mkdtemp(join(tmpdir(), 'tollgate-test-'));
  const sourceHost = hostFor(data);
  let fetching = (): void => undefined;
  const underWay = new Promise<void>((resolve) => (fetching = resolve));
  await withSystem(async (started) => {
    const customer = await signUp(started, ada);
    let posts = 0;
    server.misbehave((request) => {
      if (request.method === 'POST') posts += 1;
      if (posts > 1) fetching(); // the first was the look-up; never answered
      return posts > 1;
    });
    assert.equal((await runGit(started, customer, 'hello', { git: repo.url })).status, 200);
    await underWay;
    await sourceHost.close();
    assert.deepEqual(processesNaming(sourceHost.folder), []);
    server.misbehave(undefined);
    await started.advance(minute);
    assert.equal((await workloadNamed(started, customer, 'hello', running)).state, 'running');
  }, { sourceHost, data });
}));
