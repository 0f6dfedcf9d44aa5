/** One MongoDB for read models, keyring, counters and leases: how it is reached, what it must offer, and what its failures mean. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientSession, Db, MongoClientOptions } from 'mongodb';
import { MongoBulkWriteError, MongoClient, MongoClientClosedError, ObjectId, MongoCompatibilityError, MongoDriverError, MongoError, MongoNetworkError, MongoNetworkTimeoutError, MongoNotConnectedError, MongoServerSelectionError, MongoTopologyClosedError, MongoWriteConcernError } from 'mongodb';
import { Unavailable } from '../../domain/ports/failures.ts';
import { shown } from './address.ts';

export { MongoBulkWriteError, MongoServerError } from 'mongodb';
export type { AnyBulkWriteOperation, ClientSession, Collection as Stored, Db, Filter } from 'mongodb';

/** A MongoDB that cannot be used; the message is one line for people, without a password. */
export class MongoUnusable extends Error {
  override readonly name = 'MongoUnusable';
}

export interface MongoOptions {
  /** `mongodb://[user[:password]@]host[:port][,host...][/database][?options]`. Timeouts given there win over ours. */
  readonly url: string;
  /** Instead of one in the address. */
  readonly password?: string;
  /** Refuses a standalone server. */
  readonly needsReplicaSet?: boolean;
}

/** Wire version of MongoDB 6.0. */
const wireMin = 17;
const wireMinWords = '6.0';
const databaseDefault = 'tollgate';
/** Longer than a planned change of the primary takes; a crash of it takes some seconds more, and is answered with `Unavailable`. */
const selectionMs = 5_000;
const timeoutsMs = { serverSelectionTimeoutMS: selectionMs, connectTimeoutMS: 5_000, socketTimeoutMS: 10_000, heartbeatFrequencyMS: 2_000 };
const writeTimeoutMs = 8_000;
const poolMax = 24;
const triesMax = 4;
const restMs = 50;
const pingMs = 2_000;
const deedMaxMs = 30_000;

/** Codes that say "not now": no primary, shutting down, interrupted, timed out, in conflict with another transaction. */
const passing = new Set([6, 7, 50, 64, 89, 91, 112, 133, 134, 189, 246, 251, 262, 358, 9_001, 10_107, 11_600, 11_602, 13_388, 13_435, 13_436]);
const passingLabels = ['RetryableWriteError', 'RetryableError', 'TransientTransactionError', 'UnknownTransactionCommitResult'];
/** A connection's own failures, which the driver does not always put into words of its own. */
const broken = new Set(['EPIPE', 'ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_PREMATURE_CLOSE']);
const duplicateKey = 11_000;

export const isDuplicate = (error: unknown): boolean => error instanceof MongoError && error.code === duplicateKey;
/** A deed that neither succeeded nor failed in time. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}
/** The driver's own timeouts come first; they do not see a write to a connection that was just ended. */
const within = <T>(maxMs: number, work: Promise<T>): Promise<T> => new Promise((resolve, reject) => {
  const timer = setTimeout(() => reject(new NoAnswer(`no answer within ${maxMs / 1_000} s`)), maxMs).unref();
  work.then(resolve, reject).finally(() => clearTimeout(timer));
});
/** A bulk write reports a broken connection as an error of its own, the true one inside. */
const inner = (error: unknown): unknown => (error instanceof MongoBulkWriteError && (error as { errorResponse?: unknown }).errorResponse instanceof MongoError ? (error as { errorResponse?: unknown }).errorResponse : error);
/** Waited long enough already: trying again at once would only wait again. */
const waited = (error: unknown): boolean => error instanceof MongoServerSelectionError || error instanceof MongoNetworkTimeoutError || error instanceof NoAnswer;
/** Nobody is connected: no server was found, or a new connection is being made. */
const lost = (error: unknown): boolean => error instanceof MongoServerSelectionError || error instanceof MongoTopologyClosedError || error instanceof MongoNotConnectedError || error instanceof MongoClientClosedError || error instanceof NoAnswer;
/** Every connection is in use; a class of the driver's that is known by name only. */
const queued = (error: unknown): boolean => (error as { name?: unknown } | undefined)?.name === 'MongoWaitQueueTimeoutError';
const isPassing = (error: unknown): boolean =>
  error instanceof MongoNetworkError || error instanceof MongoWriteConcernError || lost(error) || queued(error)
  || broken.has(String((error as { code?: unknown } | undefined)?.code))
  || (error instanceof MongoError && (passing.has(Number(error.code)) || passingLabels.some((label) => error.hasErrorLabel(label))));

const optionsOf = ({ url, password }: MongoOptions): MongoClientOptions => {
  const given = Object.keys(timeoutsMs).filter((name) => new RegExp(`[?&]${name}=`, 'i').test(url));
  const user = /^[a-z+]+:\/\/([^/@:]+)(:[^/@]*)?@/i.exec(url)?.[1];
  return {
    appName: 'tollgate', useBigInt64: true, maxPoolSize: poolMax, retryWrites: true, retryReads: true, readPreference: 'primary',
    readConcern: { level: 'majority' }, writeConcern: { w: 'majority', wtimeoutMS: writeTimeoutMs },
    ...Object.fromEntries(Object.entries(timeoutsMs).filter(([name]) => !given.includes(name))),
    ...(password === undefined ? {} : { auth: { username: decodeURIComponent(user ?? ''), password } }),
  };
};

/** Why it cannot be used, in words; never the driver's own text where that may repeat the address. */
const reasonOf = (error: unknown, url: string): string => {
  const { name, code, message } = error as { name: string; code?: unknown; message: string };
  if (error instanceof MongoCompatibilityError || /wire version/.test(message)) return `is too old: Tollgate needs MongoDB ${wireMinWords} or newer`;
  if (code === 18 || /auth/i.test(message)) return 'does not accept the user or the password; check the address and the password file';
  if (isPassing(error)) return `does not answer (${(error as Error).message.replaceAll(url, '')}); check that it runs and can be reached`;
  return `cannot be used (${name}); check the address`;
};

/** What a server says of itself. */
interface Hello {
  readonly maxWireVersion: number;
  readonly setName?: string;
  readonly msg?: string;
  readonly logicalSessionTimeoutMinutes?: number | null;
  readonly localTime: Date;
}

export class Mongo {
  /** Read models, counters, leases. */
  readonly database: Db;
  /** Keys of personal data: a database of its own, to be backed up by itself. */
  readonly keyring: Db;
  /** Whether several documents can be written in one step. */
  readonly transactions: boolean;
  /** The server's clock when it was connected: only to sweep by. */
  readonly connectedAt: Date;
  readonly #client: MongoClient;
  #closed = false;
  #connecting: Promise<void> | undefined;
  /** How often it was connected anew. */
  #connection = 0;

  private constructor(client: MongoClient, name: string, hello: Hello) {
    this.#client = client;
    this.database = client.db(name);
    this.keyring = client.db(`${name}_keyring`, { writeConcern: { w: 'majority', journal: true, wtimeoutMS: writeTimeoutMs } });
    this.transactions = hello.setName !== undefined && typeof hello.logicalSessionTimeoutMinutes === 'number';
    this.connectedAt = hello.localTime;
  }

  /** Throws `MongoUnusable`. */
  static async connect(options: MongoOptions): Promise<Mongo> {
    const { url } = options;
    const where = `MongoDB at ${shown(url)}`;
    let client: MongoClient | undefined;
    try {
      client = new MongoClient(url, optionsOf(options));
      await client.connect();
      const hello = (await client.db('admin').command({ hello: 1 })) as unknown as Hello;
      if (hello.maxWireVersion < wireMin) throw new MongoUnusable(`${where} is too old: Tollgate needs MongoDB ${wireMinWords} or newer`);
      if (hello.msg === 'isdbgrid') throw new MongoUnusable(`${where} is a sharded cluster; name a replica set, nothing here is sharded`);
      if (options.needsReplicaSet === true && hello.setName === undefined) throw new MongoUnusable(`${where} is a standalone server, which cannot be backed up at one moment while it runs; make it a replica set (one member is enough)`);
      return new Mongo(client, /^[a-z+]+:\/\/[^/]+\/([^?]+)/i.exec(url)?.[1] ?? databaseDefault, hello);
    } catch (error) {
      await client?.close().catch(() => undefined);
      throw error instanceof MongoUnusable ? error : new MongoUnusable(`${where} ${reasonOf(error, url)}`);
    }
  }

  /** Runs a deed that may be repeated: again where a failure passes soon, `Unavailable` where it does not. Deeds that may take long say so. */
  async attempt<T>(deed: () => Promise<T>, maxMs = deedMaxMs): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const connection = this.#connection;
      try {
        return await within(maxMs, deed());
      } catch (thrown) {
        const error = inner(thrown);
        // Another deed closed the client under this one: what the driver says then of sessions, pools and servers means only that.
        const overtaken = error instanceof MongoDriverError && (this.#connecting !== undefined || this.#connection !== connection);
        if (!overtaken && !isPassing(error)) throw thrown;
        const again = lost(error) ? this.#connectAgain() : this.#connecting;
        if (tries >= triesMax || this.#closed || waited(error)) throw new Unavailable(`MongoDB does not answer: ${(error as Error).message}`);
        await Promise.all([sleep(restMs * 2 ** tries), again]);
      }
    }
  }
  /** All of a deed's writes or none; repeated like any other deed. */
  transaction<T>(deed: (session: ClientSession) => Promise<T>): Promise<T> {
    return this.attempt(async () => {
      const session = this.#client.startSession();
      try {
        session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', wtimeoutMS: writeTimeoutMs }, readPreference: 'primary' });
        const result = await deed(session);
        await session.commitTransaction();
        return result;
      } catch (error) {
        if (session.inTransaction()) await session.abortTransaction().catch(() => undefined);
        throw error;
      } finally {
        await session.endSession();
      }
    });
  }
  /**
   * From nothing, while nobody finds a server. The driver looks for one by itself; but where a server ends a connection in the very
   * moment of a heartbeat, its monitor waits for ever (mongodb 7.9: a write after the other side's FIN neither fails nor drains).
   */
  #connectAgain(): Promise<void> {
    this.#connecting ??= (async () => {
      if (this.#closed) return;
      await this.#client.close().catch(() => undefined);
      if (!this.#closed) await this.#client.connect().catch(() => undefined);
    })().finally(() => {
      this.#connecting = undefined;
      this.#connection += 1;
    });
    return this.#connecting;
  }
  /** An id that nobody has given out before. */
  newId(): string {
    return new ObjectId().toHexString();
  }
  /** Whether it answers now, or soon enough. */
  async answers(): Promise<boolean> {
    const answered = this.#client.db('admin').command({ ping: 1 }).then(() => true, (error: unknown) => {
      if (lost(error)) void this.#connectAgain();
      return false;
    });
    return Promise.race([answered, sleep(pingMs, false, { ref: false })]);
  }
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#connecting;
    await this.#client.close();
  }
}
