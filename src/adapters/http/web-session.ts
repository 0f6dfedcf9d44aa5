/** Who is signed in to the pages: from the cookie to a session, looked up in memory on each call as bearer tokens are. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CommandBus } from '@nestjs/cqrs';
import { bySession, callerOf, commit, type Caller } from './caller.ts';
import { dropCookie, readCookie, setCookie } from './cookies.ts';
import { HttpProblem } from './problem.ts';
import type { Rim } from './rim.ts';
import type { Viewer } from '../../../web/pages.ts';
import { SystemMessage, type Context } from '../../commands/command-message.ts';
import { encodeId, isId, type OperatorId, type PersonId, type SessionId } from '../../domain/ids.ts';
import { plus, type Instant } from '../../domain/instant.ts';
import { gateVerdict } from '../../domain/service-level.ts';
import { webSessionLifeMs } from '../../domain/session/decide.ts';
import type { SessionHolder } from '../../domain/session/events.ts';
import type { SessionGate } from '../../projections/gate.ts';

export type Side = 'customer' | 'operator';
export type SignedIn = { readonly caller: Caller; readonly sessionId: SessionId; /** Stands in every form of this session, and in no other's. */ readonly formToken: string };

/** Nobody is signed in (any more) where a page needs somebody: leads to the sign-in, and from there back. */
export class SignInFirst extends HttpProblem {
  readonly side: Side;
  constructor(side: Side) {
    super(401, 'NotSignedIn', side === 'operator' ? 'This page is for operators.' : 'Nobody is signed in here.', side === 'operator' ? 'Sign in with the operator token.' : "Sign in on this page, or in a terminal: 'tollgate login help' says how.");
    this.side = side;
  }
}

const valueOf = (rim: Rim, { sessionId, kid, openedAt }: SessionGate): string => `${sessionId}.${rim.tokens.derive(kid as string, 'web', sessionId, 0, openedAt as Instant)}`;

const lookedUp = (rim: Rim, sid: SessionId): Caller | undefined => {
  try {
    return bySession(rim, sid);
  } catch (error) {
    if (error instanceof HttpProblem) return undefined; // ended, revoked, or its operator token replaced
    throw error;
  }
};

/** Who this browser is signed in as on this side; undefined when nobody, when it has ended, or when the cookie is not ours. */
export const signedInAs = (rim: Rim, request: FastifyRequest, side: Side): SignedIn | undefined => {
  const value = readCookie(rim, request, side);
  const sid = value?.split('.')[0];
  if (value === undefined || !isId(sid, 'ses')) return undefined;
  const session = rim.gate.session(sid);
  if (session?.via !== 'web' || !rim.tokens.same(value, valueOf(rim, session)) || plus(session.openedAt as Instant, webSessionLifeMs) <= rim.clock.now()) return undefined;
  const caller = lookedUp(rim, sid as SessionId);
  if (caller?.actor.kind !== (side === 'operator' ? 'operator' : 'account')) return undefined;
  return { caller, sessionId: sid as SessionId, formToken: rim.tokens.derive(session.kid as string, 'form', sid, 0, session.openedAt as Instant) };
};

/** By bearer token, else by the cookie of somebody signed in to the pages: only for calls that change nothing. */
export const callerOrViewer = async (rim: Rim, request: FastifyRequest): Promise<Caller> => {
  const signedIn = request.headers.authorization === undefined ? (signedInAs(rim, request, 'customer') ?? signedInAs(rim, request, 'operator')) : undefined;
  return signedIn?.caller ?? callerOf(rim, request);
};

export const requireSignedIn = (rim: Rim, request: FastifyRequest, side: Side): SignedIn => {
  const found = signedInAs(rim, request, side);
  if (!found) throw new SignInFirst(side);
  return found;
};

/** Whose address this browser has confirmed without having an account yet. */
export const signingUpAs = async (rim: Rim, request: FastifyRequest): Promise<PersonId | undefined> => {
  const token = readCookie(rim, request, 'signup');
  const claims = token === undefined ? undefined : await rim.accessTokens.claims(token);
  if (claims?.kind !== 'signup' || claims.expiresAt <= rim.clock.now()) return undefined;
  const known = rim.gate.person(claims.person);
  return known && (known.cutoff === undefined || claims.issuedAt > known.cutoff) ? claims.person : undefined;
};

/** Opens a browser's session of its own stream, and hands its cookie to the browser. */
export const openWebSession = async (rim: Rim, bus: CommandBus, reply: FastifyReply, holder: SessionHolder, context: Context): Promise<void> => {
  const sessionId = encodeId('ses', rim.random.bytes(13));
  const actor = holder.kind === 'account' ? ({ kind: 'person', id: holder.person } as const) : ({ kind: 'operator', id: holder.operatorId as OperatorId } as const);
  await commit(bus, new SystemMessage('OpenSession', { sessionId, holder, kid: rim.tokens.kid, via: 'web' }), { ...context, actor });
  const session = rim.gate.session(sessionId);
  if (!session) throw new Error('the session that was just opened is not known');
  setCookie(rim, reply, holder.kind === 'account' ? 'customer' : 'operator', valueOf(rim, session));
  if (holder.kind === 'account') dropCookie(rim, reply, 'signup');
  dropCookie(rim, reply, 'flow');
};

/** What the frame around every page shows of who is looking. */
export const viewerOf = (rim: Rim, request: FastifyRequest): Viewer => {
  const [customer, operator] = [signedInAs(rim, request, 'customer'), signedInAs(rim, request, 'operator')];
  const standing = customer && gateVerdict(customer.caller.level, 'run');
  return {
    ...(customer && standing ? { customer: { formToken: customer.formToken, level: standing.level, reason: standing.reason, nextStep: standing.nextStep, ...(customer.caller.since === undefined ? {} : { since: customer.caller.since }) } } : {}),
    ...(operator ? { operator: { formToken: operator.formToken } } : {}),
  };
};
