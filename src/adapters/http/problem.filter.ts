import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asksForPage } from './page-forms.ts';
import { problemOf, type Problem } from './problem.ts';
import type { Rim } from './rim.ts';
import { SignInFirst, viewerOf } from './web-session.ts';
import { problemPage } from '../../../web/pages.ts';
import { toEpochMs, type Instant } from '../../domain/instant.ts';

/** The one place where an error becomes an answer: problem+json for programs, a page for people. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #rim: Rim;
  readonly #report: (error: unknown, correlationId: string) => void;
  constructor(rim: Rim, report: (error: unknown, correlationId: string) => void) {
    this.#rim = rim;
    this.#report = report;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const [request, reply] = [host.switchToHttp().getRequest<FastifyRequest>(), host.switchToHttp().getResponse<FastifyReply>()];
    this.answer(error, request, reply);
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = problemOf(error, request.id);
    if (problem.status >= 500 && problem.code === 'Internal') this.#report(error, request.id);
    if (problem.status === 429 || problem.status === 503) reply.header('Retry-After', retryAfter(problem.resetAt, this.#rim.clock.now()));
    if (problem.status === 401) reply.header('WWW-Authenticate', 'Bearer');
    if (asksForPage(request.headers)) {
      this.#page(error, problem, request, reply);
      return;
    }
    void reply.status(problem.status).header('content-type', 'application/problem+json; charset=utf-8').send(JSON.stringify(problem));
  }

  /** A page that needs somebody sends who comes by a link or bookmark to the sign-in at once, and from there back. */
  #page(error: unknown, problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
    const [looking, side] = [request.method === 'GET', error instanceof SignInFirst ? error.side : 'customer'];
    const way = wayOn(problem, side, looking ? request.url : (/^\/admin\/\w+/.exec(request.url)?.[0] ?? (side === 'operator' ? '/admin' : '/account')), looking);
    reply.header('cache-control', 'no-store').header('vary', 'Accept, Cookie');
    if (error instanceof SignInFirst && looking && way) {
      void reply.status(303).header('location', way.href).send();
      return;
    }
    void reply.status(problem.status).header('content-type', 'text/html; charset=utf-8').send(problemPage({ mode: this.#rim.mode, viewer: viewerOf(this.#rim, request), ...problem, ...(problem.nextStep.includes('/openapi.json') ? { nextStep: 'Check the address, or start from the front page.' } : {}), ...(way ? { way } : {}) }));
  }
}

/** Where a refused person goes on: to sign in and back, to pay, or to the front page. */
const wayOn = ({ status, code }: Problem, side: 'customer' | 'operator', path: string, looking: boolean): { readonly href: string; readonly name: string } | undefined => {
  const next = `?next=${encodeURIComponent(path)}`;
  if (status === 401) return side === 'operator' ? { href: `/admin/login${next}`, name: 'Sign in as operator' } : { href: `/login${next}`, name: 'Sign in' };
  if (status === 402) return code === 'PaymentRequired' ? { href: '/subscribe', name: 'Choose a plan' } : { href: '/account', name: 'To your account' };
  return path.startsWith('/admin/') && !looking ? { href: path, name: 'Back to the list' } : undefined;
};

const retryAfterDefaultS = 1;
/** Whole seconds until `resetAt`, never less than one. */
const retryAfter = (resetAt: string | undefined, now: Instant): string => String(resetAt === undefined ? retryAfterDefaultS : Math.max(1, Math.ceil((toEpochMs(resetAt as Instant) - toEpochMs(now)) / 1000)));
