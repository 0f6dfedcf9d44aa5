import type { StreamName } from '../ids.ts';

/** Place in the whole log: grows with every event; opaque, and only compared. 0n is before the first. */
export type Position = bigint;
/** Place in one stream: 0, 1, 2, ... without gaps. */
export type Revision = number;

/** An event as bytes: `data` and `meta` are JSON text, written once by the codec above the port. */
export interface NewEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly meta: string;
}
export interface StoredEvent extends NewEvent {
  readonly position: Position;
  readonly stream: StreamName;
  readonly revision: Revision;
}
/** Position and revision of the last event appended. */
export interface Appended {
  readonly position: Position;
  readonly revision: Revision;
}

export class WrongExpectedRevision extends Error {
  override readonly name = 'WrongExpectedRevision';
  readonly stream: string;
  readonly expected: Revision | 'no-stream';
  constructor(stream: string, expected: Revision | 'no-stream') {
    super(`stream ${stream} is not at ${expected}`);
    this.stream = stream;
    this.expected = expected;
  }
}

/** No event has this position; a log whose positions are dense just goes on after it. */
export class UnknownPosition extends Error {
  override readonly name = 'UnknownPosition';
}

/**
 * The log. One total order; each stream an unbroken run of revisions; what was acknowledged is durable.
 * Any error but `WrongExpectedRevision` from `append` leaves its outcome unknown: read back before deciding again.
 */
export interface EventStore {
  /** All events or none, after exactly `expected`; appends to one stream take effect in the order of the calls. */
  append(stream: StreamName, expected: Revision | 'no-stream', events: readonly NewEvent[]): Promise<Appended>;
  /** One stream in order, in pages. An unknown stream has no pages. */
  read(stream: StreamName, from?: Revision): AsyncIterable<readonly StoredEvent[]>;
  /** The whole log after `after`, in order, in pages of at most `pageSize`, ending at the head of the moment it is reached. */
  readAll(after: Position, pageSize?: number): AsyncIterable<readonly StoredEvent[]>;
  /** Position of the last durable event. */
  head(): Promise<Position>;
  /** Called after appends by anyone; a signal only, it may come late or twice. Returns how to stop it. */
  onAdvanced(listener: () => void): () => void;
  close(): Promise<void>;
}
