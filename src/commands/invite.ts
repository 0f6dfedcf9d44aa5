import { line, type CatalogEntry } from './catalog-entry.ts';
import { CommandMessage } from './command-message.ts';
import { Field } from './describe.ts';
import { IsAddress } from './validation.ts';
import { invite, reject, type AddInvite as AddInviteCommand, type RevokeInvite as RevokeInviteCommand } from '../domain/invite/decide.ts';
import { personal } from '../domain/personal.ts';

export class AddInvite extends CommandMessage {
  @Field('Address to invite', 'ada@example.com') @IsAddress() readonly email!: string;
}
export class RevokeInvite extends CommandMessage {
  @Field('Address whose invite ends', 'ada@example.com') @IsAddress() readonly email!: string;
}

export const inviteCommands: readonly CatalogEntry[] = [
  line<AddInviteCommand, AddInvite>(invite, 'AddInvite', {
    permission: 'invite.add', id: (c) => c.person,
    fields: async ({ email }, { findOrCreatePerson }) => {
      const person = await findOrCreatePerson(email);
      return { person, email: personal(person, 'email', email.trim()) };
    },
    message: AddInvite, open: { audience: 'operator', noun: 'invite', verb: 'add', summary: 'Invite an address to sign up' },
  }),
  line<RevokeInviteCommand, RevokeInvite>(invite, 'RevokeInvite', {
    permission: 'invite.revoke', id: (c) => c.person,
    fields: async ({ email }, { findPerson }) => {
      const person = await findPerson(email);
      return person ? { person } : reject('InviteNotFound');
    },
    message: RevokeInvite, open: { audience: 'operator', noun: 'invite', verb: 'revoke', summary: 'Take an invite back' },
  }),
];
