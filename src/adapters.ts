/** Opens every adapter that the configuration names, in a folder that is this process's alone. */
import { accessSync, chmodSync, constants, existsSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqliteCounters } from './adapters/counters/sqlite.ts';
import { FolderInUse, lockFolder } from './adapters/event-store/lock.ts';
import { SqliteEventStore } from './adapters/event-store/sqlite.ts';
import { SqliteKeyring } from './adapters/keyring/sqlite.ts';
import { SqliteLeases } from './adapters/lease/sqlite.ts';
import { Mailbox } from './adapters/mail/mailbox.ts';
import { SmtpMail } from './adapters/mail/smtp.ts';
import { Meters } from './adapters/metrics/meters.ts';
import { SimulatedPayments } from './adapters/payments/simulated.ts';
import { SqliteReadModels } from './adapters/read-models/sqlite.ts';
import { LocalRuntime } from './adapters/runtime/local.ts';
import { DiskSourceStore } from './adapters/runtime/source-store.ts';
import { Argon2Hashing } from './adapters/system/argon2.ts';
import { GitSourceHost } from './adapters/source-host/git.ts';
import { OffsetClock } from './adapters/system/clock.ts';
import { SystemRandom } from './adapters/system/random.ts';
import { openSecrets, type Secrets } from './adapters/system/secrets.ts';
import { monotonicSeconds } from './adapters/system/stopwatch.ts';
import { StartRefused, type Config } from './config.ts';
import type { MovableClock } from './domain/ports/clock.ts';
import type { RateCounters } from './domain/ports/counters.ts';
import type { LogId } from './domain/ids.ts';
import type { EventStore, Position } from './domain/ports/event-store.ts';
import type { Keyring } from './domain/ports/keyring.ts';
import type { Leases } from './domain/ports/leases.ts';
import type { PasswordHashing } from './domain/ports/passwords.ts';
import type { Mail } from './domain/ports/mail.ts';
import type { Random } from './domain/ports/random.ts';
import type { ReadModels } from './domain/ports/read-models.ts';
import type { Runtime, SourceStore } from './domain/ports/runtime.ts';
import type { SourceHost } from './domain/ports/source-host.ts';
import type { Kept } from './kept-in-mongo.ts';

export type Adapters = {
  readonly clock: MovableClock;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly store: EventStore;
  /** Whether no other server writes the log. */
  readonly exclusive: boolean;
  /** Whether several servers may work on the same log and read models: then a lease says where the consumers run. */
  readonly replicated: boolean;
  readonly readModels: ReadModels;
  readonly keyring: Keyring;
  readonly counters: RateCounters;
  readonly passwords: PasswordHashing;
  readonly leases: Leases;
  readonly payments: SimulatedPayments;
  /** Mock mode's own: it knows what has been carried, also when a catcher on this machine carries it. */
  readonly mailbox: Mailbox;
  readonly mail: Mail;
  readonly runtime: Runtime;
  readonly sources: SourceStore;
  readonly meters: Meters;
  /** Gives up what is being sent: a carrier that does not answer must not hold up a stop. */
  readonly hangUp: () => Promise<void>;
  readonly sourceHost: SourceHost;
  /** Refuses a start with keys or read models of another log. */
  readonly claim: (log: { readonly logId: LogId; readonly head: Position }) => Promise<void>;
  /** Engines that do not answer just now, by name. */
  readonly silent: () => Promise<readonly string[]>;
  /** Closes everything, the log last. */
  readonly close: () => Promise<void>;
};

/** Step by step: `recursive` never returns where a parent exists that cannot hold folders (below /proc, for one). */
const makeFolder = (folder: string): void => {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
};

/** Makes and takes the folder; every way this can fail is one line that says what to do. */
const takeFolder = (data: string): { release(): void } => {
  try {
    makeFolder(data);
    accessSync(data, constants.W_OK);
    return lockFolder(data);
  } catch (error) {
    if (error instanceof FolderInUse) throw new StartRefused(`${data} is in use by another Tollgate; stop that one, or choose another folder with --data`);
    throw new StartRefused(`cannot write to ${data} (${(error as NodeJS.ErrnoException).code ?? String(error)}); make it writable, or choose another folder with --data`);
  }
};

/** Mails go to the carrier; the mailbox notes what has gone, so that its page shows it whoever carries. */
const carriedBy = (mailbox: Mailbox, { mail, mailFrom }: Opening, clock: MovableClock): { readonly mail: Mail; readonly close: () => Promise<void> } => {
  if (mail?.carrier !== 'smtp') return { mail: mailbox, close: async () => undefined };
  const smtp = new SmtpMail({ server: mail.server, from: mailFrom ?? 'tollgate@localhost', clock });
  const send: Mail['send'] = async (outgoing) => {
    await smtp.send(outgoing);
    await mailbox.send(outgoing);
  };
  return { mail: { send }, close: () => smtp.close() };
};

const ours = /^((events|models|keys|counters|leases|mock-[a-z]+)\.db(-[a-z]+)?|lock(-[a-z]+)?|secrets|sources|git|operator\.token|tollgate\.yaml)$/;
/**
 * Workloads with users of their own have folders below this one, so everybody must be able to pass through it, and through it alone: what
 * is ours in it, and all that is made from now on, is closed to everybody but us.
 */
const letThrough = (data: string): void => {
  for (const path of readdirSync(data).filter((name) => ours.test(name)).map((name) => join(data, name))) if (!lstatSync(path).isSymbolicLink()) chmodSync(path, statSync(path).mode & 0o700);
  chmodSync(data, (statSync(data).mode & 0o700) | 0o011);
};

export type Opening = Pick<Config, 'data'> & Partial<Pick<Config, 'eventStore' | 'readModels' | 'readModelsPasswordFile' | 'mode' | 'mail' | 'mailFrom' | 'workloadUsers' | 'buildTimeoutMs' | 'gitAllow'>>;
/** The log: in the folder, or where the configuration says. What is not used is not loaded. */
const openStore = async (eventStore: string, file: string, random: Random, meters: Meters): Promise<EventStore> => {
  if (eventStore === 'embedded') return SqliteEventStore.open(file, { observe: () => meters.commit() });
  const { ConnectionStringInvalid, EventStoreDb } = await import('./adapters/event-store/eventstoredb.ts');
  try {
    return EventStoreDb.open(eventStore, { random });
  } catch (error) {
    throw error instanceof ConnectionStringInvalid ? new StartRefused(`--eventstore cannot be understood: ${error.message}`) : error;
  }
};

const answerMaxMs = 2_000;
const answers = (store: EventStore): Promise<boolean> => Promise.race([store.head().then(() => true, () => false), sleep(answerMaxMs, false, { ref: false })]);

/** Read models, keys, counters and leases in the data folder. */
const openEmbedded = (data: string, secrets: Secrets, random: Random): Kept => {
  const file = (name: string) => join(data, name);
  const keysAreThere = existsSync(file('keys.db'));
  const readModels = SqliteReadModels.open(file('models.db'));
  const keyring = SqliteKeyring.open(file('keys.db'), { masterKey: secrets.keyring, hmacKey: secrets.lookup, random });
  const counters = SqliteCounters.open(file('counters.db'));
  const leases = SqliteLeases.open(file('leases.db'));
  return {
    readModels, keyring, counters, leases,
    claim: async ({ head }) => {
      if (!keysAreThere && head > 0n) throw new StartRefused(`${data} holds a log but not its keys (keys.db); put them back from a backup, or say where they are with --readmodels`);
    },
    silent: async () => [],
    close: async () => {
      for (const part of [leases, counters, readModels, keyring]) await part.close();
    },
  };
};

/** What is not used is not loaded. */
const openElsewhere = async (config: Pick<Config, 'readModels'> & Partial<Pick<Config, 'readModelsPasswordFile' | 'mode'>>, secrets: Secrets, random: Random): Promise<Kept> => (await import('./kept-in-mongo.ts')).openInMongo(config, secrets, random);

/** `instead` replaces single adapters: tests move the clock by hand, or run workloads in memory. */
export const openAdapters = async (config: Opening, origin: () => string, environment: NodeJS.ProcessEnv = process.env, instead: Partial<Pick<Adapters, 'clock' | 'random' | 'runtime' | 'sources' | 'sourceHost' | 'store'>> = {}): Promise<Adapters> => {
  const ownUsers = !instead.runtime && config.workloadUsers !== undefined && process.getuid?.() === 0;
  if (ownUsers) process.umask(0o077);
  const lock = takeFolder(config.data);
  if (ownUsers) letThrough(config.data);
  const file = (name: string) => join(config.data, name);
  const clock = instead.clock ?? new OffsetClock();
  const random = instead.random ?? new SystemRandom();
  const secrets = openSecrets(config.data, random, environment);
  const sources = instead.sources ?? new DiskSourceStore(file('sources'));
  const meters = new Meters(monotonicSeconds);
  const { eventStore = 'embedded', readModels = 'embedded' } = config;
  const letGo = (error: unknown): never => {
    lock.release();
    throw error;
  };
  const store = instead.store ?? (await openStore(eventStore, file('events.db'), random, meters).catch(letGo));
  const exclusive = eventStore === 'embedded';
  const { close: closeKept, ...kept } = await (readModels === 'embedded' ? openEmbedded(config.data, secrets, random) : openElsewhere({ ...config, readModels }, secrets, random).catch(async (error: unknown) => {
    await store.close();
    return letGo(error);
  }));
  const payments = SimulatedPayments.open({ path: file('mock-provider.db'), clock, random, webhookSecrets: [secrets.webhook], checkoutUrl: (id) => `${origin()}/checkout/${id}` });
  const mailbox = Mailbox.open(file('mock-mailbox.db'), clock);
  const runtime = instead.runtime ?? new LocalRuntime({ folder: file('workloads'), sources, clock, users: config.workloadUsers, ...(config.buildTimeoutMs === undefined ? {} : { settings: { buildMaxMs: config.buildTimeoutMs } }) });
  const { mail, close: hangUp } = carriedBy(mailbox, config, clock);
  const sourceHost = instead.sourceHost ?? new GitSourceHost({ folder: file('git'), allow: config.gitAllow ?? [] });
  const close = async () => {
    await sourceHost.close();
    await runtime.close();
    await hangUp();
    for (const part of [mailbox, payments]) await part.close();
    await closeKept();
    await store.close();
    lock.release();
  };
  const silent = async () => [...(await kept.silent()), ...(exclusive || (await answers(store)) ? [] : ['EventStoreDB'])];
  return { clock, random, secrets, store, exclusive, replicated: !exclusive && readModels !== 'embedded', ...kept, silent, passwords: new Argon2Hashing(random), payments, mailbox, mail, runtime, sources, sourceHost, meters, hangUp, close };
};
