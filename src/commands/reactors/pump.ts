import { bySystem, SystemMessage, type Committed } from '../command-message.ts';
import type { Handler } from '../handle.ts';
import type { AnyReactor, Deed, World } from './reactor.ts';
import type { Todo } from '../../domain/decider.ts';
import { categoryOf, subjectOf, type StreamName } from '../../domain/ids.ts';
import { earliest, latest, minute, plus, second, type Instant } from '../../domain/instant.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { Position } from '../../domain/ports/event-store.ts';
import { Unavailable } from '../../domain/ports/failures.ts';
import type { Log, Recorded } from '../../domain/ports/log.ts';
import type { Collection } from '../../domain/ports/read-models.ts';

/** Waiting times between tries of a deed whose world was unavailable; after the last one the work is parked. */
const retriesMs = [second, 5 * second, 15 * second, minute, 5 * minute, 15 * minute, 60 * minute];
/** Deeds that one waking may do for one stream before it goes to the back of the queue. */
const turnsMax = 50;
const parallelMax = 8;
/** Stands among the tries for the stream itself: how often it could not be looked at. */
const looking = 'looking';
/** Checkpoints of pages with nothing for this reactor are written only so often: reading them again is harmless. */
const idleEventsMax = 2_000;

type Tried = { readonly attempts: number; readonly nextAt?: Instant; readonly error?: string; readonly parkedAt?: Instant };
/** Disposable: what is to be looked at and when; all of it can be found again from the log. */
type Row = { readonly dueAt?: Instant; readonly tried: Readonly<Record<string, Tried>>; readonly cause?: { readonly id: string; readonly correlationId: string } };
export type Parked = { readonly subject: string; readonly key: string; readonly error: string; readonly since: Instant; readonly attempts: number };

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
  readonly #busy = new Set<StreamName>();
  readonly #again = new Set<StreamName>();
  #stop = new AbortController();
  #written: Position = 0n;
  /** Events seen since a checkpoint was written: positions of a shared log do not count them. */
  #unwritten = 0;
  /** Whether it works here. */
  #working = false;
  #running: Promise<unknown> = Promise.resolve();
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
    while (this.#busy.size > 0) await new Promise((resolve) => setImmediate(resolve));
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
    return [...this.#rows].flatMap(([subject, row]) => Object.entries(row.tried).flatMap(([key, tried]) => (tried.parkedAt ? [{ subject, key, error: tried.error ?? '', since: tried.parkedAt, attempts: tried.attempts }] : [])));
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
      const last = page.at(-1)?.position ?? this.position;
      this.#unwritten += page.length;
      if (woken.size > 0 || this.#unwritten > idleEventsMax) {
        await this.#p.rows.commit({ expected: this.#written, next: last, puts: [...woken].map((stream) => ({ key: stream, position: last, document: this.#rows.get(stream) as Row })), deletes: [] });
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
      const { subject, key, attempts, error } = event.data as { subject: StreamName; key: string; attempts: number; error: string };
      const row = this.#rows.get(subject) ?? { tried: {}, cause };
      if (event.type === 'WorkParked') this.#rows.set(subject, { ...row, tried: { ...row.tried, [key]: { attempts, error, parkedAt: event.meta.at } } });
      else this.#rows.set(subject, { ...row, tried: Object.fromEntries(Object.entries(row.tried).filter(([, tried]) => !tried.parkedAt)) });
      woken.add(subject);
    }
  }

  #wake(stream: StreamName): void {
    if (this.#busy.has(stream)) this.#again.add(stream);
    else this.#ready.add(stream);
  }

  #next(): void {
    for (const stream of this.#ready) {
      if (this.#busy.size >= parallelMax || this.#stop.signal.aborted) return;
      this.#ready.delete(stream);
      this.#busy.add(stream);
      void this.#pump(stream).catch((error: unknown) => this.#stumbled(stream, error)).finally(() => {
        this.#busy.delete(stream);
        if (this.#again.delete(stream)) this.#ready.add(stream);
        this.#remind(this.#rows.get(stream)?.dueAt);
        this.#next();
      });
    }
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
    const { name, deeds } = this.reactor;
    const { at } = this.#p;
    try {
      await at(`${name}.${item.do}.woken`);
      const outcomes = await (deeds[item.do] as NonNullable<(typeof deeds)[string]>)(item, this.#deed(stream, item, row, now), state);
      await at(`${name}.${item.do}.performed`);
      for (const [index, { type, fields }] of outcomes.entries()) await this.#dispatch(item, row, type, fields, `outcome${index}`);
      await at(`${name}.${item.do}.recorded`);
      await this.#tried(stream, item.key, undefined);
    } catch (error) {
      await this.#failed(stream, item, error, now);
    }
  }

  #deed(stream: StreamName, item: Todo, row: Row, now: Instant): Deed {
    return {
      ...this.#p.world, key: item.key, subject: subjectOf(stream), now,
      dispatch: (type, fields, part = '') => this.#dispatch(item, row, type, fields, part),
      lookup: (decider, id) => this.#p.handler.lookup(decider, id),
    };
  }

  async #dispatch(item: Todo, { cause }: Row, type: string, fields: object, part: string): Promise<Committed> {
    const context = { ...bySystem(this.reactor.name, cause?.correlationId ?? item.key, cause?.id), idempotencyKey: `${item.key}.${part}` };
    const message = SystemMessage.inContext(new SystemMessage(type, fields), context);
    return (await this.#p.handler.execute(message)) as Committed;
  }

  async #failed(stream: StreamName, item: Todo, error: unknown, now: Instant): Promise<void> {
    const tried = this.#rows.get(stream)?.tried[item.key];
    const attempts = (tried?.attempts ?? 0) + 1;
    const text = error instanceof Error ? error.message : String(error);
    const waitMs = error instanceof Unavailable ? retriesMs[attempts - 1] : undefined;
    this.#p.warn({ reactor: this.reactor.name, deed: item.do, stream, attempts, error: text, ...(error instanceof Unavailable ? {} : { stack: error instanceof Error ? error.stack : undefined }) }, waitMs === undefined ? 'a deed failed and is parked' : 'a deed failed and will be tried again');
    if (waitMs !== undefined) return this.#tried(stream, item.key, { attempts, nextAt: plus(now, waitMs), error: text });
    // The event first: parked in the row alone, nobody could release it.
    await this.#dispatch(item, this.#rows.get(stream) ?? { tried: {} }, 'ParkWork', { reactor: this.reactor.name, subject: stream, key: item.key, attempts, error: text }, `parked${now}`);
    await this.#tried(stream, item.key, { attempts, error: text, parkedAt: now });
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
    const { dueAt: _, ...rest } = row;
    const dueAt = earliest(...items.filter(({ key }) => !tried[key]?.parkedAt).map((item) => dueOf(item, tried[item.key], '' as Instant) as Instant));
    if (dueAt === undefined && Object.keys(tried).length === 0) {
      if (this.#again.has(stream)) return void this.#rows.set(stream, { ...rest, tried }); // it is looked at again at once; an instant gone by must not ring for it meanwhile
      this.#rows.delete(stream);
      await this.#p.rows.put([], [stream]);
    } else await this.#save(stream, { ...rest, tried, ...(dueAt === undefined ? {} : { dueAt }) });
  }

  async #save(stream: StreamName, row: Row): Promise<void> {
    this.#rows.set(stream, row);
    await this.#p.rows.put([{ key: stream, position: this.position, document: row }]);
  }
}

/** 'now', or the instant an item has to wait for; parked ones wait for ever (undefined). */
const dueOf = (item: Todo, tried: Tried | undefined, now: Instant): 'now' | Instant | undefined => {
  if (tried?.parkedAt) return undefined;
  const due = latest(item.notBefore ?? ('' as Instant), tried?.nextAt ?? ('' as Instant));
  return due <= now ? 'now' : due;
};
