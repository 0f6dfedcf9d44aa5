import { Command } from '@nestjs/cqrs';
import type { Actor } from '../domain/decider.ts';
import type { StreamName } from '../domain/ids.ts';
import type { Position, Revision } from '../domain/ports/event-store.ts';

/** Answer to a command: where it ended. `events` is empty when nothing had to change. */
export type Committed = {
  readonly position: Position;
  readonly stream: StreamName;
  readonly revision: Revision;
  readonly events: readonly { readonly type: string; readonly id: string }[];
};
/** Answer to a dry run: what would be appended. */
export type WouldAppend = { readonly dryRun: true; readonly stream: StreamName; readonly events: readonly { readonly type: string; readonly data: object }[] };

/** Everything about a request that is not in its body. */
export type Context = {
  readonly actor: Actor;
  readonly correlationId: string;
  readonly causationId: string;
  readonly idempotencyKey?: string;
  readonly ifMatch?: Revision;
  readonly dryRun?: boolean;
  /** Why an operator does it; sealed like any personal value. */
  readonly reason?: string;
  /** Address of the caller, for rate limits; never recorded. */
  readonly ip?: string;
};

/** What a part of the system asks by itself; without another cause what it belongs to is its cause. */
export const bySystem = (part: string, correlationId: string, causationId = correlationId): Context => ({ actor: { kind: 'system', id: `system:${part}` }, correlationId, causationId });

/** A command on the bus. Its own fields are what a client sends; the context comes from the rim. */
export abstract class CommandMessage extends Command<Committed | WouldAppend> {
  /** Not a field: set by the rim, and not enumerable, so that it is never validated or fingerprinted. */
  declare readonly context: Context;

  static inContext<M extends CommandMessage>(message: M, context: Context): M {
    Object.defineProperty(message, 'context', { value: context, enumerable: false });
    return message;
  }
}

/** A command that only the system itself asks for: reactors and the rim; its fields are already the domain's. */
export class SystemMessage extends CommandMessage {
  readonly type: string;
  readonly fields: object;
  constructor(type: string, fields: object) {
    super();
    this.type = type;
    this.fields = fields;
  }
}
