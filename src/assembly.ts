/** The composition root without HTTP: adapters in, a running system out. Tests and the simulator assemble the same one. */
import type { Adapters } from './adapters.ts';
import { AccessTokens } from './adapters/http/access-tokens.ts';
import type { Rim } from './adapters/http/rim.ts';
import { StoredLog, type Rests } from './adapters/event-store/log.ts';
import { KeyringVault } from './adapters/event-store/vault.ts';
import { normaliseEmail } from './adapters/keyring/normalise-email.ts';
import { testCards } from './adapters/payments/cards.ts';
import { OutsideWorld, pokingAfter } from './adapters/payments/outside-world.ts';
import { machineFacts } from './adapters/system/machine.ts';
import { derivation, derivedTokens } from './adapters/system/derivation.ts';
import { catalog } from './commands/catalog.ts';
import { bySystem, SystemMessage } from './commands/command-message.ts';
import { Handler } from './commands/handle.ts';
import { Pump } from './commands/reactors/pump.ts';
import type { World } from './commands/reactors/reactor.ts';
import { reactors } from './commands/reactors/registry.ts';
import { plus } from './domain/instant.ts';
import type { Collection } from './domain/ports/read-models.ts';
import type { Position } from './domain/ports/event-store.ts';
import type { Recorded } from './domain/ports/log.ts';
import type { Mode } from './domain/installation/events.ts';
import { installation } from './domain/installation/decide.ts';
import { found, identify, type Identity } from './founding.ts';
import { metricsOf } from './metrics.ts';
import { MockTime } from './mock-time.ts';
import { GateMemory, gate } from './projections/gate.ts';
import { projections } from './projections/registry.ts';
import { ModelRunner, type Rest } from './projections/runner.ts';
import { Reconciler } from './reconciler.ts';
import { Scrubber, type Pauses } from './scrubber.ts';
import { upcasters } from './upcasters.ts';
import { Consumers } from './consumers.ts';
import { SystemClock } from './adapters/system/clock.ts';
import { renderMail } from '../web/mail-templates.ts';

export type Logger = { debug(facts: object, message: string): void; info(facts: object, message: string): void; warn(facts: object, message: string): void; error(facts: object, message: string): void };
export type Assembled = {
  readonly rim: Rim;
  readonly identity: Identity;
  readonly handler: Handler;
  readonly mockTime: MockTime;
  /** Catches up, then starts what works by itself. */
  start(): Promise<void>;
  /** Stops what works by itself; adapters stay open. */
  stop(): Promise<void>;
};
export type AssemblyOptions = {
  readonly mode: Mode;
  readonly data: string;
  readonly version: string;
  readonly origin: () => string;
  readonly logger: Logger;
  /** Posts a webhook to ourselves, over real HTTP where there is a server. */
  readonly post: (body: string, headers: Record<string, string>) => Promise<number>;
  readonly at?: (step: string) => Promise<void> | void;
  /** `/metrics` answers callers from this machine without a token, too. */
  readonly metricsOpen?: boolean;
  /** Reads the whole log again and again, so slowly; without it nothing does. */
  readonly scrub?: Pauses;
  /** How long followers of the log rest; the simulator has a time of its own. */
  readonly rests?: Rests;
};

/** A stop waits so long for mails on their way. */
const sendingMaxMs = 3_000;

const render: Rim['renderMail'] = (template, values) => renderMail(template as 'one-time-token', values as never);

const restMinMs = 100;
const restMaxMs = 5_000;
/** Before a consumer tries again what was unavailable. */
const resting = ({ clock }: Adapters): Rest => (tries, signal) => clock.until(plus(clock.now(), Math.min(restMinMs * 2 ** tries, restMaxMs)), signal);

const openModels = async (adapters: Adapters, log: StoredLog, logger: Logger): Promise<Map<string, ModelRunner>> => {
  const runners = projections.map((model) => new ModelRunner(model, log, adapters.readModels, (name, error) => logger.error({ model: name, error: String(error) }, 'a read model stopped'), resting(adapters)));
  for (const runner of runners) await runner.open(!adapters.replicated);
  return new Map(runners.map((runner) => [runner.model.name, runner]));
};

/** The gate in memory: its stored documents, then the rest of the log. */
const openGate = async (memory: GateMemory, runner: ModelRunner, log: StoredLog): Promise<void> => {
  const documents: [string, Record<string, unknown>][] = [];
  const ahead = new Map<string, bigint>();
  for await (const page of runner.collection.all()) for (const { key, position, document } of page) {
    documents.push([key, document]);
    if (position > runner.position) ahead.set(key, position);
  }
  memory.load(documents, runner.position, ahead);
  for await (const page of log.readAll(memory.position)) memory.apply(page);
};

/** A reactor's rows. Where the log was put back from a backup and is shorter, they are thrown away: everything is looked at again. */
const openRows = async ({ readModels }: Adapters, log: StoredLog, name: string): Promise<Collection> => {
  const rows = await readModels.open(name);
  if ((await rows.checkpoint()) <= (await log.head())) return rows;
  await readModels.drop(name);
  return readModels.open(name);
};

const openPumps = async (adapters: Adapters, log: StoredLog, handler: Handler, world: World, options: AssemblyOptions): Promise<Pump[]> =>
  Promise.all(reactors.map(async (reactor) => new Pump(reactor, {
    log, clock: adapters.clock, handler, world, rows: await openRows(adapters, log, `work.${reactor.name}`), rest: resting(adapters),
    at: options.at ?? (() => undefined), warn: (facts, message) => options.logger.warn(facts, message),
  })));

/** The log, whose it is, and what decides on it. */
const openHandler = async (adapters: Adapters, options: AssemblyOptions) => {
  const { clock, random, secrets, store, keyring, counters, sources, sourceHost, meters } = adapters;
  const derive = derivation(secrets.ids, random);
  const identity = await identify(store, random, adapters.exclusive ? options : { ...options, shared: derive });
  await adapters.claim({ logId: identity.logId, head: await store.head() });
  const vault = new KeyringVault(keyring, random, identity.logId);
  const log = new StoredLog(store, vault, upcasters, adapters.exclusive, options.rests);
  await log.recover();
  const tokens = derivedTokens(secrets.tokens.kid, secrets.tokens.keys);
  const handler = new Handler({ tenant: identity.tenantId, log, clock, random, keyring, counters, tokens, derive, sources, sourceHost, vault, observe: (type) => meters.command(type) }, catalog);
  return { derive, identity, vault, log, tokens, handler };
};

export const assemble = async (adapters: Adapters, options: AssemblyOptions): Promise<Assembled> => {
  const { clock, random, secrets, store, keyring, counters, sources, sourceHost, runtime, mailbox, meters } = adapters;
  const { derive, identity, vault, log, tokens, handler } = await openHandler(adapters, options);
  clock.setOffset((await handler.lookup(installation, identity.logId)).offsetMs);
  const models = await openModels(adapters, log, options.logger);
  const gateMemory = new GateMemory();
  await openGate(gateMemory, models.get(gate.name) as ModelRunner, log);
  log.onCommitted((events) => {
    gateMemory.apply(events);
    meters.appended(events);
  }, gateMemory.position);
  await found(handler, identity, options.mode);

  const outside = new OutsideWorld(adapters.payments, clock, options.post, (error) => options.logger.error({ error: String(error) }, 'the simulated provider failed'));
  const payments = pokingAfter(adapters.payments, outside);
  const world: World = { payments, mail: adapters.mail, runtime, sources, sourceHost, vault, keyring, tokens, derive, render };
  const pumps = await openPumps(adapters, log, handler, world, options);
  const advanceClock = async (offsetMs: number) => {
    const key = `clock.${offsetMs}`;
    await handler.execute(SystemMessage.inContext(new SystemMessage('AdvanceClock', { logId: identity.logId, offsetMs }), bySystem('clock', key)));
  };
  const mockTime = new MockTime({ clock, log, models: [...models.values()], pumps, outside, nextOutside: () => adapters.payments.nextDueAt(), record: advanceClock });
  const reconciler = new Reconciler(runtime, handler, models.get('workloads') as ModelRunner, options.logger);
  const scrubber = options.scrub && new Scrubber({ log, store, clock, logger: options.logger }, options.scrub);
  const work = workOf([...models.values()], pumps, reconciler, adapters.replicated);
  const consumers = adapters.replicated ? consumersOf(adapters, identity, work, options.logger) : undefined;
  if (!adapters.exclusive) log.onCommitted((events) => followClock(clock, events), gateMemory.position);
  let ready = false;

  const rim: Rim = {
    mode: options.mode, tenant: identity.tenantId, logId: identity.logId, version: options.version, handler, gate: gateMemory, models, pumps, log, store, vault, keyring, normaliseEmail, passwords: adapters.passwords, counters, clock, random, tokens, derive, payments, runtime, sources,
    metrics: metricsOf(meters, () => rim, options.metricsOpen === true), accessTokens: new AccessTokens(secrets.session), renderMail: render, origin: options.origin, ready: () => ready, silent: adapters.silent, consumersHere: () => consumers?.here ?? true,
    machine: () => machineFacts(options.data), damaged: () => scrubber?.damaged ?? [],
    mock: {
      desk: { view: (id) => payments.checkoutView(id), submit: async (id, card, confirmed) => spoken(await payments.submitCard(id, card, confirmed)), cards: testCards },
      carried: async () => mailbox.list(),
      advance: (durationMs, progress) => mockTime.advance(durationMs, progress),
    },
  };
  return {
    rim, identity, handler, mockTime,
    start: async () => {
      const head = await log.head();
      if (consumers) {
        for (const runner of models.values()) runner.watch();
        await consumers.start();
        // Read models are ready here once they are where they were kept: whoever keeps them may have to catch up first.
        for (const runner of models.values()) await runner.reached(head, new Promise(() => undefined));
      } else await work.begin(head);
      outside.poke();
      scrubber?.start();
      ready = true;
    },
    stop: async () => {
      ready = false;
      await scrubber?.stop();
      await outside.stop();
      const enough = setTimeout(() => void adapters.hangUp(), sendingMaxMs).unref();
      await consumers?.stop();
      await work.stop();
      clearTimeout(enough);
      log.close();
    },
  };
};

/** What works by itself. Begun where it is the only one, or where the lease is held; where it is not, read models are only watched. */
const workOf = (models: readonly ModelRunner[], pumps: readonly Pump[], reconciler: Reconciler, replicated: boolean) => {
  const stop = async (): Promise<void> => {
    reconciler.stop();
    for (const pump of pumps) await pump.stop();
    for (const runner of models) await runner.stop();
  };
  return {
    stop,
    /** With a position it waits for the read models to reach it before the reactors begin. */
    begin: async (head?: Position): Promise<void> => {
      for (const runner of models) await (replicated ? runner.take() : runner.start());
      if (head !== undefined) for (const runner of models) await runner.reached(head, new Promise(() => undefined));
      for (const pump of pumps) await pump.start();
      await reconciler.start();
    },
    end: async (): Promise<void> => {
      await stop();
      for (const runner of models) runner.watch();
    },
    elsewhere: async (): Promise<void> => {
      for (const runner of models) await runner.keptUpTo();
    },
  };
};
const consumersOf = ({ leases, random }: Adapters, { logId }: Identity, work: ReturnType<typeof workOf>, logger: Logger): Consumers =>
  new Consumers({ leases, clock: new SystemClock(), name: `consumers.${logId}`, holder: Buffer.from(random.bytes(9)).toString('base64url'), work, logger });
/** Mock mode's clock goes as whoever walks it says, on every server. */
const followClock = (clock: Adapters['clock'], events: readonly Recorded[]): void => {
  for (const { type, data } of events) if (type === 'ClockAdvanced' && (data as { offsetMs: number }).offsetMs > clock.offsetMs) clock.setOffset((data as { offsetMs: number }).offsetMs);
};

type CardAnswer = Awaited<ReturnType<Adapters['payments']['submitCard']>>;
/** An unknown card is one more refusal on the page, which says which cards there are. */
const spoken = (answer: CardAnswer): Awaited<ReturnType<NonNullable<Rim['mock']>['desk']['submit']>> =>
  answer.outcome === 'unknown-card' ? { outcome: 'refused', message: `${answer.message} Cards are: ${answer.known.join(', ')}.` } : answer;
