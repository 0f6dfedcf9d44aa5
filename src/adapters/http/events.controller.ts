import { Controller, Get, Inject, Query, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import { callerOf, callerStill, type Caller } from './caller.ts';
import { ChangeStream, type Told } from './change-stream.ts';
import { HttpProblem, notSignedIn, problemOf } from './problem.ts';
import { documentBeforeItsEnd, positionOf, readableModels, scopeOf } from './queries.ts';
import { RIM, type Rim } from './rim.ts';
import type { Position } from '../../domain/ports/event-store.ts';
import type { Document } from '../../domain/ports/read-models.ts';
import { ChangeWatch } from '../../projections/change-feed.ts';
import type { Change, ModelRunner } from '../../projections/runner.ts';

/** Events of the log that are gone through for a reader who comes back; one who was away for longer reads again. */
const catchUpMax = 1_000;
const streamsPerCallerMax = 16;
const streamsMax = 1_000;
const beatMs = 15_000;
const catchUpWaitMs = 5_000;
/** After these a stream's caller may see more, or nothing any more. */
const whoMay: ReadonlySet<string> = new Set(['SessionClosed', 'SessionsRevoked', 'OperatorTokenIssued', 'NamespaceCreated']);

type Scopes = ReadonlyMap<string, Readonly<Record<string, string>>>;
type Open = { readonly stream: ChangeStream; caller: Caller; scopes: Scopes; readonly request: FastifyRequest; readonly runners: readonly ModelRunner[] };
type Asked = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Who watches read models over HTTP: told what has changed as soon as a read sees it, and nothing they could not read. */
@Controller()
export class EventsController implements OnModuleDestroy {
  readonly #rim: Rim;
  readonly #open = new Set<Open>();
  readonly #beat: NodeJS.Timeout;
  #closing = false;

  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
    this.#beat = setInterval(() => this.#open.forEach(({ stream }) => stream.beat()), beatMs).unref();
    rim.log.onCommitted((events) => events.some(({ type }) => whoMay.has(type)) && this.#lookAgain());
  }

  /** A stop of the server waits for no watcher: they come back by themselves. */
  onModuleDestroy(): void {
    this.#closing = true;
    clearInterval(this.#beat);
    for (const { stream } of this.#open) stream.end();
  }

  @Get('events')
  async watch(@Query() query: Asked, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const caller = await callerOf(this.#rim, request);
    if (caller.actor.kind === 'anonymous') throw notSignedIn();
    const runners = this.#models(query['models'], caller, request);
    const scopes = scopesOf(runners, caller, request);
    const after = afterOf(request, query);
    this.#admit(caller);
    const watch = new ChangeWatch(runners);
    const open: Open = { stream: undefined as never, caller, scopes, request, runners };
    this.#open.add(open); // from here on it counts, and is looked at when a session ends
    const leave = (): void => {
      watch.stop();
      this.#open.delete(open);
    };
    try {
      const from = watch.furthest;
      await Promise.all(runners.map((runner) => runner.reached(from, sleep(catchUpWaitMs, undefined, { ref: false }))));
      const missed = after === undefined ? [] : await changesBetween(this.#rim, runners, after, from);
      if (!this.#open.has(open) || this.#closing) throw notSignedIn('this session has ended');
      reply.hijack();
      Object.assign(open, { stream: new ChangeStream(reply.raw, reply.getHeaders() as Record<string, string>, after === undefined || after > from ? from : after) });
      reply.raw.once('close', leave);
      open.stream.ready(runners.map(({ model }) => model.name));
      if (missed === undefined) open.stream.reset(from);
      else open.stream.changes(visible(missed, open.scopes), from);
      watch.start(from, (changes, upTo) => open.stream.changes(visible(changes, open.scopes), upTo), (upTo) => open.stream.reset(upTo));
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** The models asked for, or all that the caller may read. */
  #models(asked: Asked[string], caller: Caller, request: FastifyRequest): readonly ModelRunner[] {
    const names = [asked ?? []].flat().flatMap((text) => text.split(',')).map((name) => name.trim()).filter((name) => name !== '');
    const readable = readableModels(this.#rim);
    if (names.length === 0) return readable.filter((runner) => mayRead(runner, caller, request));
    return [...new Set(names)].map((name) => {
      const runner = readable.find(({ model }) => model.name === name);
      if (!runner) throw new HttpProblem(400, 'InvalidInput', `There is no read model '${name.slice(0, 40)}'.`, `Models are: ${readable.map(({ model }) => model.name).join(', ')}.`, { errors: [{ field: 'models', message: 'no read model' }] });
      return runner;
    });
  }

  #admit({ actor }: Caller): void {
    if (this.#closing) throw new HttpProblem(503, 'Stopping', 'This server is stopping.', 'Try again in a moment.');
    const own = [...this.#open].filter(({ caller }) => caller.actor.id === actor.id).length;
    if (own >= streamsPerCallerMax) throw new HttpProblem(429, 'TooManyStreams', `You have ${own} streams of events open already.`, 'Close one of them, or watch several models with one.');
    if (this.#open.size >= streamsMax) throw new HttpProblem(503, 'Unavailable', 'Too many streams of events are open just now.', 'Try again in a moment.');
  }

  /** Somebody's session has ended, or somebody has more to see: everybody's right to their stream is looked at again. */
  #lookAgain(): void {
    for (const open of [...this.#open]) {
      try {
        open.caller = callerStill(this.#rim, open.caller, open.request);
        open.scopes = scopesOf(open.runners, open.caller, open.request);
      } catch (error) {
        this.#open.delete(open);
        open.stream?.end(problemOf(error, open.request.id));
      }
    }
  }
}

const mayRead = (runner: ModelRunner, caller: Caller, request: FastifyRequest): boolean => {
  try {
    scopeOf(runner, caller, request);
    return true;
  } catch (error) {
    if (error instanceof HttpProblem && error.draft.status === 403 && error.draft.code === 'NotAllowed') return false;
    throw error;
  }
};
const scopesOf = (runners: readonly ModelRunner[], caller: Caller, request: FastifyRequest): Scopes => new Map(runners.map((runner) => [runner.model.name, scopeOf(runner, caller, request)]));

/** From where to go on: what a browser says by itself when it comes back, else `?after=`. */
const afterOf = (request: FastifyRequest, { after }: Asked): Position | undefined => {
  const header = request.headers['last-event-id'];
  const given = typeof header === 'string' && header !== '' ? header : after;
  return given === undefined ? undefined : positionOf(String(given), typeof header === 'string' && header !== '' ? 'Last-Event-ID' : 'after');
};

const within = (document: Document | undefined, scope: Readonly<Record<string, string>>): boolean => document !== undefined && Object.entries(scope).every(([field, value]) => document[field] === value);
/** What of these changes a caller may know: documents that are theirs now, or were until this change. */
const visible = (changes: readonly Change[], scopes: Scopes): readonly Told[] => changes.flatMap(({ model, id, position, before, after }): Told[] => {
  const scope = scopes.get(model) ?? {};
  if (within(after, scope)) return [{ model, id, kind: 'put', position: String(position) }];
  return within(before, scope) ? [{ model, id, kind: 'removed', position: String(position) }] : [];
});

/** What changed after `after`, up to `until`, found again in the log; undefined when that is more than is told one by one. */
const changesBetween = async (rim: Rim, runners: readonly ModelRunner[], after: Position, until: Position): Promise<readonly Change[] | undefined> => {
  if (after > until) return undefined; // of another log, or one put back from a backup
  const touched = new Map<string, { readonly runner: ModelRunner; readonly id: string; readonly position: Position }>();
  let events = 0;
  for await (const page of rim.log.readAll(after)) {
    for (const event of page) {
      if (event.position > until) break;
      events += 1;
      if (events > catchUpMax) return undefined;
      for (const runner of runners) if (runner.model.events.includes(event.type)) for (const id of runner.model.keys(event)) touched.set(`${runner.model.name} ${id}`, { runner, id, position: event.position });
    }
    if ((page.at(-1)?.position ?? 0n) >= until) break;
  }
  const changes: Change[] = [];
  for (const { runner, id, position } of touched.values()) {
    const now = (await runner.collection.load([id])).get(id)?.document;
    changes.push({ model: runner.model.name, id, position, before: now ?? (await documentBeforeItsEnd(rim, runner, id)), after: now });
  }
  return changes.sort((a, b) => Number(a.position - b.position));
};
