import type { Collection, ReadModels } from '../../domain/ports/read-models.ts';
import { isDuplicate, MongoServerError, type Mongo, type Stored } from '../mongodb/connect.ts';
import { MongoCollection, type Meta, type Row, type Shared } from './mongodb-collection.ts';

/** Documents of one collection lie in `models.<name>.<made>`: made anew after a drop, never found again by name alone. */
const prefix = 'models.';
/** How long a deletion is remembered where it is not one step with the checkpoint: longer than any late writer is late. */
const tombstoneSeconds = 24 * 60 * 60;
const indexable = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** A namespace that is not there, or a collection dropped while its index was made. */
const namespaceMissing = 26;
/** Of a collection that is full already. */
const indexMaxMs = 10 * 60_000;
/** An index of this name is there, and is another. */
const indexDiffers = new Set([85, 86]);

interface Index {
  readonly name: string;
  readonly key: Readonly<Record<string, number>>;
  readonly expireAfterSeconds?: number;
}
const inOrder: Index = { name: 'in_order', key: { n: 1 } };
const swept: Index = { name: 'swept', key: { goneAt: 1 }, expireAfterSeconds: tombstoneSeconds };
const byField = (field: string): Index => ({ name: `by_${field}`, key: { [`v.${field}`]: 1, n: 1 } });

/**
 * Read models in MongoDB. Where it is a replica set, documents and checkpoint are one transaction; elsewhere documents come
 * first and each ignores what it has seen. Closing it leaves the connection open: it is shared.
 */
export class MongoReadModels implements ReadModels {
  readonly #mongo: Mongo;
  readonly #metas: Stored<Meta>;
  readonly #serving: Stored<{ _id: string; collection: string }>;
  readonly #shared = new Map<string, Shared>();

  /** Opens, and takes away what drops that were cut off have left. */
  static async open(mongo: Mongo): Promise<MongoReadModels> {
    const models = new MongoReadModels(mongo);
    await mongo.attempt(() => models.#sweep());
    return models;
  }
  private constructor(mongo: Mongo) {
    this.#mongo = mongo;
    this.#metas = mongo.database.collection<Meta>('collections');
    this.#serving = mongo.database.collection('serving');
  }

  async open(name: string, indexes: readonly string[] = []): Promise<Collection> {
    const odd = indexes.find((field) => !indexable.test(field));
    if (odd !== undefined) throw new Error(`collection ${name}: '${odd}' cannot be indexed; a field's name is letters, digits and underscores`);
    const before = await this.#mongo.attempt(() => this.#find(name, indexes));
    const fields = [...new Set([...before.indexes, ...indexes])];
    const rows = this.#mongo.database.collection<Row>(before.store);
    await this.#mongo.attempt(() => this.#index(rows, fields), indexMaxMs);
    const shared: Shared = this.#shared.get(before.store) ?? { rows, metas: this.#metas, fields, last: Promise.resolve(), waiting: [] };
    shared.fields = fields;
    this.#shared.set(before.store, shared);
    const collection = new MongoCollection(name, this.#mongo, shared);
    if (before.found && fields.length > before.indexes.length) {
      await collection.indexAgain();
      // Last: a crash in between leaves it to be done again.
      await this.#mongo.attempt(() => this.#metas.updateOne({ _id: name, store: before.store }, { $set: { indexes: fields } }));
    }
    return collection;
  }
  async drop(name: string): Promise<void> {
    const meta = await this.#mongo.attempt(() => this.#metas.findOneAndDelete({ _id: name }));
    if (meta === null) return;
    this.#shared.delete(meta.store);
    await this.#mongo.attempt(() => this.#remove(meta.store));
  }
  async names(): Promise<readonly string[]> {
    const metas = await this.#mongo.attempt(() => this.#metas.find({}, { projection: { _id: 1 }, sort: { _id: 1 } }).toArray());
    return metas.map(({ _id }) => _id);
  }
  async serving(model: string): Promise<string | undefined> {
    return (await this.#mongo.attempt(() => this.#serving.findOne({ _id: model })))?.collection;
  }
  async serve(model: string, collection: string): Promise<void> {
    await this.#mongo.attempt(async () => {
      if ((await this.#metas.findOne({ _id: collection })) === null) throw new Error(`there is no collection ${collection}`);
      await this.#serving.updateOne({ _id: model }, { $set: { collection } }, { upsert: true });
    });
  }
  async close(): Promise<void> {
    await Promise.all([...this.#shared.values()].map(({ last }) => last));
  }

  /** The collection's record as it was, or as it has just been made. */
  async #find(name: string, indexes: readonly string[]): Promise<Pick<Meta, 'store' | 'indexes'> & { readonly found: boolean }> {
    const known = await this.#metas.findOne({ _id: name });
    if (known !== null) return { ...known, found: true };
    const store = `${prefix}${name}.${this.#mongo.newId()}`;
    try {
      await this.#metas.insertOne({ _id: name, store, checkpoint: 0n, seq: 0n, indexes });
      return { store, indexes, found: false };
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      return this.#find(name, indexes);
    }
  }
  /** Makes what is missing, and sees that it is there and as it should be. */
  async #index(rows: Stored<Row>, fields: readonly string[]): Promise<void> {
    const wanted = [inOrder, ...(this.#mongo.transactions ? [] : [swept]), ...fields.map(byField)];
    await rows.createIndexes(wanted.map((index) => ({ ...index }))).catch((error: unknown) => {
      if (!(error instanceof MongoServerError && indexDiffers.has(Number(error.code)))) throw error;
    });
    const there = (await rows.listIndexes().toArray()).map((index) => ({ name: index['name'] as string, key: JSON.stringify(index['key']) }));
    for (const { name, key } of wanted) {
      const found = there.filter((index) => index.name === name).map((index) => index.key);
      if (found.length !== 1 || found[0] !== JSON.stringify(key)) throw new Error(`index ${name} of ${rows.collectionName} is not what it should be (${found.join(' and ') || 'missing'}); drop it, it is made again at start`);
    }
    // Not every server acts on an index that lets documents expire.
    if (!this.#mongo.transactions) await rows.deleteMany({ goneAt: { $lt: new Date(this.#mongo.connectedAt.getTime() - tombstoneSeconds * 1_000) } });
  }
  async #sweep(): Promise<void> {
    // In this order: whoever makes a collection writes its record first.
    const names = (await this.#mongo.database.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
    const used = new Set((await this.#metas.find({}, { projection: { store: 1 } }).toArray()).map(({ store }) => store));
    for (const name of names) if (name.startsWith(prefix) && !used.has(name)) await this.#remove(name);
  }
  async #remove(store: string): Promise<void> {
    try {
      await this.#mongo.database.collection(store).drop();
    } catch (error) {
      if (!(error instanceof MongoServerError && error.code === namespaceMissing)) throw error;
    }
  }
}
