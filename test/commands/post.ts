/** A reactor of its own on a real pump: parcels are delivered, by a world that each test makes up. */
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { everything, logOn, TestStore } from './harness.ts';
import { MemoryReadModels } from '../../src/adapters/read-models/memory.ts';
import { ManualClock } from '../../src/adapters/system/clock.ts';
import { derivation } from '../../src/adapters/system/derivation.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import type { CatalogEntry } from '../../src/commands/catalog-entry.ts';
import { SystemMessage } from '../../src/commands/command-message.ts';
import { Handler, type Handling } from '../../src/commands/handle.ts';
import { Pump, patienceMs } from '../../src/commands/reactors/pump.ts';
import { reactor, type Deed } from '../../src/commands/reactors/reactor.ts';
import type { Command, Decider, Event, Todo } from '../../src/domain/decider.ts';
import { streamName, type CustomerId } from '../../src/domain/ids.ts';
import { earliest, fromEpochMs, toEpochMs, type Instant } from '../../src/domain/instant.ts';
import { Unavailable } from '../../src/domain/ports/failures.ts';
import { work } from '../../src/domain/work/decide.ts';
import { tenantId } from '../domain/samples.ts';

// A parcel is sent off, at once or from an instant on, and delivered.
type ParcelEvent = Event<'ParcelSent', { id: string; n: number; notBefore?: Instant }> | Event<'ParcelDelivered', { id: string; n: number }>;
type ParcelCommand = Command<'SendParcel', { id: string; notBefore?: Instant }> | Command<'RecordDelivered', { id: string; n: number }>;
type Parcel = { readonly id: string; readonly sent: number; readonly open: readonly { readonly n: number; readonly notBefore?: Instant }[] };
type Deliver = Todo<'deliver'> & { readonly n: number };
const parcel: Decider<ParcelCommand, Parcel, ParcelEvent> = {
  category: 'parcel', initial: { id: '', sent: 0, open: [] },
  decide: (command, { sent, open }) => {
    if (command.type === 'SendParcel') return [{ type: 'ParcelSent', data: { id: command.id, n: sent, ...(command.notBefore === undefined ? {} : { notBefore: command.notBefore }) } }];
    return open.some(({ n }) => n === command.n) ? [{ type: 'ParcelDelivered', data: { id: command.id, n: command.n } }] : [];
  },
  evolve: (state, { type, data }) => (type === 'ParcelSent' ? { id: data.id, sent: state.sent + 1, open: [...state.open, data as Parcel['open'][number]] } : { ...state, open: state.open.filter(({ n }) => n !== data.n) }),
};
const todo = ({ id, open }: Parcel): Deliver[] => open.map(({ n, notBefore }) => ({ do: 'deliver', key: `${id}.${n}`, n, ...(notBefore === undefined ? {} : { notBefore }) }));

export const start = '2026-03-01T12:00:00.000Z' as Instant;
export const streamOf = (id: string) => streamName('parcel', tenantId, id);
const workId = ({ reactor: name, subject }: { reactor: string; subject: string }): string => `${name}.${subject}`;
const lines: readonly CatalogEntry[] = [
  ...['SendParcel', 'RecordDelivered'].map((type): CatalogEntry => ({ type, decider: parcel, permission: 'parcel.send', id: ({ id }) => id })),
  ...['ParkWork', 'ReleaseWork'].map((type): CatalogEntry => ({ type, decider: work, permission: 'work.park', id: workId })),
];

export class Post {
  readonly store = new TestStore();
  readonly readModels = new MemoryReadModels();
  readonly clock = new ManualClock(start);
  readonly deeds: { readonly key: string; readonly at: Instant }[] = [];
  readonly warnings: string[] = [];
  log = logOn(this.store);
  handler!: Handler;
  pump!: Pump;
  /** What the world says to a deed; by default it is done. */
  world: (key: string, deed: Deed) => Promise<void> = async () => undefined;

  async open(rows = 'rows'): Promise<void> {
    const random = new SeededRandom('pump');
    this.log = logOn(this.store);
    await this.log.recover();
    this.handler = new Handler({ tenant: tenantId, log: this.log, clock: this.clock, random, derive: derivation(Buffer.alloc(32, 1), random) } as unknown as Handling, lines);
    const delivering = reactor<Parcel, Deliver>({
      name: 'delivering', decider: parcel, todo, owner: ({ id }) => (id.startsWith('per_') ? (id as CustomerId) : undefined),
      deeds: { deliver: async (item, deed, { id }) => {
        this.deeds.push({ key: item.key, at: deed.now });
        await this.world(item.key, deed);
        return [{ type: 'RecordDelivered', fields: { id, n: item.n } }];
      } },
    });
    this.pump = new Pump(delivering, { log: this.log, clock: this.clock, handler: this.handler, world: {} as never, rows: await this.readModels.open(rows), at: () => undefined, warn: (_, message) => void this.warnings.push(message) });
    await this.pump.start();
  }
  /** What hangs gives its turn back first. */
  async stop(): Promise<void> {
    const stopped = this.pump.stop();
    this.clock.advance(patienceMs);
    await stopped;
  }
  async restart(rows = 'rows'): Promise<void> {
    await this.pump.stop();
    await this.open(rows);
  }
  async ask(type: string, fields: object): Promise<void> {
    await this.handler.execute(SystemMessage.inContext(new SystemMessage(type, fields), { actor: { kind: 'system', id: 'system:test' }, correlationId: 'c', causationId: 'c' }));
  }
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      quiet = this.pump.idle(await this.log.head()) ? quiet + 1 : 0;
      await sleep(1);
    }
  }
  /** From due instant to due instant, as mock mode's clock is moved. */
  async until(instant: Instant): Promise<void> {
    for (;;) {
      await this.settled();
      const next = earliest(this.pump.nextDueAt(), instant) as Instant;
      const aheadMs = toEpochMs(next) - toEpochMs(this.clock.now());
      if (aheadMs <= 0 && next === instant) return;
      this.clock.advance(Math.max(aheadMs, 0));
    }
  }
  async types(): Promise<string[]> {
    return (await everything(this.log.readAll(0n))).map(({ type }) => type);
  }
  secondsOf(key: string): number[] {
    return this.deeds.filter((deed) => deed.key === key).map(({ at }) => (toEpochMs(at) - toEpochMs(start)) / 1_000);
  }
}
export const withPost = (title: string, run: (post: Post) => Promise<void>): void => {
  test(title, async () => {
    const post = new Post();
    await post.open();
    try {
      await run(post);
    } finally {
      await post.stop();
    }
  });
};
export const unavailable = async (): Promise<never> => {
  throw new Unavailable('the road is closed');
};
export const inSeconds = (seconds: number): Instant => fromEpochMs(toEpochMs(start) + seconds * 1_000);
/** When a deed is tried, in seconds, the last time before it is parked. */
export const tries = [0, 1, 6, 21, 81, 381, 1_281, 4_881];
