/** Calls that only mock mode has: anywhere else they answer, by every method, as an address that was never there. */
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { noSuchCall } from './problem.ts';
import type { ProblemFilter } from './problem.filter.ts';
import type { Rim } from './rim.ts';

export const developmentOnly: readonly string[] = ['/clock/advance', '/mailbox', '/mailbox.json', '/checkout/:id'];

export const hideDevelopment = ({ mock }: Pick<Rim, 'mock'>, filter: ProblemFilter) => (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void => {
  if (mock || !developmentOnly.includes(request.routeOptions.url ?? '')) return done();
  filter.answer(noSuchCall(), request, reply);
};
