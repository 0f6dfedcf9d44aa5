/** What every way of deriving tokens and ids promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isId } from '../../src/domain/ids.ts';
import type { Instant } from '../../src/domain/instant.ts';
import type { Derivation, Tokens } from '../../src/domain/ports/tokens.ts';

const at = '2026-11-21T08:00:00.000Z' as Instant;

export const tokensContract = (name: string, open: () => Tokens): void => {
  const tokens = open();
  const derive = (purpose: 'otp' | 'payment' | 'refresh', handle: string, n: number, issuedAt: Instant | '' = at) => tokens.derive(tokens.kid, purpose, handle, n, issuedAt);
  test(`${name}: a token is 40 hex characters, and the same each time`, () => {
    assert.match(derive('otp', 'flw_1', 1), /^[0-9a-f]{40}$/);
    assert.equal(derive('otp', 'flw_1', 1), derive('otp', 'flw_1', 1));
  });
  test(`${name}: another purpose, handle, number or time is another token`, () => {
    const all = [derive('otp', 'a', 1), derive('payment', 'a', 1), derive('refresh', 'a', 1), derive('otp', 'b', 1), derive('otp', 'a', 2), derive('otp', 'a', 1, '')];
    assert.equal(new Set(all).size, all.length);
  });
  test(`${name}: compares exactly, but for blanks around what was pasted`, () => {
    const genuine = derive('otp', 'a', 1);
    assert.equal(tokens.same(` ${genuine}\n`, genuine), true);
    for (const wrong of ['', genuine.slice(1), `${genuine}0`, genuine.toUpperCase().replace(/^\d*/, ''), genuine.replace(/.$/, (last) => (last === '0' ? '1' : '0'))]) assert.equal(tokens.same(wrong, genuine), false, wrong);
  });
  test(`${name}: a key that is not there is an error, not a guess`, () => assert.throws(() => tokens.derive('gone', 'otp', 'a', 1, at)));
};

export const derivationContract = (name: string, open: () => Derivation): void => {
  const derive = open();
  test(`${name}: a repeat of the same request has the same command id, every other one another`, () => {
    assert.equal(derive.commandId('acc_1', 'RunWorkload', 'k'), derive.commandId('acc_1', 'RunWorkload', 'k'));
    const all = [derive.commandId('acc_1', 'RunWorkload', 'k'), derive.commandId('acc_2', 'RunWorkload', 'k'), derive.commandId('acc_1', 'KillWorkload', 'k'), derive.commandId('acc_1', 'RunWorkload', undefined), derive.commandId('acc_1', 'RunWorkload', undefined)];
    assert.equal(new Set(all).size, all.length);
    for (const id of all) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
  test(`${name}: ids follow from the command id, one for each prefix`, () => {
    assert.ok(isId(derive.id('acc', 'x'), 'acc'));
    assert.equal(derive.id('acc', 'x'), derive.id('acc', 'x'));
    assert.notEqual(derive.id('acc', 'x').slice(4), derive.id('sub', 'x').slice(4));
  });
  test(`${name}: two spellings of one body have one fingerprint; it tells nothing of the body`, () => {
    assert.equal(derive.fingerprint({ a: 1, b: { c: 2, d: 3 } }), derive.fingerprint({ b: { d: 3, c: 2 }, a: 1 }));
    assert.notEqual(derive.fingerprint({ a: 1 }), derive.fingerprint({ a: 2 }));
    assert.equal(Buffer.from(derive.fingerprint({ email: 'ada@example.com' }), 'base64url').length, 16);
  });
  test(`${name}: drawn numbers stay below their bound`, () => {
    for (let n = 0; n < 200; n += 1) assert.ok(derive.number(`draw ${n}`, 7) < 7);
  });
};
