import type { FlowId, PersonId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { ChangedBy, PasswordEvent } from './events.ts';

export type ResetFlow = { readonly person: PersonId; readonly flowId: FlowId; readonly kid: string; readonly issuedAt: Instant; readonly expiresAt: Instant; readonly mailed: boolean };
export type Password = {
  /** Number of the current one; 0 where there is none yet. */
  readonly n: number;
  /** Resets asked for and not used; each ends with its hour, all of them with any change. */
  readonly flows: readonly ResetFlow[];
  /** A change whose consequences are not done yet. */
  readonly untold?: { readonly person: PersonId; readonly n: number; readonly by: ChangedBy; readonly at: Instant };
};
export const initial: Password = { n: 0, flows: [] };

const told = ({ untold: _, ...state }: Password): Password => state;
export const evolve = (state: Password, event: PasswordEvent): Password => {
  switch (event.type) {
    case 'PasswordChanged': return { n: event.data.n, flows: [], untold: event.data };
    case 'PasswordChangeTold': return state.untold?.n === event.data.n ? told(state) : state;
    case 'PasswordResetRequested': return { ...state, flows: [...state.flows.filter(({ expiresAt }) => expiresAt > event.data.issuedAt), { ...event.data, mailed: false }] };
    case 'PasswordResetMailed': return { ...state, flows: state.flows.map((flow) => (flow.flowId === event.data.flowId ? { ...flow, mailed: true } : flow)) };
  }
};
