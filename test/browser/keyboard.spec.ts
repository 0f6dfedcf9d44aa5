/** The main forms by keyboard alone: everything is reached in order, what has the focus is seen, and Enter and Space do what a click does. */
import assert from 'node:assert/strict';
import { inBrowser, Stage, type Person } from './stage.ts';

type Focused = { readonly name: string; readonly outlined: boolean; readonly inView: boolean };
const focused = ({ page }: Person): Promise<Focused> => page.evaluate(() => {
  const element = document.activeElement as HTMLElement;
  // A radio button shows its focus on the whole choice.
  const shown = [element, element.closest('label') ?? element];
  const outlined = shown.some((each) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(each);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  });
  const { top, bottom } = element.getBoundingClientRect();
  const label = element.id === '' ? null : document.querySelector(`label[for="${element.id}"]`);
  return { name: (label?.textContent ?? element.closest('label')?.textContent ?? element.textContent ?? '').trim(), outlined, inView: bottom > 0 && top < innerHeight };
});
/** Tabs until this has the focus; on the way everything that gets it shows it. */
const tabTo = async (person: Person, name: string | RegExp): Promise<void> => {
  const passed: string[] = [];
  for (let tabs = 0; tabs < 60; tabs += 1) {
    await person.page.keyboard.press('Tab');
    const now = await focused(person);
    passed.push(now.name);
    assert.ok(now.outlined, `'${now.name}' shows its focus`);
    assert.ok(now.inView, `'${now.name}' is in view when it has the focus`);
    if (typeof name === 'string' ? now.name === name : name.test(now.name)) return;
  }
  assert.fail(`Tab never comes to ${name}: ${passed.join(' | ')}`);
};
const type = ({ page }: Person, text: string): Promise<void> => page.keyboard.type(text);
const press = ({ page }: Person, key: string): Promise<void> => page.keyboard.press(key);

inBrowser('from the front page to a running account, and to an invite, without a mouse', async () => {
  await using stage = await Stage.open();
  await stage.operator('invite', 'add', 'ada@example.com');
  const person = await stage.person();
  const { page } = person;
  const at = (path: RegExp): Promise<void> => page.waitForURL((url) => path.test(url.pathname));

  await page.goto('/');
  await press(person, 'Tab');
  assert.deepEqual((await focused(person)).name, 'Skip to content', 'the first thing is a way past the header');
  await press(person, 'Enter');
  await page.goto('/');
  await tabTo(person, 'Sign in');
  await press(person, 'Enter');
  await at(/^\/login$/);
  await tabTo(person, 'E-mail address');
  await type(person, 'ada@example.com');
  await press(person, 'Enter');
  await at(/^\/login\/token$/);
  const token = await person.mailedToken('ada@example.com');
  await tabTo(person, 'One-time token');
  await type(person, token);
  await tabTo(person, 'Sign in');
  await press(person, 'Space');
  await at(/^\/subscribe$/);
  await tabTo(person, /^developer/);
  await tabTo(person, 'Continue to payment');
  await press(person, 'Enter');
  await at(/^\/checkout\//);
  await tabTo(person, 'Test card');
  await type(person, 'succeeds');
  await press(person, 'Escape');
  await press(person, 'Enter');
  await at(/^\/account$/);
  await tabTo(person, 'Cancel the subscription');
  await press(person, 'Enter');
  await at(/^\/account\/cancel$/);
  await tabTo(person, /I have read/);
  await press(person, 'Space');
  await tabTo(person, 'Keep it');
  await press(person, 'Enter');
  await at(/^\/account$/);

  await page.goto('/admin');
  await tabTo(person, 'Operator token');
  await type(person, stage.operatorToken);
  await press(person, 'Enter');
  await at(/^\/admin$/);
  await tabTo(person, 'Invites');
  await press(person, 'Enter');
  await at(/^\/admin\/invites$/);
  await tabTo(person, 'Address to invite');
  await type(person, 'grace@example.com');
  await tabTo(person, 'Reason, recorded with it');
  await type(person, 'met at the fair');
  await press(person, 'Enter');
  await page.getByText('The address is invited.').waitFor();
  await tabTo(person, 'Take back the invite of grace@example.com');
  await press(person, 'Enter');
  await tabTo(person, 'Reason, recorded with it');
  await press(person, 'Enter');
  await page.getByText('The invite is taken back.').waitFor();
});
