/** Read models, keys, counters and leases in MongoDB: opened together, over one connection. */
import { readFileSync } from 'node:fs';
import type { Adapters } from './adapters.ts';
import { MongoCounters } from './adapters/counters/mongodb.ts';
import { MongoKeyring } from './adapters/keyring/mongodb.ts';
import { MongoLeases } from './adapters/lease/mongodb.ts';
import { shown } from './adapters/mongodb/address.ts';
import { isDuplicate, Mongo, MongoUnusable, type Db } from './adapters/mongodb/connect.ts';
import { MongoReadModels } from './adapters/read-models/mongodb.ts';
import type { Secrets } from './adapters/system/secrets.ts';
import { StartRefused, type Config } from './config.ts';
import type { LogId } from './domain/ids.ts';
import type { Random } from './domain/ports/random.ts';

/** What is kept beside the log, wherever that is. */
export type Kept = Pick<Adapters, 'readModels' | 'keyring' | 'counters' | 'leases' | 'claim' | 'silent' | 'close'>;
type Claim = { readonly _id: 'log'; readonly logId: LogId };

/** The log that a database belongs to; it becomes the first one's that asks. */
const claimed = async (database: Db, logId: LogId): Promise<LogId> => {
  const claims = database.collection<Claim>('claim');
  const before = await claims.findOne({ _id: 'log' });
  if (before !== null) return before.logId;
  try {
    await claims.insertOne({ _id: 'log', logId });
    return logId;
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    return claimed(database, logId);
  }
};

const passwordIn = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new StartRefused(`the password file ${file} cannot be read; check --readmodels-password-file`);
  }
};

const connected = async ({ readModels: url, readModelsPasswordFile: file, mode = 'mock' }: Pick<Config, 'readModels'> & Partial<Pick<Config, 'readModelsPasswordFile' | 'mode'>>): Promise<Mongo> => {
  try {
    return await Mongo.connect({ url, needsReplicaSet: mode !== 'mock', ...(file === undefined || file === '' ? {} : { password: passwordIn(file) }) });
  } catch (error) {
    if (error instanceof MongoUnusable) throw new StartRefused(error.message);
    throw error;
  }
};

export const openInMongo = async (config: Parameters<typeof connected>[0], secrets: Secrets, random: Random): Promise<Kept> => {
  const mongo = await connected(config);
  try {
    const readModels = await MongoReadModels.open(mongo);
    const keyring = await MongoKeyring.open(mongo, { masterKey: secrets.keyring, hmacKey: secrets.lookup, random });
    const [counters, leases] = [new MongoCounters(mongo), new MongoLeases(mongo)];
    return {
      readModels, keyring, counters, leases,
      claim: async ({ logId, head }) => {
        const where = `${shown(config.readModels)}, database`;
        const keys = await mongo.attempt(() => mongo.keyring.collection<Claim>('claim').findOne({ _id: 'log' }));
        // Before anything is claimed: a log that has begun has its keys somewhere, and they are not here.
        if (keys === null && head > 0n) throw new StartRefused(`the keys of this log are not in ${where} '${mongo.keyring.databaseName}'; put them back from a backup, or start it with --readmodels as it was founded`);
        for (const database of [mongo.keyring, mongo.database]) {
          const by = await mongo.attempt(() => claimed(database, logId));
          if (by !== logId) throw new StartRefused(`${where} '${database.databaseName}' belongs to another log (${by}, not ${logId}); name another database in --readmodels`);
        }
      },
      silent: async () => ((await mongo.answers()) ? [] : ['MongoDB']),
      close: async () => {
        for (const part of [leases, counters, readModels, keyring, mongo]) await part.close();
      },
    };
  } catch (error) {
    await mongo.close();
    throw error;
  }
};
