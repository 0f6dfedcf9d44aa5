/** Who has a stream of events open: how many, whose, and whether they still may. */
import type { OnModuleDestroy } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerStill, type Caller } from './caller.ts';
import type { ChangeStream } from './change-stream.ts';
import { HttpProblem, problemOf } from './problem.ts';
import { scopeOf } from './queries.ts';
import type { Rim } from './rim.ts';
import type { ModelRunner } from '../../projections/runner.ts';

const watchersPerCallerMax = 16;
const watchersMax = 1_000;
const beatMs = 15_000;
/** After these somebody may see more, or nothing any more. */
const whoMay: ReadonlySet<string> = new Set(['SessionClosed', 'SessionsRevoked', 'OperatorTokenIssued', 'NamespaceCreated']);

/** Model -> what of it the caller may see. */
export type Scopes = ReadonlyMap<string, Readonly<Record<string, string>>>;
export type Watcher = { caller: Caller; scopes: Scopes; readonly request: FastifyRequest; readonly runners: readonly ModelRunner[]; /** Once it has been told that it may. */ stream?: ChangeStream };
export const scopesOf = (runners: readonly ModelRunner[], caller: Caller, request: FastifyRequest): Scopes => new Map(runners.map((runner) => [runner.model.name, scopeOf(runner, caller, request)]));

export class Watchers implements OnModuleDestroy {
  readonly #rim: Rim;
  readonly #all = new Set<Watcher>();
  readonly #beat: NodeJS.Timeout;
  #closing = false;

  constructor(rim: Rim) {
    this.#rim = rim;
    this.#beat = setInterval(() => this.#all.forEach(({ stream }) => stream?.beat()), beatMs).unref();
    rim.log.onCommitted((events) => this.#all.size > 0 && events.some(({ type }) => whoMay.has(type)) && this.#lookAgain());
  }

  get count(): number {
    return this.#all.size;
  }
  has(watcher: Watcher): boolean {
    return this.#all.has(watcher);
  }
  /** From here on it counts, and ends when its session does. */
  admit(watcher: Watcher): Watcher {
    if (this.#closing) throw new HttpProblem(503, 'Stopping', 'This server is stopping.', 'Try again in a moment.');
    const own = [...this.#all].filter(({ caller }) => caller.actor.id === watcher.caller.actor.id).length;
    if (own >= watchersPerCallerMax) throw new HttpProblem(429, 'TooManyStreams', `You have ${own} streams of events open already.`, 'Close one of them, or watch several models with one.');
    if (this.#all.size >= watchersMax) throw new HttpProblem(503, 'Unavailable', 'Too many streams of events are open just now.', 'Try again in a moment.');
    this.#all.add(watcher);
    return watcher;
  }
  leave(watcher: Watcher): void {
    this.#all.delete(watcher);
  }

  /** A stop of the server waits for no watcher: they come back by themselves. */
  onModuleDestroy(): void {
    this.#closing = true;
    clearInterval(this.#beat);
    for (const { stream } of this.#all) stream?.end();
    this.#all.clear();
  }

  /** Somebody's session has ended, or somebody has more to see: everybody's right to their stream is looked at again. */
  #lookAgain(): void {
    for (const watcher of [...this.#all]) {
      try {
        watcher.caller = callerStill(this.#rim, watcher.caller, watcher.request);
        watcher.scopes = scopesOf(watcher.runners, watcher.caller, watcher.request);
      } catch (error) {
        this.#all.delete(watcher);
        watcher.stream?.end(problemOf(error, watcher.request.id));
      }
    }
  }
}
