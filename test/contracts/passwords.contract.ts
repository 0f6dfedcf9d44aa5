/** What every way of hashing passwords promises; `passwords.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PasswordHashing } from '../../src/domain/ports/passwords.ts';

export const passwordsContract = (name: string, open: () => PasswordHashing): void => {
  test(`${name}: the password matches its hash, and no other does`, async () => {
    const hashing = open();
    const hash = await hashing.hash('ada likes engines');
    assert.deepEqual(await hashing.check('ada likes engines', hash), { matches: true, outdated: false });
    for (const other of ['ada likes engine', 'Ada likes engines', 'ada likes engines ', '', 'ada likes engines\0', '\u{1f511}'.repeat(200)]) assert.equal((await hashing.check(other, hash)).matches, false, other);
  });
  test(`${name}: the same password is hashed to something else each time, and the password is not in it`, async () => {
    const hashing = open();
    const [one, two] = [await hashing.hash('ada likes engines'), await hashing.hash('ada likes engines')];
    assert.notEqual(one, two);
    assert.ok(!one.includes('engines'));
    assert.ok((await hashing.check('ada likes engines', two)).matches);
  });
  test(`${name}: without a hash nothing matches`, async () => {
    const hashing = open();
    for (const password of ['', 'ada likes engines']) assert.equal((await hashing.check(password, undefined)).matches, false);
  });
  test(`${name}: many at once are all answered rightly`, async () => {
    const hashing = open();
    const hash = await hashing.hash('right');
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => hashing.check(n % 3 === 0 ? 'right' : `wrong ${n}`, hash)));
    assert.deepEqual(answers.map(({ matches }) => matches), Array.from({ length: 20 }, (_, n) => n % 3 === 0));
  });
};
