import type { CommandMessage, Context } from './command-message.ts';
import type { Permission } from '../domain/access.ts';
import type { AnyCommand, AnyDecider, Decider, Payload, Rejection } from '../domain/decider.ts';
import type { Instant } from '../domain/instant.ts';
import type { PersonId, TenantId } from '../domain/ids.ts';
import type { RateCounters } from '../domain/ports/counters.ts';
import type { Vault } from '../domain/ports/log.ts';
import type { SourceStore } from '../domain/ports/runtime.ts';
import type { SourceHost } from '../domain/ports/source-host.ts';
import type { Derivation, Tokens } from '../domain/ports/tokens.ts';
import type { GateAction } from '../domain/service-level.ts';
import type { Random } from '../domain/ports/random.ts';

/** What fields and facts may be gathered from: other streams, persons, server keys, rate counters. Never a read model. */
export interface Gathering {
  readonly now: Instant;
  readonly tenant: TenantId;
  readonly context: Context;
  readonly commandId: string;
  readonly tokens: Tokens;
  readonly derive: Derivation;
  readonly random: Random;
  readonly counters: RateCounters;
  readonly sources: Pick<SourceStore, 'has'>;
  readonly sourceHost: Pick<SourceHost, 'resolve'>;
  /** Opens what is needed to ask in somebody's name; nothing opened reaches the domain. */
  readonly vault: Pick<Vault, 'open'>;
  /** The committed state of another (or the same) aggregate's stream. */
  lookup<S>(decider: Decider<any, S, any>, id: string): Promise<S>;
  /** Who has this address; a dry run makes nobody. */
  findPerson(email: string): Promise<PersonId | undefined>;
  findOrCreatePerson(email: string): Promise<PersonId>;
}

type ExtraFacts<C> = C extends { facts: infer F } ? Omit<F, 'now' | 'actor'> : never;

/** One line of the catalog: everything the generic handler, HTTP, authorisation and the CLI need to know of a command. */
export interface CatalogEntry {
  readonly type: string;
  /** The domain's command, where it goes by another name than the message: several may ask for one thing in their own words. */
  readonly becomes?: string;
  readonly decider: AnyDecider;
  readonly permission: Permission;
  /** The aggregate's id among the fields. */
  readonly id: (fields: any) => string;
  /** From what the client sent to what the domain takes; by default they are the same. */
  readonly fields?: (message: any, gathering: Gathering) => Promise<object | Rejection>;
  /** The message itself comes last: a token in it is compared here and never reaches the domain. */
  readonly facts?: (fields: any, gathering: Gathering, message: any) => Promise<object | Rejection>;
  /** Commands that must have succeeded before (slots and the like); each must be harmless when repeated. */
  readonly requires?: (fields: any) => readonly { readonly type: string; readonly fields: object }[];
  /** The validated class that comes over the bus; without one the command is the system's own (`SystemMessage`). */
  readonly message?: new (...values: any[]) => CommandMessage;
  /** Present for commands that people and programs may send to `POST /commands/{Name}`. */
  readonly open?: {
    readonly summary: string;
    readonly audience: 'operator' | 'customer' | 'session';
    readonly noun: string;
    readonly verb: string;
    /** Checked at the rim against the caller's service level. */
    readonly gate?: GateAction;
    /** Its body holds a token or password: no dry run. */
    readonly secret?: true;
  };
}

/** Checks a line against the domain's command type: missing fields or facts do not compile. */
export const line = <C extends AnyCommand, M extends object = Payload<C>>(
  decider: AnyDecider,
  type: C['type'],
  entry: {
    /** The message's name, where it is not the command's. */
    readonly as?: string;
    readonly permission: Permission;
    readonly id: (fields: Payload<C>) => string;
    readonly requires?: (fields: Payload<C>) => readonly { readonly type: string; readonly fields: object }[];
  } & (M extends Payload<C> ? { readonly fields?: (message: M, gathering: Gathering) => Promise<Payload<C> | Rejection> } : { readonly fields: (message: M, gathering: Gathering) => Promise<Payload<C> | Rejection> })
    & (object extends ExtraFacts<C> ? { readonly facts?: (fields: Payload<C>, gathering: Gathering, message: M) => Promise<ExtraFacts<C> | Rejection> } : { readonly facts: (fields: Payload<C>, gathering: Gathering, message: M) => Promise<ExtraFacts<C> | Rejection> })
    & { readonly message?: new (...values: any[]) => CommandMessage & M; readonly open?: CatalogEntry['open'] },
): CatalogEntry => {
  const { as, ...rest } = entry;
  return { decider, type: as ?? type, ...(as === undefined ? {} : { becomes: type }), ...rest } as CatalogEntry;
};
