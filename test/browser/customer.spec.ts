/** A customer's day, in a browser and at a terminal beside it: with JavaScript, and the same without. */
import assert from 'node:assert/strict';
import { inBrowser, Stage, type Person } from './stage.ts';

const ada = 'ada@example.com';
const bob = 'bob@example.com';

/** Axe runs only where scripts do. */
type Look = (person: Person, name: string, docs?: boolean) => Promise<void>;
const card = async ({ page }: Person, name: string): Promise<void> => {
  await page.getByLabel('Test card', { exact: true }).fill(name);
  await page.getByRole('button', { name: 'Store this card' }).click();
};
const says = async ({ page }: Person, text: string | RegExp): Promise<void> => {
  await page.locator('main').getByText(text).first().waitFor();
};
const at = ({ page }: Person, path: RegExp): Promise<void> => page.waitForURL((url) => path.test(url.pathname + url.search));

const signUpOnTheWeb = async (person: Person, look: Look): Promise<void> => {
  const { page } = person;
  await page.goto('/');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Sign in' }).click();
  await look(person, 'login', true);
  await page.getByLabel('E-mail address').fill('eve@example.com');
  await page.getByRole('button', { name: 'Mail me a token' }).click();
  await says(person, /not invited|invitation/i);
  await look(person, 'login-refused');
  await page.getByLabel('E-mail address').fill(ada);
  await page.getByRole('button', { name: 'Mail me a token' }).click();
  await says(person, ada);
  await look(person, 'login-token');
  await page.getByLabel('One-time token').fill('0'.repeat(40));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await says(person, /4 more tries/);
  await look(person, 'login-token-wrong');
  await page.getByLabel('One-time token').fill(await person.mailedToken(ada));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await at(person, /^\/subscribe$/);
  assert.equal(await page.getByLabel('E-mail address').inputValue(), ada);
  await look(person, 'subscribe-confirmed', true);
  await page.getByRole('button', { name: 'Continue to payment' }).click();
  await at(person, /^\/checkout\//);
  await look(person, 'checkout', true);
  await card(person, 'declined');
  await says(person, /bank refused this card/);
  await look(person, 'checkout-declined');
  await card(person, 'confirm');
  await says(person, 'Your bank asks: is this you?');
  await look(person, 'checkout-confirm');
  await page.getByRole('button', { name: 'Yes, store this card' }).click();
  await at(person, /^\/account\?done=welcome$/);
  await says(person, /Welcome/);
  await look(person, 'account-new');
};

/** The terminal's own way, the page's payment token pasted into it. */
const signUpAtTheTerminal = async (stage: Stage, person: Person, look: Look): Promise<void> => {
  const { page } = person;
  let give: (token: string) => void = () => undefined;
  const paymentToken = new Promise<string>((resolve) => (give = resolve));
  const terminal = stage.done(['login', '--otp', bob], { who: 'bob', answers: [person.mailedToken(bob), paymentToken] });
  // The terminal verifies first: until then the page has one answer for every address.
  for (;;) {
    await page.goto('/subscribe');
    await page.getByLabel('E-mail address').fill(bob);
    await page.getByRole('button', { name: 'Continue to payment' }).click();
    if (new URL(page.url()).pathname.startsWith('/checkout/')) break;
    await says(person, 'Have you confirmed this address?');
  }
  await card(person, 'succeeds');
  const shown = page.locator('[data-payment-token]');
  await shown.waitFor();
  await look(person, 'payment-token', true);
  give((await shown.textContent()) ?? '');
  assert.match((await terminal).stdout, /Logged in as bob@example\.com/);
};

/** Run at the terminal, seen on the page: by itself where scripts run, by loading again where they do not. */
const runSomething = async (stage: Stage, person: Person, look: Look, javaScript: boolean): Promise<void> => {
  const { page } = person;
  await page.goto('/account');
  await says(person, /Nothing runs yet/);
  await stage.done(['login', '--otp', ada], { answers: [freshToken(stage, ada)] });
  await stage.done(['run', 'examples/hello-node', '--wait']);
  if (!javaScript) await page.reload();
  await page.getByRole('link', { name: 'hello-node' }).waitFor();
  await page.locator('.state-running').waitFor();
  await look(person, 'account', true);
  await page.getByRole('link', { name: 'hello-node' }).click();
  if (javaScript) await page.locator('[data-log] [data-line]').nth(2).waitFor();
  else for (let lines = 0; lines < 1; lines = await page.locator('[data-line]').count()) await page.reload();
  await look(person, 'workload', true);
};
/** A token mailed from now on. */
const freshToken = async (stage: Stage, email: string): Promise<string> => {
  const tokens = async (): Promise<readonly string[]> => ((await (await fetch(`${stage.origin}/mailbox.json?to=${encodeURIComponent(email)}`)).json()) as { text: string }[]).flatMap(({ text }) => /[0-9a-f]{40}/.exec(text)?.[0] ?? []);
  const before = new Set(await tokens());
  for (;;) {
    const found = (await tokens()).find((token) => !before.has(token));
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** A card that fails at the next renewal, a month and its grace later, and the one button that mends it. */
const lapseAndRecover = async (stage: Stage, person: Person, look: Look): Promise<void> => {
  const { page } = person;
  await page.goto('/account');
  await page.getByRole('button', { name: 'Use another card' }).click();
  await card(person, 'charge-fails');
  await at(person, /^\/account\?paid=/);
  await says(person, /Thank you/);
  await stage.operator('clock', 'advance', '33d');
  await page.goto('/account'); // ten days are over: signed out, and back to where one was going
  await at(person, /^\/login\?next=%2Faccount$/);
  await person.signIn(ada);
  await at(person, /^\/account$/);
  await says(person, /a payment was missed; everything works until/);
  await look(person, 'account-grace');
  await stage.operator('clock', 'advance', '7d');
  await page.goto('/mailbox');
  const banner = page.getByRole('complementary', { name: 'Service level' });
  await banner.getByText(/limited: a payment was missed/i).waitFor();
  await look(person, 'mailbox', true);
  await page.goto('/account');
  await says(person, /limited: a payment was missed/i);
  await look(person, 'account-limited', true);
  await page.goto('/mailbox');
  await banner.getByRole('button', { name: 'Pay now' }).click();
  await look(person, 'checkout-pay');
  await card(person, 'succeeds');
  await at(person, /^\/account\?paid=/);
  await says(person, /Thank you/);
  assert.equal((await page.locator('main .level').first().textContent())?.trim(), 'full');
};

const cancelAndResume = async (person: Person, look: Look): Promise<void> => {
  const { page } = person;
  await page.goto('/account');
  await page.getByRole('link', { name: 'Cancel the subscription' }).click();
  await says(person, /Everything works until/);
  await says(person, /hello-node/);
  await look(person, 'cancel', true);
  await page.getByLabel('I have read what stops and what is kept.').check();
  await page.getByRole('button', { name: 'Cancel the subscription' }).click();
  await says(person, /The subscription is cancelled/);
  await look(person, 'account-cancelled');
  await page.getByRole('button', { name: 'Go on with the subscription' }).click();
  await says(person, 'The subscription goes on.');
};

const password = 'a purple elephant sings';
const setPassword = async (person: Person, look: Look): Promise<void> => {
  const { page } = person;
  await page.goto('/account');
  await page.getByRole('link', { name: 'Set or change the password' }).click();
  await look(person, 'password');
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password, again').fill('something else');
  await page.getByRole('button', { name: 'Set it' }).click();
  await says(person, /not the same/);
  await look(person, 'password-refused');
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password, again').fill(password);
  await page.getByRole('button', { name: 'Set it' }).click();
  await says(person, 'The password is set.');
};
const signInByPassword = async (person: Person, look: Look): Promise<void> => {
  const { page } = person;
  await page.getByText('Sign in with a password').click();
  await look(person, 'login-with-password');
  await page.getByLabel('Address of your account').fill(ada);
  await page.getByLabel('Password', { exact: true }).fill('not this one');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await look(person, 'login-password-refused');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await at(person, /^\/account$/);
};

const day = (javaScript: boolean) => async (): Promise<void> => {
  await using stage = await Stage.open();
  const look: Look = javaScript ? (person, name, docs = false) => person.inspect(name, { docs }) : async () => undefined;
  await stage.operator('invite', 'add', ada);
  await stage.operator('invite', 'add', bob);
  const person = await stage.person({ javaScript });
  await signUpOnTheWeb(person, look);
  await signUpAtTheTerminal(stage, await stage.person({ javaScript }), look);
  await setPassword(person, look);
  await runSomething(stage, person, look, javaScript);
  await lapseAndRecover(stage, person, look);
  await cancelAndResume(person, look);
  await person.page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await says(person, 'You are signed out here.');
  await person.page.goto('/account');
  await at(person, /^\/login\?next=/);
  await signInByPassword(person, look);
};

inBrowser('a customer\'s day', day(true));
inBrowser('a customer\'s day without JavaScript', day(false));
