/** The peer as a process: `node dist/test/peers/eventstoredb/main.js --port 0 --data DIR [--slow MS]`. With a folder it outlives being killed. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Engine } from './engine.ts';
import { Node } from './node.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, data: { type: 'string' }, slow: { type: 'string', default: '0' } } });
if (values.data !== undefined) mkdirSync(values.data, { recursive: true });
const node = new Node(new Engine({ file: values.data === undefined ? undefined : join(values.data, 'log.jsonl'), slowMs: Number(values.slow) }), { port: Number(values.port) });
await node.start();
process.stdout.write(`EventStoreDB peer (a stand-in for tests, no database) at ${node.url}\n`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    void node.stop().then(() => {
      node.engine.close();
      process.exit(0);
    });
  });
}
