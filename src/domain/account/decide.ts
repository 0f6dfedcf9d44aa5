import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { Instant } from '../instant.ts';
import type { AccountId, PersonId, SubscriptionId } from '../ids.ts';
import type { Personal } from '../personal.ts';
import type { AccountEvent } from './events.ts';
import { evolve, initial, type Account } from './state.ts';

export type CreateAccount = Command<'CreateAccount', { accountId: AccountId; person: PersonId; email: Personal; subscriptionId: SubscriptionId }>;
export type RevokeSessions = Command<'RevokeSessions', { accountId: AccountId; cutoff?: Instant }>;
export type AccountCommand = CreateAccount | RevokeSessions;

export const reject = rejections({
  AccountNotFound: ['not-found', 'There is no such account.', "See 'tollgate account list'."],
});

const create = ({ accountId, person, email, subscriptionId, facts }: CreateAccount, state: Account): Decision<AccountEvent> =>
  state.status === 'active' ? [] : [{ type: 'AccountCreated', data: { accountId, person, email, subscriptionId, at: facts.now } }];

const revoke = ({ accountId, facts, cutoff = facts.now }: RevokeSessions, state: Account): Decision<AccountEvent> => {
  const theirs = facts.actor.kind !== 'account' || facts.actor.id === accountId;
  if (state.status === 'none' || !theirs) return reject('AccountNotFound');
  if (state.cutoff !== undefined && state.cutoff >= cutoff) return [];
  return [{ type: 'SessionsRevoked', data: { accountId, person: state.person, cutoff } }];
};

const decide = (command: AccountCommand, state: Account): Decision<AccountEvent> => {
  switch (command.type) {
    case 'CreateAccount': return create(command, state);
    case 'RevokeSessions': return revoke(command, state);
  }
};
export const account: Decider<AccountCommand, Account, AccountEvent> = { category: 'account', initial, decide, evolve };
