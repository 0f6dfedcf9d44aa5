/** An operator's day: what needs somebody, and doing it. The server runs in this process, so that things can go wrong when the story wants them to. */
import assert from 'node:assert/strict';
import { eventsOf, invite, mailsTo, payByCard, redeem, runWorkload, signUp, startSystem, verifySignup } from '../e2e/system.ts';
import { day as oneDay, hour } from '../../src/domain/instant.ts';
import { inBrowser, Stage, type Person } from './stage.ts';

const section = ({ page }: Person, name: string): Promise<void> => page.getByRole('navigation', { name: 'Operator' }).getByRole('link', { name, exact: true }).click();
const says = async ({ page }: Person, text: string | RegExp): Promise<void> => void (await page.locator('main').getByText(text).first().waitFor());
const reasoned = async ({ page }: Person, name: string, reason: string): Promise<void> => {
  await page.locator('details.deed', { hasText: name }).first().locator('summary').click();
  await page.locator('details.deed[open]').getByLabel('Reason, recorded with it').fill(reason);
  await page.locator('details.deed[open]').getByRole('button').click();
};

const day = (javaScript: boolean) => async (): Promise<void> => {
  const started = await startSystem();
  try {
    await using stage = await Stage.open(started);
    const look = (person: Person, name: string, docs = false): Promise<void> => (javaScript ? person.inspect(name, { docs }) : Promise.resolve());
    const person = await stage.person({ javaScript });
    const { page } = person;

    await page.goto('/admin/mails');
    await page.getByLabel('Operator token').fill('tgo_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await says(person, 'This operator token is not valid.');
    await look(person, 'admin-login-wrong');
    await page.getByLabel('Operator token').fill(stage.operatorToken);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/admin/mails'); // where one was going
    for (const name of ['Overview', 'Customers', 'Sign-ups', 'Invites', 'Mails', 'Webhooks', 'Workloads', 'System']) {
      await section(person, name);
      await look(person, `admin-empty-${name.toLowerCase()}`);
    }

    // Invites, with the reason.
    await section(person, 'Invites');
    await page.getByLabel('Address to invite').fill('grace@example.com');
    await page.getByLabel('Reason, recorded with it').fill('met at the fair');
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    await says(person, 'The address is invited.');
    await says(person, 'grace@example.com');
    await invite(started, 'eve@example.com');
    await page.reload();
    await reasoned(person, 'Take back the invite of eve@example.com', 'a mistake');
    await says(person, 'The invite is taken back.');
    await look(person, 'admin-invites');
    const reasons = (await eventsOf(started, 'InviteRevoked')).length;
    assert.equal(reasons, 1);

    // A customer with a workload and a declined renewal whose notice nobody takes; a second one whose charge hangs.
    const ada = await signUp(started, 'ada@example.com', 'succeeds-once');
    await runWorkload(started, ada, 'hello');
    await started.settled();
    await started.advance(31 * oneDay);
    started.adapters.mailbox.faults.unavailableBefore = 1_000;
    await started.advance(8 * oneDay);
    await invite(started, 'bob@example.com');
    started.adapters.mailbox.faults.unavailableBefore = 0;
    const signupToken = await verifySignup(started, 'bob@example.com');
    const paymentToken = await payByCard(started, 'bob@example.com', 'succeeds');
    started.adapters.payments.faults.unavailableBefore = 1_000_000;
    await redeem(started, signupToken, paymentToken).catch(() => undefined);
    await started.advance(6 * hour);
    started.adapters.payments.faults.unavailableBefore = 0;

    await page.goto('/admin'); // signed out after ten days, and back again
    await page.getByLabel('Operator token').fill(stage.operatorToken);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/admin');
    await says(person, /work of bob@example\.com \(signing up\) is parked/);
    await says(person, /some were given up/);
    await look(person, 'admin', true);

    await section(person, 'Sign-ups');
    await says(person, 'charging');
    await look(person, 'admin-signups', true);

    await section(person, 'Mails');
    await look(person, 'admin-mails', true);
    await reasoned(person, 'Try again', 'the carrier is back');
    await says(person, 'The mail is on its way again.');
    await started.settled();

    await section(person, 'System');
    await says(person, 'bob@example.com (signing up)');
    await look(person, 'admin-system', true);
    await page.getByLabel('Reason, recorded with it').first().fill('the provider is back');
    await page.getByRole('button', { name: /^Release/ }).first().click();
    await says(person, /The work is released/);
    await started.settled();
    assert.equal((await eventsOf(started, 'SignupCompleted')).length, 2, 'bob has his account');
    await page.getByRole('button', { name: 'Rebuild subscriptions' }).click();
    await says(person, /‘subscriptions’ is rebuilt and in use: the same as before/);

    // Finding one customer, and what happened to them.
    await section(person, 'Customers');
    await look(person, 'admin-customers', true);
    await page.getByLabel('Whole address, account id, or name of a namespace').fill('nobody@example.com');
    await page.getByRole('button', { name: 'Find' }).click();
    await says(person, /No account has this address/);
    await look(person, 'admin-customers-not-found');
    await page.getByLabel('Whole address, account id, or name of a namespace').fill('ADA@example.com ');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.waitForURL(`**/admin/customers/${ada.account}`);
    assert.ok(!page.url().includes('@'), 'no address in an address');
    await says(person, /A payment was declined/);
    await look(person, 'admin-customer', true);
    await section(person, 'Webhooks');
    await look(person, 'admin-webhooks');
    await section(person, 'Workloads');
    await look(person, 'admin-workloads');
    await reasoned(person, 'Stop and remove hello', 'asked for by telephone');
    await says(person, 'The workload is being stopped and removed.');

    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.waitForURL('**/admin/login');
    await page.goto('/admin/customers');
    assert.match(page.url(), /\/admin\/login\?next=/);
    assert.ok((await mailsTo(started, 'ada@example.com')).length > 0);
  } finally {
    await started.stop();
  }
};

inBrowser('an operator\'s day', day(true));
inBrowser('an operator\'s day without JavaScript', day(false));
