import type { AnyEvent } from '../decider.ts';
import type { CommandId, StreamName } from '../ids.ts';
import type { Instant } from '../instant.ts';
import type { Personal } from '../personal.ts';
import type { Position, Revision } from './event-store.ts';

/** What an event's metadata says beside the hash: who, why, when. Never personal data in clear. */
export interface Meta {
  /** Version of the data's shape. */
  readonly schema: number;
  readonly at: Instant;
  readonly commandId: CommandId;
  readonly correlationId: string;
  readonly causationId: string;
  readonly actor: string;
  readonly onBehalfOf?: string;
  readonly tenant: string;
  readonly reason?: Personal;
  /** 128 bits over the command's body: tells a repeat from another command under the same key. */
  readonly fingerprint: string;
  readonly hash: string;
}
/** An event as everybody but the store sees it: parsed, of today's shape, personal values still sealed. */
export interface Recorded<E extends AnyEvent = AnyEvent> {
  readonly type: E['type'];
  readonly data: E['data'];
  readonly id: string;
  readonly stream: StreamName;
  readonly revision: Revision;
  readonly position: Position;
  readonly meta: Meta;
}
/** Where a stream stands: what the next event continues from. Revision -1 is before the first. */
export interface Head {
  readonly revision: Revision;
  readonly hash: string;
  readonly at: Instant | '';
}
export const beginning: Head = { revision: -1, hash: '', at: '' };

/** What the writer knows; schema, hash and event ids are the codec's. */
export type Origin = Omit<Meta, 'schema' | 'hash'>;
/** Events on their way into the store: sealed and chained, so that the next decision can build on them. */
export interface Pending {
  /** As they will be; their positions are known only once durable. */
  readonly events: readonly Recorded[];
  readonly head: Head;
  /** Rejects with `WrongExpectedRevision` when nothing was written; with anything else the outcome is unknown. */
  readonly durable: Promise<readonly Recorded[]>;
}

/** A stream whose stored bytes do not match their hash chain: nothing may be decided on it. */
export class BrokenChain extends Error {
  override readonly name = 'BrokenChain';
  readonly stream: string;
  readonly revision: number;
  constructor(stream: string, revision: number, what: string) {
    super(`event ${revision} of ${stream} is damaged: ${what}`);
    this.stream = stream;
    this.revision = revision;
  }
}

/** The event store with its codec: chain, sealing, versions. What everything above works with. */
export interface Log {
  /** No event is stamped earlier than the one before it in the log. */
  stamp(now: Instant, head: Head): Instant;
  /** Seals personal values, encodes, chains onto `head` and hands over to the store: in the order of the calls. */
  append(stream: StreamName, head: Head, events: readonly AnyEvent[], origin: Origin): Promise<Pending>;
  /** One stream, its chain verified (`BrokenChain`), continuing from `head`. */
  read(stream: StreamName, from?: Head): AsyncIterable<readonly Recorded[]>;
  /** The log once, from `after` to its head. */
  readAll(after: Position, pageSize?: number): AsyncIterable<readonly Recorded[]>;
  /** The log for ever: what is there, then what comes. Ends when `signal` aborts. */
  follow(after: Position, signal: AbortSignal): AsyncIterable<readonly Recorded[]>;
  head(): Promise<Position>;
  /**
   * Called with every event after `after` (without it: from the next commit on), in order and without gaps: with those of this process before
   * their writer is answered, with those of others within about a second. Must not throw.
   */
  onCommitted(listener: (events: readonly Recorded[]) => void, after?: Position): void;
  /** Resolves once every listener has been told of everything up to `position`. */
  told(position: Position): Promise<void>;
  /** Whether nobody else writes: then a cached state is the state. */
  readonly exclusive: boolean;
}

/** Opens personal values: only for the rim (answers, mails, environments). */
export interface Vault {
  /** The clear value, or undefined once its key has been destroyed. */
  open(value: Personal): Promise<string | undefined>;
}
