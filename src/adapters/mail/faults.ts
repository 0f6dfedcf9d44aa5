/** What tests and the simulator let go wrong at a pretended carrier. */
import { Refused, Unavailable } from '../../domain/ports/failures.ts';

export interface MailFaults {
  /** The next so many mails are turned away for now. */
  unavailableBefore: number;
  /** The next so many mails are accepted, and the answer is lost. */
  unavailableAfter: number;
  /** Keys of mails that are refused for good. */
  readonly refusedKeys: Set<string>;
}
export const noMailFaults = (): MailFaults => ({ unavailableBefore: 0, unavailableAfter: 0, refusedKeys: new Set() });

export const failBeforeAccepting = (faults: MailFaults, key: string): void => {
  if (faults.unavailableBefore > 0) {
    faults.unavailableBefore -= 1;
    throw new Unavailable('The mail carrier cannot be reached.');
  }
  if (faults.refusedKeys.has(key)) throw new Refused('NoSuchMailbox', 'The mail carrier knows no such mailbox.');
};
export const failAfterAccepting = (faults: MailFaults): void => {
  if (faults.unavailableAfter <= 0) return;
  faults.unavailableAfter -= 1;
  throw new Unavailable('The mail carrier did not answer.');
};
