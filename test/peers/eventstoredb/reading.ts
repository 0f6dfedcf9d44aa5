/** Reads and subscriptions: of a stream or of everything, in both directions, filtered, with links followed when asked. */
import { eventOf, failures, identifierOf, nameIn, streams, type Failure } from './messages.ts';
import type { Engine, LogRecord } from './engine.ts';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';

const backwards = 1;
/** What a filtered read looks at before it says where it is. */
const windowDefault = 32;
/** A live subscriber that is further behind than this is told so, and catches up from the log. */
const liveBufferMax = 32;
const countMax = BigInt(Number.MAX_SAFE_INTEGER);

/** Where the answers go; `write` resolves once there is room for more, and answers false when nobody listens any more. */
export type Sink = { write(message: ReadResp): Promise<boolean>; readonly ended: () => boolean; readonly onEnded: (listener: () => void) => void };

type Filter = (record: LogRecord) => boolean;
const filterOf = (options: ReadReq.Options): Filter => {
  const filter = options.getFilter();
  if (!filter) return () => true;
  const expression = filter.getEventType() ?? filter.getStreamIdentifier();
  const subject = (record: LogRecord): string => (filter.hasEventType() ? record.type : record.stream);
  const regex = expression?.getRegex() ?? '';
  if (regex !== '') {
    const pattern = new RegExp(regex);
    return (record) => pattern.test(subject(record));
  }
  const prefixes = expression?.getPrefixList() ?? [];
  return (record) => prefixes.some((prefix) => subject(record).startsWith(prefix));
};

/** A link's target; undefined where it is no link, or leads nowhere any more. */
const targetOf = (engine: Engine, record: LogRecord): LogRecord | undefined => {
  if (record.type !== '$>') return undefined;
  const [revision, ...stream] = Buffer.from(record.data).toString().split('@');
  const view = engine.stream(stream.join('@'));
  return view.kind === 'some' ? view.records.find((candidate) => candidate.revision === Number(revision)) : undefined;
};

export class Reading {
  readonly #engine: Engine;
  readonly #options: ReadReq.Options;
  readonly #sink: Sink;
  readonly #filter: Filter;

  constructor(engine: Engine, options: ReadReq.Options, sink: Sink) {
    this.#engine = engine;
    this.#options = options;
    this.#sink = sink;
    this.#filter = filterOf(options);
  }

  /** Undefined when it ended as it should. */
  async run(): Promise<Failure | undefined> {
    if (this.#options.hasSubscription()) return this.#options.hasAll() ? this.#subscribeToAll() : this.#subscribeToStream();
    return this.#options.hasAll() ? this.#readAll() : this.#readStream();
  }

  #event(record: LogRecord): Promise<boolean> {
    const target = this.#options.getResolveLinks() ? targetOf(this.#engine, record) : undefined;
    return this.#sink.write(eventOf(this.#options, record, target, this.#options.hasAll()));
  }
  get #count(): number {
    const asked = BigInt(this.#options.getCount());
    return Number(asked > countMax ? countMax : asked);
  }

  async #readStream(): Promise<Failure | undefined> {
    const stream = this.#options.getStream();
    if (!stream) return failures.invalid('neither a stream nor $all');
    const name = nameIn(stream.getStreamIdentifier());
    const view = this.#engine.stream(name);
    if (view.kind === 'deleted') return failures.deleted(name);
    if (view.kind === 'none') {
      await this.#sink.write(new streams.ReadResp().setStreamNotFound(new streams.ReadResp.StreamNotFound().setStreamIdentifier(identifierOf(name))));
      return undefined;
    }
    const down = this.#options.getReadDirection() === backwards;
    const from = stream.hasEnd() ? Infinity : stream.hasStart() ? 0 : Number(stream.getRevision());
    let left = this.#count;
    // A copy: what is appended meanwhile is another read's.
    const records = down ? view.records.filter(({ revision }) => revision <= from).reverse() : view.records.filter(({ revision }) => revision >= from);
    for (const record of records) {
      if (left-- <= 0 || !(await this.#event(record))) return undefined;
    }
    if ((this.#options.getControlOption()?.getCompatibility() ?? 0) >= 1) await this.#sink.write(new streams.ReadResp().setLastStreamPosition(String(view.last)));
    return undefined;
  }

  async #readAll(): Promise<Failure | undefined> {
    const all = this.#options.getAll();
    const { log } = this.#engine;
    const down = this.#options.getReadDirection() === backwards;
    const given = all?.getPosition();
    let left = this.#count;
    // Forwards a position is inclusive, backwards it is not.
    let index = given ? this.#engine.indexOf(BigInt(given.getCommitPosition())) : all?.hasEnd() === true ? log.length : 0;
    if (given && !down && index < log.length && (log[index] as LogRecord).position !== BigInt(given.getCommitPosition()) && BigInt(given.getCommitPosition()) !== 0n) return failures.invalid(`position ${given.getCommitPosition()} is not the beginning of a record`);
    while (left > 0 && (down ? index > 0 : index < log.length)) {
      const record = log[down ? (index -= 1) : index++] as LogRecord;
      if (!this.#filter(record)) continue;
      left -= 1;
      if (!(await this.#event(record))) return undefined;
    }
    return undefined;
  }

  #confirm(): Promise<boolean> {
    return this.#sink.write(new streams.ReadResp().setConfirmation(new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId('00000000-0000-4000-8000-000000000001')));
  }
  /** Waits for the log to grow; false when nobody listens any more. */
  #grown(): Promise<boolean> {
    if (this.#sink.ended()) return Promise.resolve(false);
    return new Promise((resolve) => {
      const stop = this.#engine.onAdvanced(() => {
        stop();
        resolve(true);
      });
      this.#sink.onEnded(() => {
        stop();
        resolve(false);
      });
    });
  }

  async #subscribeToAll(): Promise<Failure | undefined> {
    const all = this.#options.getAll();
    const { log } = this.#engine;
    const given = all?.getPosition();
    // A subscription begins after its position.
    let after = given ? BigInt(given.getCommitPosition()) : all?.hasEnd() === true ? (log.at(-1)?.position ?? 0n) : 0n;
    const window = (this.#options.getFilter()?.getMax() || windowDefault) * Math.max(1, this.#options.getFilter()?.getCheckpointintervalmultiplier() ?? 1);
    let considered = 0;
    let live = false;
    if (!(await this.#confirm())) return undefined;
    for (;;) {
      let index = this.#engine.indexOf(after + 1n);
      if (live && log.length - index > liveBufferMax) {
        live = false;
        if (!(await this.#sink.write(new streams.ReadResp().setFellBehind(new streams.ReadResp.FellBehind())))) return undefined;
      }
      for (; index < log.length; index = this.#engine.indexOf(after + 1n)) {
        const record = log[index] as LogRecord;
        after = record.position;
        considered += 1;
        if (this.#filter(record) && !(await this.#event(record))) return undefined;
        if (this.#options.hasFilter() && considered % window === 0 && !(await this.#checkpoint(after))) return undefined;
      }
      if (!live) {
        live = true;
        if (this.#options.hasFilter() && after > 0n && !(await this.#checkpoint(after))) return undefined;
        if (!(await this.#sink.write(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp())))) return undefined;
        if (this.#engine.indexOf(after + 1n) < log.length) continue;
      }
      if (!(await this.#grown())) return undefined;
    }
  }
  #checkpoint(position: bigint): Promise<boolean> {
    return this.#sink.write(new streams.ReadResp().setCheckpoint(new streams.ReadResp.Checkpoint().setCommitPosition(String(position)).setPreparePosition(String(position))));
  }

  async #subscribeToStream(): Promise<Failure | undefined> {
    const stream = this.#options.getStream();
    const name = nameIn(stream?.getStreamIdentifier());
    const first = this.#engine.stream(name);
    if (first.kind === 'deleted') return failures.deleted(name);
    let after = stream?.hasStart() === true ? -1 : stream?.hasEnd() === true ? (first.kind === 'some' ? first.last : -1) : Number(stream?.getRevision() ?? 0);
    let live = false;
    if (!(await this.#confirm())) return undefined;
    for (;;) {
      const view = this.#engine.stream(name);
      if (view.kind === 'deleted') return failures.deleted(name);
      for (const record of view.kind === 'some' ? view.records.filter(({ revision }) => revision > after) : []) {
        after = record.revision;
        if (!(await this.#event(record))) return undefined;
      }
      if (!live && !(await this.#sink.write(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp())))) return undefined;
      live = true;
      if (!(await this.#grown())) return undefined;
    }
  }
}
