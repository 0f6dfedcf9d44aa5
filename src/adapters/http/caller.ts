/** Who is calling: from the bearer token to an actor, its namespaces and its service level; all looked up in memory. */
import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { HttpProblem, levelForbids, notSignedIn } from './problem.ts';
import type { Claims } from './access-tokens.ts';
import type { Rim } from './rim.ts';
import { CommandMessage, type Committed, type Context, type WouldAppend } from '../../commands/command-message.ts';
import type { Actor } from '../../domain/decider.ts';
import type { NamespaceId, PersonId, SessionId } from '../../domain/ids.ts';
import { gateVerdict, type GateAction, type ServiceLevel } from '../../domain/service-level.ts';
import type { CommandBus } from '@nestjs/cqrs';

export type Caller = { readonly actor: Actor; readonly level: ServiceLevel; readonly since?: string; readonly session?: SessionId; readonly namespaces: readonly { readonly id: NamespaceId; readonly name: string }[] };
const anonymous: Caller = { actor: { kind: 'anonymous', id: 'anon' }, level: 'none', namespaces: [] };

const bearerIn = (authorization: string | undefined): string | undefined => /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
export const bearerOf = (request: FastifyRequest): string | undefined => bearerIn(request.headers.authorization);

/** The caller; anonymous without a token. A token that is not valid (any more) is 401, never taken for anonymous. */
export const callerOf = async (rim: Rim, request: FastifyRequest): Promise<Caller> => {
  const token = bearerOf(request);
  if (token === undefined) {
    if (request.headers.authorization !== undefined) throw notSignedIn('the Authorization header is not "Bearer TOKEN"');
    return anonymous;
  }
  return token.startsWith('tgo_') ? operatorBy(rim, token) : byToken(rim, token);
};

/** The same for a token whose signature was checked before; undefined leaves it to the long way, and so does every refusal. */
export const callerNow = (rim: Rim, authorization: string): Caller | undefined => {
  const claims = rim.accessTokens.known(bearerIn(authorization) ?? '');
  try {
    return claims && byClaims(rim, claims);
  } catch {
    return undefined;
  }
};

export const tokenHash = (token: string): string => hash('sha256', token, 'base64url');
const operatorBy = (rim: Rim, token: string): Caller => {
  const operator = rim.gate.operatorByHash(tokenHash(token));
  if (!operator) throw notSignedIn('this operator token is not valid');
  return { actor: { kind: 'operator', id: operator.operatorId }, level: 'full', namespaces: [] };
};

const byToken = async (rim: Rim, token: string): Promise<Caller> => {
  const claims = await rim.accessTokens.claims(token);
  if (!claims) throw notSignedIn('this token is not valid');
  return byClaims(rim, claims);
};
const byClaims = (rim: Rim, claims: Claims): Caller => {
  if (claims.expiresAt <= rim.clock.now()) throw notSignedIn('this token has expired');
  return claims.kind === 'access' ? bySession(rim, claims.sid) : byPerson(rim, claims.person, claims.issuedAt);
};

export const bySession = (rim: Rim, sid: SessionId): Caller => {
  const session = rim.gate.session(sid);
  if (!session) throw notSignedIn('this session has ended');
  const { holder } = session;
  if (holder.kind === 'operator') {
    if (rim.gate.operator(holder.operatorId)?.hash !== holder.tokenHash) throw notSignedIn('the operator token of this session has been replaced');
    return { actor: { kind: 'operator', id: holder.operatorId }, level: 'full', session: sid, namespaces: [] };
  }
  const account = rim.gate.account(holder.accountId);
  if (!account || (account.cutoff !== undefined && session.openedAt <= account.cutoff)) throw notSignedIn('this session has ended');
  return {
    actor: { kind: 'account', id: account.accountId, person: account.person, session: sid, namespaces: account.namespaces.map(({ id }) => id) },
    level: account.level, since: account.since, session: sid, namespaces: account.namespaces,
  };
};

const byPerson = (rim: Rim, person: PersonId, issuedAt: string): Caller => {
  const known = rim.gate.person(person);
  if (!known || (known.cutoff !== undefined && issuedAt <= known.cutoff)) throw notSignedIn('this sign-up token has ended');
  return { actor: { kind: 'person', id: person }, level: 'unpaid', namespaces: [] };
};

/**
 * The caller of an answer that goes on, as things are now: whose session has ended is 401. That the access token has run out
 * meanwhile does not matter, because it proved whose session it is.
 */
export const callerStill = (rim: Rim, caller: Caller, request: FastifyRequest): Caller => (caller.session ? bySession(rim, caller.session) : caller.actor.kind === 'operator' ? operatorBy(rim, bearerOf(request) ?? '') : caller);

/** The gate at the rim: refuses in the words of the one table. */
export const requireGate = (caller: Caller, action: GateAction): void => {
  if (caller.actor.kind === 'operator') return;
  if (caller.level === 'none') throw notSignedIn();
  if (!gateVerdict(caller.level, action).allow) throw levelForbids(caller.level);
};
export const requireAccount = (caller: Caller): Extract<Actor, { kind: 'account' }> => {
  if (caller.actor.kind === 'account') return caller.actor;
  if (caller.actor.kind === 'person') throw levelForbids('unpaid');
  if (caller.actor.kind === 'anonymous') throw notSignedIn();
  throw new HttpProblem(403, 'NotAnAccount', 'This is for customers; you are signed in as staff.', 'Use the operator verbs instead.');
};
export const requireOperator = (caller: Caller): void => {
  if (caller.actor.kind === 'operator') return;
  if (caller.actor.kind === 'anonymous') throw notSignedIn();
  throw new HttpProblem(403, 'NotAllowed', 'You are not permitted to do this.', 'Ask the operator of this platform.');
};

/** The namespace a call is about: the one named by `Micro-Namespace`, or the only one there is. */
export const namespaceOf = (caller: Caller, request: FastifyRequest): { readonly id: NamespaceId; readonly name: string } | undefined => {
  const name = request.headers['micro-namespace'];
  if (name === undefined) return caller.namespaces[0];
  const found = caller.namespaces.find((namespace) => namespace.name === name || namespace.id === name);
  if (!found && caller.actor.kind === 'account') throw new HttpProblem(403, 'NamespaceNotYours', `The namespace '${String(name)}' is not yours.`, "See 'tollgate namespace list'.");
  return found;
};

export const contextOf = (caller: Caller, request: FastifyRequest): Context => {
  const header = (name: string) => (typeof request.headers[name] === 'string' ? request.headers[name] : undefined);
  const [key, ifMatch, reason] = [header('idempotency-key'), header('if-match'), header('reason')];
  if (key !== undefined && (key.length === 0 || key.length > 200)) throw new HttpProblem(400, 'InvalidInput', 'Idempotency-Key must have 1 to 200 characters.', 'Send a UUID, for example.');
  // Also the weak form: a proxy that compresses makes the one of the other.
  const revision = ifMatch === undefined ? undefined : Number(/^(?:W\/)?("?)(\d{1,15})\1$/.exec(ifMatch.trim())?.[2] ?? NaN);
  if (revision !== undefined && Number.isNaN(revision)) throw new HttpProblem(400, 'InvalidInput', 'If-Match must be one revision, as ETag gave it.', 'Read the record again.');
  return {
    actor: caller.actor, correlationId: request.id, causationId: request.id, ip: request.ip,
    ...(key === undefined ? {} : { idempotencyKey: key }), ...(revision === undefined ? {} : { ifMatch: revision }), ...(reason === undefined ? {} : { reason: decode(reason) }),
    ...(dryRunOf(request) ? { dryRun: true } : {}),
  };
};
/** Misunderstood it would be done in earnest, so it is never guessed at. */
const dryRunOf = (request: FastifyRequest): boolean => {
  const { dryRun } = (request.query ?? {}) as { dryRun?: unknown };
  if (dryRun === undefined || dryRun === 'false') return false;
  if (dryRun !== 'true') throw new HttpProblem(400, 'InvalidInput', 'dryRun must be true or false.', 'For example ?dryRun=true.', { errors: [{ field: 'dryRun', message: 'neither true nor false' }] });
  return true;
};
const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

export const send = (bus: CommandBus, message: CommandMessage, context: Context): Promise<Committed | WouldAppend> => bus.execute(CommandMessage.inContext(message, context));
/** For steps that are never dry runs. */
export const commit = async (bus: CommandBus, message: CommandMessage, context: Context): Promise<Committed> => {
  const { dryRun: _, ...real } = context;
  return (await send(bus, message, real)) as Committed;
};

/** As it goes over the wire: a position is a decimal string. */
export const answerOf = (answer: Committed | WouldAppend) => ('dryRun' in answer ? answer : { ...answer, position: String(answer.position) });
