/** A log whose readers get pages of the sizes they are told, and then wait. */
import type { Position } from '../../src/domain/ports/event-store.ts';
import type { Log, Recorded } from '../../src/domain/ports/log.ts';

export const paged = (log: Log, events: readonly Recorded[], sizes: readonly number[]): Log => {
  const follow = async function* (after: Position, signal: AbortSignal): AsyncGenerator<readonly Recorded[]> {
    let rest = events.filter(({ position }) => position > after);
    for (const size of sizes) {
      if (signal.aborted || rest.length === 0) break;
      yield rest.slice(0, size);
      rest = rest.slice(size);
    }
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  };
  return { follow, head: () => log.head(), readAll: (after: Position) => log.readAll(after) } as unknown as Log;
};
