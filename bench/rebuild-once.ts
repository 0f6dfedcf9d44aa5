/** `node rebuild-once.js DATA MODEL`: rebuilds one read model of a stopped folder and prints how long it took and how much memory it held at most. */
import '../src/short-lived.ts';
import { openAdapters } from '../src/adapters.ts';
import { assemble } from '../src/assembly.ts';
import { quiet } from './quiet.ts';

const [data = '.', name = ''] = process.argv.slice(2);
const adapters = await openAdapters({ data }, () => 'http://127.0.0.1');
const system = await assemble(adapters, { mode: 'mock', data, version: 'bench', origin: () => 'http://127.0.0.1', logger: quiet, post: async () => 200 });
await system.start();
const events = Number(await system.rim.log.head());
let rssMax = 0;
const watch = setInterval(() => (rssMax = Math.max(rssMax, process.memoryUsage.rss())), 20);
const startedAt = performance.now();
const { equal } = (await system.rim.models.get(name)?.rebuild({ acceptDifferences: false, differencesMax: 1, progress: () => undefined })) ?? { equal: false };
const seconds = (performance.now() - startedAt) / 1_000;
clearInterval(watch);
await system.stop();
await adapters.close();
process.stdout.write(`${JSON.stringify({ events, seconds, rssMiB: Math.round(rssMax / 1_048_576), equal })}\n`);
