/** Libraries in C that are loaded before a server's own, to lend it another disk or another clock; compiled where they are used. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Path of the library; undefined where there is no C compiler. */
export const preloaded = (name: string, source: string): string | undefined => {
  const library = join(mkdtempSync(join(tmpdir(), 'tollgate-preloaded-')), `${name}.so`);
  writeFileSync(`${library}.c`, source);
  const { status } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, `${library}.c`, '-ldl'], { stdio: 'ignore' });
  return status === 0 && existsSync(library) ? library : undefined;
};
