import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from './caller.ts';
import { ChangeStream, type Told } from './change-stream.ts';
import { HttpProblem, notSignedIn } from './problem.ts';
import { documentBeforeItsEnd, positionOf, readableModels, scopeOf } from './queries.ts';
import { RIM, type Rim } from './rim.ts';
import { requireSignedIn } from './web-session.ts';
import { scopesOf, Watchers, type Scopes } from './watchers.ts';
import { callerOrViewer } from './web-session.ts';
import { UnknownPosition, type Position } from '../../domain/ports/event-store.ts';
import type { Recorded } from '../../domain/ports/log.ts';
import type { Document } from '../../domain/ports/read-models.ts';
import { ChangeWatch } from '../../projections/change-feed.ts';
import type { Change, ModelRunner } from '../../projections/runner.ts';

/** Events of the log that are gone through for a reader who comes back; one who was away for longer reads again. */
const catchUpMax = 1_000;
const catchUpWaitMs = 5_000;
type Asked = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Who watches read models over HTTP: told what has changed as soon as a read sees it, and nothing they could not read. */
@Controller()
export class EventsController {
  readonly #rim: Rim;
  readonly #watchers: Watchers;
  constructor(@Inject(RIM) rim: Rim, @Inject(Watchers) watchers: Watchers) {
    this.#rim = rim;
    this.#watchers = watchers;
  }

  @Get('events')
  async watch(@Query() query: Asked, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const caller = await callerOrViewer(this.#rim, request);
    if (caller.actor.kind === 'anonymous') throw notSignedIn();
    return this.#watch(caller, query, request, reply);
  }
  /** The same for our own pages, by the session of the browser. */
  @Get('account/events')
  async watchAccount(@Query() query: Asked, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#watch(requireSignedIn(this.#rim, request, 'customer').caller, query, request, reply);
  }
  @Get('admin/events')
  async watchAll(@Query() query: Asked, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.#watch(requireSignedIn(this.#rim, request, 'operator').caller, query, request, reply);
  }

  async #watch(caller: Caller, query: Asked, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const runners = this.#models(query['models'], caller, request);
    const scopes = scopesOf(runners, caller, request);
    const after = afterOf(request, query);
    if (request.method === 'HEAD') return void reply.header('content-type', 'text/event-stream; charset=utf-8').header('cache-control', 'no-store').send();
    const watcher = this.#watchers.admit({ caller, scopes, request, runners });
    const watch = new ChangeWatch(runners);
    const leave = (): void => {
      watch.stop();
      this.#watchers.leave(watcher);
    };
    try {
      const from = watch.furthest;
      await Promise.all(runners.map((runner) => runner.reached(from, sleep(catchUpWaitMs, undefined, { ref: false }))));
      const missed = after === undefined ? [] : await changesBetween(this.#rim, runners, after, from);
      if (!this.#watchers.has(watcher)) throw notSignedIn('this session has ended');
      reply.hijack();
      const stream = new ChangeStream(reply.raw, reply.getHeaders() as Record<string, string>, after === undefined || after > from ? from : after);
      watcher.stream = stream;
      reply.raw.once('close', leave);
      stream.ready(runners.map(({ model }) => model.name));
      if (missed === undefined) stream.reset(from);
      else stream.changes(visible(missed, watcher.scopes), from);
      watch.start(from, (changes, upTo) => stream.changes(visible(changes, watcher.scopes), upTo), (upTo) => stream.reset(upTo));
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

/** The log after a position that somebody else names: on some stores there may be none like it. */
async function* fromPosition(rim: Rim, after: Position): AsyncGenerator<readonly Recorded[] | 'unknown'> {
  try {
    yield* rim.log.readAll(after);
  } catch (error) {
    if (!(error instanceof UnknownPosition)) throw error;
    yield 'unknown';
  }
}

/** What changed after `after`, up to `until`, found again in the log; undefined when that is more than is told one by one. */
const changesBetween = async (rim: Rim, runners: readonly ModelRunner[], after: Position, until: Position): Promise<readonly Change[] | undefined> => {
  if (after > until) return undefined; // of another log, or one put back from a backup
  const touched = new Map<string, { readonly runner: ModelRunner; readonly id: string; readonly position: Position }>();
  let events = 0;
  for await (const page of fromPosition(rim, after)) {
    if (page === 'unknown') return undefined;
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
