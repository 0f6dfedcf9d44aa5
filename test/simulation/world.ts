/** Everything that outlives a crash, and one life of the process at a time on top of it. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tgz } from '../contracts/source-store.archives.ts';
import { helloHost } from '../git/hello.ts';
import { clockOf, modelsInTurns, runtimeInTurns, storeInTurns, taking } from './ports.ts';
import { Turns, type Life } from './turns.ts';
import type { Adapters } from '../../src/adapters.ts';
import { MemoryCounters } from '../../src/adapters/counters/memory.ts';
import { MemoryEventStore } from '../../src/adapters/event-store/memory.ts';
import { SqliteEventStore } from '../../src/adapters/event-store/sqlite.ts';
import { receiveWebhook } from '../../src/adapters/http/webhooks.route.ts';
import { MemoryKeyring } from '../../src/adapters/keyring/memory.ts';
import { MemoryLeases } from '../../src/adapters/lease/memory.ts';
import { Mailbox } from '../../src/adapters/mail/mailbox.ts';
import { Meters } from '../../src/adapters/metrics/meters.ts';
import { SimulatedPayments } from '../../src/adapters/payments/simulated.ts';
import { loadStripe } from '../../src/adapters/payments/stripe-package.ts';
import { MemoryReadModels } from '../../src/adapters/read-models/memory.ts';
import { MemoryRuntime, MemorySourceStore } from '../../src/adapters/runtime/memory.ts';
import { Argon2Hashing } from '../../src/adapters/system/argon2.ts';
import { ManualClock } from '../../src/adapters/system/clock.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import type { Secrets } from '../../src/adapters/system/secrets.ts';
import { assemble, type Assembled } from '../../src/assembly.ts';
import { earliest, plus, toEpochMs, type Instant } from '../../src/domain/instant.ts';
import type { EventStore } from '../../src/domain/ports/event-store.ts';
import type { ReadModels } from '../../src/domain/ports/read-models.ts';

export type StoreKind = 'memory' | 'sqlite';
/** Changes what the system is built of: how planted bugs come in. */
export type Tampering = (adapters: Adapters) => Adapters;
/** Log and read models that somebody else has opened, and closes; `exclusive`: whether nobody else could write the log. */
export type KeptElsewhere = { readonly store: EventStore; readonly models: ReadModels; readonly exclusive: boolean };
export type WorldOptions = { readonly seed: number; readonly store: StoreKind | KeptElsewhere; readonly tamper?: Tampering };

const start = '2026-01-15T09:00:00.000Z' as Instant;
/** The pair for access tokens is by chance, because no simulated customer ever shows one. */
const secretsFrom = (random: SeededRandom): Secrets => {
  const key = (): Buffer => Buffer.from(random.bytes(32));
  return { ids: key(), keyring: key(), lookup: key(), tokens: { kid: 'k1', keys: new Map([['k1', key()]]) }, session: { kid: 's1', ...generateKeyPairSync('ed25519') }, webhook: 'whsec_simulated' };
};

export class World {
  readonly turns = new Turns();
  readonly clock = new ManualClock(start);
  readonly store: EventStore;
  readonly models: ReadModels;
  readonly runtime: MemoryRuntime;
  /** What the process wrote to its log about things that should not be. */
  readonly complaints: string[] = [];
  /** Digest of what customers run. */
  source = '';
  #openings = 0;
  payments: SimulatedPayments;
  system!: Assembled;
  life: Life = { ended: true };
  readonly #options: WorldOptions;
  readonly #kept: KeptElsewhere;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tollgate-simulation-'));
  readonly #random: SeededRandom;
  readonly #secrets: Secrets;
  readonly #keyring: MemoryKeyring;
  readonly #counters = new MemoryCounters();
  readonly #leases = new MemoryLeases();
  readonly #mailbox = Mailbox.open(':memory:', this.clock);
  readonly #sources = new MemorySourceStore();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.draw('start');
    this.#random = new SeededRandom(`chance ${options.seed}`);
    this.#secrets = secretsFrom(new SeededRandom(`secrets ${options.seed}`));
    this.#keyring = new MemoryKeyring({ masterKey: this.#secrets.keyring, hmacKey: this.#secrets.lookup, random: new SeededRandom(`keys ${options.seed}`) });
    const kept = options.store;
    this.#kept = typeof kept === 'object' ? kept : { store: kept === 'memory' ? new MemoryEventStore() : SqliteEventStore.open(join(this.#folder, 'events.db')), models: new MemoryReadModels(), exclusive: true };
    this.store = this.#kept.store;
    this.models = this.#kept.models;
    this.runtime = new MemoryRuntime({ sources: this.#sources, clock: this.clock });
    this.payments = this.#openPayments();
  }
  get mails(): readonly { readonly key: string }[] {
    return this.#mailbox.list();
  }
  get mailFaults(): Mailbox['faults'] {
    return this.#mailbox.faults;
  }

  /** Turns are drawn from here on by the seed and `what`. */
  draw(what: string): void {
    this.turns.drawFrom(new SeededRandom(`turns ${this.#options.seed} ${what}`));
  }
  /** The process starts, for the first time or after a crash. */
  async boot(): Promise<void> {
    await loadStripe();
    if (this.source === '') this.source = (await this.#sources.put((async function* () { yield await tgz([{ name: 'server.js', text: 'setInterval(() => 1, 1000);', mtime: new Date(0) }]); })())).digest;
    await this.#sources.retain(this.source, 'simulation'); // kept, whoever lets go of it
    const life: Life = { ended: false };
    this.life = life;
    const complain = (facts: object, message: string): void => void this.complaints.push(`${message} ${JSON.stringify(facts)}`);
    const adapters = (this.#options.tamper ?? ((same) => same))(this.#adapters(life));
    this.system = await this.through(assemble(adapters, {
      mode: 'mock', data: 'simulation', version: 'simulation', origin: () => 'http://simulation', logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: complain },
      post: (body, headers) => this.#post(body, headers), rests: { lookAgainMs: Infinity, burstRestMs: 0 },
    }));
    await this.through(this.system.start());
  }
  /** The process dies at this very point, and is started again. */
  async crash(): Promise<void> {
    await this.turns.end(this.life);
    const { faults } = this.payments;
    await this.payments.close();
    this.payments = this.#openPayments();
    Object.assign(this.payments.faults, faults);
    await this.boot();
  }
  /** Takes turns until `work` is done. */
  async through<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const done = work.finally(() => (over = true));
    done.catch(() => undefined);
    while (!over && (await this.turns.take()));
    if (!over) await this.turns.anything();
    if (!over) throw new Error('the process waits for something that never comes');
    return done;
  }
  /** Takes turns until nothing waits: what is due now has been done. */
  async settle(turnsMax = 200_000): Promise<void> {
    for (let taken = 0; await this.turns.take(); taken += 1) if (taken > turnsMax) throw new Error(`the process does not come to rest within ${turnsMax} turns`);
  }
  /** Time goes on by so much, from due instant to due instant, everything settling at each. */
  async pass(durationMs: number): Promise<void> {
    const target = plus(this.clock.now(), durationMs);
    for (;;) {
      await this.settle();
      const due = earliest(this.payments.nextDueAt(), ...this.system.rim.pumps.map((pump) => pump.nextDueAt()));
      if (due === undefined || due > target) break;
      this.#moveTo(due);
    }
    this.#moveTo(target);
    await this.settle();
  }
  async close(): Promise<void> {
    await this.turns.end(this.life);
    for (const part of [this.payments, this.#mailbox, ...(this.#kept === this.#options.store ? [] : [this.store])]) await part.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #moveTo(instant: Instant): void {
    const aheadMs = toEpochMs(instant) - toEpochMs(this.clock.now());
    if (aheadMs > 0) this.clock.advance(aheadMs);
  }
  #openPayments(): SimulatedPayments {
    return SimulatedPayments.open({ path: join(this.#folder, 'provider.db'), clock: this.clock, random: new SeededRandom(`provider ${this.#options.seed} ${(this.#openings += 1)}`), webhookSecrets: [this.#secrets.webhook], checkoutUrl: (id) => `http://simulation/checkout/${id}` });
  }
  #adapters(life: Life): Adapters {
    const { turns } = this;
    const mailbox = taking(this.#mailbox, turns, life, ['send']);
    return {
      clock: clockOf(this.clock, life), random: this.#random, secrets: this.#secrets,
      store: storeInTurns(this.store, turns, life), exclusive: this.#kept.exclusive, replicated: false, claim: async () => undefined, silent: async () => [],
      readModels: modelsInTurns(this.models, turns, life),
      keyring: taking(this.#keyring, turns, life, ['find', 'findOrCreate', 'sealingKey', 'openingKey', 'takePooledKey', 'link', 'erase']),
      counters: taking(this.#counters, turns, life, ['hit', 'prune']),
      leases: taking(this.#leases, turns, life, ['acquire', 'release']),
      payments: taking(this.payments, turns, life, ['createCheckout', 'readCheckout', 'subscribe', 'replaceMethod', 'cancel', 'uncancel', 'readInvoice', 'readSubscription']),
      mailbox, mail: mailbox, hangUp: async () => undefined,
      passwords: new Argon2Hashing(new SeededRandom('no password is ever used')), meters: new Meters(() => 0),
      runtime: runtimeInTurns(this.runtime, turns, life),
      sources: taking(this.#sources, turns, life, ['has', 'retain', 'release']), sourceHost: helloHost(),
      close: async () => undefined,
    };
  }
  /** The provider's webhooks come in where they always do. */
  async #post(body: string, headers: Record<string, string>): Promise<number> {
    const { rim, handler } = this.system;
    try {
      await receiveWebhook(rim, { execute: (message: never) => handler.execute(message) } as never, 'stripe', { rawBody: Buffer.from(body), headers, id: `webhook.${headers['stripe-signature'] ?? ''}` });
      return 200;
    } catch (error) {
      this.complaints.push(`a webhook was refused: ${String(error)}`);
      return 500;
    }
  }
}
