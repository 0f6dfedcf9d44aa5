/** `--mail`, `--mail-from` and the password's file: who carries our mails, checked at start. */
import { readFileSync } from 'node:fs';
import { isHere, type SmtpServer } from './adapters/mail/smtp.ts';
import type { Mode } from './domain/installation/events.ts';
import { StartRefused } from './start-refused.ts';

export type MailCarrier = { readonly carrier: 'mailbox' } | { readonly carrier: 'smtp'; readonly server: SmtpServer; /** For people: without user and password. */ readonly shown: string };
const passwordVariable = 'TOLLGATE_SMTP_PASSWORD_FILE';
const defaultPorts: Readonly<Record<string, number>> = { 'smtp:': 587, 'smtps:': 465 };

export const readMailCarrier = (text: string, mode: Mode, environment: NodeJS.ProcessEnv): MailCarrier => {
  if (text === 'mailbox') return { carrier: 'mailbox' };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const port = url && defaultPorts[url.protocol];
  if (!url || port === undefined || url.hostname === '' || !['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '') throw new StartRefused(`--mail must be mailbox, smtp://[user@]host[:port] or smtps://[user@]host[:port], not '${text.replace(/:[^:@/]*@/, ':...@')}'`);
  if (url.password !== '') throw new StartRefused(`--mail must not hold a password, which others could read; put it into a file and name that in ${passwordVariable}`);
  const host = url.hostname.replaceAll(/[[\]]/g, '');
  if (mode === 'mock' && !isHere(host)) throw new StartRefused(`mock mode promises that no mail leaves this machine: --mail may name a mail catcher on loopback, not '${host}'`);
  const user = decodeURIComponent(url.username);
  return {
    carrier: 'smtp', shown: `${url.protocol}//${url.hostname}:${url.port || port}`,
    server: { host, port: Number(url.port || port), secure: url.protocol === 'smtps:', ...(user === '' ? {} : { user, password: passwordOf(user, environment) }) },
  };
};

const passwordOf = (user: string, environment: NodeJS.ProcessEnv): string => {
  const file = environment[passwordVariable];
  if (file === undefined || file === '') throw new StartRefused(`--mail names the user '${user}'; put the password into a file and name that in ${passwordVariable}`);
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new StartRefused(`${file} (${passwordVariable}) cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
};

/** `Name <address>` or an address, as it goes into a header. */
export const readMailFrom = (text: string): string => {
  const address = /^(?:[^<>@"\p{C}]{1,60} <([^<>]+)>|([^<>\s]+))$/u.exec(text.trim());
  if (!/^[^\s@<>"\p{C}]+@[^\s@<>"\p{C}]+$/u.test(address?.[1] ?? address?.[2] ?? '')) throw new StartRefused(`--mail-from must be an address or 'Name <address>', not '${text}'`);
  return text.trim();
};
