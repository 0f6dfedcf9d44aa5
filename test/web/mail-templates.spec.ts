/** The words of the mails, and that text and HTML say the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMailTemplate, mailTemplates, renderMail, type MailTemplate, type MailValues } from '../../web/mail-templates.ts';
import { decode } from './html.ts';

const token = 'da11a78e30171057bc320ec36dcc5a7db5611053';
const hostile = '<script>"&\'';
const examples: { readonly [T in MailTemplate]: MailValues[T] } = {
  'one-time-token': { token, minutes: 60 },
  welcome: { namespace: hostile },
  'payment-failed': { amount: { amount: 3500, currency: 'USD' }, graceEndsAt: '2026-11-28T07:52:26.000Z' },
  'grace-ending': { endsAt: '2026-11-28T07:52:26.000Z' },
  limited: { suspendAt: '2026-12-12T07:52:26.000Z', payCommand: hostile },
  suspended: { terminateAt: '2027-01-11T07:52:26.000Z' },
  restored: {},
  ended: { keptUntil: '2027-01-11T07:52:26.000Z' },
  'cancellation-scheduled': { endsAt: '2026-12-12T07:52:26.000Z' },
  'password-reset': { token, minutes: 60 },
  'password-changed': { at: '2026-12-12T07:52:26.000Z', by: 'reset' },
  namespaces: { namespaces: hostile },
  receipt: { invoice: 'in_1', plan: hostile, amount: '35.00 USD', periodStart: '2026-11-12T07:52:26.000Z', periodEnd: '2026-12-12T07:52:26.000Z' },
  'cancellation-withdrawn': { paidThrough: '2026-12-12T07:52:26.000Z' },
};
const render = <T extends MailTemplate>(template: T) => renderMail(template, examples[template]);

test('the one-time mail reads word for word as agreed', () => {
  const { subject, text } = render('one-time-token');
  assert.equal(subject, 'Your one-time token for Tollgate');
  assert.equal(text, `Hi there,

You've just issued a \`tollgate login\` command with this email address.
To continue please copy and paste this one-time token into your terminal: \`${token}\`.

This token expires in 60 minutes.

The command will prompt you for payment during your registration.

Cheers,
The Tollgate Team
`);
});

test('the one-time token is the only run of 40 hexadecimal characters in its text', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 40, maxLength: 40 }), (drawn) => {
    const { text } = renderMail('one-time-token', { token: drawn, minutes: 60 });
    assert.deepEqual(text.match(/[0-9a-fA-F]{40,}/g), [drawn]);
  }));
});

for (const template of mailTemplates) {
  test(`${template}: text and HTML carry the same words, and values become no markup`, () => {
    const { subject, text, html } = render(template);
    assert.ok(subject.length > 0 && !/[\r\n]/.test(subject));
    const body = html.slice(html.indexOf('<body'));
    const words = (from: string): string => from.replace(/\s+/g, ' ').trim();
    assert.equal(words(decode(body.replace(/<br>|<\/p>/g, ' ').replace(/<[^>]+>/g, ''))), words(text.replaceAll('`', '')));
    assert.doesNotMatch(html, /<script|undefined|NaN|\[object/);
    assert.doesNotMatch(text, /undefined|NaN|\[object/);
  });
}

test('money and times are written for people', () => {
  const { text } = render('payment-failed');
  assert.match(text, /35\.00 USD/);
  assert.match(text, /28 November 2026, 07:52 UTC/);
});

test('the pay command given is the one shown', () => {
  assert.match(renderMail('limited', { suspendAt: '2026-12-12T07:52:26.000Z', payCommand: 'npx tollgate account pay' }).text, /`npx tollgate account pay`/);
});

test('only the names of templates are templates', () => {
  assert.ok(mailTemplates.every(isMailTemplate));
  assert.ok(!isMailTemplate('toString') && !isMailTemplate('nope'));
});
