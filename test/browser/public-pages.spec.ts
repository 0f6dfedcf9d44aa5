/** What anybody may see: the front page, subscribing, the mailbox, and pages that refuse. */
import assert from 'node:assert/strict';
import { inBrowser, Stage } from './stage.ts';

inBrowser('pages for everybody are right at both widths, in both schemes, and accessible', async () => {
  await using stage = await Stage.open();
  const person = await stage.person();
  for (const [name, path, status] of [['home', '/', 200], ['subscribe', '/subscribe', 200], ['mailbox-empty', '/mailbox', 200], ['not-found', '/nowhere/at/all', 404]] as const) {
    const response = await person.page.goto(path);
    assert.equal(response?.status(), status, path);
    await person.inspect(name);
  }
});
