/** Read models on MongoDB against a raw loop of bulk writes on the same server: the stand-in, single and as a replica set, or the one that TOLLGATE_TEST_MONGODB names. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MongoClient, type Document as Bson } from 'mongodb';
import { Mongo } from '../src/adapters/mongodb/connect.ts';
import { MongoReadModels } from '../src/adapters/read-models/mongodb.ts';
import type { Document, Keyed } from '../src/domain/ports/read-models.ts';
import { inTurns, progress, rowOf, type Row } from './measure.ts';
import { built } from './processes.ts';

type Engine = { missing(): string | undefined; start(options: { folder: string; replicaSet?: string }): Promise<{ url: string; child: { kill(signal: string): void } }> };
const goal = 0.6;
const rounds = 5;
const steps = 12;
const [big, small] = [500, 1];
const database = 'bench_x';
const documentOf = (n: number): Document => ({ id: `acc_${n}`, status: n % 3 === 0 ? 'open' : 'closed', owner: `per_${n % 50}`, since: '2026-11-21T12:00:00.000Z', plan: { name: 'developer', price: { amount: 3500, currency: 'USD' } }, note: 'x'.repeat(220) });

const secondsOf = async (work: () => Promise<void>): Promise<number> => {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / 1e9;
};

/** Each step writes `size` documents, half of them new, and moves the checkpoint. */
const rowsOn = async (url: string, what: string): Promise<Row[]> => {
  const mongo = await Mongo.connect({ url });
  const client = await MongoClient.connect(url, { useBigInt64: true, writeConcern: { w: 'majority' }, readConcern: { level: 'majority' } });
  let runs = 0;
  const keyOf = (step: number, n: number, size: number): string => `k${step * (size / 2 || 0) + n}`;
  const ours = async (size: number, count: number): Promise<number> => {
    const models = await MongoReadModels.open(mongo);
    const name = `bench.v${(runs += 1)}`;
    const collection = await models.open(name, ['status', 'owner']);
    const seconds = await secondsOf(async () => {
      for (let step = 0; step < count; step += 1) {
        const next = BigInt(step + 1);
        const puts = Array.from({ length: size }, (_, n): Keyed => ({ key: keyOf(step, n, size), position: next, document: documentOf(step + n) }));
        await collection.commit({ expected: BigInt(step), next, puts, deletes: [] });
      }
    });
    await models.drop(name);
    return (size * count) / seconds;
  };
  const raw = async (size: number, count: number): Promise<number> => {
    const db = client.db(`${database}_raw`);
    const rows = db.collection<Bson & { _id: string }>(`raw${(runs += 1)}`);
    await rows.createIndexes([{ key: { status: 1 } }, { key: { owner: 1 } }]);
    const checkpoints = db.collection<{ _id: string; at: bigint }>('checkpoints');
    const seconds = await secondsOf(async () => {
      for (let step = 0; step < count; step += 1) {
        await rows.bulkWrite(Array.from({ length: size }, (_, n) => ({ updateOne: { filter: { _id: keyOf(step, n, size) }, update: { $set: { ...documentOf(step + n) } }, upsert: true } })));
        await checkpoints.updateOne({ _id: rows.collectionName }, { $set: { at: BigInt(step + 1) } }, { upsert: true });
      }
    });
    await rows.drop();
    return (size * count) / seconds;
  };
  try {
    const rows: Row[] = [];
    for (const [size, count] of [[big, steps], [small, steps * 20]] as const) {
      for (const warm of [raw, ours]) await warm(size, count);
      const sent = `steps of ${size} document${size === 1 ? '' : 's'} of about 400 bytes and a checkpoint, against bulkWrite and updateOne of the mongodb package`;
      rows.push(rowOf({ name: `${what}: read models, ${size} a step`, goal, better: 'higher', unit: 'documents/s', sent }, await inTurns({ ours: () => ours(size, count), floor: () => raw(size, count), rounds })));
    }
    return rows;
  } finally {
    await mongo.close();
    await client.close();
  }
};

export const mongoDbRows = async (): Promise<Row[]> => {
  const given = process.env['TOLLGATE_TEST_MONGODB'];
  if (given !== undefined) return rowsOn(given.replace(/^([a-z+]+:\/\/[^/?]+)(?:\/[^?]*)?/i, `$1/${database}`), 'mongodb');
  const engine = (await import(pathToFileURL(built('../scripts/engines/mongo.mjs')).href)) as Engine;
  const why = engine.missing();
  if (why !== undefined) {
    progress(`mongodb: NOT MEASURED: ${why}`);
    return [];
  }
  const rows: Row[] = [];
  for (const replicaSet of [undefined, 'rs']) {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-bench-mongo-'));
    const server = await engine.start({ folder, ...(replicaSet === undefined ? {} : { replicaSet }) });
    try {
      rows.push(...(await rowsOn(server.url.replace(/(:\d+)\/?/, `$1/${database}`), replicaSet === undefined ? 'mongodb (stand-in)' : 'mongodb (stand-in, replica set)')));
    } finally {
      server.child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  }
  return rows;
};
