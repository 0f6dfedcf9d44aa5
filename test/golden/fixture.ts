/** Keys, ids and paths with which the golden files were made: fixed for ever. */
import { join } from 'node:path';
import { StoredLog } from '../../src/adapters/event-store/log.ts';
import type { EventStore } from '../../src/domain/ports/event-store.ts';
import { KeyringVault } from '../../src/adapters/event-store/vault.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import type { LogId, StreamName } from '../../src/domain/ids.ts';
import type { DataOwner } from '../../src/domain/personal.ts';
import type { Keyring } from '../../src/domain/ports/keyring.ts';
import type { Upcast } from '../../src/domain/schema.ts';
import { root } from './root.ts';

export const folder = join(root, 'test/golden');
export const goldenLogId: LogId = 'log_11111111111111111111';

/** One key for each owner, derived from the owner's name: the golden files must open in any year. */
const keyOf = (owner: DataOwner): Uint8Array => new SeededRandom(`golden|${owner}`).bytes(32);
const never = (): never => {
  throw new Error('golden files need sealing and opening only');
};
export const goldenKeyring: Keyring = {
  find: never, findOrCreate: never, takePooledKey: never, link: never, addPassword: never, password: never, replacePassword: never, dropPasswordsBefore: never, erase: never, close: async () => undefined,
  sealingKey: async (owner) => ({ keyNo: 1, key: keyOf(owner) }),
  openingKey: async (owner, keyNo) => (keyNo === 1 ? keyOf(owner) : undefined),
};
export const goldenVault = (seed = 'golden'): KeyringVault => new KeyringVault(goldenKeyring, new SeededRandom(seed), goldenLogId);
type Upcasters = Readonly<Record<string, readonly Upcast[] | undefined>>;
export const logOver = (store: EventStore, upcasters: Upcasters = {}, seed = 'golden', exclusive = true): StoredLog => new StoredLog(store, goldenVault(seed), upcasters, exclusive);

/** What a golden file holds: the stored texts of `data` and `meta`, byte for byte, and the hash before. */
export type Golden = {
  readonly type: string;
  readonly version: number;
  readonly id: string;
  readonly stream: StreamName;
  readonly revision: number;
  /** Hash of the event before it in its stream; '' for none. */
  readonly previous: string;
  readonly data: string;
  readonly meta: string;
  /** What its personal values say, in the order of their places. */
  readonly opens: readonly string[];
};
