import { reactor, type Deed, type DomainCommand } from './reactor.ts';
import { toEpochMs, minute } from '../../domain/instant.ts';
import { mail } from '../../domain/mail/decide.ts';
import type { MailContent } from '../../domain/mail/events.ts';
import type { OutboxMail, QueuedMail } from '../../domain/mail/state.ts';
import { todo, type MailTodo } from '../../domain/mail/todo.ts';
import { Refused, Unavailable } from '../../domain/ports/failures.ts';

/** What the template shows: rendered when it is sent or looked at, never stored. */
export const valuesOf = (content: MailContent, { tokens }: Pick<Deed, 'tokens'>): Readonly<Record<string, string>> => {
  if (!('token' in content)) return content.values;
  const { kid, flowId, n, issuedAt, expiresAt } = content.token;
  return { token: tokens.derive(kid, content.template === 'password-reset' ? 'reset' : 'otp', flowId, n, issuedAt), minutes: String(Math.round((toEpochMs(expiresAt) - toEpochMs(issuedAt)) / minute)) };
};

const outcomeOf = (queued: QueuedMail, outcome: object): DomainCommand[] => [{ type: 'RecordMailOutcome', fields: { mailId: queued.mailId, outcome } }];
const failed = (queued: QueuedMail, permanent: boolean, reason: string): DomainCommand[] => outcomeOf(queued, { sent: false, permanent, reason });

export const sendMail = reactor<OutboxMail, MailTodo>({
  name: 'send-mail', decider: mail, todo, owner: (state) => (state.status === 'none' ? undefined : state.person),
  deeds: {
    SendMail: async ({ mail: queued }, deed) => {
      const { content } = queued;
      if ('token' in content && content.token.expiresAt <= deed.now) return failed(queued, true, 'its token expired before it could be sent');
      const to = await deed.vault.open(queued.to);
      if (to === undefined) return failed(queued, true, 'the address has been erased');
      try {
        await deed.mail.send({ key: queued.mailId, to, ...deed.render(content.template, valuesOf(content, deed)) });
        return outcomeOf(queued, { sent: true });
      } catch (error) {
        if (error instanceof Refused) return failed(queued, true, error.message);
        if (error instanceof Unavailable) return failed(queued, false, error.message);
        throw error;
      }
    },
  },
});
