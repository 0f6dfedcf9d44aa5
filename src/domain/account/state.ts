import type { PersonId, SubscriptionId } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { AccountEvent } from './events.ts';

export type Account = { readonly status: 'none' } | { readonly status: 'active'; readonly person: PersonId; readonly email: Personal; readonly subscriptionId: SubscriptionId; readonly cutoff?: Instant };
export const initial: Account = { status: 'none' };
export const evolve = (state: Account, event: AccountEvent): Account => {
  switch (event.type) {
    case 'AccountCreated': return { status: 'active', person: event.data.person, email: event.data.email, subscriptionId: event.data.subscriptionId };
    case 'SessionsRevoked': return state.status === 'none' ? state : { ...state, cutoff: event.data.cutoff };
  }
};
