/** Mock mode's mailbox: the mails that would have been sent, newest first, the newest one open. */
import type { ComponentChildren, JSX } from 'preact';
import { countOf } from './format.ts';
import { Cmd, Time } from './parts.tsx';
import { page, type Viewer } from './shell.tsx';

export type MailInBox = {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly at: string;
  readonly attempts: number;
  readonly status: string;
};
export type MailboxProps = { readonly viewer?: Viewer; readonly mails: readonly MailInBox[] };

const tokenRun = /\b([0-9a-f]{40})\b/;
/** The text as it was sent; a click on a one-time token selects all of it. */
const body = (text: string, id: string): ComponentChildren =>
  text.split(tokenRun).map((part, i) => (i % 2 === 1 ? <code class="pick" id={i === 1 ? id : undefined} key={i}>{part}</code> : part));

const MailItem = ({ mail, n }: { mail: MailInBox; n: number }): JSX.Element => {
  const tokenId = `token-${n}`;
  return (
    <li>
      <details class="mail" open={n === 1}>
        <summary>
          <span class="mail-subject">{mail.subject}</span>
          <span class="mail-to">to {mail.to}</span>
          <span class="mail-at"><Time at={mail.at} /></span>
        </summary>
        <div class="mail-text">{body(mail.text, tokenId)}</div>
        {tokenRun.test(mail.text) ? (
          <div class="copyable">
            <button type="button" class="copy" data-copy={tokenId} hidden>Copy token</button>
            <span class="copied" role="status" data-copied={tokenId} />
          </div>
        ) : null}
        <p class="hint">{mail.status}, {countOf(mail.attempts, 'attempt')}, <code>{mail.id}</code></p>
      </details>
    </li>
  );
};

const newestFirst = (a: MailInBox, b: MailInBox): number => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0);

export const mailboxPage = ({ mails, ...frame }: MailboxProps): string =>
  page({
    title: 'Mailbox',
    frame: { mode: 'mock', ...frame },
    here: '/mailbox',
    cli: <>The same in a terminal: <Cmd>tollgate mail list</Cmd>. For scripts: <a href="/mailbox.json">/mailbox.json</a></>,
    children: (
      <div class="narrow">
        <h1>Mailbox</h1>
        {mails.length === 0 ? (
          <section class="panel">
            <h2>No mail yet</h2>
            <p>Mails that this server would send appear here. The first one comes with <Cmd>tollgate login --otp EMAIL</Cmd>, for an invited address.</p>
          </section>
        ) : (
          <>
            <p class="lead">{countOf(mails.length, 'mail')}, newest first. None of them left this machine.</p>
            <ul class="mails">{mails.toSorted(newestFirst).map((mail, i) => <MailItem key={mail.id} mail={mail} n={i + 1} />)}</ul>
          </>
        )}
      </div>
    ),
  });
