import { reactor, type Deed } from './reactor.ts';
import type { PersonId } from '../../domain/ids.ts';
import { password } from '../../domain/password/decide.ts';
import type { Password } from '../../domain/password/state.ts';
import { todo, type PasswordTodo } from '../../domain/password/todo.ts';
import { signup } from '../../domain/signup/decide.ts';

const standingOf = async (person: PersonId, { lookup }: Deed) => {
  const { email, stage, redemption } = await lookup(signup, person);
  return { email, accountId: stage === 'completed' ? redemption?.accountId : undefined };
};

/** What follows a change of password, and the mail with a reset's token. */
export const passwords = reactor<Password, PasswordTodo>({
  name: 'passwords', decider: password, todo, owner: ({ untold, flows }) => untold?.person ?? flows[0]?.person,
  deeds: {
    QueueResetMail: async ({ flow }, deed) => {
      const { person, flowId, kid, issuedAt, expiresAt } = flow;
      const { email } = await standingOf(person, deed);
      if (email) await deed.dispatch('QueueMail', { mailId: deed.derive.id('mail', deed.key), person, to: email, content: { template: 'password-reset', token: { flowId, n: 1, kid, issuedAt, expiresAt } } });
      return [{ type: 'RecordPasswordResetMail', fields: { person, flowId } }];
    },
    TellPasswordChange: async ({ change: { person, n, by, at } }, deed) => {
      const { email, accountId } = await standingOf(person, deed);
      // The rim has done this already where it lived long enough; the same cut-off again changes nothing.
      if (by === 'reset' && accountId) await deed.dispatch('RevokeSessions', { accountId, cutoff: at }, 'sessions');
      await deed.keyring.dropPasswordsBefore(person, n);
      if (email && by !== 'signup') await deed.dispatch('QueueMail', { mailId: deed.derive.id('mail', deed.key), person, to: email, content: { template: 'password-changed', values: { at, by } } });
      return [{ type: 'RecordPasswordTold', fields: { person, n } }];
    },
  },
});
