/** MongoDB in tests: a database of its own for each that asks, on the server that `TOLLGATE_TEST_MONGODB` names. */
import { after, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { Mongo } from '../../src/adapters/mongodb/connect.ts';

export const mongoServer = process.env['TOLLGATE_TEST_MONGODB'];
/** Whether that is the stand-in of `scripts/engines/mongo.mjs`, and not a real `mongod`: it compares text as Java does. */
export const standIn = process.env['TOLLGATE_TEST_MONGODB_STANDIN'] === '1';
/** The server's address with this database. */
export const mongoUrl = (server: string, database: string): string => server.replace(/^([a-z+]+:\/\/[^/?]+)(?:\/[^?]*)?/i, `$1/${database}`);

/** Runs `list` where there is a server; else says loudly that it did not. */
export const withMongo = (list: (server: string) => void): void => {
  if (mongoServer !== undefined) return list(mongoServer);
  test('mongodb: NOT RUN, TOLLGATE_TEST_MONGODB names no server (`npm run test:engines` brings one)', { skip: true }, () => undefined);
};

let databases = 0;
const made: Mongo[] = [];
/** Connected to a fresh database; all are dropped when the file is done. */
export const freshMongo = async (server: string, name = `t_${process.pid}_${(databases += 1)}_x`): Promise<Mongo> => {
  const mongo = await Mongo.connect({ url: mongoUrl(server, name) });
  made.push(mongo);
  return mongo;
};
after(async () => {
  for (const mongo of made) await mongo.close();
  for (const name of new Set(made.map(({ database }) => database.databaseName))) await dropDatabases(mongoUrl(mongoServer as string, name));
});
/** The longer name first: mongo-java-server takes every database away whose name begins like the one that is dropped. */
export const dropDatabases = async (url: string): Promise<void> => {
  const client = await MongoClient.connect(url);
  try {
    await client.db(`${client.db().databaseName}_keyring`).dropDatabase();
    await client.db().dropDatabase();
  } finally {
    await client.close();
  }
};
/** The keyring of one database as another's: what a restore does. */
export const copyKeys = async (from: string, to: string): Promise<void> => {
  const client = await MongoClient.connect(from);
  try {
    const target = /^[a-z+]+:\/\/[^/]+\/([^?]+)/.exec(to)?.[1] ?? '';
    for (const name of ['claim', 'owners']) {
      const documents = await client.db(`${client.db().databaseName}_keyring`).collection(name).find().toArray();
      if (documents.length > 0) await client.db(`${target}_keyring`).collection(name).insertMany(documents);
    }
  } finally {
    await client.close();
  }
};
