/** What every page promises: valid, labelled, free of inline code, and what scripts may rely on. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  accountPage, assets, checkoutPage, contentSecurityPolicy, homePage, mailboxPage, paymentTokenPage, problemPage, subscribePage,
} from '../../web/pages.ts';
import { developer, everyPage } from './examples.ts';
import { all, byTag, parse, textOf, type Element } from './html.ts';

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'&amp;</title></textarea>{{x}}`;
const attribute = (from: Element, name: string): Element[] => all(from, ({ attributes }) => name in attributes);
const field = (from: Element, name: string): Element[] => all(from, ({ attributes }) => attributes.name === name);

for (const [name, html] of Object.entries(everyPage('mock', hostile))) {
  const document = parse(html);
  test(`${name}: nothing hostile becomes markup, and no code or style is inline`, () => {
    assert.deepEqual(byTag(document, 'script').map(({ attributes, children }) => [attributes.src, children.length]), [['/assets/tollgate.js', 0]]);
    for (const tag of ['style', 'img', 'iframe', 'object', 'base', 'textarea']) assert.deepEqual(byTag(document, tag), [], tag);
    assert.deepEqual(all(document, ({ attributes }) => Object.keys(attributes).some((key) => key === 'style' || /^on/i.test(key))), []);
  });
  test(`${name}: has a language, one title, one main, one first heading, and headings in order`, () => {
    assert.deepEqual(byTag(document, 'html').map(({ attributes }) => attributes.lang), ['en']);
    assert.match(textOf(byTag(byTag(document, 'head')[0]!, 'title')[0]!), /\S · Tollgate$/);
    assert.equal(byTag(document, 'main').length, 1);
    const levels = all(document, ({ tag }) => /^h\d$/.test(tag)).map(({ tag }) => Number(tag[1]));
    assert.equal(levels.filter((level) => level === 1).length, 1);
    levels.reduce((before, level) => (assert.ok(level <= before + 1, `h${before} then h${level}`), level), 0);
  });
  test(`${name}: every field has a label, every id is there once and every reference leads somewhere`, () => {
    const ids = attribute(document, 'id').map(({ attributes }) => attributes.id!);
    assert.equal(new Set(ids).size, ids.length);
    const labelled = new Set(byTag(document, 'label').flatMap((label) => [label.attributes.for, ...byTag(label, 'input')]));
    const fields = byTag(document, 'input').filter(({ attributes }) => attributes.type !== 'hidden');
    for (const input of fields) assert.ok(labelled.has(input) || labelled.has(input.attributes.id), JSON.stringify(input.attributes));
    for (const key of ['for', 'aria-describedby', 'aria-labelledby', 'data-copy', 'data-copied', 'list'])
      for (const { attributes } of attribute(document, key)) for (const id of attributes[key]!.split(' ')) assert.ok(ids.includes(id), `${key} ${id}`);
  });
  test(`${name}: says which command does the same, and that it is mock mode`, () => {
    assert.match(textOf(byTag(document, 'footer')[0]!), /In a terminal|in a terminal/);
    assert.equal(textOf(byTag(document, 'aside')[0]!), 'Mock mode: no real mail, money or cluster');
  });
  test(`${name}: refers only to its own assets, and all of them exist`, () => {
    const loaded = [...byTag(document, 'link').map(({ attributes }) => attributes.href!), '/assets/tollgate.js'];
    for (const path of loaded) assert.ok(existsSync(assets[path]?.file ?? ''), path);
    for (const { attributes } of byTag(document, 'a')) assert.match(attributes.href!, /^(\/(?!\/)|#)/);
    for (const form of byTag(document, 'form')) assert.match(form.attributes.action!, /^\/(subscribe|checkout\/[^/"<]+|login(\/\w+)*|logout|account\/[a-z]+|account\/sessions\/[^/"<]+\/close|admin\/[a-z]+(\/[a-z]+)?)$/);
  });
  test(`${name}: every form that changes something for somebody signed in proves that this session was shown it`, () => {
    for (const form of byTag(document, 'form')) {
      assert.equal(form.attributes.method, 'post');
      if (/^\/(subscribe|checkout|login|admin\/login)/.test(form.attributes.action!)) continue;
      assert.deepEqual(field(form, 'formToken').map(({ attributes }) => [attributes.type, attributes.value]), [['hidden', hostile]], form.attributes.action ?? '');
    }
  });
  test(`${name}: buttons and links have words, also for those who only listen`, () => {
    for (const element of all(document, ({ tag }) => tag === 'button' || tag === 'a')) assert.match(textOf(element), /\S/, JSON.stringify(element.attributes));
  });
}

test('whatever text arrives, every page stays one well-formed document', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.constantFrom('</main>', '<!--', ']]>', "'tollgate <b>'")), (text) => {
    for (const html of Object.values(everyPage('production', text))) parse(html);
  }), { numRuns: 50 });
});

test('production says nothing of mock mode and links no mailbox', () => {
  for (const html of [homePage({ mode: 'production' }), subscribePage({ mode: 'production', plans: [developer()] })]) {
    assert.deepEqual(byTag(parse(html), 'aside'), []);
    assert.doesNotMatch(html, /mailbox/i);
  }
});

test('subscribe is one form with e-mail and plan; a single plan comes preselected', () => {
  const document = parse(subscribePage({ mode: 'mock', plans: [developer()], email: 'ada@example.com' }));
  const [form, ...others] = byTag(document, 'form');
  assert.deepEqual(others, []);
  assert.deepEqual([form!.attributes.method, form!.attributes.action], ['post', '/subscribe']);
  assert.equal(field(form!, 'email')[0]!.attributes.value, 'ada@example.com');
  assert.deepEqual(field(form!, 'plan').map(({ attributes }) => [attributes.type, attributes.value, 'checked' in attributes]), [['radio', 'pln_1', true]]);
  for (const words of ['developer', '35.00 USD', '10 workloads', '2 CPUs', '2 GiB memory', '20 GiB disk']) assert.ok(textOf(form!).includes(words), words);
  assert.deepEqual(field(document, 'card'), []);
});

test('of several plans none is preselected, and the one chosen before stays chosen', () => {
  const plans = [developer(), { ...developer(), id: 'pln_2' }];
  const checked = (plan?: string) => field(parse(subscribePage({ mode: 'mock', plans, ...(plan ? { plan } : {}) })), 'plan').map(({ attributes }) => 'checked' in attributes);
  assert.deepEqual(checked(), [false, false]);
  assert.deepEqual(checked('pln_2'), [false, true]);
});

test('without a plan subscribe names the command that offers one, and has no form', () => {
  const document = parse(subscribePage({ mode: 'production', plans: [] }));
  assert.ok(textOf(document).includes('tollgate plan offer --help'));
  assert.deepEqual(byTag(document, 'form'), []);
});

test('the notice is the same page, byte for byte, whatever was sent', () => {
  const notice = (email: string, plan: string) => subscribePage({ mode: 'mock', plans: [developer()], email, plan, notice: true });
  assert.equal(notice('ada@example.com', 'pln_1'), notice('bob@example.com', ''));
  assert.ok(textOf(parse(notice('a@b.c', ''))).includes('tollgate login --otp EMAIL'));
});

const checkout = { mode: 'mock', id: 'chk_1', purpose: 'signup', amount: '35.00 USD', cards: [{ name: 'succeeds', meaning: 'every charge succeeds' }] } as const;

test('checkout asks for a card by name, shows the amount and says it is a simulation', () => {
  const document = parse(checkoutPage({ ...checkout, askConfirmation: false }));
  const [form] = byTag(document, 'form');
  assert.deepEqual([form!.attributes.method, form!.attributes.action], ['post', '/checkout/chk_1']);
  assert.deepEqual(field(form!, 'card').map(({ attributes }) => attributes.type), ['text']);
  assert.deepEqual(field(form!, 'confirmed'), []);
  assert.match(textOf(document), /This is a simulation[^]*35\.00 USD/);
});

test('a card that asks once more is carried along, with a button that confirms it', () => {
  const [form] = byTag(parse(checkoutPage({ ...checkout, askConfirmation: true, card: 'confirm' })), 'form');
  assert.deepEqual(field(form!, 'card').map(({ attributes }) => [attributes.type, attributes.value]), [['hidden', 'confirm']]);
  assert.deepEqual(field(form!, 'confirmed').map(({ tag, attributes }) => [tag, attributes.value]), [['button', 'yes']]);
});

test('the payment token is the whole text of the one element with data-payment-token', () => {
  fc.assert(fc.property(fc.string({ minLength: 1 }), (token) => {
    const marked = attribute(parse(paymentTokenPage({ mode: 'mock', token, expiresAt: '2026-11-22T07:52:26.000Z' })), 'data-payment-token');
    assert.deepEqual(marked.map(textOf), [token]);
  }));
});

test('the service level is a word and a shape of its own', () => {
  const levels = ['none', 'unpaid', 'full', 'limited', 'suspended', 'disabled'] as const;
  const seen = levels.map((level) => {
    const document = parse(accountPage({ mode: 'mock', level, reason: 'r', nextStep: '', email: 'e', namespaces: [] }));
    const [mark] = all(document, ({ attributes }) => attributes.class === `level level-${level}`);
    assert.equal(textOf(mark!), level);
    return attribute(mark!, 'data-shape')[0]!.attributes['data-shape'];
  });
  assert.equal(new Set(seen).size, levels.length);
});

test('the mailbox shows the newest mail first, whole, whatever order it is given', () => {
  const mail = (id: string, at: string) => ({ id, to: 'ada@example.com', subject: `Mail ${id}`, text: `Text of ${id}\n  <b>&\n`, html: '<p>', at, attempts: 1, status: 'sent' });
  const document = parse(mailboxPage({ mails: [mail('old', '2026-01-01T00:00:00.000Z'), mail('new', '2026-02-01T00:00:00.000Z')] }));
  const mails = byTag(document, 'details');
  assert.deepEqual(mails.map(({ attributes }) => 'open' in attributes), [true, false]);
  assert.deepEqual(all(document, ({ attributes }) => attributes.class === 'mail-text').map(textOf), ['Text of new\n  <b>&\n', 'Text of old\n  <b>&\n']);
});

test('a problem page says what, why, the next step and the correlation id', () => {
  const text = textOf(parse(problemPage({ mode: 'mock', status: 410, title: 'Too late', detail: 'It expired.', nextStep: "Start again: 'tollgate signup'.", correlationId: 'c-1' })));
  for (const words of ['410', 'Too late', 'It expired.', 'tollgate signup', 'c-1']) assert.ok(text.includes(words), words);
});

test('the policy allows nothing inline and nothing from elsewhere', () => {
  assert.doesNotMatch(contentSecurityPolicy('mock'), /unsafe|http|\*/);
  assert.match(contentSecurityPolicy('production'), /form-action 'self' https:\/\/checkout\.stripe\.com/);
});
