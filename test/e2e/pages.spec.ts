/** The customer's and the operator's pages: what they show, what their forms do, and who gets nowhere with them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { formOn, linksOf, PaperBrowser, wordsOf } from './paper-browser.ts';
import { eventsOf, invite, mailsTo, newestOtp, runWorkload, signUp, storedEvents, withSystem, workloadNamed, running, type Customer, type Started } from './system.ts';
import { day, hour } from '../../src/domain/instant.ts';

const ada = 'ada@example.com';
const bob = 'bob@example.com';

const signedIn = async (started: Started, email: string): Promise<PaperBrowser> => {
  const browser = new PaperBrowser(started);
  await browser.submit('/login', '/login', { email });
  const { location } = await browser.submit('/login/token', '/login/token', { token: await newestOtp(started, email) });
  assert.equal(location, '/account');
  return browser;
};
const customer = async (started: Started, email: string, card?: string): Promise<{ customer: Customer; browser: PaperBrowser }> => ({ customer: await signUp(started, email, card), browser: await signedIn(started, email) });
const operator = async (started: Started): Promise<PaperBrowser> => {
  const browser = new PaperBrowser(started);
  assert.equal((await browser.submit('/admin/login', '/admin/login', { token: started.operator })).location, '/admin');
  return browser;
};
const follow = async (browser: PaperBrowser, { location }: { readonly location: string | null }): Promise<string> => wordsOf((await browser.get(location ?? '')).html);

test('the same address is a page for people and an answer for programs', () => withSystem(async (started) => {
  const { customer: { access }, browser } = await customer(started, ada);
  const api = await started.call('GET', '/account', { token: access });
  assert.equal(api.json.email, ada);
  const page = await browser.get('/account');
  assert.match(page.headers.get('content-type') ?? '', /text\/html/);
  assert.match(page.headers.get('vary') ?? '', /Accept/);
  assert.equal(page.headers.get('cache-control'), 'no-store');
  for (const words of [api.json.email, api.json.plan.name, api.json.namespaces[0].name, api.json.reason]) assert.ok(wordsOf(page.html).includes(words), words);
  assert.match((await started.call('POST', '/account/pay', { token: access })).json.url, /\/checkout\//);
}));

test('what runs is shown with its log, to its owner and to nobody else', () => withSystem(async (started) => {
  const { customer: owner, browser } = await customer(started, ada);
  await runWorkload(started, owner, 'hello');
  const { id } = await workloadNamed(started, owner, 'hello', running);
  await started.runtime.print(id, 'hello <b>world</b>');
  assert.ok(linksOf((await browser.get('/account')).html).includes(`/account/workloads/${id}`));
  const page = await browser.get(`/account/workloads/${id}`);
  assert.match(wordsOf(page.html), /hello.*running.*hello <b>world<\/b>/);
  const { browser: stranger } = await customer(started, bob);
  assert.doesNotMatch(wordsOf((await stranger.get('/account')).html), /hello/);
  for (const path of [`/account/workloads/${id}`, `/account/workloads/${id}/log`]) {
    assert.equal((await stranger.get(path)).status, 404);
    assert.equal((await new PaperBrowser(started).get(path)).status, 303);
  }
  for (const odd of ['wl_00000000000000000000', 'x', '..%2f..', '%00']) assert.equal((await browser.get(`/account/workloads/${odd}`)).status, 404, odd);
}));

test('one sees where one is signed in, closes another session, and nobody else\'s', () => withSystem(async (started) => {
  const { customer: { access }, browser } = await customer(started, ada);
  const { browser: other } = await customer(started, bob);
  const second = await signedIn(started, ada);
  await started.settled();
  const page = (await browser.get('/account')).html;
  assert.match(wordsOf(page), /A browser \(this one\)/);
  const [sid] = (second.jar.get('tollgate') ?? '').split('.');
  const stranger = await other.post(`/account/sessions/${sid}/close`, formOn((await other.get('/account')).html, '/account/pay'));
  assert.equal(stranger.status, 404);
  assert.equal((await second.get('/account')).status, 200);
  assert.match(await follow(browser, await browser.submit('/account', `/account/sessions/${sid}/close`)), /That session is closed/);
  assert.equal((await second.get('/account')).status, 303);
  assert.equal((await started.call('GET', '/account', { token: access })).status, 200);
  await browser.submit('/account', '/logout', { everywhere: 'yes' });
  assert.equal((await started.call('GET', '/account', { token: access })).status, 401);
}));

test('cancelling shows its consequences, changes nothing before it is meant, and can be taken back', () => withSystem(async (started) => {
  const { browser } = await customer(started, ada);
  const before = (await storedEvents(started)).length;
  assert.match(wordsOf((await browser.get('/account/cancel')).html), /Everything works until/);
  assert.match(wordsOf((await browser.submit('/account/cancel', '/account/cancel')).html), /Everything works until/);
  assert.equal((await storedEvents(started)).length, before, 'nothing yet');
  assert.match(await follow(browser, await browser.submit('/account/cancel', '/account/cancel', { sure: 'yes' })), /The subscription is cancelled/);
  assert.match(await follow(browser, await browser.submit('/account', '/account/resume')), /The subscription goes on/);
  assert.deepEqual((await eventsOf(started, 'CancellationScheduled', 'CancellationWithdrawn')).map(({ by }) => by), ['customer', 'customer']);
}));

test('a limited customer reads why on every page, and pays with one button; what is under way is said to be', () => withSystem(async (started) => {
  await signUp(started, ada, 'succeeds-once');
  await started.advance(45 * day);
  const browser = await signedIn(started, ada);
  for (const path of ['/', '/mailbox', '/subscribe', '/account/cancel', '/nowhere']) {
    const { html } = await browser.get(path);
    assert.match(wordsOf(html), /limited: a payment was missed.*since.*Pay now/, path);
  }
  const paying = async (card: string): Promise<string> => {
    const { location } = await browser.submit('/mailbox', '/account/pay');
    const { location: done } = await browser.post(location ?? '', { card });
    return (await browser.get(done ?? '')).location ?? '';
  };
  const late = await paying('late');
  assert.match(late, /^\/account\?paid=/);
  const pending = wordsOf((await browser.get(late)).html);
  assert.match(pending, /the payment is under way/);
  assert.doesNotMatch(pending, /Thank you/);
  assert.doesNotMatch(pending, /Pay now/, 'not twice');
  await started.advance(2 * hour);
  assert.match(wordsOf((await browser.get(late)).html), /full.*Thank you/);
}));

test('a password is set on the page, signs in, is changed with the old one only, and reset by mail', () => withSystem(async (started) => {
  const { browser } = await customer(started, ada);
  const [first, second, third] = ['a purple elephant sings', 'nine green bottles fall', 'seven brave otters swim'] as const;
  assert.equal((await browser.submit('/account/password', '/account/password', { password: first, again: 'other' })).status, 400);
  assert.match(await follow(browser, await browser.submit('/account/password', '/account/password', { password: first, again: first })), /The password is set/);
  assert.equal((await browser.submit('/account/password', '/account/password', { password: second, again: second, old: 'wrong' })).status, 403, 'with the old one only');
  assert.match(await follow(browser, await browser.submit('/account/password', '/account/password', { password: second, again: second, old: first })), /The password is set/);
  const another = new PaperBrowser(started);
  const wrong = await another.submit('/login', '/login/password', { email: ada, password: first });
  assert.ok(wrong.status >= 400 && wrong.status < 500);
  assert.ok(!wrong.html.includes(first), 'what was typed is not repeated');
  assert.equal((await another.submit('/login?next=/account/cancel', '/login/password', { email: ada, password: second })).location, '/account/cancel');
  const forgetful = new PaperBrowser(started);
  assert.equal((await forgetful.submit('/login/reset', '/login/reset', { email: ada })).location, '/login/reset/token');
  const reset = await forgetful.submit('/login/reset/token', '/login/reset/token', { token: await newestOtp(started, ada), password: third, again: third });
  assert.match(await follow(forgetful, reset), /The new password is set/);
  assert.equal((await another.get('/account')).status, 303, 'a reset signs out everywhere');
  assert.equal((await forgetful.submit('/login', '/login/password', { email: ada, password: third })).location, '/account');
  // Whether an address has an account is not told.
  const unknown = await new PaperBrowser(started).submit('/login/reset', '/login/reset', { email: 'nobody@example.com' });
  assert.deepEqual([unknown.status, unknown.location], [303, '/login/reset/token']);
  assert.deepEqual(await mailsTo(started, 'nobody@example.com'), []);
}));

const adminPages = ['/admin', '/admin/customers', '/admin/signups', '/admin/invites', '/admin/mails', '/admin/webhooks', '/admin/workloads', '/admin/system'] as const;
const deeds = ['/admin/customers/find', '/admin/invites/add', '/admin/invites/revoke', '/admin/mails/retry', '/admin/workloads/kill', '/admin/system/release', '/admin/system/rebuild'] as const;

test('nobody but a signed-in operator sees an operator\'s page or does an operator\'s deed', () => withSystem(async (started) => {
  const { customer: { account }, browser } = await customer(started, ada);
  const own = formOn((await browser.get('/account')).html, '/account/pay');
  const before = (await storedEvents(started)).length;
  for (const who of [browser, new PaperBrowser(started)]) {
    for (const path of [...adminPages, `/admin/customers/${account}`, '/admin/events']) {
      const { status, location, html } = await who.get(path);
      assert.equal(status, 303, path);
      assert.match(location ?? '', /^\/admin\/login\?next=/);
      assert.ok(!html.includes(ada), path);
    }
    for (const path of deeds) assert.equal((await who.post(path, { ...own, email: bob, name: 'plans', reactor: 'sign-up', subject: 'x', workloadId: 'x', mailId: 'x', sought: ada })).status, 401, path);
  }
  const staff = await operator(started);
  const token = formOn((await staff.get('/admin/invites')).html, '/admin/invites/add');
  for (const path of deeds) {
    assert.equal((await staff.post(path, token, { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })).status, 403, path);
    assert.equal((await staff.post(path, {})).status, 403, path);
  }
  assert.equal((await storedEvents(started)).length, before + 1, 'nothing but the operator\'s own session');
}));

test('every operator\'s page answers, empty and full, with filters, pages and nonsense in its address', () => withSystem(async (started) => {
  const staff = await operator(started);
  for (const path of adminPages) assert.equal((await staff.get(path)).status, 200, path);
  const { customer: { account } } = await customer(started, ada);
  for (const path of [...adminPages, `/admin/customers/${account}`]) assert.equal((await staff.get(`${path}?did=invited&about=%3Cscript%3E`)).status, 200, path);
  for (const path of ['/admin/customers?phase=active', '/admin/signups?stage=completed', '/admin/mails?status=sent', '/admin/webhooks?status=applied']) assert.match(wordsOf((await staff.get(path)).html), /ada@example|invoice|customer/, path);
  assert.doesNotMatch(wordsOf((await staff.get('/admin/customers?phase=suspended')).html), /ada@example/);
  for (const path of ['/admin/customers?cursor=x', '/admin/mails?after=x', '/admin/invites?after=999999999']) assert.equal((await staff.get(path)).status, 400, path);
  for (const path of ['/admin/customers/acc_00000000000000000000', '/admin/customers/x', '/admin/nowhere']) assert.equal((await staff.get(path)).status, 404, path);
  for (const did of ['constructor', '__proto__', 'toString', 'x', '']) assert.doesNotMatch((await staff.get(`/admin?did=${did}&about=plans`)).html, /function|native code|note-done" role/, did);
}));

test('a reason given on a page is recorded, sealed, and shown in the customer\'s history', () => withSystem(async (started) => {
  const { customer: owner } = await customer(started, ada);
  await runWorkload(started, owner, 'hello');
  await workloadNamed(started, owner, 'hello', running);
  const staff = await operator(started);
  const token = formOn((await staff.get('/admin/workloads')).html, '/admin/workloads/kill');
  assert.match(await follow(staff, await staff.post('/admin/workloads/kill', { ...token, reason: 'asked for by telephone' })), /being stopped and removed/);
  assert.ok(!(await storedEvents(started)).some(({ meta, data }) => `${meta}${data}`.includes('telephone')), 'sealed in the log');
  await invite(started, bob);
  const found = await staff.submit('/admin/customers', '/admin/customers/find', { sought: ` ${ada.toUpperCase()} ` });
  assert.equal(found.location, `/admin/customers/${owner.account}`);
  const record = wordsOf((await staff.get(found.location ?? '')).html);
  for (const words of ['The account was opened', 'Confirmed the address', 'Asked to run \'hello\'', 'Asked to stop and remove the workload by an operator, because: asked for by telephone']) assert.ok(record.includes(words), words);
  const byNamespace = await staff.submit('/admin/customers', '/admin/customers/find', { sought: owner.namespace });
  assert.equal(byNamespace.location, found.location);
  assert.equal((await staff.submit('/admin/customers', '/admin/customers/find', { sought: bob })).status, 404, 'invited only');
}));

test('a read model is rebuilt from the page, and one that differs is not put in use', () => withSystem(async (started) => {
  await signUp(started, ada);
  const staff = await operator(started);
  const token = formOn((await staff.get('/admin/system')).html, '/admin/system/rebuild');
  const rebuild = async (name: string) => staff.post('/admin/system/rebuild', { ...token, name });
  assert.match(await follow(staff, await rebuild('accounts')), /‘accounts’ is rebuilt and in use: the same as before/);
  const { collection } = started.system.rim.models.get('accounts') ?? assert.fail();
  await collection.put([{ key: 'acc_planted', position: 1n, document: { id: 'acc_planted', email: 'x', at: 'x' } }]);
  assert.match(await follow(staff, await rebuild('accounts')), /differs from the live one, and was not put in use/);
  assert.equal((await rebuild('nothing')).status, 404);
}));
