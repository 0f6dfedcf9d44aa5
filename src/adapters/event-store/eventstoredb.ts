import { setTimeout as sleep } from 'node:timers/promises';
import {
  AccessDeniedError, InvalidArgumentError, MaxAppendSizeExceededError, StreamDeletedError, WrongExpectedVersionError,
} from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { BatchAppendResp, ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import { appendOptions, decode, encode, readHead, readLast, readLog, readStream, subscribe } from './eventstoredb-messages.ts';
import { Wire } from './eventstoredb-wire.ts';
import { Turns } from './turns.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { Appended, EventStore, NewEvent, Position, Revision, StoredEvent } from '../../domain/ports/event-store.ts';
import { UnknownPosition, WrongExpectedRevision } from '../../domain/ports/event-store.ts';
import { Refused, Unavailable } from '../../domain/ports/failures.ts';
import { BrokenChain } from '../../domain/ports/log.ts';
import type { Random } from '../../domain/ports/random.ts';

const streamPageSize = 500;
/** A server's own default for one append. */
const appendMaxBytesDefault = 1024 * 1024;
const deadlineMsDefault = 10_000;
/** Reads at once: servers take about a hundred calls on a connection, and hundreds more break it. */
const readsMax = 64;
/** Waiting times between tries of a read. Appends are never tried again: the caller looks first what became of them. */
/** gRPC's status for what cannot be asked. */
const invalidArgument = 3;
const retriesMs = [50, 100, 200, 400, 800, 1_600];
/** The longest wait of a subscription between two tries: it tries for ever. */
const resubscribeMaxMs = 2_000;
/** A catch-up that hears nothing for so long goes on page by page: servers before 23.10 do not say that one is caught up. */
const silenceMaxMs = 2_000;

export type EventStoreDbOptions = { readonly random: Random; readonly appendMaxBytes?: number; readonly deadlineMs?: number };

/** The connection string cannot be understood; the message is one line for people. */
export class ConnectionStringInvalid extends Error {
  override readonly name = 'ConnectionStringInvalid';
}

/**
 * The log in EventStoreDB: a database of its own, shared by any number of servers. A position is a commit position: it grows, and says nothing
 * about how many events lie between. Everything is asked of the leader, so that what was acknowledged is seen at once.
 */
export class EventStoreDb implements EventStore {
  readonly #wire: Wire;
  readonly #appendMaxBytes: number;
  readonly #deadlineMs: number;
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #reads = new Turns(readsMax);
  #watching: Promise<void> | undefined;

  /** `esdb://user:password@host:port?tls=true&...` as EventStoreDB's own documentation has it. Throws `ConnectionStringInvalid`; connects with the first call. */
  static open(connectionString: string, options: EventStoreDbOptions): EventStoreDb {
    return new EventStoreDb(connectionString, options);
  }
  private constructor(connectionString: string, { random, appendMaxBytes, deadlineMs }: EventStoreDbOptions) {
    const deadline = /[?&]default[-_]?deadline=(\d+)/i.exec(connectionString)?.[1];
    this.#appendMaxBytes = appendMaxBytes ?? appendMaxBytesDefault;
    this.#deadlineMs = deadlineMs ?? (deadline === undefined ? deadlineMsDefault : Number(deadline));
    const hex = Buffer.from(random.bytes(10)).toString('hex');
    try {
      this.#wire = new Wire(connectionString, `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-`);
    } catch (error) {
      throw new ConnectionStringInvalid(withoutPassword(error instanceof Error ? error.message.split('\n')[0] ?? '' : String(error)));
    }
  }

  async append(stream: StreamName, expected: Revision | 'no-stream', events: readonly NewEvent[]): Promise<Appended> {
    const before = expected === 'no-stream' ? -1 : expected;
    if (expected !== 'no-stream' && !(Number.isSafeInteger(expected) && expected >= 0)) throw new WrongExpectedRevision(stream, expected);
    if (events.length === 0) throw new Error('an append needs at least one event');
    const { messages, bytes } = encode(stream, before + 1, events);
    if (bytes > this.#appendMaxBytes) throw tooLarge(bytes, this.#appendMaxBytes);
    const options = appendOptions(stream, expected);
    let answer: BatchAppendResp;
    try {
      answer = await this.#wire.append((request) => request.setOptions(options).setProposedMessagesList([...messages]), this.#deadlineMs);
    } catch (error) {
      throw this.#failureOf(error, stream, expected);
    }
    return this.#appended(answer, stream, expected, before + events.length);
  }
  #appended(answer: BatchAppendResp, stream: StreamName, expected: Revision | 'no-stream', reached: Revision): Appended {
    const success = answer.getSuccess();
    if (!success) throw refusalOf(answer, stream, expected, this.#appendMaxBytes);
    const revision = Number(success.getCurrentRevision());
    if (revision !== reached) throw new BrokenChain(stream, 0, `the stream had been deleted in EventStoreDB and was begun anew at revision ${revision}`);
    const position = success.getPosition()?.getCommitPosition();
    // A repeat of what is there, whose place the server has forgotten: the reader finds it.
    if (position === undefined) throw new WrongExpectedRevision(stream, expected);
    for (const listener of [...this.#listeners]) listener();
    return { position: BigInt(position), revision };
  }

  async *read(stream: StreamName, from: Revision = 0): AsyncGenerator<readonly StoredEvent[]> {
    for (let next = from; ; ) {
      const { events, missing } = await this.#streamPage(stream, next);
      if (missing && next > 0) throw new BrokenChain(stream, next, 'its stream is gone: it was deleted in EventStoreDB');
      if (next === 0 && events.length === 0 && (!missing || (await this.#isDeleted(stream)))) throw new BrokenChain(stream, 0, 'its stream was deleted or truncated in EventStoreDB');
      if (events.length > 0) yield events;
      if (events.length < streamPageSize) return;
      next += events.length;
    }
  }
  /** A deleted stream looks like one that never was; what tells them apart is the mark in its metadata. */
  async #isDeleted(stream: StreamName): Promise<boolean> {
    const [last] = (await this.#page(readLast(`$$${stream}`))).events;
    return last !== undefined && last.data.includes('"$tb"');
  }
  #streamPage(stream: StreamName, from: Revision): Promise<{ events: StoredEvent[]; missing: boolean }> {
    return this.#page(readStream(stream, from, streamPageSize), stream);
  }

  async *readAll(after: Position, pageSize = 1_000): AsyncGenerator<readonly StoredEvent[]> {
    for (let position = after; ; ) {
      const page = await this.#logPage(position, pageSize);
      if (page.length > 0) {
        position = page.at(-1)?.position ?? position;
        yield page;
      }
      if (page.length < pageSize) return;
      // Far from the end: the server pushes the rest, without being asked page by page.
      for await (const more of this.#catchUp(position, pageSize)) {
        position = more.at(-1)?.position ?? position;
        yield more;
      }
    }
  }
  async #logPage(after: Position, pageSize: number): Promise<StoredEvent[]> {
    // A read begins with the event at its position: that one is known.
    const { events } = await this.#page(readLog(after, after === 0n ? pageSize : pageSize + 1));
    return events.filter(({ position }) => position > after).slice(0, pageSize);
  }
  /** Ends when it is caught up, and also when the connection breaks: whoever asks goes on from where he is. */
  async *#catchUp(after: Position, pageSize: number): AsyncGenerator<readonly StoredEvent[]> {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), silenceMaxMs);
    let page: StoredEvent[] = [];
    try {
      for await (const answer of this.#wire.read(subscribe(after), { signal: silence.signal })) {
        const event = decode(answer);
        if (event) page.push(event);
        if (page.length >= pageSize || (answer.hasCaughtUp() && page.length > 0)) {
          timer.refresh();
          yield page;
          timer.refresh();
          page = [];
        }
        if (answer.hasCaughtUp()) return;
      }
    } catch (error) {
      const failure = this.#failureOf(error);
      if (!(failure instanceof Unavailable)) throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  async head(): Promise<Position> {
    return (await this.#page(readHead())).events[0]?.position ?? 0n;
  }

  onAdvanced(listener: () => void): () => void {
    // Wrapped, so that the same function given twice is two listeners.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    this.#watching ??= this.#watch();
    return () => this.#listeners.delete(entry);
  }
  /** Listens for what anybody appends; after a break it goes on from the last event it has seen. */
  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    let after: Position | undefined;
    for (let waitMs = 0; !signal.aborted; waitMs = Math.min(resubscribeMaxMs, waitMs * 2 + 50)) {
      if (waitMs > 0) await sleep(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
      try {
        for await (const answer of this.#wire.read(subscribe(after), { signal })) {
          waitMs = 0;
          if (answer.hasEvent()) after = BigInt(answer.getEvent()?.getCommitPosition() ?? '0');
          // On being confirmed, too: before that, something may have been missed.
          if (answer.hasEvent() || answer.hasConfirmation()) for (const listener of [...this.#listeners]) listener();
        }
      } catch {
        // The log is looked at all the same: a signal may be lost.
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#listeners.clear();
    await this.#wire.close();
    await this.#watching;
  }

  /** One bounded read, tried again while the server cannot answer. */
  async #page(request: ReadReq, stream?: StreamName): Promise<{ events: StoredEvent[]; missing: boolean }> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#reads.run(() => this.#readOnce(request));
      } catch (error) {
        const failure = this.#failureOf(error, stream);
        const waitMs = retriesMs[attempt];
        if (!(failure instanceof Unavailable) || waitMs === undefined || this.#closing.signal.aborted) throw failure;
        await sleep(waitMs, undefined, { ref: false });
      }
    }
  }
  async #readOnce(request: ReadReq): Promise<{ events: StoredEvent[]; missing: boolean }> {
    const events: StoredEvent[] = [];
    let missing = false;
    // To its end, whatever it says: a call that is broken off is a reset, and servers close a connection with many of those.
    for await (const answer of this.#wire.read(request, { deadlineMs: this.#deadlineMs })) {
      missing ||= answer.hasStreamNotFound();
      const event = decode(answer);
      if (event) events.push(event);
    }
    return { events, missing };
  }

  #failureOf(error: unknown, stream?: StreamName, expected?: Revision | 'no-stream'): Error {
    if (error instanceof WrongExpectedVersionError && stream !== undefined && expected !== undefined) return new WrongExpectedRevision(stream, expected);
    if (error instanceof StreamDeletedError) return new BrokenChain(stream ?? error.streamName, 0, 'its stream was deleted for ever (tombstoned) in EventStoreDB');
    if (error instanceof MaxAppendSizeExceededError) return tooLarge(undefined, error.maxAppendSize);
    if (error instanceof AccessDeniedError) return new Refused('EventStoreAccessDenied', 'EventStoreDB denies access: check user, password and rights in --eventstore');
    if (stream === undefined && (error as { code?: unknown }).code === invalidArgument) return new UnknownPosition('EventStoreDB knows no event at this position');
    if (error instanceof InvalidArgumentError || error instanceof BrokenChain || this.#closing.signal.aborted) return error as Error;
    // Not the leader, no leader, deadline, cancelled, cut off, not reached: it may be different in a moment.
    return new Unavailable(`EventStoreDB cannot be reached: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** What the server says to an append instead of "done". */
const refusalOf = (answer: BatchAppendResp, stream: StreamName, expected: Revision | 'no-stream', appendMaxBytes: number): Error => {
  const details = answer.getError()?.getDetails();
  switch (details?.getTypeName()) {
    case 'event_store.client.WrongExpectedVersion': return new WrongExpectedRevision(stream, expected);
    case 'event_store.client.StreamDeleted': return new BrokenChain(stream, 0, 'its stream was deleted for ever (tombstoned) in EventStoreDB');
    case 'event_store.client.AccessDenied': return new Refused('EventStoreAccessDenied', 'EventStoreDB denies writing: check user, password and rights in --eventstore');
    case 'event_store.client.MaximumAppendSizeExceeded': return tooLarge(undefined, details.unpack(shared.MaximumAppendSizeExceeded.deserializeBinary, 'event_store.client.MaximumAppendSizeExceeded')?.getMaxappendsize() ?? appendMaxBytes);
    default: return new Unavailable(`EventStoreDB did not take the append: ${answer.getError()?.getMessage() ?? 'no reason given'}`);
  }
};
const tooLarge = (bytes: number | undefined, max: number): Refused =>
  new Refused('AppendTooLarge', `the events of one command have ${bytes === undefined ? 'more than' : `${bytes} bytes,`} ${bytes === undefined ? '' : 'and EventStoreDB takes at most '}${max} bytes at once; send less, or raise its MaxAppendSize`);
const withoutPassword = (text: string): string => text.replaceAll(/\/\/[^@/\s"]*@/g, '//...@');
