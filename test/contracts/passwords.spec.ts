/** Every way of hashing passwords keeps the contract; what a hash says; that waiting is bounded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Argon2Hashing, todaysCost, type Argon2Cost } from '../../src/adapters/system/argon2.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { Unavailable } from '../../src/domain/ports/failures.ts';
import { passwordsContract } from './passwords.contract.ts';

const cheap: Argon2Cost = { memoryKib: 64, passes: 1, lanes: 1 };
const hashing = (cost = cheap, seed = 'passwords') => new Argon2Hashing(new SeededRandom(seed), cost);
passwordsContract('Argon2Hashing', hashing);

test('Argon2Hashing: today\'s cost is at least what OWASP asks for, and stands in the hash', async () => {
  assert.ok(todaysCost.memoryKib >= 46 * 1024 && todaysCost.passes >= 1);
  assert.match(await new Argon2Hashing(new SeededRandom('cost')).hash('ada likes engines'), /^\$argon2id\$v=19\$m=47104,t=2,p=1\$/);
});
test('Argon2Hashing: agrees with the reference implementation: a hash of its own tests is known, and only with its password', async () => {
  const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
  assert.deepEqual(await hashing().check('password', hash), { matches: true, outdated: false });
  assert.equal((await hashing().check('passwore', hash)).matches, false);
});
test('Argon2Hashing: a hash of lower cost still matches, and is told to be outdated; one of higher cost is not', async () => {
  const old = await hashing(cheap).hash('ada likes engines');
  for (const cost of [{ ...cheap, memoryKib: 128 }, { ...cheap, passes: 2 }]) assert.deepEqual(await hashing(cost).check('ada likes engines', old), { matches: true, outdated: true });
  const dear = await hashing({ ...cheap, memoryKib: 128 }).hash('ada likes engines');
  assert.deepEqual(await hashing(cheap).check('ada likes engines', dear), { matches: true, outdated: false });
});
test('Argon2Hashing: what is no hash is a fault, not a wrong password', async () => {
  for (const text of ['', 'ada likes engines', '$2b$12$abc', '$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$aaaa']) await assert.rejects(hashing().check('ada likes engines', text), /no argon2id hash/);
});
test('Argon2Hashing: beyond so many that wait, more are turned away, and those that wait are answered', async () => {
  const busy = hashing();
  const answers = await Promise.allSettled(Array.from({ length: 80 }, () => busy.check('ada likes engines', undefined)));
  const turnedAway = answers.filter((answer) => answer.status === 'rejected');
  assert.equal(turnedAway.length, 14);
  assert.ok(turnedAway.every(({ reason }) => reason instanceof Unavailable));
  assert.equal((await busy.check('ada likes engines', undefined)).matches, false, 'and it goes on');
});
