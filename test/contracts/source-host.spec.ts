/** All source hosts keep the contract: one in memory, and real git against a real git server. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { sourceHostContract } from './source-host.contract.ts';
import { processesNaming } from '../git/processes.ts';
import { gitInstalled, startGitServer } from '../git/server.ts';
import { GitSourceHost } from '../../src/adapters/source-host/git.ts';
import { MemorySourceHost } from '../../src/adapters/source-host/memory.ts';

sourceHostContract('memory', async () => {
  const host = new MemorySourceHost();
  let repositories = 0;
  return {
    host, elsewhere: 'https://elsewhere.test', left: async () => [],
    create: (guard) => host.create(`https://git.test/r${(repositories += 1)}.git`, guard),
    outage: (on) => {
      host.available = !on;
    },
  };
});

if (gitInstalled) {
  const server = await startGitServer();
  const root = mkdtempSync(join(tmpdir(), 'tollgate-errands-'));
  let names = 0;
  after(async () => {
    await server.close();
    rmSync(root, { recursive: true, force: true });
  });
  sourceHostContract('git', async () => {
    const folder = join(root, String((names += 1)));
    const host = new GitSourceHost({ folder, allow: [server.host], lookup: server.lookup, caFile: server.caFile });
    return {
      host, elsewhere: 'https://elsewhere.test',
      left: async () => [...(existsSync(host.folder) ? readdirSync(host.folder) : []), ...processesNaming(host.folder)],
      create: (guard) => {
        const name = `r${(names += 1)}.git`;
        if (guard) server.protect(name, guard.username ?? '', guard.token);
        return server.create(name);
      },
      outage: (on) => server.misbehave(on ? (_, response) => !response.destroy().closed : undefined),
    };
  });
}
