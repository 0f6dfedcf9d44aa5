/** Writes what golden files are missing, and their sums. One that exists is what lies in somebody's log: never written again. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, logOver, type Golden } from './fixture.ts';
import { goldenTenant, stories } from './samples.ts';
import { person } from '../domain/samples.ts';
import { MemoryEventStore } from '../../src/adapters/event-store/memory.ts';
import { isClear, personal } from '../../src/domain/personal.ts';
import { streamName } from '../../src/domain/ids.ts';
import type { Instant } from '../../src/domain/instant.ts';
import { beginning, type Head } from '../../src/domain/ports/log.ts';
import { currentVersion } from '../../src/domain/schema.ts';
import { upcasters } from '../../src/upcasters.ts';

/** The texts of every personal value, in order. */
const clearTexts = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return [];
  return isClear(value) ? [value.$clear[2]] : Object.values(value).flatMap(clearTexts);
};

/** One event says why it was asked for: a reason is sealed, too. */
const reasonOf = (type: string) => (type === 'InviteRevoked' ? { reason: personal(person, 'reason', 'asked for on the telephone') } : {});

for (const { decider, id, events } of stories) {
  const store = new MemoryEventStore();
  const log = logOver(store, upcasters, `golden|${decider.category}`);
  const stream = streamName(decider.category, goldenTenant, id);
  let head: Head = beginning;
  for (const event of events) {
    const previous = head.hash;
    const pending = await log.append(stream, head, [event], {
      at: '2026-03-01T12:00:00.000Z' as Instant, commandId: `00000000-0000-8000-8000-${String(head.revision + 1).padStart(12, '0')}`, correlationId: 'golden', causationId: 'golden', actor: 'system:golden', tenant: goldenTenant, fingerprint: 'golden0000000000000000', ...reasonOf(event.type),
    });
    await pending.durable;
    head = pending.head;
    const version = currentVersion(upcasters, event.type);
    const file = join(folder, `${event.type}.v${version}.json`);
    if (existsSync(file)) continue;
    for await (const [stored] of store.read(stream, head.revision)) {
      if (!stored) continue;
      const golden: Golden = { type: event.type, version, id: stored.id, stream, revision: stored.revision, previous, data: stored.data, meta: stored.meta, opens: clearTexts([event.data, reasonOf(event.type)]) };
      writeFileSync(file, `${JSON.stringify(golden, undefined, 2)}\n`, { flag: 'wx' });
    }
  }
}
// A sum that is known stays: a file changed by hand must go on failing.
const sums = join(folder, 'golden.sha256');
const known = new Map((existsSync(sums) ? readFileSync(sums, 'utf8') : '').split('\n').filter((line) => line !== '').map((line) => line.split('  ').reverse() as [string, string]));
for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) if (!known.has(name)) known.set(name, createHash('sha256').update(readFileSync(join(folder, name))).digest('hex'));
writeFileSync(sums, [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, sum]) => `${sum}  ${name}\n`).join(''));
