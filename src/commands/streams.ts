import { LRUCache } from 'lru-cache';
import { isRejection, type AnyDecider, type AnyEvent, type Decision, type Rejection } from '../domain/decider.ts';
import type { StreamName } from '../domain/ids.ts';
import type { Instant } from '../domain/instant.ts';
import { WrongExpectedRevision } from '../domain/ports/event-store.ts';
import { Refused, Unavailable } from '../domain/ports/failures.ts';
import { beginning, BrokenChain, type Head, type Log, type Origin, type Recorded } from '../domain/ports/log.ts';

/** A stream folded: its state, where it stands, and which commands it already holds (by revision of their first event). */
type Folded = { readonly state: unknown; readonly head: Head; readonly commands: Map<string, number> };
/** What is not there is undefined, never deleted: an object that has lost a field is slow to read. */
type Slot = { committed: Folded | undefined; pending: { readonly state: unknown; readonly head: Head } | undefined; inFlight: number; turn: Promise<unknown>; round: number; lastDurable: Promise<unknown>; readonly underWay: Map<string, Promise<Outcome>> };

/** What became of a command: the recorded events (of this asking or an earlier one), or a refusal. */
export type Outcome = { readonly events: readonly Recorded[]; readonly head: Head; readonly repeated: boolean } | Rejection;
export type Job = {
  readonly decider: AnyDecider;
  readonly stream: StreamName;
  readonly commandId: string;
  /** Expected revision where a human decided on a view. */
  readonly ifMatch?: number;
  readonly decide: (state: never, now: Instant) => Decision<AnyEvent>;
  readonly origin: (now: Instant) => Origin;
  readonly now: () => Instant;
};

/** How often a command that lost its race, or whose append failed, is decided anew. */
const attemptsMax = 3;
/** How many streams' states are kept; dropping one changes nothing but speed. */
const cachedStreamsMax = 50_000;

/**
 * One queue per stream. Commands are decided one after the other on the pending state and answered after the shared commit;
 * when a commit fails, that state is dropped and the queued ones are decided again on what is really there.
 */
export class Streams {
  readonly #log: Log;
  readonly #slots: LRUCache<string, Slot>;

  constructor(log: Log, cached = cachedStreamsMax) {
    this.#log = log;
    this.#slots = new LRUCache({ max: cached });
  }

  /**
   * The committed state: with everything that anybody has been told of, our own appends among it whose answers are on their way.
   * The one writer of a log waits for those; of a shared log the store is read on.
   */
  async state(decider: AnyDecider, stream: StreamName): Promise<{ state: unknown; head: Head }> {
    const slot = this.#slot(stream);
    if (this.#log.exclusive && slot.inFlight > 0) await slot.lastDurable.catch(() => undefined);
    return this.#load(decider, stream, slot, true);
  }

  /** Whether the stream has events of this command. */
  async holds(decider: AnyDecider, stream: StreamName, commandId: string): Promise<boolean> {
    return (await this.#load(decider, stream, this.#slot(stream))).commands.has(commandId);
  }

  async run(job: Job): Promise<Outcome> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(job);
      } catch (error) {
        if (error instanceof BrokenChain || error instanceof StaleRevision || error instanceof Refused) throw error;
        if (attempt >= attemptsMax) throw error instanceof WrongExpectedRevision ? new StaleRevision(job.stream) : new Unavailable(`the event store did not answer: ${String(error)}`, { cause: error });
      }
    }
  }

  #slot(stream: StreamName): Slot {
    const known = this.#slots.get(stream);
    if (known) return known;
    const slot: Slot = { committed: undefined, pending: undefined, inFlight: 0, turn: Promise.resolve(), round: 0, lastDurable: Promise.resolve(), underWay: new Map() };
    this.#slots.set(stream, slot);
    return slot;
  }

  /** Takes its turn in the stream's queue: deciding is sequential, being made durable is shared. */
  async #once(job: Job): Promise<Outcome> {
    const slot = this.#slot(job.stream);
    const mine = slot.turn.then(() => this.#decide(job, slot));
    slot.turn = mine.catch(() => undefined);
    const { outcome } = await mine;
    return outcome;
  }

  async #decide(job: Job, slot: Slot): Promise<{ outcome: Promise<Outcome> }> {
    const underWay = slot.underWay.get(job.commandId);
    if (underWay) return { outcome: underWay.then((outcome) => (isRejection(outcome) ? outcome : { ...outcome, repeated: true })) };
    const committed = await this.#load(job.decider, job.stream, slot);
    const recorded = committed.commands.get(job.commandId);
    if (recorded !== undefined) return { outcome: this.#answerAgain(job, recorded) };
    const { state, head } = slot.pending ?? committed;
    if (job.ifMatch !== undefined && job.ifMatch !== head.revision) throw new StaleRevision(job.stream);
    const now = this.#log.stamp(job.now(), head);
    const decision = job.decide(state as never, now);
    if (isRejection(decision) || decision.length === 0) {
      // It may rest on events that are not durable yet: answer once they are.
      return { outcome: slot.lastDurable.then(() => (isRejection(decision) ? decision : { events: [], head, repeated: false })) };
    }
    const pending = await this.#log.append(job.stream, head, decision, job.origin(now));
    slot.pending = { state: pending.events.reduce((s, event) => job.decider.evolve(s, event), state), head: pending.head };
    const { round } = slot;
    slot.inFlight += 1;
    const outcome = this.#settle(job, slot, round, slot.pending, pending.durable);
    slot.underWay.set(job.commandId, outcome);
    slot.lastDurable = outcome;
    outcome.catch(() => undefined);
    return { outcome };
  }

  async #settle(job: Job, slot: Slot, round: number, reached: NonNullable<Slot['pending']>, durable: Promise<readonly Recorded[]>): Promise<Outcome> {
    try {
      const events = await durable;
      slot.committed?.commands.set(job.commandId, events[0]?.revision ?? 0);
      // Answers may come out of order.
      if (slot.committed && slot.round === round && slot.committed.head.revision < reached.head.revision) slot.committed = { ...reached, commands: slot.committed.commands };
      return { events, head: reached.head, repeated: false };
    } catch (error) {
      if (slot.round === round) {
        slot.round += 1;
        slot.committed = undefined;
        slot.pending = undefined;
        slot.lastDurable = Promise.resolve();
      }
      throw error;
    } finally {
      slot.inFlight -= 1;
      slot.underWay.delete(job.commandId);
      if (slot.inFlight === 0 && slot.round === round) slot.pending = undefined;
    }
  }

  async #load(decider: AnyDecider, stream: StreamName, slot: Slot, readOn = false): Promise<Folded> {
    if (slot.committed && (this.#log.exclusive || (slot.inFlight > 0 && !readOn))) return slot.committed;
    const { round } = slot;
    const from = slot.committed ?? { state: decider.initial as unknown, head: beginning, commands: new Map<string, number>() };
    let { state, head } = from;
    for await (const page of this.#log.read(stream, head)) {
      for (const event of page) {
        state = decider.evolve(state, event);
        head = { revision: event.revision, hash: event.meta.hash, at: event.meta.at };
        if (!from.commands.has(event.meta.commandId)) from.commands.set(event.meta.commandId, event.revision);
      }
    }
    const folded = { state, head, commands: from.commands };
    if (slot.round !== round || slot.pending) return folded;
    // Another read, or an append of our own, may have come further while this one was under way.
    if (!slot.committed || slot.committed.head.revision < head.revision) slot.committed = folded;
    return slot.committed;
  }

  /** A repeated command is answered from what it recorded the first time. */
  async #answerAgain(job: Job, revision: number): Promise<Outcome> {
    const events: Recorded[] = [];
    for await (const page of this.#log.read(job.stream)) for (const event of page) if (event.revision >= revision && event.meta.commandId === job.commandId) events.push(event);
    const last = events.at(-1);
    // The answer that was lost may have been the only one to tell the gate.
    if (last) await this.#log.told(last.position);
    return { events, head: last ? { revision: last.revision, hash: last.meta.hash, at: last.meta.at } : beginning, repeated: true };
  }
}

/** Somebody else was faster, or the view that a human decided on has moved on. */
export class StaleRevision extends Error {
  override readonly name = 'StaleRevision';
  constructor(stream: string) {
    super(`stream ${stream} has moved on`);
  }
}
