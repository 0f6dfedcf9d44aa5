/** What the HTTP controllers work with; put together by the composition root. */
import type { CommandBus } from '@nestjs/cqrs';
import type { AccessTokens } from './access-tokens.ts';
import type { Pump } from '../../commands/reactors/pump.ts';
import type { Handler } from '../../commands/handle.ts';
import type { LogId, TenantId } from '../../domain/ids.ts';
import type { Instant } from '../../domain/instant.ts';
import type { Mode } from '../../domain/installation/events.ts';
import type { MovableClock } from '../../domain/ports/clock.ts';
import type { RateCounters } from '../../domain/ports/counters.ts';
import type { EventStore } from '../../domain/ports/event-store.ts';
import type { Keyring, NormaliseEmail } from '../../domain/ports/keyring.ts';
import type { Log, Vault } from '../../domain/ports/log.ts';
import type { PasswordHashing } from '../../domain/ports/passwords.ts';
import type { Payments } from '../../domain/ports/payments.ts';
import type { Random } from '../../domain/ports/random.ts';
import type { Runtime, SourceStore } from '../../domain/ports/runtime.ts';
import type { Derivation, Tokens } from '../../domain/ports/tokens.ts';
import type { GateMemory } from '../../projections/gate.ts';
import type { ModelRunner } from '../../projections/runner.ts';

/** The simulated provider's own pages. */
export type CheckoutDesk = {
  view(id: string): Promise<{ readonly status: 'open' | 'complete' | 'expired' | 'closed'; readonly purpose: 'signup' | 'pay'; /** Name of the test card stored here. */ readonly card?: string } | undefined>;
  submit(id: string, card: string, confirmed: boolean): Promise<{ readonly outcome: 'complete'; readonly returnUrl: string } | { readonly outcome: 'confirm' } | { readonly outcome: 'refused'; readonly message: string } | { readonly outcome: 'closed' }>;
  readonly cards: readonly { readonly name: string; readonly meaning: string }[];
};
/** Mock mode only: the mails "sent", and a clock that can be walked forward. */
export type MockWorld = {
  readonly desk: CheckoutDesk;
  readonly carried: () => Promise<readonly { readonly key: string; readonly at: Instant }[]>;
  readonly advance: (durationMs: number, progress: (now: Instant, due: Instant) => void) => Promise<{ readonly now: Instant; readonly steps: number }>;
};

/** What is measured here, and how it is read. */
export type Metrics = {
  verdict(level: string, action: string, allow: boolean): void;
  answered(method: string, route: string, status: number, seconds: number): void;
  /** Prometheus text; `streams`: how many streams of events are open. */
  text(streams: () => number): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Whether callers from this machine may read it without a token. */
  readonly openToLoopback: boolean;
};

export type Rim = {
  readonly mode: Mode;
  readonly tenant: TenantId;
  readonly logId: LogId;
  readonly version: string;
  readonly handler: Handler;
  readonly gate: GateMemory;
  readonly models: ReadonlyMap<string, ModelRunner>;
  readonly pumps: readonly Pump[];
  readonly log: Log;
  readonly store: EventStore;
  readonly vault: Vault;
  readonly keyring: Keyring;
  readonly normaliseEmail: NormaliseEmail;
  readonly passwords: PasswordHashing;
  readonly counters: RateCounters;
  readonly clock: MovableClock;
  readonly random: Random;
  readonly tokens: Tokens;
  readonly derive: Derivation;
  readonly payments: Payments;
  readonly runtime: Runtime;
  readonly sources: SourceStore;
  readonly accessTokens: AccessTokens;
  readonly renderMail: (template: string, values: Readonly<Record<string, string>>) => { readonly subject: string; readonly text: string; readonly html: string };
  readonly mock?: MockWorld;
  readonly metrics: Metrics;
  /** Where this server is reached, e.g. http://127.0.0.1:8081: for links in pages and to the checkout. */
  readonly origin: () => string;
  readonly ready: () => boolean;
  /** Events that were found to be not as they were written. */
  readonly damaged: () => readonly { readonly stream: string; readonly revision: number; readonly problem: string }[];
  /** The data folder's rights, the disk's room, the programs beside us. */
  readonly machine: () => Promise<{ readonly tooOpen: readonly { readonly path: string; readonly mode: string }[]; readonly freeBytes: number; readonly git: string | undefined }>;
  /** Engines that do not answer just now, by name; none where everything is embedded. */
  readonly silent: () => Promise<readonly string[]>;
  /** Whether reactors and read models are worked on here; of several servers it is one. */
  readonly consumersHere: () => boolean;
};
export const RIM = Symbol('rim');
export type Bus = CommandBus;
