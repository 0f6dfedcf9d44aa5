/** The ports as one life of the process has them: every asynchronous answer waits for its turn, and no answer outlives that life. */
import type { Life, Turns } from './turns.ts';
import type { Instant } from '../../src/domain/instant.ts';
import type { MovableClock } from '../../src/domain/ports/clock.ts';
import type { EventStore } from '../../src/domain/ports/event-store.ts';
import type { Collection, ReadModels } from '../../src/domain/ports/read-models.ts';
import type { RunReport, Runtime } from '../../src/domain/ports/runtime.ts';

const collected = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};
/** `names` of a port answer in turns; everything else is as it is. */
export const taking = <P extends object>(port: P, turns: Turns, life: Life, names: readonly (keyof P & string)[], instead: Partial<P> = {}): P =>
  new Proxy(port, {
    get: (target, name) => {
      if (Object.hasOwn(instead, name)) return instead[name as keyof P];
      const member = Reflect.get(target, name, target) as unknown;
      if (typeof member !== 'function') return member;
      const bound = member.bind(target) as (...args: unknown[]) => Promise<unknown>;
      return (names as readonly string[]).includes(String(name)) ? (...args: unknown[]) => turns.call(life, () => bound(...args)) : bound;
    },
  });
/** Pages are read in one turn: how a store cuts them is its own affair. */
const paged = <A extends unknown[], T>(turns: Turns, life: Life, read: (...args: A) => AsyncIterable<T>) => async function* (...args: A): AsyncGenerator<T> {
  yield* await turns.call(life, () => collected(read(...args)));
};

/** Appends keep the order of their calls and share commits; they may also be lost on the way when the process dies. */
export const storeInTurns = (store: EventStore, turns: Turns, life: Life): EventStore =>
  taking(store, turns, life, ['head'], {
    append: (stream, expected, events) => turns.inOrder(life, 'append', () => store.append(stream, expected, events)),
    read: paged(turns, life, (...args: Parameters<EventStore['read']>) => store.read(...args)),
    readAll: paged(turns, life, (...args: Parameters<EventStore['readAll']>) => store.readAll(...args)),
    onAdvanced: (listener) => store.onAdvanced(() => {
      if (!life.ended) turns.signal(life, 'advanced', listener);
    }),
    close: async () => undefined,
  });

const collectionInTurns = (collection: Collection, turns: Turns, life: Life): Collection =>
  taking(collection, turns, life, ['checkpoint', 'load', 'commit', 'query', 'count', 'put'], { all: paged(turns, life, () => collection.all()) });
export const modelsInTurns = (models: ReadModels, turns: Turns, life: Life): ReadModels =>
  taking(models, turns, life, ['drop', 'names', 'serving', 'serve'], {
    open: async (name, indexes) => collectionInTurns(await turns.call(life, () => models.open(name, indexes)), turns, life),
  });

/** Reports of workloads reach only the life that listens. */
export const runtimeInTurns = (runtime: Runtime, turns: Turns, life: Life): Runtime =>
  taking(runtime, turns, life, ['apply', 'stop', 'remove', 'list'], {
    onReport: (listener: (report: RunReport) => void) => runtime.onReport((report) => {
      if (!life.ended) listener(report);
    }),
    close: async () => undefined,
  });

/** Waiting ends only within the life that waits. */
export const clockOf = (clock: MovableClock, life: Life): MovableClock => ({
  get offsetMs() {
    return clock.offsetMs;
  },
  now: () => clock.now(),
  // The log's own offset is mock mode's: here time is moved by nobody but the simulator.
  setOffset: () => undefined,
  until: (instant: Instant, signal?: AbortSignal) => new Promise((resolve) => void clock.until(instant, signal).then(() => (life.ended ? undefined : resolve()))),
});
