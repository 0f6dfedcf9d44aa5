/** Starts the server out of its bundle, where the build has made one: finding and compiling a thousand small files takes longer than everything else. */
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const bundle = new URL('../server-bundle/server.js', import.meta.url);
if (existsSync(bundle)) {
  enableCompileCache(fileURLToPath(new URL('../compile-cache', import.meta.url)));
  await import(bundle.href);
} else await import('./running.ts');
