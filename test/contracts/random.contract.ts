/** What every source of chance promises; `random.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Random } from '../../src/domain/ports/random.ts';

export const randomContract = (name: string, open: () => Random): void => {
  test(`${name}: as many bytes as asked for`, () => {
    const random = open();
    for (const count of [0, 1, 13, 31, 32, 33, 1_000]) assert.equal(random.bytes(count).length, count);
  });
  test(`${name}: no two answers are alike, and every bit is used`, () => {
    const random = open();
    const seen = new Set(Array.from({ length: 1_000 }, () => Buffer.from(random.bytes(16)).toString('hex')));
    assert.equal(seen.size, 1_000);
    const bytes = new Set(random.bytes(20_000));
    assert.equal(bytes.size, 256);
  });
  test(`${name}: an answer is the caller's own`, () => {
    const random = open();
    const first = random.bytes(32);
    const copy = Uint8Array.from(first);
    random.bytes(100).fill(0);
    assert.deepEqual(Uint8Array.from(first), copy);
  });
};
