/** The gate: asked before whatever a customer does. */
import type { FastifyInstance } from 'fastify';
import { bare } from './bare-route.ts';
import { callerOf, type Caller } from './caller.ts';
import { HttpProblem, notSignedIn } from './problem.ts';
import type { ProblemFilter } from './problem.filter.ts';
import type { Rim } from './rim.ts';
import { gateActions, gateVerdict, type GateAction } from '../../domain/service-level.ts';

/** What the gate answers to somebody who is known. */
export const verdictFor = (rim: Rim, caller: Caller, action: GateAction) => {
  const verdict = gateVerdict(caller.level, action);
  rim.metrics.verdict(verdict.level, action, verdict.allow);
  return { ...verdict, position: String(rim.gate.position) };
};

export const serveGate = (fastify: FastifyInstance, rim: Rim, filter: ProblemFilter): void => {
  fastify.get('/gate', bare(filter, async (request, reply) => {
    const action = ((request.query as { action?: string }).action ?? 'read') as GateAction;
    if (!gateActions.includes(action)) throw new HttpProblem(400, 'InvalidInput', `action must be one of ${gateActions.join(', ')}.`, 'For example /gate?action=run.', { errors: [{ field: 'action', message: 'unknown action' }] });
    reply.header('Cache-Control', 'no-store');
    const caller = await callerOf(rim, request);
    if (caller.actor.kind === 'anonymous') throw notSignedIn();
    return verdictFor(rim, caller, action);
  }));
};
