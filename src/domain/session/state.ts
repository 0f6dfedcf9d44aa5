import type { Instant } from '../instant.ts';
import type { SessionEvent, SessionHolder } from './events.ts';

export type Session =
  | { readonly status: 'none' }
  | { readonly status: 'open' | 'closed'; readonly holder: SessionHolder; readonly kid: string; readonly via?: 'web'; readonly openedAt: Instant; readonly usedAt: Instant; /** Highest refresh token used, -1 for none. */ readonly used: number };
export const initial: Session = { status: 'none' };
export const evolve = (state: Session, event: SessionEvent): Session => {
  switch (event.type) {
    case 'SessionOpened': return { status: 'open', holder: event.data.holder, kid: event.data.kid, ...(event.data.via === undefined ? {} : { via: event.data.via }), openedAt: event.data.at, usedAt: event.data.at, used: -1 };
    case 'SessionRefreshed': return state.status === 'none' ? state : { ...state, used: event.data.n, usedAt: event.data.at };
    case 'SessionClosed': return state.status === 'none' ? state : { ...state, status: 'closed' };
  }
};
