import type { AccountId, SessionId } from '../domain/ids.ts';
import type { Recorded } from '../domain/ports/log.ts';
import type { SessionEvent } from '../domain/session/events.ts';
import { projection } from './projection.ts';

export type SessionView = { id: SessionId; accountId?: AccountId; kind: 'cli' | 'web' | 'operator'; openedAt: string; /** The day of its last use. */ lastUsed: string };
const dayOf = (at: string): string => at.slice(0, 10);

/**
 * Sessions that nobody has closed. Those that logging out everywhere or their age has ended are still here: who shows
 * them asks the gate too. Not read by its own path, therefore.
 */
export const sessions = projection<SessionView>({
  name: 'sessions', version: 1, summary: 'Sessions that nobody has closed', indexes: ['accountId'], readableBy: 'session.read', scope: { own: 'account', field: 'accountId' }, category: 'session', columns: [],
  events: ['SessionOpened', 'SessionRefreshed', 'SessionClosed'], keys: (event: Recorded<SessionEvent>) => [(event.data as { sessionId: SessionId }).sessionId],
  evolve: (view, recorded: Recorded) => {
    const event = recorded as unknown as SessionEvent;
    switch (event.type) {
      case 'SessionOpened': {
        const { sessionId: id, holder, at } = event.data;
        const times = { openedAt: at, lastUsed: dayOf(at) };
        return holder.kind === 'operator' ? { id, kind: 'operator', ...times } : { id, accountId: holder.accountId, kind: (event.data as { via?: 'web' }).via ?? 'cli', ...times };
      }
      case 'SessionRefreshed': return view && { ...view, lastUsed: dayOf(event.data.at) };
      case 'SessionClosed': return undefined;
    }
  },
});
