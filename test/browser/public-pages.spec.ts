/** What anybody may see: the front page, subscribing, the mailbox, and pages that refuse. */
import assert from 'node:assert/strict';
import { inBrowser, Stage } from './stage.ts';
import { problemPage } from '../../web/pages.ts';

inBrowser('pages for everybody are right at both widths, in both schemes, and accessible', async () => {
  await using stage = await Stage.open();
  const person = await stage.person();
  for (const [name, path, status] of [['home', '/', 200], ['subscribe', '/subscribe', 200], ['mailbox-empty', '/mailbox', 200], ['api-docs', '/docs', 200], ['admin-login', '/admin/login', 200], ['reset', '/login/reset', 200], ['not-found', '/nowhere/at/all', 404], ['not-signed-in', '/workloads', 401]] as const) {
    const response = await person.page.goto(path);
    assert.equal(response?.status(), status, path);
    await person.inspect(name, { docs: name === 'home' });
  }
  await person.page.getByRole('link', { name: 'Sign in', exact: true }).last().click();
  assert.equal(new URL(person.page.url()).pathname, '/login');
});

/** Each as the filter would send it; most of them cannot be brought about by looking at pages. */
const refusals = [
  [401, 'Not signed in', 'not signed in', "Sign in: 'tollgate login help' says how.", { href: '/login?next=%2Faccount', name: 'Sign in' }],
  [402, 'Payment required', 'payment required', "See 'tollgate account help'.", { href: '/subscribe', name: 'Choose a plan' }],
  [403, 'Not permitted', 'You are not permitted to do this.', 'Ask the operator of this platform.', undefined],
  [404, 'Not found', 'There is no such workload.', 'Check the name or id.', undefined],
  [410, 'Expired', 'The one-time token has expired.', "Ask for a new one: 'tollgate login --otp EMAIL'.", undefined],
  [429, 'Too many', 'Too many mails were asked for; the next one can be sent at 2026-11-25T17:00:00.000Z.', 'Wait until then, or use the newest mail.', undefined],
  [500, 'Our mistake', 'Something went wrong on our side.', 'Try again; if it stays, report the correlation id to the operator.', undefined],
  [503, 'Unavailable', 'A part of the system does not answer just now.', 'Try again in a moment.', undefined],
] as const;
inBrowser('every kind of refusal is a page that says what, why and the next step', async () => {
  await using stage = await Stage.open();
  const person = await stage.person();
  for (const [status, title, detail, nextStep, way] of refusals) {
    await person.page.route('**/refused', (route) => route.fulfill({ status, contentType: 'text/html; charset=utf-8', body: problemPage({ mode: 'mock', status, title, detail, nextStep, correlationId: 'dRkWq0v3', ...(way ? { way } : {}) }) }));
    await person.page.goto('/refused');
    await person.inspect(`problem-${status}`, { docs: status === 402 });
    await person.page.unroute('**/refused');
  }
});
