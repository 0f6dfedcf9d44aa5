/** Every source of chance keeps the contract; the seeded one repeats itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom, SystemRandom } from '../../src/adapters/system/random.ts';
import { randomContract } from './random.contract.ts';

randomContract('system', () => new SystemRandom());
randomContract('seeded', () => new SeededRandom(42));

test('seeded: the same seed gives the same bytes, however they are asked for', () => {
  const [a, b] = [new SeededRandom('seed'), new SeededRandom('seed')];
  const pieces = [1, 40, 5, 0, 18].map((count) => Buffer.from(b.bytes(count)));
  assert.deepEqual(Buffer.from(a.bytes(64)), Buffer.concat(pieces));
  assert.notDeepEqual(new SeededRandom(1).bytes(32), new SeededRandom(2).bytes(32));
});
