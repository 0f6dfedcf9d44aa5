import { domainToASCII } from 'node:url';
import type { NormaliseEmail } from '../../domain/ports/keyring.ts';

/** Trimmed, NFC, lower case, internationalised domains as punycode; dots and plus are left alone. */
export const normaliseEmail: NormaliseEmail = (email) => {
  const text = email.trim().normalize('NFC').toLowerCase().normalize('NFC');
  const at = text.lastIndexOf('@');
  if (at < 0) return text;
  const domain = text.slice(at + 1);
  // A domain that is none (an address literal, say) is kept as written.
  return `${text.slice(0, at)}@${domainToASCII(domain) || domain}`;
};
