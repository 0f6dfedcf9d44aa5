/** What every store of read models promises; `read-models.spec.ts` lists the adapters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Batch, Collection, Document, Keyed, Page, Query, ReadModels } from '../../src/domain/ports/read-models.ts';
import { CheckpointConflict, InvalidCursor } from '../../src/domain/ports/read-models.ts';

const keyed = (key: string, position: bigint, document: Document): Keyed => ({ key, position, document });
const batch = (part: Partial<Batch>): Batch => ({ expected: 0n, next: 1n, puts: [], deletes: [], ...part });
const keysOf = (page: Page | readonly Keyed[]): string[] => ('items' in page ? page.items : page).map((item) => item.key);
const everything = async (collection: Collection): Promise<Keyed[]> => {
  const found: Keyed[] = [];
  for await (const page of collection.all()) found.push(...page);
  return found;
};
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** `ascii`: the server orders text beyond ASCII in its own way; keys are ids, and all else holds. */
export const readModelsContract = (name: string, open: () => Promise<ReadModels>, { ascii = false } = {}): void => {
  const promise = (text: string, run: (models: ReadModels) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      const models = await open();
      try {
        await run(models);
      } finally {
        await models.close();
      }
    });
  };
  writing(promise);
  querying(promise, ascii ? [] : ['é', 'z', '\u{1f986}', '\uffee']);
  collecting(promise);
  agreeing(promise);
};
type Promised = (text: string, run: (models: ReadModels) => Promise<void>) => void;

const writing = (promise: Promised): void => {
  promise('a commit writes documents and checkpoint together', async (models) => {
    const plans = await models.open('plans.v1');
    assert.equal(await plans.checkpoint(), 0n);
    await plans.commit(batch({ next: 7n, puts: [keyed('a', 3n, { price: 1 }), keyed('b', 7n, { price: 2, tags: ['x'], nested: { deep: null } })] }));
    assert.equal(await plans.checkpoint(), 7n);
    const loaded = await plans.load(['b', 'missing', 'a']);
    assert.deepEqual([...loaded.keys()].sort(), ['a', 'b']);
    assert.deepEqual(loaded.get('b'), keyed('b', 7n, { price: 2, tags: ['x'], nested: { deep: null } }));
    assert.equal(await plans.count(), 2);
    assert.equal((await plans.load([])).size, 0);
  });
  promise('a commit from another checkpoint is refused and writes nothing', async (models) => {
    const plans = await models.open('plans.v1');
    await plans.commit(batch({ next: 5n, puts: [keyed('a', 5n, { n: 1 })] }));
    await assert.rejects(plans.commit(batch({ expected: 4n, next: 9n, puts: [keyed('a', 9n, { n: 2 }), keyed('b', 9n, {})], deletes: ['a'] })), CheckpointConflict);
    assert.equal(await plans.checkpoint(), 5n);
    assert.deepEqual(await everything(plans), [keyed('a', 5n, { n: 1 })]);
  });
  promise('of two runners with the same checkpoint one wins, and other collections are not touched', async (models) => {
    const [plans, accounts] = await Promise.all([models.open('plans.v1'), models.open('accounts.v1')]);
    const outcomes = await Promise.allSettled([
      plans.commit(batch({ puts: [keyed('a', 1n, { by: 1 })] })),
      plans.commit(batch({ puts: [keyed('a', 1n, { by: 2 })] })),
      accounts.commit(batch({ puts: [keyed('x', 1n, {})] })),
    ]);
    assert.deepEqual(outcomes.map((outcome) => outcome.status), ['fulfilled', 'rejected', 'fulfilled']);
    assert.deepEqual((await plans.load(['a'])).get('a')?.document, { by: 1 });
    assert.equal(await accounts.count(), 1);
  });
  promise('a put not above the stored position changes nothing', async (models) => {
    const plans = await models.open('plans.v1', ['n']);
    await plans.commit(batch({ puts: [keyed('a', 5n, { n: 5 })] }));
    await plans.commit(batch({ expected: 1n, next: 2n, puts: [keyed('a', 5n, { n: 6 })] }));
    await plans.commit(batch({ expected: 2n, next: 3n, puts: [keyed('a', 4n, { n: 4 })] }));
    assert.deepEqual(await everything(plans), [keyed('a', 5n, { n: 5 })]);
    assert.deepEqual(keysOf(await plans.query({ where: { n: 5 }, limit: 9 })), ['a']);
    await plans.commit(batch({ expected: 3n, next: 6n, puts: [keyed('a', 6n, { n: 7 })] }));
    assert.deepEqual((await plans.load(['a'])).get('a')?.document, { n: 7 });
  });
  promise('deletes take documents away, and a later put brings them back', async (models) => {
    const plans = await models.open('plans.v1', ['n']);
    await plans.commit(batch({ puts: [keyed('a', 1n, { n: 1 }), keyed('b', 1n, { n: 1 })] }));
    await plans.commit(batch({ expected: 1n, next: 2n, deletes: ['a', 'missing'] }));
    assert.deepEqual(keysOf(await plans.query({ where: { n: 1 }, limit: 9 })), ['b']);
    await plans.commit(batch({ expected: 2n, next: 3n, puts: [keyed('a', 3n, { n: 1 })] }));
    assert.deepEqual(keysOf(await plans.query({ where: { n: 1 }, limit: 9 })), ['a', 'b']);
  });
  promise('a late put, from before a deletion or from before the checkpoint, brings nothing back', async (models) => {
    const plans = await models.open('plans.v1', ['n']);
    await plans.commit(batch({ next: 3n, puts: [keyed('a', 3n, { n: 1 })] }));
    await plans.commit(batch({ expected: 3n, next: 8n, deletes: ['a'] }));
    await plans.commit(batch({ expected: 8n, next: 9n, puts: [keyed('a', 5n, { n: 1 }), keyed('a', 8n, { n: 1 }), keyed('b', 8n, { n: 1 })] }));
    assert.deepEqual([await everything(plans), await plans.count()], [[], 0]);
    assert.equal((await plans.load(['a'])).get('a')?.document, undefined);
    await plans.commit(batch({ expected: 9n, next: 10n, puts: [keyed('a', 10n, { n: 2 })] }));
    assert.deepEqual([await everything(plans), await plans.count()], [[keyed('a', 10n, { n: 2 })], 1]);
    assert.deepEqual(keysOf(await plans.query({ where: { n: 2 }, limit: 9 })), ['a']);
  });
  promise('a deletion leaves what is above it', async (models) => {
    const plans = await models.open('plans.v1');
    await plans.put([keyed('above', 9n, {}), keyed('at', 4n, {}), keyed('below', 1n, {})]);
    await plans.commit(batch({ next: 4n, deletes: ['above', 'at', 'below'] }));
    assert.deepEqual(await everything(plans), [keyed('above', 9n, {})]);
  });
  promise('positions are compared as they are, up to the last that 63 bits hold', async (models) => {
    const plans = await models.open('plans.v1');
    const [near, last] = [9_007_199_254_740_993n, (1n << 63n) - 1n];
    await plans.commit(batch({ next: near, puts: [keyed('a', near, { n: 1 })] }));
    await plans.commit(batch({ expected: near, next: near + 1n, puts: [keyed('a', near + 1n, { n: 2 })] }));
    await plans.commit(batch({ expected: near + 1n, next: last, puts: [keyed('a', last, { n: 3 })] }));
    assert.deepEqual([await plans.checkpoint(), await everything(plans)], [last, [keyed('a', last, { n: 3 })]]);
  });
  promise('any name of a field and any text is kept as it is', async (models) => {
    const plans = await models.open('plans.v1', ['n']);
    const document: Document = JSON.parse('{"n":1,"a.b":{"$set":{"$p":["x",1]},"":0},"$where":"1","__proto__":{"x":1},"10":1,"2":2,"text":"\\u0000 \\ud800 \\"\\u2028","big":1e300,"small":-0.5,"list":[null,[],{}]}') as Document;
    await plans.commit(batch({ puts: [keyed('$a.b', 1n, document), keyed('', 1n, { n: 1 })] }));
    assert.equal(JSON.stringify((await plans.load(['$a.b'])).get('$a.b')?.document), JSON.stringify(document));
    assert.deepEqual(keysOf(await plans.query({ where: { n: 1 }, limit: 9 })), ['', '$a.b']);
  });
  promise('a big step is written whole', async (models) => {
    const plans = await models.open('plans.v1', ['n']);
    const filler = 'x'.repeat(4_000);
    await plans.commit(batch({ next: 2n, puts: range(3_000).map((n) => keyed(`k${n}`, 2n, { n: n % 3, filler })) }));
    assert.equal(await plans.count(), 3_000);
    assert.deepEqual(keysOf(await plans.query({ where: { n: 1 }, limit: 2, order: 'oldest' })), ['k1', 'k4']);
    await plans.commit(batch({ expected: 2n, next: 3n, puts: range(2_000).map((n) => keyed(`k${n}`, 3n, { n: 7 })), deletes: range(1_000).map((n) => `k${n + 2_000}`) }));
    assert.deepEqual([await plans.count(), keysOf(await plans.query({ where: { n: 7 }, limit: 2 }))], [2_000, ['k1999', 'k1998']]);
  });
  promise('put writes outside the order and leaves the checkpoint', async (models) => {
    const work = await models.open('work');
    await work.put([keyed('a', 9n, { attempts: 1 }), keyed('b', 0n, {})]);
    await work.put([keyed('a', 9n, { attempts: 2 })], ['b']);
    assert.deepEqual(await everything(work), [keyed('a', 9n, { attempts: 2 })]);
    assert.equal(await work.checkpoint(), 0n);
  });
  promise('writes take effect in the order of the calls, whoever waits for whom', async (models) => {
    const work = await models.open('work');
    const a = (position: bigint, n: number): Keyed => keyed('a', position, { n });
    const writes = [() => work.put([a(1n, 1)]), () => work.put([a(1n, 2), keyed('b', 1n, {})]), () => work.commit(batch({ next: 5n, puts: [a(5n, 3)] })), () => work.put([a(2n, 4)], ['b']), () => work.put([a(2n, 5)]), () => work.commit(batch({ expected: 5n, next: 6n, puts: [keyed('b', 6n, {})] }))];
    await Promise.all(writes.map((write) => write()));
    assert.deepEqual([await everything(work), await work.checkpoint()], [[a(2n, 5), keyed('b', 6n, {})], 6n]);
  });
  promise('a document that is no JSON leaves nothing of its commit, nor of others', async (models) => {
    const [plans, accounts] = await Promise.all([models.open('plans.v1'), models.open('accounts.v1')]);
    const outcomes = await Promise.allSettled([
      accounts.commit(batch({ puts: [keyed('x', 1n, {})] })),
      plans.commit(batch({ puts: [keyed('a', 1n, {}), keyed('b', 1n, { n: 1n })] })),
    ]);
    assert.deepEqual(outcomes.map((outcome) => outcome.status), ['fulfilled', 'rejected']);
    assert.deepEqual([await plans.checkpoint(), await plans.count(), await accounts.count()], [0n, 0, 1]);
  });
};

const querying = (promise: Promised, beyond: readonly string[]): void => {
  const fill = async (models: ReadModels): Promise<Collection> => {
    const accounts = await models.open('accounts.v1', ['status', 'owner', 'paid', 'level', 'tags']);
    const documents: Document[] = [
      { status: 'open', owner: 'per_1', paid: true, level: 1, tags: ['x', 'y', 'x'] },
      { status: 'open', owner: 'per_2', paid: false, level: 2, tags: ['y'] },
      { status: 'closed', owner: 'per_1', paid: true, level: 10, tags: [] },
      { status: 'open', owner: 'per_1', paid: true, level: '1', tags: 'x' },
      { status: null, owner: { per: 1 } },
    ];
    await accounts.commit(batch({ puts: documents.map((document, n) => keyed(`k${9 - n}`, 1n, document)) }));
    return accounts;
  };
  promise('a query finds by equality, in arrays by any element, all conditions together', async (models) => {
    const accounts = await fill(models);
    const find = async (where: NonNullable<Query['where']>): Promise<string[]> => keysOf(await accounts.query({ where, limit: 10 }));
    assert.deepEqual(await find({}), ['k5', 'k6', 'k7', 'k8', 'k9']);
    assert.deepEqual(await find({ status: 'open' }), ['k6', 'k8', 'k9']);
    assert.deepEqual(await find({ paid: false }), ['k8']);
    assert.deepEqual(await find({ level: 1 }), ['k9']);
    assert.deepEqual(await find({ level: '1' }), ['k6']);
    assert.deepEqual(await find({ tags: 'x' }), ['k6', 'k9']);
    assert.deepEqual(await find({ tags: 'y', owner: 'per_1', status: 'open' }), ['k9']);
    assert.deepEqual(await find({ status: 'null' }), []);
    await assert.rejects(find({ name: 'x' }), /no index on name/);
  });
  promise('a tally counts the documents of each value of an indexed field, as they are now', async (models) => {
    const accounts = await fill(models);
    assert.deepEqual(new Map([...(await accounts.tally('status'))].sort()), new Map([['closed', 1], ['open', 3]]));
    assert.deepEqual(await accounts.tally('paid'), new Map<boolean, number>([[false, 1], [true, 3]]));
    assert.deepEqual(new Map([...(await accounts.tally('tags'))].sort()), new Map([['x', 2], ['y', 2]]));
    assert.deepEqual((await accounts.tally('level')).get(10), 1);
    await accounts.commit(batch({ expected: 1n, next: 2n, puts: [keyed('k9', 2n, { status: 'closed' })], deletes: ['k8'] }));
    assert.deepEqual(new Map([...(await accounts.tally('status'))].sort()), new Map([['closed', 2], ['open', 1]]));
    await assert.rejects(accounts.tally('name'), /no index on name/);
  });
  promise('pages follow the order of first writing, either way, and join without gap or repeat', async (models) => {
    const plans = await models.open('plans.v1', ['even']);
    await plans.commit(batch({ puts: range(23).map((n) => keyed(`k${(n * 7) % 23}`, 1n, { even: n % 2 === 0 })) }));
    await plans.commit(batch({ expected: 1n, next: 2n, puts: [keyed('k0', 2n, { even: true })] }));
    const written = range(23).map((n) => `k${(n * 7) % 23}`);
    const walk = async (query: Omit<Query, 'cursor'>): Promise<string[]> => {
      const found: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await plans.query({ ...query, ...(cursor !== undefined && { cursor }) });
        assert.ok(page.items.length <= query.limit);
        found.push(...keysOf(page));
        if (page.next === undefined) return found;
        cursor = page.next;
      }
    };
    for (const limit of [1, 5, 23, 100]) {
      assert.deepEqual(await walk({ limit, order: 'oldest' }), written);
      assert.deepEqual(await walk({ limit }), written.toReversed());
      assert.deepEqual(await walk({ limit, order: 'oldest', where: { even: true } }), written.filter((_, n) => n % 2 === 0));
    }
  });
  promise('a cursor that no page gave is refused', async (models) => {
    const plans = await models.open('plans.v1');
    for (const cursor of ['', 'x', '1;DROP TABLE', '-1', '9'.repeat(40)]) await assert.rejects(plans.query({ limit: 1, cursor }), InvalidCursor);
  });
  promise('all gives every document by key, in pages', async (models) => {
    const plans = await models.open('plans.v1');
    const keys = [...range(1_100).map((n) => `k${n}`), ...beyond];
    await plans.commit(batch({ puts: keys.map((key) => keyed(key, 1n, { key })) }));
    const found = keysOf(await everything(plans));
    assert.deepEqual(found, keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });
};

const collecting = (promise: Promised): void => {
  promise('collections are listed, opened again as they were, and dropped', async (models) => {
    const plans = await models.open('plans.v1', ['n']);
    await models.open('accounts.v1');
    await plans.commit(batch({ next: 4n, puts: [keyed('a', 4n, { n: 1 })] }));
    assert.deepEqual(await models.names(), ['accounts.v1', 'plans.v1']);
    const again = await models.open('plans.v1');
    assert.equal(await again.checkpoint(), 4n);
    assert.deepEqual(keysOf(await again.query({ where: { n: 1 }, limit: 1 })), ['a']);
    await models.drop('plans.v1');
    await models.drop('never-there');
    assert.deepEqual(await models.names(), ['accounts.v1']);
    const fresh = await models.open('plans.v1', ['n']);
    assert.deepEqual([await fresh.checkpoint(), await fresh.count(), (await fresh.query({ where: { n: 1 }, limit: 1 })).items], [0n, 0, []]);
  });
  promise('a field indexed later is found in older documents, through every handle', async (models) => {
    const first = await models.open('plans.v1', ['a']);
    await first.commit(batch({ puts: range(600).map((n) => keyed(`k${n}`, 1n, { a: n, b: n % 300 })) }));
    const second = await models.open('plans.v1', ['b']);
    assert.deepEqual(keysOf(await second.query({ where: { b: 7 }, limit: 9 })), ['k307', 'k7']);
    assert.deepEqual(keysOf(await second.query({ where: { a: 7, b: 7 }, limit: 9 })), ['k7']);
    await first.put([keyed('late', 2n, { a: 1, b: 7 })]);
    assert.deepEqual(keysOf(await second.query({ where: { b: 7 }, limit: 9 })), ['late', 'k307', 'k7']);
  });
  promise('which collection serves a model is switched in one step', async (models) => {
    assert.equal(await models.serving('plans'), undefined);
    await models.open('plans.v1');
    await models.open('plans.v2');
    await models.serve('plans', 'plans.v1');
    await models.serve('plans', 'plans.v2');
    assert.equal(await models.serving('plans'), 'plans.v2');
    await assert.rejects(models.serve('plans', 'plans.v3'), /no collection plans.v3/);
    assert.equal(await models.serving('plans'), 'plans.v2');
  });
};

const agreeing = (promise: Promised): void => {
  promise('after any writes it holds what a plain map would', async (models) => {
    let serial = 0;
    const write = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), position: fc.bigInt(1n, 30n), kind: fc.constantFrom('put', 'free', 'delete'), color: fc.constantFrom('red', 'blue'), tags: fc.subarray(['x', 'y', 'z']) });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 30 }), async (writes) => {
        const collection = await models.open(`random.v${(serial += 1)}`, ['color', 'tags']);
        const model = new Map<string, Keyed>();
        for (const [n, { key, position, kind, color, tags }] of writes.entries()) {
          const [entry, at, next] = [keyed(key, position, { color, tags, n }), BigInt(n), BigInt(n + 1)];
          if (kind === 'free') await collection.put([entry]);
          else await collection.commit({ expected: at, next, puts: kind === 'put' ? [entry] : [], deletes: kind === 'delete' ? [key] : [] });
          if (kind === 'free') await collection.commit({ expected: at, next, puts: [], deletes: [] });
          const before = model.get(key)?.position ?? 0n;
          if (kind === 'delete' && before <= next) model.delete(key);
          else if (kind === 'free' || (kind === 'put' && position > before && position > at)) model.set(key, entry);
        }
        assert.deepEqual(await everything(collection), [...model.values()].sort((a, b) => (a.key < b.key ? -1 : 1)));
        // A map keeps the order of first writing too.
        for (const color of ['red', 'blue']) {
          for (const tag of ['x', 'y', 'z']) {
            const expected = [...model.values()].filter(({ document }) => document['color'] === color && (document['tags'] as string[]).includes(tag));
            assert.deepEqual((await collection.query({ where: { color, tags: tag }, limit: 9, order: 'oldest' })).items, expected);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
};
