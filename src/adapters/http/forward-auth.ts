/**
 * The gate for a proxy in front of something else: nginx asks here before it lets a call through, and reads status and headers.
 * The same verdict as `GET /gate`; it fails closed, because a proxy takes every other status for a no.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { namespaceOf, type Caller } from './caller.ts';
import { HttpProblem, notSignedIn, problemOf } from './problem.ts';
import type { ProblemFilter } from './problem.filter.ts';
import type { Rim } from './rim.ts';
import { callerOrViewer } from './web-session.ts';
import { gateActions, gateVerdict, type GateAction, type ServiceLevel } from '../../domain/service-level.ts';

type Query = Readonly<{ action?: string; paymentRequired?: string }>;
type Asked = FastifyRequest<{ Querystring: Query }>;

const reading = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Levels that a payment lifts. */
const payable: ReadonlySet<ServiceLevel> = new Set(['unpaid', 'limited', 'suspended']);

/** What the guarded call wants: said outright, or by its method, as the proxy tells it (nginx by our snippet, Traefik and Caddy by themselves; Envoy asks with the method itself). */
const actionOf = (request: Asked): GateAction => {
  const { action } = request.query;
  if (action === undefined) {
    const told = request.headers['x-original-method'] ?? request.headers['x-forwarded-method'];
    return reading.has(String(told ?? request.method).toUpperCase()) ? 'read' : 'write';
  }
  if (!gateActions.includes(action as GateAction)) throw new HttpProblem(400, 'InvalidInput', `action must be one of ${gateActions.join(', ')}.`, 'Leave it out to go by the method.', { errors: [{ field: 'action', message: 'unknown action' }] });
  return action as GateAction;
};

/** Printable ASCII without what would end a quoted text: it may be put into headers and JSON as it is. */
export const headerSafe = (text: string): string => text.replaceAll(/["\\]/g, "'").replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 500);

const describe = (reply: FastifyReply, caller: Caller, reason: string): void => {
  reply.header('X-Tollgate-Level', caller.level).header('X-Tollgate-Reason', headerSafe(reason));
  if (caller.actor.kind !== 'anonymous') reply.header('X-Tollgate-Account', caller.actor.id);
};

const answer = async (rim: Rim, request: Asked, reply: FastifyReply): Promise<void> => {
  const action = actionOf(request);
  const caller = await callerOrViewer(rim, request);
  if (caller.actor.kind === 'anonymous') throw notSignedIn();
  const { allow, level, reason, nextStep } = gateVerdict(caller.level, action);
  rim.metrics.verdict(level, action, allow);
  const namespace = namespaceOf(caller, request); // another's is 403 in words of its own
  describe(reply, caller, reason);
  if (namespace) reply.header('X-Tollgate-Namespace', namespace.name);
  if (!allow) throw new HttpProblem(request.query.paymentRequired === '402' && payable.has(level) ? 402 : 403, level === 'unpaid' ? 'PaymentRequired' : 'ServiceLimited', reason, nextStep, { level });
  await reply.status(200).send();
};

/** Answered before any body is looked at: there is none, whatever the method and headers of the guarded call say. */
export const serveForwardAuth = (fastify: FastifyInstance, rim: Rim, filter: ProblemFilter): void => {
  fastify.route<{ Querystring: Query }>({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], url: '/gate/forward-auth',
    onRequest: async (request, reply) => {
      reply.header('Cache-Control', 'no-store');
      delete request.headers.accept; // it is the guarded call's wish: the proxy reads status and headers, and no page
      try {
        await answer(rim, request, reply);
      } catch (error) {
        const { detail, level } = problemOf(error, request.id);
        if (!reply.hasHeader('X-Tollgate-Level')) reply.header('X-Tollgate-Level', level ?? 'none').header('X-Tollgate-Reason', headerSafe(detail));
        filter.answer(error, request, reply);
      }
      return reply;
    },
    handler: async () => undefined,
  });
};
