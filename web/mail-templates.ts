/** Every mail Tollgate sends. One description of each gives the subject, the plain text and the HTML. */
import type { Money } from '../src/domain/money.ts';
import { formatAmount, formatTime } from './format.ts';

export type MailValues = {
  'one-time-token': { token: string; minutes: number };
  welcome: { namespace: string };
  'payment-failed': { amount: Money | string; graceEndsAt: string };
  'grace-ending': { endsAt: string };
  limited: { suspendAt: string; payCommand?: string };
  suspended: { terminateAt: string; payCommand?: string };
  restored: Record<string, never>;
  ended: { keptUntil?: string };
  'cancellation-scheduled': { endsAt: string };
  'cancellation-withdrawn': { paidThrough: string };
  'password-reset': { token: string; minutes: number };
  'password-changed': { at: string; by: string };
  namespaces: { namespaces: string };
  receipt: { invoice: string; plan: string; amount: string; periodStart: string; periodEnd: string };
};
export type MailTemplate = keyof MailValues;
export type RenderedMail = { readonly subject: string; readonly text: string; readonly html: string };

/** A line is plain text with commands, names and tokens set off; a paragraph is lines; a mail is paragraphs. */
type Inline = string | { readonly code: string };
type Line = readonly Inline[];
type Paragraph = readonly Line[];
type Description = { readonly subject: string; readonly body: readonly Paragraph[] };

const code = (text: string): Inline => ({ code: text });
/** A line of prose: line`Pay with ${code('tollgate account pay')}.` */
const line = (words: TemplateStringsArray, ...values: readonly (Inline | number)[]): Line =>
  words.flatMap((word, i): Inline[] => {
    const value = values[i];
    return value === undefined ? [word] : [word, typeof value === 'number' ? String(value) : value];
  });
const pay = 'tollgate account pay';

const descriptions: { readonly [T in MailTemplate]: (values: MailValues[T]) => Description } = {
  'one-time-token': ({ token, minutes }) => ({
    subject: 'Your one-time token for Tollgate',
    body: [
      [
        line`You've just issued a ${code('tollgate login')} command with this email address.`,
        line`To continue please copy and paste this one-time token into your terminal: ${code(token)}.`,
      ],
      [line`This token expires in ${minutes} minutes.`],
      [line`The command will prompt you for payment during your registration.`],
    ],
  }),
  welcome: ({ namespace }) => ({
    subject: 'Welcome to Tollgate',
    body: [
      [line`Your payment went through and your account is ready.`, line`Everything you run lives in the namespace ${code(namespace)}.`],
      [line`Run something: ${code('tollgate run SOURCE')}.`, line`See how it is doing: ${code('tollgate status')}.`],
      [line`Your plan, payments and sessions: ${code('tollgate account show')}.`],
    ],
  }),
  'payment-failed': ({ amount, graceEndsAt }) => ({
    subject: 'Your payment did not go through',
    body: [
      [line`We tried to take ${formatAmount(amount)} and your card declined it.`],
      [line`Nothing changes until ${formatTime(graceEndsAt)}. After that your account becomes read-only.`],
      [line`To settle it, or to use another card: ${code(pay)}.`],
    ],
  }),
  'grace-ending': ({ endsAt }) => ({
    subject: 'Your account becomes read-only soon',
    body: [
      [line`A payment is still open. On ${formatTime(endsAt)} your account becomes read-only.`],
      [line`To keep everything as it is: ${code(pay)}.`],
    ],
  }),
  limited: ({ suspendAt, payCommand = pay }) => ({
    subject: 'Your account is limited',
    body: [
      [line`The grace period of a missed payment is over. You can still read everything; running and changing things is refused.`],
      [line`On ${formatTime(suspendAt)} your workloads are stopped. Their data is kept.`],
      [line`Everything comes back at once when you pay: ${code(payCommand)}.`],
    ],
  }),
  suspended: ({ terminateAt, payCommand = pay }) => ({
    subject: 'Your workloads are stopped',
    body: [
      [line`A missed payment is still open, so your workloads have been stopped. Their data is kept.`],
      [line`On ${formatTime(terminateAt)} the subscription ends.`],
      [line`Your workloads start again by themselves when you pay: ${code(payCommand)}.`],
    ],
  }),
  restored: () => ({
    subject: 'Everything is back',
    body: [[line`Your payment arrived. Your account is whole again and what was stopped is starting.`], [line`See how it is doing: ${code('tollgate status')}.`]],
  }),
  ended: ({ keptUntil }) => ({
    subject: 'Your subscription has ended',
    body: [
      [line`Your subscription has ended. Nothing more will be charged.`],
      ...(keptUntil === undefined ? [] : [[line`Your workloads are stopped. They and their data are kept until ${formatTime(keptUntil)}, and then removed.`]]),
      [line`You are welcome back at any time: ${code(pay)}.`],
    ],
  }),
  'cancellation-scheduled': ({ endsAt }) => ({
    subject: 'Your subscription is cancelled',
    body: [
      [line`You will not be charged again. Everything works until ${formatTime(endsAt)}; then your workloads are stopped.`],
      [line`Did you change your mind? Until then this takes it back: ${code('tollgate account resume')}.`],
    ],
  }),
  'password-reset': ({ token, minutes }) => ({
    subject: 'Your token for a new Tollgate password',
    body: [
      [line`Somebody, hopefully you, asked for a new password for this address with ${code('tollgate password reset')}.`, line`To set it please copy and paste this one-time token into your terminal: ${code(token)}.`],
      [line`This token works once and expires in ${minutes} minutes. Setting the new password ends every session.`],
      [line`It was not you? Then there is nothing to do: without the token nothing changes.`],
    ],
  }),
  'password-changed': ({ at, by }) => ({
    subject: 'Your Tollgate password was changed',
    body: [
      [line`The password of your account was ${by === 'session' ? 'set' : 'changed'} on ${formatTime(at)}${by === 'reset' ? ', with a token that was mailed to you. Every session has been ended' : ''}.`],
      [line`It was not you? Set another one at once, which ends every session: ${code('tollgate password reset')}.`],
    ],
  }),
  namespaces: ({ namespaces }) => ({
    subject: 'Your namespaces on Tollgate',
    body: [
      [line`Somebody, hopefully you, asked which namespaces belong to this address: ${code(namespaces === '' ? 'none' : namespaces)}.`],
      [line`Log in: ${code('tollgate login --otp')} with this address. Choose one: ${code('tollgate namespace use NAME')}.`],
    ],
  }),
  receipt: ({ invoice, plan, amount, periodStart, periodEnd }) => ({
    subject: `Receipt: ${amount} for ${plan}`,
    body: [
      [line`Your payment of ${amount} arrived. Thank you.`],
      [line`Plan: ${plan}, from ${formatTime(periodStart)} to ${formatTime(periodEnd)}.`, line`Invoice: ${code(invoice)}.`],
      [line`All your invoices: ${code('tollgate account invoices')}.`],
    ],
  }),
  'cancellation-withdrawn': ({ paidThrough }) => ({
    subject: 'Your subscription goes on',
    body: [[line`The cancellation of your subscription is withdrawn, so that everything goes on as before.`], [line`It renews on ${formatTime(paidThrough)}.`]],
  }),
};

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);

const inlineText = (part: Inline): string => (typeof part === 'string' ? part : `\`${part.code}\``);
/** Half-transparent greys: they are as readable on the dark ground that many mail programs put under a mail as on a light one. */
const codeStyle = 'font-family:ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere;background:rgba(127,127,127,.16);border-radius:4px;padding:2px 5px;font-size:14px';
/** A token fits on one line of a phone, and one touch takes all of it. */
const tokenStyle = 'font-family:ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere;display:inline-block;margin:8px 0 0;border:1px solid rgba(127,127,127,.6);background:rgba(127,127,127,.16);border-radius:6px;padding:10px 8px;font-size:13px;line-height:1.2;-webkit-user-select:all;user-select:all';
const tokenLength = 30;
/** So much of a command fits on a phone's line: it is not broken. */
const unbrokenLength = 34;
const styleOf = (code: string): string => (code.length >= tokenLength && !code.includes(' ') ? tokenStyle : code.length <= unbrokenLength ? `${codeStyle};white-space:nowrap` : codeStyle);
const inlineHtml = (part: Inline): string => (typeof part === 'string' ? escape(part) : `<code style="${styleOf(part.code)}">${escape(part.code)}</code>`);

const toText = (body: readonly Paragraph[]): string =>
  `${body.map((lines) => lines.map((parts) => parts.map(inlineText).join('')).join('\n')).join('\n\n')}\n`;
const toHtml = (subject: string, body: readonly Paragraph[]): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>${escape(subject)}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif"><div style="max-width:560px;border-top:3px solid rgba(127,127,127,.6);padding-top:20px">
${body.map((lines) => `<p style="margin:0 0 16px">${lines.map((parts) => parts.map(inlineHtml).join('')).join('<br>\n')}</p>`).join('\n')}
</div></body>
</html>
`;

export const mailTemplates = Object.keys(descriptions) as readonly MailTemplate[];
export const isMailTemplate = (name: string): name is MailTemplate => Object.hasOwn(descriptions, name);

export const renderMail = <T extends MailTemplate>(template: T, values: MailValues[T]): RenderedMail => {
  const { subject, body } = descriptions[template](values);
  const letter: readonly Paragraph[] = [[['Hi there,']], ...body, [['Cheers,'], ['The Tollgate Team']]];
  return { subject, text: toText(letter), html: toHtml(subject, letter) };
};
