import { bySystem, SystemMessage, type Committed } from '../command-message.ts';
import { CommandRejected, type Handler } from '../handle.ts';
import type { AnyReactor, Deed, Perform, World } from './reactor.ts';
import type { Todo } from '../../domain/decider.ts';
import { categoryOf, subjectOf, type CustomerId, type StreamName } from '../../domain/ids.ts';
import { earliest, latest, minute, plus, second, type Instant } from '../../domain/instant.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { Position } from '../../domain/ports/event-store.ts';
import { Unavailable } from '../../domain/ports/failures.ts';
import type { Log, Recorded } from '../../domain/ports/log.ts';
import type { Collection } from '../../domain/ports/read-models.ts';
import type { WorkEvent } from '../../domain/work/events.ts';

/** Waiting times between tries of a deed whose world was unavailable; after the last one the work is parked. */
const retriesMs = [second, 5 * second, 15 * second, minute, 5 * minute, 15 * minute, 60 * minute];
/** Deeds that one waking may do for one stream before it goes to the back of the queue. */
const turnsMax = 50;
const parallelMax = 8;
/** After this long a stream gives its turn back, whatever its deed waits for: slow ones, however many, delay their own stream only. */
export const patienceMs = 5 * second;
/** After this long without an answer a deed counts as unavailable, unless its reactor says otherwise. */
export const deadlineDefaultMs = 10 * minute;
/** Stands among the tries for the stream itself: how often it could not be looked at. */
const looking = 'looking';
/** Checkpoints of pages with nothing for this reactor are written only so often: reading them again is harmless. */
const idleEventsMax = 2_000;

type Tried = { readonly attempts: number; readonly nextAt?: Instant; readonly error?: string; readonly parkedAt?: Instant; readonly deed?: string; readonly owner?: CustomerId };
/** Disposable: what is to be looked at and when; all of it can be found again from the log. */
type Row = { readonly dueAt?: Instant; readonly tried: Readonly<Record<string, Tried>>; readonly cause?: { readonly id: string; readonly correlationId: string } };
export type Parked = { readonly subject: string; readonly key: string; readonly deed?: string; readonly owner?: CustomerId; readonly error: string; readonly since: Instant; readonly attempts: number };

export type Pumping = {
  readonly log: Log;
  readonly clock: Clock;
  readonly handler: Handler;
  readonly world: World;
  readonly rows: Collection;
  /** Called at every point between two durable steps; a test stops the world there. */
  readonly at: (step: string) => Promise<void> | void;
  readonly warn: (facts: object, message: string) => void;
  /** Waits before what was unavailable is tried again; ends early when `signal` aborts. Without it that stops the pump. */
  readonly rest?: (tries: number, signal: AbortSignal) => Promise<void>;
};

/** Runs one reactor: wakes on its streams' events and due instants, and does what each state asks until nothing is left. */
export class Pump {
  readonly reactor: AnyReactor;
  position: Position = 0n;
  /** Why it stopped for good, or why it waits just now. */
  failure: string | undefined;
  unavailable: string | undefined;
  readonly #p: Pumping;
  readonly #rows = new Map<StreamName, Row>();
  readonly #ready = new Set<StreamName>();
  /** Streams that are looked at just now, one deed at a time each. */
  readonly #busy = new Set<StreamName>();
  /** Those of them that count: a slow one's turn is over before it is. */
  readonly #turns = new Set<Promise<void>>();
  readonly #again = new Set<StreamName>();
  #stop = new AbortController();
  #written: Position = 0n;
  /** Events seen since a checkpoint was written: positions of a shared log do not count them. */
  #unwritten = 0;
  /** Whether it works here. */
  #working = false;
  #running: Promise<unknown> = Promise.resolve();
  #writing: Promise<void> = Promise.resolve();
  #alarm = new AbortController();
  /** When the alarm goes off. Earlier than anything is due does no harm; looking for the earliest each time would, with many rows. */
  #alarmAt: Instant | undefined;

  constructor(reactor: AnyReactor, pumping: Pumping) {
    this.reactor = reactor;
    this.#p = pumping;
  }

  /** Starts where it was, or where another server left it; resolves once its rows are loaded. */
  async start(): Promise<void> {
    this.#stop = new AbortController();
    this.#alarmAt = undefined;
    this.failure = undefined;
    this.unavailable = undefined;
    for (const streams of [this.#ready, this.#again]) streams.clear();
    await this.#load();
    this.#working = true;
    this.#written = this.position;
    this.#unwritten = 0;
    for (const [stream, row] of this.#rows) if (row.dueAt === undefined || row.dueAt <= this.#p.clock.now()) this.#ready.add(stream);
    this.#running = this.#keepFollowing().catch((error: unknown) => {
      this.failure = String(error);
      this.#p.warn({ reactor: this.reactor.name, error: this.failure }, 'a reactor stopped');
    });
    this.#lookAtDue();
  }
  async #load(): Promise<void> {
    this.#rows.clear();
    this.position = await this.#p.rows.checkpoint(); // before the rows: noticing an event again does no harm
    for await (const page of this.#p.rows.all()) for (const { key, document } of page) this.#rows.set(key as StreamName, document as unknown as Row);
  }
  /** What its rows say, where it works on another server. */
  async glance(): Promise<void> {
    if (!this.#working) await this.#load();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#alarm.abort();
    await this.#running.catch(() => undefined);
    await Promise.all(this.#turns); // what is slow is not waited for: the next start does it again
    this.#working = false;
  }

  /** Whether everything up to `head` has been seen and nothing is left to do now. */
  idle(head: Position): boolean {
    const now = this.#p.clock.now();
    return this.position >= head && this.#busy.size === 0 && this.#ready.size === 0 && ![...this.#rows.values()].some((row) => row.dueAt !== undefined && row.dueAt <= now);
  }
  nextDueAt(): Instant | undefined {
    let due: Instant | undefined;
    for (const { dueAt } of this.#rows.values()) due = earliest(due, dueAt);
    return due;
  }
  waiting(): number {
    return this.#rows.size;
  }
  parked(): readonly Parked[] {
    return [...this.#rows].flatMap(([subject, row]) => Object.entries(row.tried).flatMap(([key, tried]) => (tried.parkedAt ? [{ subject, key, ...withOwner(tried), error: tried.error ?? '', since: tried.parkedAt, attempts: tried.attempts }] : [])));
  }

  /** Follows, and after the rows or the log did not answer, goes on from where it was: noticing an event again does no harm. */
  async #keepFollowing(): Promise<void> {
    const { signal } = this.#stop;
    for (let tries = 0, at = this.position; !signal.aborted; ) {
      try {
        // Whether the last step was written is unknown: the rows say.
        if (this.unavailable !== undefined) this.#written = await this.#p.rows.checkpoint();
        return await this.#follow();
      } catch (error) {
        if (!(error instanceof Unavailable) || !this.#p.rest) throw error;
        this.unavailable = error.message;
        tries = this.position > at ? 1 : tries + 1;
        at = this.position;
        await this.#p.rest(tries, signal);
      }
    }
  }

  async #follow(): Promise<void> {
    for await (const page of this.#p.log.follow(this.position, this.#stop.signal)) {
      const woken = new Set<StreamName>();
      for (const event of page) this.#notice(event, woken);
      // One that comes to rest before the row is written must not forget what has just been noticed.
      for (const stream of woken) if (this.#busy.has(stream)) this.#again.add(stream);
      const last = page.at(-1)?.position ?? this.position;
      this.#unwritten += page.length;
      if (woken.size > 0 || this.#unwritten > idleEventsMax) {
        const puts = [...woken].map((stream) => ({ key: stream, position: last, document: this.#rows.get(stream) as Row }));
        await this.#inOrder(() => this.#p.rows.commit({ expected: this.#written, next: last, puts, deletes: [] }));
        this.#written = last;
        this.#unwritten = 0;
      }
      this.position = last;
      this.unavailable = undefined;
      for (const stream of woken) this.#wake(stream);
      this.#next();
    }
  }

  #notice(event: Recorded, woken: Set<StreamName>): void {
    const category = categoryOf(event.stream);
    const cause = { id: event.id, correlationId: event.meta.correlationId };
    if (category === this.reactor.decider.category) {
      this.#rows.set(event.stream, { ...(this.#rows.get(event.stream) ?? { tried: {} }), cause });
      woken.add(event.stream);
    } else if (category === 'work' && (event.data as { reactor?: string }).reactor === this.reactor.name) {
      const subject = (event.data as { subject: StreamName }).subject;
      const row = this.#rows.get(subject) ?? { tried: {}, cause };
      this.#rows.set(subject, { ...row, tried: afterWork(row.tried, event as Recorded<WorkEvent> & WorkEvent) });
      woken.add(subject);
    }
  }

  #wake(stream: StreamName): void {
    if (this.#busy.has(stream)) this.#again.add(stream);
    else this.#ready.add(stream);
  }

  #next(): void {
    for (const stream of this.#ready) {
      if (this.#turns.size >= parallelMax || this.#stop.signal.aborted) return;
      this.#ready.delete(stream);
      this.#turn(stream);
    }
  }
  /** Over when the stream is at rest, or given back because that takes too long. */
  #turn(stream: StreamName): void {
    const rested = new AbortController();
    this.#busy.add(stream);
    void this.#pump(stream).catch((error: unknown) => this.#stumbled(stream, error)).finally(() => {
      this.#busy.delete(stream);
      if (this.#again.delete(stream)) this.#ready.add(stream);
      this.#remind(this.#rows.get(stream)?.dueAt);
      rested.abort(null); // without a reason one with a stack would be made
      this.#next(); // one that was slow had no turn to give back
    });
    const turn = this.#p.clock.until(plus(this.#p.clock.now(), patienceMs), rested.signal).then(() => {
      this.#turns.delete(turn);
      this.#next();
    });
    this.#turns.add(turn);
  }

  /** Its state could not be read, or its row not be written: looked at again, but not at once. */
  #stumbled(stream: StreamName, error: unknown): void {
    this.#p.warn({ reactor: this.reactor.name, stream, error: String(error) }, 'a pump failed; the stream is looked at again');
    const row = this.#rows.get(stream) ?? { tried: {} };
    const attempts = (row.tried[looking]?.attempts ?? 0) + 1;
    const dueAt = plus(this.#p.clock.now(), retriesMs[Math.min(attempts, retriesMs.length) - 1] as number);
    this.#rows.set(stream, { ...row, dueAt, tried: { ...row.tried, [looking]: { attempts, error: String(error) } } });
  }

  /** One alarm for all. */
  #remind(due: Instant | undefined): void {
    if (due === undefined || (this.#alarmAt !== undefined && this.#alarmAt <= due) || this.#stop.signal.aborted) return;
    this.#alarm.abort();
    const alarm = new AbortController();
    this.#alarm = alarm;
    this.#alarmAt = due;
    void this.#p.clock.until(due, alarm.signal).then(() => {
      if (alarm.signal.aborted) return;
      this.#alarmAt = undefined;
      this.#lookAtDue();
    });
  }

  /** Wakes everything that is due, and sets the alarm for the earliest of the rest. */
  #lookAtDue(): void {
    const now = this.#p.clock.now();
    let next: Instant | undefined;
    for (const [stream, { dueAt }] of this.#rows) {
      if (dueAt !== undefined && dueAt <= now) this.#wake(stream);
      else next = earliest(next, dueAt);
    }
    this.#remind(next);
    this.#next();
  }

  /** Does what the stream's state asks, one thing after the other; the waking event says nothing but "look". */
  async #pump(stream: StreamName): Promise<void> {
    for (let turn = 0; turn < turnsMax; turn += 1) {
      const { state } = await this.#p.handler.streams.state(this.reactor.decider, stream);
      const items = this.reactor.todo(state as never) as readonly Todo[];
      const now = this.#p.clock.now();
      const row = this.#rows.get(stream) ?? { tried: {} };
      const item = items.find((candidate) => dueOf(candidate, row.tried[candidate.key], now) === 'now');
      if (!item) return this.#rest(stream, items, row);
      await this.#perform(stream, item, state, row, now);
      if (this.#stop.signal.aborted) return;
    }
    this.#again.add(stream);
  }

  async #perform(stream: StreamName, item: Todo, state: unknown, row: Row, now: Instant): Promise<void> {
    const { name, owner } = this.reactor;
    const { at } = this.#p;
    let whose = owner(state as never);
    try {
      await at(`${name}.${item.do}.woken`);
      const outcomes = await this.#within((signal) => (this.reactor.deeds[item.do] as Perform<any, any>)(item, { ...this.#deed(stream, item, row, now, signal), belongsTo: (found) => (whose = found) }, state));
      await at(`${name}.${item.do}.performed`);
      for (const [index, { type, fields }] of outcomes.entries()) await this.#dispatch(item, row, type, fields, `outcome${index}`);
      await at(`${name}.${item.do}.recorded`);
      await this.#tried(stream, item.key, undefined);
    } catch (error) {
      if (!this.#stop.signal.aborted) await this.#failed(stream, item, whose, error); // stopped: looked at again at the next start
    }
  }

  /** The deed's answer, or `Unavailable` when it takes too long. What comes later is not listened to: the deed is repeated under the same key, as after a crash. */
  async #within<T>(deed: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { deadlineMs = deadlineDefaultMs } = this.reactor;
    const [late, answered] = [new AbortController(), new AbortController()];
    const deadline = this.#p.clock.until(plus(this.#p.clock.now(), deadlineMs), answered.signal).then(() => {
      if (answered.signal.aborted) return undefined as never; // nobody listens any more
      late.abort();
      throw new Unavailable(`no answer within ${Math.round(deadlineMs / second)} seconds`);
    });
    try {
      return await Promise.race([deed(late.signal), deadline]);
    } finally {
      deadline.catch(() => undefined);
      answered.abort(null);
    }
  }

  #deed(stream: StreamName, item: Todo, row: Row, now: Instant, signal: AbortSignal): Omit<Deed, 'belongsTo'> {
    return {
      ...this.#p.world, key: item.key, subject: subjectOf(stream), now, signal, attempts: row.tried[item.key]?.attempts ?? 0,
      dispatch: async (type, fields, part = '') => {
        if (signal.aborted) throw new Unavailable('the deed has been given up meanwhile');
        return this.#dispatch(item, row, type, fields, part);
      },
      lookup: (decider, id) => this.#p.handler.lookup(decider, id),
    };
  }

  async #dispatch(item: Pick<Todo, 'key'>, { cause }: Row, type: string, fields: object, part: string): Promise<Committed> {
    const context = { ...bySystem(this.reactor.name, cause?.correlationId ?? item.key, cause?.id), idempotencyKey: `${item.key}.${part}` };
    const message = SystemMessage.inContext(new SystemMessage(type, fields), context);
    return (await this.#p.handler.execute(message)) as Committed;
  }

  async #failed(stream: StreamName, item: Todo, whose: CustomerId | undefined, error: unknown): Promise<void> {
    const now = this.#p.clock.now(); // not when it began: that may be long ago
    const tried = this.#rows.get(stream)?.tried[item.key];
    const attempts = (tried?.attempts ?? 0) + 1;
    const text = error instanceof Error ? error.message : String(error);
    const waitMs = error instanceof Unavailable ? retriesMs[attempts - 1] : undefined;
    this.#p.warn({ reactor: this.reactor.name, deed: item.do, stream, attempts, error: text, ...(error instanceof Unavailable ? {} : { stack: error instanceof Error ? error.stack : undefined }) }, waitMs === undefined ? 'a deed failed and is parked' : 'a deed failed and will be tried again');
    if (waitMs !== undefined) return this.#tried(stream, item.key, { attempts, nextAt: plus(now, waitMs), error: text });
    // The event first: parked in the row alone, nobody could release it.
    const owned = whose === undefined ? {} : { owner: whose };
    await this.#dispatch(item, this.#rows.get(stream) ?? { tried: {} }, 'ParkWork', { reactor: this.reactor.name, subject: stream, deeds: [{ key: item.key, deed: item.do, attempts, error: text }], ...owned }, `parked${now}`);
    await this.#tried(stream, item.key, { attempts, error: text, parkedAt: now, deed: item.do, ...owned });
  }
  /** Parked work that its subject no longer asks for has been overtaken: nobody needs to look at it any more. */
  async #overtaken(stream: StreamName, key: string, parkedAt: Instant, row: Row): Promise<void> {
    try {
      await this.#dispatch({ key }, row, 'ReleaseWork', { reactor: this.reactor.name, subject: stream, key }, `overtaken${parkedAt}`);
    } catch (error) {
      if (!(error instanceof CommandRejected)) throw error; // released already
    }
  }

  async #tried(stream: StreamName, key: string, tried: Tried | undefined): Promise<void> {
    const row = this.#rows.get(stream);
    if (!row || (!tried && !row.tried[key])) return;
    const { [key]: _, ...others } = row.tried;
    await this.#save(stream, { ...row, tried: tried ? { ...others, [key]: tried } : others });
  }

  /** Nothing to do now: forget the stream, or remember when to look again. */
  async #rest(stream: StreamName, items: readonly Todo[], row: Row): Promise<void> {
    const keys = new Set(items.map(({ key }) => key));
    const tried = Object.fromEntries(Object.entries(row.tried).filter(([key]) => keys.has(key)));
    for (const [key, { parkedAt }] of Object.entries(row.tried)) if (parkedAt && !keys.has(key)) await this.#overtaken(stream, key, parkedAt, row);
    const { dueAt: _, ...rest } = row;
    const dueAt = earliest(...items.filter(({ key }) => !tried[key]?.parkedAt).map((item) => dueOf(item, tried[item.key], '' as Instant) as Instant));
    if (dueAt === undefined && Object.keys(tried).length === 0) {
      if (this.#again.has(stream)) return void this.#rows.set(stream, { ...rest, tried }); // it is looked at again at once; an instant gone by must not ring for it meanwhile
      this.#rows.delete(stream);
      await this.#inOrder(() => this.#p.rows.put([], [stream]));
    } else await this.#save(stream, { ...rest, tried, ...(dueAt === undefined ? {} : { dueAt }) });
  }

  async #save(stream: StreamName, row: Row): Promise<void> {
    this.#rows.set(stream, row);
    const { position } = this;
    await this.#inOrder(() => this.#p.rows.put([{ key: stream, position, document: row }]));
  }
  /** Rows are written one after the other: what a store does at once it may do in any order, and an older row must not win. */
  #inOrder(write: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(write);
    this.#writing = done.catch(() => undefined);
    return done;
  }
}

const withOwner = ({ deed, owner }: Tried) => ({ ...(deed === undefined ? {} : { deed }), ...(owner === undefined ? {} : { owner }) });
/** What waits, and what is tried, after an event that parks or releases. */
const afterWork = (tried: Row['tried'], { type, data, meta }: Recorded<WorkEvent> & WorkEvent): Row['tried'] => {
  if (type === 'WorkParked') return { ...tried, [data.key]: { attempts: data.attempts, error: data.error, parkedAt: meta.at, ...withOwner(data) } };
  return Object.fromEntries(Object.entries(tried).filter(([key, { parkedAt }]) => !parkedAt || (data.key !== undefined && data.key !== key)));
};

/** 'now', or the instant an item has to wait for; parked ones wait for ever (undefined). */
const dueOf = (item: Todo, tried: Tried | undefined, now: Instant): 'now' | Instant | undefined => {
  if (tried?.parkedAt) return undefined;
  const due = latest(item.notBefore ?? ('' as Instant), tried?.nextAt ?? ('' as Instant));
  return due <= now ? 'now' : due;
};
