/** What every keyring promises; `keyring.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isId } from '../../src/domain/ids.ts';
import type { Keyring } from '../../src/domain/ports/keyring.ts';

export const keyringContract = (name: string, open: () => Promise<Keyring>): void => {
  const promise = (text: string, run: (keyring: Keyring) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      const keyring = await open();
      try {
        await run(keyring);
      } finally {
        await keyring.close();
      }
    });
  };
  persons(promise);
  keys(promise);
  passwords(promise);
  erasing(promise);
};
type Promised = (text: string, run: (keyring: Keyring) => Promise<void>) => void;

const persons = (promise: Promised): void => {
  promise('looking for an address makes no person', async (keyring) => {
    assert.equal(await keyring.find('ada@example.com'), undefined);
    assert.equal(await keyring.find('ada@example.com'), undefined);
  });
  promise('an address is one person, in every spelling that means the same', async (keyring) => {
    const ada = await keyring.findOrCreate('Ada@Münch\u0065n.example');
    assert.ok(isId(ada, 'per'));
    assert.equal(await keyring.findOrCreate('  ada@MÜNCHEN.example '), ada);
    assert.equal(await keyring.find('ada@xn--mnchen-3ya.example'), ada);
    for (const other of ['a.da@münchen.example', 'ada+x@münchen.example', 'ada@munchen.example']) assert.notEqual(await keyring.findOrCreate(other), ada);
  });
  promise('two at once get the same person', async (keyring) => {
    const found = await Promise.all(Array.from({ length: 20 }, (_, n) => keyring.findOrCreate(n % 2 === 0 ? 'ada@example.com' : 'ADA@example.com')));
    assert.equal(new Set(found).size, 1);
  });
};

const keys = (promise: Promised): void => {
  promise('a person has a key from the beginning, and it stays the same', async (keyring) => {
    const ada = await keyring.findOrCreate('ada@example.com');
    const bob = await keyring.findOrCreate('bob@example.com');
    const sealing = await keyring.sealingKey(ada);
    assert.equal(sealing?.key.length, 32);
    assert.deepEqual(await keyring.sealingKey(ada), sealing);
    assert.deepEqual(await keyring.openingKey(ada, sealing.keyNo), sealing.key);
    assert.equal(await keyring.openingKey(ada, sealing.keyNo + 1), undefined);
    assert.notDeepEqual((await keyring.sealingKey(bob))?.key, sealing.key);
    assert.equal(await keyring.sealingKey('per_00000000000000000000'), undefined);
    assert.equal(await keyring.openingKey('key_00000000000000000000', 1), undefined);
  });
  promise('pooled owners are all different, and each has a key', async (keyring) => {
    const owners = await Promise.all(Array.from({ length: 150 }, () => keyring.takePooledKey()));
    for (let n = 0; n < 50; n++) owners.push(await keyring.takePooledKey());
    assert.equal(new Set(owners).size, 200);
    const found = new Set<string>();
    for (const owner of owners) {
      assert.ok(isId(owner, 'key'));
      found.add(Buffer.from((await keyring.sealingKey(owner))?.key ?? []).toString('hex'));
    }
    assert.equal(found.size, 200);
  });
};

const passwords = (promise: Promised): void => {
  promise('a password\'s hash is kept under the next number of its person, and found there only', async (keyring) => {
    const [ada, bob] = [await keyring.findOrCreate('ada@example.com'), await keyring.findOrCreate('bob@example.com')];
    assert.deepEqual([await keyring.addPassword(ada, 'first'), await keyring.addPassword(ada, 'second'), await keyring.addPassword(bob, 'his')], [1, 2, 1]);
    assert.deepEqual([await keyring.password(ada, 1), await keyring.password(ada, 2), await keyring.password(bob, 1)], ['first', 'second', 'his']);
    for (const none of [keyring.password(ada, 3), keyring.password(ada, 0), keyring.password(bob, 2), keyring.password('per_00000000000000000000', 1)]) assert.equal(await none, undefined);
  });
  promise('two at once get two numbers, and each its own hash', async (keyring) => {
    const ada = await keyring.findOrCreate('ada@example.com');
    const numbers = await Promise.all(Array.from({ length: 20 }, (_, n) => keyring.addPassword(ada, `hash ${n}`)));
    assert.deepEqual([...numbers].sort((a, b) => (a ?? 0) - (b ?? 0)), Array.from({ length: 20 }, (_, n) => n + 1));
    for (const [place, n] of numbers.entries()) assert.equal(await keyring.password(ada, n ?? 0), `hash ${place}`);
  });
  promise('a hash is replaced under its number; where there is none, none comes', async (keyring) => {
    const ada = await keyring.findOrCreate('ada@example.com');
    await keyring.addPassword(ada, 'cheap');
    await keyring.replacePassword(ada, 1, 'dear');
    await keyring.replacePassword(ada, 2, 'other');
    assert.deepEqual([await keyring.password(ada, 1), await keyring.password(ada, 2)], ['dear', undefined]);
  });
  promise('older ones are destroyed, their numbers never given again', async (keyring) => {
    const ada = await keyring.findOrCreate('ada@example.com');
    for (const hash of ['a', 'b', 'c']) await keyring.addPassword(ada, hash);
    await keyring.dropPasswordsBefore(ada, 3);
    assert.deepEqual([await keyring.password(ada, 1), await keyring.password(ada, 2), await keyring.password(ada, 3)], [undefined, undefined, 'c']);
    assert.equal(await keyring.addPassword(ada, 'd'), 4);
  });
  promise('they are erased with the person, and none is taken for somebody erased', async (keyring) => {
    const [ada, bob] = [await keyring.findOrCreate('ada@example.com'), await keyring.findOrCreate('bob@example.com')];
    await keyring.addPassword(ada, 'hers');
    await keyring.addPassword(bob, 'his');
    await keyring.erase(ada);
    assert.deepEqual([await keyring.password(ada, 1), await keyring.addPassword(ada, 'again'), await keyring.password(ada, 1)], [undefined, undefined, undefined]);
    assert.equal(await keyring.password(bob, 1), 'his');
  });
};

const erasing = (promise: Promised): void => {
  promise('erasure destroys key and address, and only those', async (keyring) => {
    const ada = await keyring.findOrCreate('ada@example.com');
    const bob = await keyring.findOrCreate('bob@example.com');
    await keyring.sealingKey(ada);
    await keyring.erase(ada);
    assert.deepEqual([await keyring.sealingKey(ada), await keyring.openingKey(ada, 1), await keyring.find('ada@example.com')], [undefined, undefined, undefined]);
    assert.notEqual(await keyring.sealingKey(bob), undefined);
    assert.equal(await keyring.find('bob@example.com'), bob);
    assert.notEqual(await keyring.findOrCreate('ada@example.com'), ada);
  });
  promise('erasing again, or somebody unknown, is no error', async (keyring) => {
    const ada = await keyring.findOrCreate('ada@example.com');
    await Promise.all([keyring.erase(ada), keyring.erase(ada), keyring.erase('per_00000000000000000000'), keyring.erase('key_00000000000000000000')]);
    assert.equal(await keyring.sealingKey(ada), undefined);
  });
  promise('erasing a person destroys the keys linked to them, and no others', async (keyring) => {
    const [ada, bob] = [await keyring.findOrCreate('ada@example.com'), await keyring.findOrCreate('bob@example.com')];
    const [first, second, bobs, free] = [await keyring.takePooledKey(), await keyring.takePooledKey(), await keyring.takePooledKey(), await keyring.takePooledKey()];
    await Promise.all([keyring.link(first, ada), keyring.link(second, ada), keyring.link(second, ada), keyring.link(bobs, bob)]);
    await keyring.sealingKey(first);
    await keyring.erase(ada);
    assert.deepEqual([await keyring.sealingKey(first), await keyring.sealingKey(second)], [undefined, undefined]);
    for (const key of [bobs, free]) assert.notEqual(await keyring.sealingKey(key), undefined);
  });
  promise('a pooled key can be erased by itself', async (keyring) => {
    const ada = await keyring.findOrCreate('ada@example.com');
    const key = await keyring.takePooledKey();
    await keyring.link(key, ada);
    await keyring.erase(key);
    assert.equal(await keyring.sealingKey(key), undefined);
    assert.notEqual(await keyring.sealingKey(ada), undefined);
  });
  promise('a key linked to a person already erased is destroyed at once', async (keyring) => {
    const ada = await keyring.findOrCreate('ada@example.com');
    const key = await keyring.takePooledKey();
    await keyring.erase(ada);
    await keyring.link(key, ada);
    assert.equal(await keyring.sealingKey(key), undefined);
  });
  promise('a key read while its owner is erased is not remembered', async (keyring) => {
    const ada = await keyring.findOrCreate('ada@example.com');
    const erased = keyring.erase(ada);
    const reads = Array.from({ length: 50 }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      await keyring.sealingKey(ada);
    });
    await Promise.all([erased, ...reads]);
    assert.equal(await keyring.sealingKey(ada), undefined);
  });
};
