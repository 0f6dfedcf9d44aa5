/** What a known address answers to a method it has not: 405 with those it has, or the list of them to OPTIONS. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction, RouteOptions } from 'fastify';
import { HttpProblem, noSuchCall } from './problem.ts';
import type { ProblemFilter } from './problem.filter.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
/** Bodies of these are JSON and nothing else: a form that another site makes a browser send is none. */
const jsonOnly = /^\/(commands|sessions|reactors|clock)\//;

/** A hook for every request, after the one that sets headers. */
export const requireJson = (filter: ProblemFilter) => (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void => {
  const type = request.headers['content-type'];
  if (type === undefined || request.method !== 'POST' || !jsonOnly.test(request.url) || /^application\/(?:[\w.-]+\+)?json\b/i.test(type)) return done();
  filter.answer(new HttpProblem(415, 'UnsupportedMediaType', 'The body must be JSON.', 'Send Content-Type: application/json.'), request, reply);
};

/** Notes every route as it is made; call the answer when all are, to have the others answered. */
export const noteRoutes = (fastify: FastifyInstance, filter: ProblemFilter): ((models: readonly string[]) => void) => {
  const known = new Map<string, Set<string>>();
  fastify.addHook('onRoute', (route: RouteOptions) => {
    const found = known.get(route.url) ?? new Set<string>();
    for (const method of [route.method].flat()) found.add(method.toUpperCase());
    if (found.has('GET')) found.add('HEAD');
    known.set(route.url, found);
  });
  return (models) => {
    for (const [url, own] of [...known]) answerOthers(fastify, filter, models, url, own);
  };
};

const answerOthers = (fastify: FastifyInstance, filter: ProblemFilter, models: readonly string[], url: string, own: ReadonlySet<string>): void => {
  const [, first = '', ...rest] = url.split('/');
  // `/:model` matches words that are nothing at all, and a model's own address may stand beside another call's (GET /webhooks/{id}, POST /webhooks/{provider}).
  const generic = first === ':model';
  const readElsewhere = models.includes(first) && rest.length <= 1;
  const allowed = [...own, ...(readElsewhere ? ['GET', 'HEAD'] : []), 'OPTIONS'].filter((method, place, all) => all.indexOf(method) === place).join(', ');
  const refuse = (request: FastifyRequest<{ Params: { model?: string } }>, reply: FastifyReply): void => {
    if (generic && !models.includes(request.params.model ?? '')) return filter.answer(noSuchCall(), request, reply);
    reply.header('Allow', allowed);
    if (request.method === 'OPTIONS') void reply.status(204).send();
    else filter.answer(new HttpProblem(405, 'WrongMethod', `${request.method} is not among what this address answers to.`, `It answers to ${allowed}.`), request, reply);
  };
  const missing = methods.filter((method) => !own.has(method) && !(readElsewhere && (method === 'GET' || method === 'HEAD')));
  if (missing.length === 0) return;
  // Answered before any body is read: what it says does not matter here.
  fastify.route({ method: [...missing], url, exposeHeadRoute: false, onRequest: (request, reply) => refuse(request as never, reply), handler: async () => undefined });
};
