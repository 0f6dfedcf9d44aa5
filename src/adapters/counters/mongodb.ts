import type { Instant } from '../../domain/instant.ts';
import { toEpochMs } from '../../domain/instant.ts';
import type { CounterAnswer, RateCounters } from '../../domain/ports/counters.ts';
import { Unavailable } from '../../domain/ports/failures.ts';
import { isDuplicate, type Mongo, type Stored } from '../mongodb/connect.ts';
import { countHit } from './sliding-window.ts';

interface Hits {
  readonly _id: string;
  /** Grows with every change: what was decided on an older one is decided again. */
  readonly version: number;
  readonly hits: readonly number[];
}
const triesMax = 100;

/** Rate counters in MongoDB, a document a key, changed by compare-and-set. A hit whose answer was lost may count twice. */
export class MongoCounters implements RateCounters {
  readonly #mongo: Mongo;
  readonly #counters: Stored<Hits>;
  /** Hits of one key in this process go one after the other: they would only get into each other's way. */
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
    this.#counters = mongo.database.collection<Hits>('counters');
  }
  hit(key: string, limit: number, windowMs: number, now: Instant): Promise<CounterAnswer> {
    return this.#inTurn(key, () => this.#hit(key, limit, windowMs, now));
  }
  release(key: string, at: Instant): Promise<void> {
    return this.#inTurn(key, () => this.#release(key, toEpochMs(at)));
  }
  /** Hits first; then the documents that are left empty, unless somebody has counted in one meanwhile. */
  async prune(before: Instant): Promise<void> {
    const beforeMs = toEpochMs(before);
    await this.#mongo.attempt(() => this.#counters.updateMany({ hits: { $lt: beforeMs } }, { $pull: { hits: { $lt: beforeMs } }, $inc: { version: 1 } } as never));
    await this.#mongo.attempt(() => this.#counters.deleteMany({ hits: { $size: 0 } }));
  }
  async close(): Promise<void> {
    await Promise.all(this.#queues.values());
  }

  #inTurn<Answer>(key: string, deed: () => Promise<Answer>): Promise<Answer> {
    const answer = (this.#queues.get(key) ?? Promise.resolve()).then(() => this.#mongo.attempt(deed));
    const after = answer.then(() => undefined, () => undefined).then(() => void (this.#queues.get(key) === after && this.#queues.delete(key)));
    this.#queues.set(key, after);
    return answer;
  }
  async #release(key: string, atMs: number): Promise<void> {
    for (let tries = 0; tries < triesMax; tries += 1) {
      const stored = await this.#counters.findOne({ _id: key });
      const place = stored?.hits.indexOf(atMs) ?? -1;
      if (stored === null || place < 0 || (await this.#replace(key, stored, stored.hits.toSpliced(place, 1)))) return;
    }
    throw new Unavailable(`too many count ${key} at once`);
  }
  async #hit(key: string, limit: number, windowMs: number, now: Instant): Promise<CounterAnswer> {
    for (let tries = 0; tries < triesMax; tries += 1) {
      const stored = await this.#counters.findOne({ _id: key });
      const { answer, hits } = countHit(stored?.hits ?? [], limit, windowMs, now);
      if (!answer.allowed || (await this.#replace(key, stored, hits))) return answer;
    }
    throw new Unavailable(`too many count ${key} at once`);
  }
  async #replace(key: string, before: Hits | null, hits: readonly number[]): Promise<boolean> {
    if (before !== null) return (await this.#counters.updateOne({ _id: key, version: before.version }, { $set: { hits, version: before.version + 1 } })).matchedCount === 1;
    try {
      await this.#counters.insertOne({ _id: key, version: 1, hits });
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }
}
