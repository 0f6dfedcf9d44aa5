/** Mock mode's mailbox: what the pretended carrier took, rendered when somebody looks. */
import type { MockWorld, Rim } from './rim.ts';
import { valuesOf } from '../../commands/reactors/send-mail.ts';
import { mail } from '../../domain/mail/decide.ts';

const shownMax = 500;

/** Newest first; with `to` only those to this address. */
export const mailsCarried = async (rim: Rim, mock: MockWorld, to: string | undefined) => {
  const person = to === undefined ? undefined : await rim.keyring.find(to);
  if (to !== undefined && person === undefined) return [];
  const shown = [];
  for (const { key, at } of await mock.carried()) {
    const state = await rim.handler.lookup(mail, key);
    if (state.status === 'none' || (person !== undefined && state.person !== person)) continue;
    const address = (await rim.vault.open(state.to)) ?? 'erased';
    shown.push({ id: key, to: address, ...rim.renderMail(state.content.template, valuesOf(state.content, rim)), at, attempts: state.attempts, status: state.status });
    if (shown.length >= shownMax) break;
  }
  return shown;
};
