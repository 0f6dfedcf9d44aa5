/** The server's own data folder, opened as the server opens it: a workload below it reads nothing else of it. */
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { a, specOf } from '../contracts/runtime.contract.ts';
import { filesTgz, pieces } from '../contracts/source-store.archives.ts';
import { openAdapters } from '../../src/adapters.ts';
import { root, users } from './world.ts';

test('everybody may pass through the data folder, and nobody but the server reads it, also what an earlier version left open', { skip: root ? false : 'skipped: only root can give workloads users of their own', timeout: 30_000 }, async () => {
  const home = await mkdtemp(join(tmpdir(), 'tollgate-data-'));
  await chmod(home, 0o711);
  const data = join(home, 'data');
  await mkdir(join(data, 'sources'), { recursive: true, mode: 0o755 });
  await writeFile(join(data, 'operator.token'), 'opr_token', { mode: 0o644 });
  await writeFile(join(data, 'not-ours'), 'left as it is', { mode: 0o644 });
  const before = process.umask();
  const adapters = await openAdapters({ data, workloadUsers: users }, () => '', {});
  try {
    const names = (await readdir(data)).filter((name) => name !== 'workloads' && name !== 'not-ours');
    assert.ok(names.includes('events.db') && names.includes('keys.db') && names.includes('secrets') && names.includes('operator.token'));
    for (const name of names) assert.equal((await stat(join(data, name))).mode & 0o077, 0, name);
    const intruder = `
      const { readFileSync, readdirSync } = require('fs');
      for (const name of ${JSON.stringify([...names, 'secrets/ids.key', 'secrets/keyring.key'])}) {
        const path = ${JSON.stringify(data)} + '/' + name;
        try { try { readFileSync(path); } catch (error) { if (error.code !== 'EISDIR') throw error; readdirSync(path); } console.log('READ', name); } catch (error) { console.log('refused', name, error.code); }
      }
      try { readdirSync(${JSON.stringify(data)}); console.log('LISTED'); } catch {}`;
    const { digest } = await adapters.sources.put(pieces(await filesTgz({ 'a.js': intruder })));
    await adapters.runtime.apply(specOf(digest, { command: 'node a.js' }));
    const lines: string[] = [];
    for await (const { stream, text } of adapters.runtime.logs(a, { follow: true })) if (stream === 'stdout') lines.push(text);
    assert.equal(lines.length, names.length + 2);
    assert.deepEqual(lines.filter((line) => !/^refused .* (EACCES|ENOENT)$/.test(line)), []);
    await adapters.runtime.remove(a);
  } finally {
    await adapters.close();
    process.umask(before);
    await rm(home, { recursive: true, force: true });
  }
});
