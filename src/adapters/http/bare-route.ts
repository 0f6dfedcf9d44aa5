/** The calls that come most often are routes of Fastify's own: Nest's way to a controller is a good part of what a short call costs. Errors are answered as everywhere. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ProblemFilter } from './problem.filter.ts';

type Parameters = Readonly<Record<string, string>>;
type Answering = (request: FastifyRequest, reply: FastifyReply) => Promise<object>;

/** What `answering` gives is sent as JSON, and what it throws as a problem. */
export const bare = (filter: ProblemFilter, answering: Answering) => (request: FastifyRequest, reply: FastifyReply): void => {
  const params = request.params as Parameters;
  for (const name in params) if (params[name] === '') return void reply.callNotFound(); // as Nest does
  answering(request, reply).then((answer) => void reply.send(answer), (error: unknown) => filter.answer(error, request, reply));
};
