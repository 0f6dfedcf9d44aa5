/**
 * Which event store a test's system runs on. The embedded one; with TOLLGATE_TEST_EVENTSTORE=peer a server of EventStoreDB's protocol for each data
 * folder, whose log lies in that folder; with esdb://... a real one, where each folder begins at the end of what is there and sees its own streams.
 */
import { join } from 'node:path';
import { Engine } from '../peers/eventstoredb/engine.ts';
import { Node } from '../peers/eventstoredb/node.ts';
import { FreshView } from '../peers/eventstoredb/open.ts';
import { EventStoreDb } from '../../src/adapters/event-store/eventstoredb.ts';
import { SystemRandom } from '../../src/adapters/system/random.ts';
import type { EventStore, Position } from '../../src/domain/ports/event-store.ts';

type LogFor = { readonly config: { readonly eventStore?: string }; readonly instead: { readonly store?: EventStore }; readonly close: () => Promise<void> };
export const eventStoreUnderTest: string = process.env['TOLLGATE_TEST_EVENTSTORE'] ?? 'embedded';
/** Whether a copy of the data folder holds the log, too. */
export const logInFolder = eventStoreUnderTest === 'embedded' || eventStoreUnderTest === 'peer';

const views = new Map<string, { readonly start: Position; readonly mark: string }>();
export const logFor = async (data: string): Promise<LogFor> => {
  if (eventStoreUnderTest === 'embedded') return { config: {}, instead: {}, close: async () => undefined };
  if (eventStoreUnderTest === 'peer') {
    const node = await new Node(new Engine({ file: join(data, 'eventstoredb.jsonl') })).start();
    return {
      config: { eventStore: node.url }, instead: {},
      close: async () => {
        await node.stop();
        node.engine.close();
      },
    };
  }
  const random = new SystemRandom();
  const store = EventStoreDb.open(eventStoreUnderTest, { random });
  const view = views.get(data) ?? { start: await store.head(), mark: `.${Buffer.from(random.bytes(6)).toString('hex')}` };
  views.set(data, view);
  return { config: { eventStore: eventStoreUnderTest }, instead: { store: new FreshView(store, view.start, view.mark) }, close: async () => undefined };
};
