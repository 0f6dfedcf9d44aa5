import type { Instant } from '../../domain/instant.ts';
import { plus } from '../../domain/instant.ts';
import type { Lease, Leases } from '../../domain/ports/leases.ts';
import { isDuplicate, type Mongo, type Stored } from '../mongodb/connect.ts';

/** A released lease stays, without a holder, so that its fencing number goes on growing. */
interface Row {
  readonly _id: string;
  readonly holder: string | null;
  readonly fencing: number;
  readonly until: Instant;
}

/** Leases in MongoDB, acknowledged by a majority: a fencing number is never given out twice. */
export class MongoLeases implements Leases {
  readonly #mongo: Mongo;
  readonly #leases: Stored<Row>;

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
    this.#leases = mongo.database.collection<Row>('leases');
  }
  /** Renewed, taken over, or made: each in one step, and each found done by a repeat. */
  async acquire(name: string, holder: string, ttlMs: number, now: Instant): Promise<Lease | undefined> {
    const until = plus(now, ttlMs);
    const found = await this.#mongo.attempt(async () => {
      const renewed = await this.#leases.findOneAndUpdate({ _id: name, holder }, { $set: { until } }, { returnDocument: 'after' });
      if (renewed !== null) return renewed;
      const taken = await this.#leases.findOneAndUpdate({ _id: name, $or: [{ holder: null }, { until: { $lte: now } }] }, { $set: { holder, until }, $inc: { fencing: 1 } }, { returnDocument: 'after' });
      return taken ?? this.#make({ _id: name, holder, fencing: 1, until });
    });
    return found && { name, holder, fencing: Number(found.fencing), until };
  }
  async release(name: string, holder: string): Promise<void> {
    await this.#mongo.attempt(() => this.#leases.updateOne({ _id: name, holder }, { $set: { holder: null } }));
  }
  async close(): Promise<void> {}

  /** Undefined where there is one already: another holds it. */
  async #make(row: Row): Promise<Row | undefined> {
    try {
      await this.#leases.insertOne(row);
      return row;
    } catch (error) {
      if (isDuplicate(error)) return undefined;
      throw error;
    }
  }
}
