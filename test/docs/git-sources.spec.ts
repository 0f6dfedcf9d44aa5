/** docs/git-sources.md, typed as it says: against the real git and a git server of its own, which stands for the page's host. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { journeyOf, typed } from './journey.ts';
import { withSystem } from '../e2e/system.ts';
import { gitInstalled, startGitServer } from '../git/server.ts';
import { GitSourceHost } from '../../src/adapters/source-host/git.ts';

const token = 'tok-read-only';
test('docs/git-sources.md says what is seen', { skip: !gitInstalled, timeout: 120_000 }, async () => {
  const home = await mkdtemp(join(tmpdir(), 'tollgate-docs-'));
  const server = await startGitServer();
  const data = join(home, 'data');
  try {
    const repos = ['hello', 'secret'].map((name) => server.create(name));
    const commits = repos.map((repo, name) => repo.commit({ 'package.json': '{"scripts":{"start":"node server.js"}}', 'server.js': 'setInterval(() => 1, 1000);', name: String(name) }));
    repos[0]?.tag('v1', commits[0] as string);
    server.protect('secret', 'ada', token);
    await writeFile(join(home, 'token.txt'), `${token}\n`);
    const sourceHost = new GitSourceHost({ folder: join(data, 'git'), allow: [server.host], lookup: server.lookup, caFile: server.caFile });
    await withSystem(async ({ origin }) => {
      const [invite, login] = journeyOf('README.md').filter(({ command }) => /tollgate (invite add|login --otp)/.test(command));
      const steps = journeyOf('docs/git-sources.md');
      assert.ok(invite && login && steps.length > 5);
      for (const step of [invite, login]) await typed(step, { home, origin });
      for (const { command, output } of steps) {
        const here = (text: string): string => text.replaceAll('git.example.com:8443', server.host).replace('token.txt', join(home, 'token.txt')).replace('COMMIT', (text.includes('/secret') ? commits[1] : commits[0])?.slice(0, 10) ?? '');
        await typed({ command: here(command), output: output.map(here) }, { home, origin });
      }
    }, { data, sourceHost });
  } finally {
    await server.close();
    await rm(home, { recursive: true, force: true });
  }
});
