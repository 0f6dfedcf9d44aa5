import type { Committed } from '../command-message.ts';
import type { Decider, Todo } from '../../domain/decider.ts';
import type { CustomerId } from '../../domain/ids.ts';
import type { Instant } from '../../domain/instant.ts';
import type { Keyring } from '../../domain/ports/keyring.ts';
import type { Vault } from '../../domain/ports/log.ts';
import type { Mail } from '../../domain/ports/mail.ts';
import type { Payments } from '../../domain/ports/payments.ts';
import type { Runtime, SourceStore } from '../../domain/ports/runtime.ts';
import type { SourceHost } from '../../domain/ports/source-host.ts';
import type { Derivation, Tokens } from '../../domain/ports/tokens.ts';

/** The outside world, as deeds reach it. */
export type World = {
  readonly payments: Payments;
  readonly mail: Mail;
  readonly runtime: Runtime;
  readonly sources: SourceStore;
  readonly sourceHost: SourceHost;
  readonly vault: Vault;
  readonly keyring: Keyring;
  readonly tokens: Tokens;
  readonly derive: Derivation;
  /** Words of a mail out of its template. */
  readonly render: (template: string, values: Readonly<Record<string, string>>) => { readonly subject: string; readonly text: string; readonly html: string };
};

export type DomainCommand = { readonly type: string; readonly fields: object };
/** What a deed has at hand beside its to-do item. */
export type Deed = World & {
  readonly key: string;
  readonly subject: string;
  readonly now: Instant;
  /** How often it was tried before. */
  readonly attempts: number;
  /** A command that is part of the deed; `part` tells several of one deed apart. Throws `CommandRejected`. */
  readonly dispatch: (type: string, fields: object, part?: string) => Promise<Committed>;
  readonly lookup: <S>(decider: Decider<any, S, any>, id: string) => Promise<S>;
  /** Whose it is, for deeds that find that out only on the way. */
  readonly belongsTo: (owner: CustomerId) => void;
  /** Aborts when nobody waits for the deed any more; its commands are refused from then on. */
  readonly signal: AbortSignal;
};
/** Does one thing in the outside world and says which commands record its outcome. */
export type Perform<T, S> = (item: T, deed: Deed, state: S) => Promise<readonly DomainCommand[]>;

export type Reactor<S, T extends Todo> = {
  /** The actor of its commands is `system:<name>`. */
  readonly name: string;
  readonly decider: Decider<any, S, any>;
  readonly todo: (state: S) => readonly T[];
  /** Whose work a state's is, where the state knows: shown beside what is parked. */
  readonly owner: (state: S) => CustomerId | undefined;
  /** How long a deed may go without an answer before it counts as unavailable, where ten minutes are not right. */
  readonly deadlineMs?: number;
  readonly deeds: { readonly [D in T['do']]: Perform<Extract<T, { do: D }>, S> };
};
export type AnyReactor = Omit<Reactor<any, any>, 'deeds'> & { readonly deeds: Readonly<Record<string, Perform<any, any>>> };

export const reactor = <S, T extends Todo>(definition: Reactor<S, T>): AnyReactor => definition as AnyReactor;

/** Every point between two durable steps, by name, so that a test can stop there. Generated from the deeds themselves. */
export const stepsOf = (reactors: readonly AnyReactor[]): readonly string[] =>
  reactors.flatMap(({ name, deeds }) => Object.keys(deeds).flatMap((deed) => [`${name}.${deed}.woken`, `${name}.${deed}.performed`, `${name}.${deed}.recorded`]));
