import { rejections, type Command, type Decider, type Decision } from '../decider.ts';
import type { PersonId } from '../ids.ts';
import type { Personal } from '../personal.ts';
import type { InviteEvent } from './events.ts';
import { evolve, initial, type Invite } from './state.ts';

export type AddInvite = Command<'AddInvite', { person: PersonId; email: Personal }>;
export type RevokeInvite = Command<'RevokeInvite', { person: PersonId }>;
export type InviteCommand = AddInvite | RevokeInvite;

export const reject = rejections({
  InviteNotFound: ['not-found', 'This address has no invite.', "See 'tollgate invite list'."],
  NotInvited: ['forbidden', 'This address has not been invited; signing up is by invitation only.', 'Ask the operator of this platform for an invitation.'],
});

const add = ({ person, email, facts }: AddInvite, state: Invite): Decision<InviteEvent> =>
  state.status === 'invited' ? [] : [{ type: 'InviteAdded', data: { person, email, at: facts.now } }];

const revoke = ({ person, facts }: RevokeInvite, state: Invite): Decision<InviteEvent> => {
  if (state.status === 'none') return reject('InviteNotFound');
  return state.status === 'revoked' ? [] : [{ type: 'InviteRevoked', data: { person, at: facts.now } }];
};

const decide = (command: InviteCommand, state: Invite): Decision<InviteEvent> => {
  switch (command.type) {
    case 'AddInvite': return add(command, state);
    case 'RevokeInvite': return revoke(command, state);
  }
};
export const invite: Decider<InviteCommand, Invite, InviteEvent> = { category: 'invite', initial, decide, evolve };
