import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemOf } from './problem.ts';
import { problemPage } from '../../../web/pages.ts';
import { toEpochMs, type Instant } from '../../domain/instant.ts';
import type { Mode } from '../../domain/installation/events.ts';

/** The one place where an error becomes an answer: problem+json for programs, a page for people. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #mode: Mode;
  readonly #report: (error: unknown, correlationId: string) => void;
  readonly #now: () => Instant;
  constructor(mode: Mode, now: () => Instant, report: (error: unknown, correlationId: string) => void) {
    this.#mode = mode;
    this.#now = now;
    this.#report = report;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const [request, reply] = [host.switchToHttp().getRequest<FastifyRequest>(), host.switchToHttp().getResponse<FastifyReply>()];
    this.answer(error, request, reply);
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = problemOf(error, request.id);
    if (problem.status >= 500 && problem.code === 'Internal') this.#report(error, request.id);
    if (problem.status === 429 || problem.status === 503) reply.header('Retry-After', retryAfter(problem.resetAt, this.#now()));
    if (problem.status === 401) reply.header('WWW-Authenticate', 'Bearer');
    if ((request.headers.accept ?? '').includes('text/html')) {
      void reply.status(problem.status).header('content-type', 'text/html; charset=utf-8').send(problemPage({ mode: this.#mode, ...problem }));
      return;
    }
    void reply.status(problem.status).header('content-type', 'application/problem+json; charset=utf-8').send(JSON.stringify(problem));
  }
}

const retryAfterDefaultS = 1;
/** Whole seconds until `resetAt`, never less than one. */
const retryAfter = (resetAt: string | undefined, now: Instant): string => String(resetAt === undefined ? retryAfterDefaultS : Math.max(1, Math.ceil((toEpochMs(resetAt as Instant) - toEpochMs(now)) / 1000)));
