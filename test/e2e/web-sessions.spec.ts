/** Who is signed in to the pages: how a session begins and ends, what its cookie is good for, and who cannot misuse it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { formOn, linksOf, PaperBrowser, wordsOf } from './paper-browser.ts';
import { eventsOf, invite, mailsTo, newestOtp, refusal, restarted, signUp, startSystem, taken, withSystem, type Started } from './system.ts';
import { day, minute } from '../../src/domain/instant.ts';

const email = 'ada@example.com';

/** From the address form through the mailed token. */
const signIn = async (started: Started, browser: PaperBrowser, address: string, next = '') => {
  const asked = await browser.submit(`/login${next === '' ? '' : `?next=${encodeURIComponent(next)}`}`, '/login', { email: address });
  assert.deepEqual([asked.status, asked.location], [303, '/login/token'], wordsOf(asked.html || '<!doctype html><body></body>'));
  return browser.submit('/login/token', '/login/token', { token: await newestOtp(started, address) });
};
const customer = async (started: Started): Promise<PaperBrowser> => {
  await signUp(started, email);
  const browser = new PaperBrowser(started);
  assert.deepEqual([(await signIn(started, browser, email)).location], ['/account']);
  return browser;
};
const operator = async (started: Started): Promise<PaperBrowser> => {
  const browser = new PaperBrowser(started);
  await browser.submit('/admin/login', '/admin/login', { token: started.operator });
  return browser;
};

test('signing in by one-time token: a session of its own, a cookie that no script reads, and no refresh tokens', () => withSystem(async (started) => {
  await signUp(started, email);
  const browser = new PaperBrowser(started);
  const answer = await signIn(started, browser, email);
  const cookie = answer.cookies.find((line) => line.startsWith('tollgate=')) ?? '';
  assert.match(cookie, /^tollgate=ses_[0-9a-z]{20}\.[0-9a-f]{40}; Max-Age=864000; Path=\/; HttpOnly; SameSite=Lax$/);
  const opened = (await eventsOf(started, 'SessionOpened')).filter(({ via }) => via === 'web');
  assert.equal(opened.length, 1);
  assert.ok(!JSON.stringify(opened).includes(cookie.split('.')[1]?.slice(0, 40) ?? ''), 'what the cookie holds is derived, never stored');
  assert.match(wordsOf((await browser.get('/account')).html), /ada@example\.com/);
}));

test('after signing in one goes where one was going, and never to another site', () => withSystem(async (started) => {
  await signUp(started, email);
  const away = new PaperBrowser(started);
  const first = await away.get('/account/workloads/wl_00000000000000000000?x=1');
  assert.deepEqual([first.status, first.location], [303, `/login?next=${encodeURIComponent('/account/workloads/wl_00000000000000000000?x=1')}`]);
  assert.equal((await signIn(started, away, email, '/account/workloads/wl_00000000000000000000?x=1')).location, '/account/workloads/wl_00000000000000000000?x=1');
  for (const evil of ['https://evil.example/', '//evil.example', '/\\evil.example', '/.//evil.example', '/x/..//evil.example', 'javascript:alert(1)', '/\t/evil.example', '@evil.example', '/%0d%0aSet-Cookie:x=1/../..//evil.example']) {
    const { location } = await away.get(`/login?next=${encodeURIComponent(evil)}`);
    assert.ok(location === '/account' || location?.startsWith('/%0d'), `${evil} leads to ${location}`);
    assert.equal(new URL(location ?? '', started.origin).host, new URL(started.origin).host, evil);
  }
}));

test('an uninvited address is refused in the words of the API, and gets no mail; limits are the same counters', () => withSystem(async (started) => {
  const browser = new PaperBrowser(started);
  const api = refusal(await started.call('POST', '/sessions/otp', { body: { email: 'eve@example.com' } }), 403);
  const page = await browser.submit('/login', '/login', { email: 'eve@example.com' });
  assert.equal(page.status, 403);
  assert.ok(wordsOf(page.html).includes(api.detail), wordsOf(page.html));
  assert.deepEqual(await mailsTo(started, 'eve@example.com'), []);
  await invite(started, email);
  for (let n = 0; n < 5; n += 1) assert.equal((await started.call('POST', '/sessions/otp', { body: { email } })).status, 200);
  const sixth = await browser.submit('/login', '/login', { email });
  assert.equal(sixth.status, 429);
  assert.match(wordsOf(sixth.html), /Too many mails/);
}));

test('a wrong token is told on the form with the tries that are left, the fifth closes it; nonsense is refused', () => withSystem(async (started) => {
  await invite(started, email);
  const browser = new PaperBrowser(started);
  assert.equal((await browser.submit('/login', '/login', { email: 'no address' })).status, 400);
  await browser.submit('/login', '/login', { email });
  const first = await browser.post('/login/token', { token: '0'.repeat(40) });
  assert.equal(first.status, 422);
  assert.match(wordsOf(first.html), /not the one-time token; 4 more tries/);
  for (let n = 0; n < 3; n += 1) await browser.post('/login/token', { token: '0'.repeat(40) });
  const fifth = await browser.post('/login/token', { token: '0'.repeat(40) });
  assert.equal(fifth.status, 429);
  const right = await browser.post('/login/token', { token: await newestOtp(started, email) });
  assert.notEqual(right.status, 303, 'not even the right one opens a closed login');
}));

test('another token can be sent, and the newest one counts; another browser without the flow gets nowhere with it', () => withSystem(async (started) => {
  await signUp(started, email);
  const browser = new PaperBrowser(started);
  await browser.submit('/login', '/login', { email });
  const older = await newestOtp(started, email);
  assert.equal((await browser.post('/login/resend')).location, '/login/token?sent');
  const stranger = new PaperBrowser(started);
  assert.equal((await stranger.post('/login/token', { token: older })).location, '/login');
  assert.equal((await browser.post('/login/token', { token: older })).status, 409);
  assert.equal((await browser.post('/login/token', { token: await newestOtp(started, email) })).location, '/account');
}));

test('the cookie is for pages only: neither commands nor the JSON API take it', () => withSystem(async (started) => {
  const browser = await customer(started);
  const cookie = [...browser.jar].map(([name, value]) => `${name}=${value}`).join('; ');
  for (const [method, path, body] of [['GET', '/account'], ['GET', '/workloads'], ['GET', '/gate'], ['GET', '/sessions/whoami'], ['POST', '/commands/KillWorkload', { workloadId: 'wl_00000000000000000000' }], ['POST', '/sessions/close', {}]] as const)
    refusal(await started.call(method, path, { headers: { cookie, accept: 'application/json' }, ...(body === undefined ? {} : { body }) }), 401);
  // And a bearer token opens no page.
  const [sid] = (browser.jar.get('tollgate') ?? '').split('.');
  assert.equal((await new PaperBrowser(started).get('/account', { authorization: `Bearer ${sid}` })).status, 303);
}));

test('a forged, foreign or cut cookie is nobody', () => withSystem(async (started) => {
  const browser = await customer(started);
  const genuine = browser.jar.get('tollgate') ?? '';
  for (const forged of [genuine.slice(0, -1), `${genuine.slice(0, -1)}${genuine.endsWith('0') ? '1' : '0'}`, genuine.split('.')[0] ?? '', `${genuine}.x`, 'ses_00000000000000000000.' + 'a'.repeat(40), '', '"', '%', '.']) {
    browser.jar.set('tollgate', forged);
    assert.equal((await browser.get('/account')).status, 303, forged);
  }
  // A customer's cookie under the operator's name opens no operator page.
  browser.jar.set('tollgate', genuine);
  browser.jar.set('tollgate-operator', genuine);
  assert.equal((await browser.get('/account')).status, 200);
  assert.equal(linksOf((await browser.get('/mailbox')).html).includes('/admin'), false);
}));

test('signing out ends the session itself, not only the cookie', () => withSystem(async (started) => {
  const browser = await customer(started);
  const kept = new Map(browser.jar);
  const out = await browser.submit('/account', '/logout');
  assert.deepEqual([out.status, out.location], [303, '/login?notice=out']);
  assert.equal(browser.jar.has('tollgate'), false);
  for (const [name, value] of kept) browser.jar.set(name, value);
  assert.equal((await browser.get('/account')).status, 303);
  assert.equal((await eventsOf(started, 'SessionClosed')).length, 1);
}));

test('a session of a browser lives ten days from its opening, however much it is used, and survives a restart of the server', async () => {
  let started = await startSystem();
  try {
    const browser = await customer(started);
    const cookie = browser.jar.get('tollgate') ?? '';
    started = await restarted(started);
    const again = new PaperBrowser(started);
    again.jar.set('tollgate', cookie);
    await started.advance(10 * day - minute);
    assert.equal((await again.get('/account')).status, 200);
    await started.advance(2 * minute);
    assert.equal((await again.get('/account')).status, 303);
  } finally {
    await started.stop();
  }
});

test('log out everywhere, from a terminal, ends the sessions of browsers, too', () => withSystem(async (started) => {
  const { access } = await signUp(started, email);
  const browser = new PaperBrowser(started);
  await signIn(started, browser, email);
  assert.equal((await browser.get('/account')).status, 200);
  assert.equal((await started.call('POST', '/sessions/close', { token: access, body: { everywhere: true } })).status, 204);
  assert.equal((await browser.get('/account')).status, 303);
}));

test('a form from another site changes nothing: by its origin, and by its token', () => withSystem(async (started) => {
  const browser = await customer(started);
  const own = formOn((await browser.get('/account')).html, '/account/pay');
  const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  const neighbour = { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' };
  for (const headers of [evil, neighbour, { origin: 'https://evil.example', 'sec-fetch-site': '' }, { origin: 'null', 'sec-fetch-site': '' }, { origin: '', 'sec-fetch-site': '' }])
    for (const path of ['/account/pay', '/logout', '/login', '/admin/login', '/login/token']) assert.equal((await browser.post(path, own, headers)).status, 403, `${path} ${JSON.stringify(headers)}`);
  for (const formToken of ['', 'x', '0'.repeat(40)]) for (const path of ['/account/pay', '/logout']) assert.equal((await browser.post(path, { ...own, formToken }, {})).status, 403, `${path} ${formToken}`);
  // The token of somebody else's session is no better.
  const other = new PaperBrowser(started);
  await signUp(started, 'bob@example.com');
  await signIn(started, other, 'bob@example.com');
  assert.equal((await browser.post('/account/pay', formOn((await other.get('/account')).html, '/account/pay'))).status, 403);
  assert.deepEqual((await eventsOf(started, 'SessionClosed')).length, 0);
  assert.equal((await browser.post('/account/pay', own)).status, 303, 'while the own form works');
}));

test('the operator signs in with the operator token once; it and customers are signed in side by side', () => withSystem(async (started) => {
  const browser = new PaperBrowser(started);
  assert.deepEqual([(await browser.get('/admin')).status, (await browser.get('/admin')).location], [303, '/admin/login?next=%2Fadmin']);
  const wrong = await browser.submit('/admin/login', '/admin/login', { token: `tgo_${'x'.repeat(40)}` });
  assert.equal(wrong.status, 401);
  assert.match(wordsOf(wrong.html), /not valid/);
  const right = await browser.submit('/admin/login?next=/admin/mails', '/admin/login', { token: started.operator });
  assert.equal(right.location, '/admin/mails');
  assert.ok(!right.cookies.join().includes(started.operator), 'the operator token is in no cookie');
  await signUp(started, email);
  await signIn(started, browser, email);
  assert.equal((await browser.get('/account')).status, 200);
  assert.ok(linksOf((await browser.get('/mailbox')).html).includes('/admin'));
  await browser.post('/logout', { side: 'operator', ...formOn((await (await operator(started)).get('/')).html, '/logout') }, {}).then(({ status }) => assert.equal(status, 403, 'not with the form of another session'));
}));

test('signing up on the web: the address, its token, a card, and the account is open; the terminal is not needed', () => withSystem(async (started) => {
  await invite(started, email);
  const browser = new PaperBrowser(started);
  assert.equal((await signIn(started, browser, email)).location, '/subscribe');
  assert.match(wordsOf((await browser.get('/subscribe')).html), /Your address is confirmed/);
  const plan = (await started.call('GET', '/plans')).json.items[0].id as string;
  const toCheckout = await browser.post('/subscribe', { email, plan });
  const declined = await browser.post(new URL(toCheckout.location ?? '').pathname, { card: 'declined' });
  assert.equal(declined.status, 402);
  const stored = await browser.post(new URL(toCheckout.location ?? '').pathname, { card: 'succeeds' });
  const { pathname, search } = new URL(stored.location ?? '');
  const opened = await browser.get(`${pathname}${search}`);
  assert.deepEqual([opened.status, opened.location], [303, '/account?done=welcome']);
  assert.match(wordsOf((await browser.get('/account?done=welcome')).html), /full.*Welcome.*ada@example\.com/);
  assert.equal((await eventsOf(started, 'PaymentTokenRedeemed')).length, 1);
  // The same page once more does nothing more; and somebody else's browser sees the token's end only.
  assert.equal((await new PaperBrowser(started).get(`${pathname}${search}`)).status, 200);
  assert.equal((await eventsOf(started, 'PaymentTokenRedeemed')).length, 1);
}));

test('a card whose charge fails is told on the page, and another one opens the account', () => withSystem(async (started) => {
  await invite(started, email);
  const browser = new PaperBrowser(started);
  await signIn(started, browser, email);
  const plan = (await started.call('GET', '/plans')).json.items[0].id as string;
  const pay = async (card: string) => {
    const toCheckout = await browser.post('/subscribe', { email, plan });
    const stored = await browser.post(new URL(toCheckout.location ?? '').pathname, { card });
    return browser.get(stored.location ?? '');
  };
  const failed = await pay('charge-fails');
  assert.equal(failed.status, 402);
  assert.match(wordsOf(failed.html), /The payment was declined/);
  assert.equal((await pay('succeeds')).location, '/account?done=welcome');
}));

test('the page after the checkout, loaded twice at once: charged once, signed in by either', () => withSystem(async (started) => {
  await invite(started, email);
  const browser = new PaperBrowser(started);
  await signIn(started, browser, email);
  const plan = (await started.call('GET', '/plans')).json.items[0].id as string;
  const toCheckout = await browser.post('/subscribe', { email, plan });
  const stored = await browser.post(toCheckout.location ?? '', { card: 'succeeds' });
  const twice = await Promise.all([browser.get(stored.location ?? ''), browser.get(stored.location ?? '')]);
  assert.deepEqual(twice.map(({ location }) => location), ['/account?done=welcome', '/account?done=welcome']);
  assert.equal((await eventsOf(started, 'PaymentTokenRedeemed')).length, 1);
  assert.equal(taken(started).length, 1);
}));

test('who came by another name of this server stays on it, where the cookies are', () => withSystem(async (started) => {
  await invite(started, email);
  const browser = new PaperBrowser(started);
  const named = started.origin.replace('127.0.0.1', 'localhost');
  const post = (path: string, fields: Record<string, string>) => browser.post(`${named}${path}`, fields, { origin: named });
  await post('/login', { email });
  await post('/login/token', { token: await newestOtp(started, email) });
  const plan = (await started.call('GET', '/plans')).json.items[0].id as string;
  const toCheckout = await post('/subscribe', { email, plan });
  assert.ok(toCheckout.location?.startsWith(`${named}/checkout/`), toCheckout.location ?? '');
  const stored = await browser.post(toCheckout.location ?? '', { card: 'succeeds' }, { origin: named });
  assert.ok(stored.location?.startsWith(`${named}/subscribe/done`), stored.location ?? '');
}));
