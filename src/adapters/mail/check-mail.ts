/** What no carrier takes, said before it is asked. */
import { Refused } from '../../domain/ports/failures.ts';
import type { OutgoingMail } from '../../domain/ports/mail.ts';

/** A line break in an address or subject would begin a header of its own; an address without a name and a host reaches nobody. */
export const checkMail = ({ key, to, subject }: OutgoingMail): void => {
  if (key === '') throw new Refused('InvalidKey', 'A mail needs a key.');
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(to + subject)) throw new Refused('InvalidMail', 'Neither the address nor the subject of a mail may hold a line break.');
  if (!/^[^\s@]+@[^\s@]+$/.test(to)) throw new Refused('NoSuchMailbox', 'The address has no name and host around an @.');
};
