/** Read models in tests: a log in memory, events appended to it, and what a model makes of them. */
import { StoredLog } from '../../src/adapters/event-store/log.ts';
import { MemoryEventStore } from '../../src/adapters/event-store/memory.ts';
import { MemoryReadModels } from '../../src/adapters/read-models/memory.ts';
import type { AnyEvent } from '../../src/domain/decider.ts';
import { streamName, type StreamName } from '../../src/domain/ids.ts';
import { plus, type Instant } from '../../src/domain/instant.ts';
import type { Personal } from '../../src/domain/personal.ts';
import { beginning, type Head, type Recorded } from '../../src/domain/ports/log.ts';
import type { Collection, Document } from '../../src/domain/ports/read-models.ts';
import { applyTo, type Projection } from '../../src/projections/projection.ts';
import { ModelRunner } from '../../src/projections/runner.ts';
import { upcasters } from '../../src/upcasters.ts';
import { tenantId } from '../domain/samples.ts';
import { goldenVault } from '../golden/fixture.ts';
import { stories } from '../golden/samples.ts';

export const start = '2026-03-01T12:00:00.000Z' as Instant;
/** Each event happens a minute after the one before. */
export const minuteAt = (n: number): Instant => plus(start, n * 60_000);
export type Placed = { readonly stream: StreamName; readonly event: AnyEvent };
/** The stream that an event of this type belongs to, for one aggregate id. */
export const placed = (event: AnyEvent, id?: string): Placed => {
  const story = stories.find(({ events }) => events.some(({ type }) => type === event.type));
  if (!story) throw new Error(`no sample of ${event.type}`);
  return { stream: streamName(story.decider.category, tenantId, id ?? story.id), event };
};

export class TestLog {
  readonly store = new MemoryEventStore();
  readonly log = new StoredLog(this.store, goldenVault(), upcasters, true);
  readonly #heads = new Map<StreamName, Head>();
  #count = 0;

  async append(...events: readonly Placed[]): Promise<void> {
    for (const { stream, event } of events) {
      const pending = await this.log.append(stream, this.#heads.get(stream) ?? beginning, [event], {
        at: minuteAt(this.#count), commandId: `00000000-0000-8000-8000-${String(this.#count).padStart(12, '0')}`, correlationId: 'test', causationId: 'test', actor: 'system:test', tenant: tenantId, fingerprint: 'f',
      });
      this.#count += 1;
      this.#heads.set(stream, pending.head);
      await pending.durable;
    }
  }
  async events(): Promise<Recorded[]> {
    const events: Recorded[] = [];
    for await (const page of this.log.readAll(0n)) events.push(...page);
    return events;
  }
}

export const documentsIn = async (collection: Collection): Promise<Readonly<Record<string, Document>>> => {
  const documents: Record<string, Document> = {};
  for await (const page of collection.all()) for (const { key, document } of page) documents[key] = document;
  return documents;
};
/** The model folded in memory, from nothing. */
export const folded = (model: Projection, events: Iterable<Recorded>): Readonly<Record<string, Document>> => {
  const documents = new Map<string, Document | undefined>();
  applyTo(model, documents, events);
  return JSON.parse(JSON.stringify(Object.fromEntries([...documents].filter(([, document]) => document !== undefined)))) as Record<string, Document>;
};
/** A running read model over its own store. */
export const running = async (model: Projection, log: StoredLog, readModels = new MemoryReadModels()): Promise<ModelRunner> => {
  const failures: unknown[] = [];
  const runner = new ModelRunner(model, log, readModels, (_, error) => failures.push(error));
  await runner.open();
  runner.start();
  return runner;
};
export const caughtUp = async (runner: ModelRunner, log: StoredLog): Promise<void> => {
  await runner.reached(await log.head(), new Promise(() => undefined));
};
/** Documents with every personal value opened, as the rim shows them. */
export const opened = async (value: unknown): Promise<unknown> => {
  if (typeof value !== 'object' || value === null) return value;
  if ('$p' in value || '$clear' in value) return goldenVault().open(value as Personal);
  if (Array.isArray(value)) return Promise.all(value.map(opened));
  return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([key, item]) => [key, await opened(item)] as const)));
};
