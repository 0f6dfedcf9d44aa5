/** Every error as application/problem+json, in one table. */
import { CommandRejected, IdempotencyKeyReused, NotAllowed } from '../../commands/handle.ts';
import { StaleRevision } from '../../commands/streams.ts';
import type { Rejection, RejectionKind } from '../../domain/decider.ts';
import { UnknownPosition } from '../../domain/ports/event-store.ts';
import { BrokenChain } from '../../domain/ports/log.ts';
import { InvalidCursor } from '../../domain/ports/read-models.ts';
import { HostUnavailable, Refused as RefusedOutside, Unavailable } from '../../domain/ports/failures.ts';
import type { ServiceLevel } from '../../domain/service-level.ts';
import { serviceLevels } from '../../domain/service-level.ts';

export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly nextStep: string;
  readonly correlationId: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
  readonly resetAt?: string;
  readonly level?: ServiceLevel;
};
type Draft = Omit<Problem, 'type' | 'title' | 'correlationId'>;

/** A refusal that the rim itself makes. */
export class HttpProblem extends Error {
  readonly draft: Draft;
  constructor(status: number, code: string, detail: string, nextStep: string, more: Partial<Draft> = {}) {
    super(detail);
    this.draft = { status, code, detail, nextStep, ...more };
  }
}
export const invalid = (errors: readonly { readonly field: string; readonly message: string }[]): HttpProblem =>
  new HttpProblem(400, 'InvalidInput', errors.map(({ message }) => message).join('; '), 'Correct the named fields and send it again.', { errors });
export const notSignedIn = (detail = 'not signed in', nextStep = "Sign in: 'tollgate login help' says how."): HttpProblem => new HttpProblem(401, 'NotSignedIn', detail, nextStep);
export const notFound = (what: string): HttpProblem => new HttpProblem(404, 'NotFound', `There is no such ${what}.`, 'Check the name or id.');
export const noSuchCall = (): HttpProblem => new HttpProblem(404, 'NotFound', 'There is no such page or call.', 'See /openapi.json for what there is.');
export const levelForbids = (level: ServiceLevel): HttpProblem => {
  const { reason, nextStep } = serviceLevels[level];
  return new HttpProblem(402, level === 'unpaid' ? 'PaymentRequired' : 'ServiceLimited', reason, nextStep, { level });
};

const statusOf = { invalid: 422, conflict: 409, exhausted: 429, expired: 410, 'not-found': 404, forbidden: 403, limited: 402 } as const satisfies Record<RejectionKind, number>;
const ofRejection = ({ kind, code, detail, nextStep, resetAt }: Rejection): Draft => ({ status: code === 'SessionEnded' ? 401 : statusOf[kind], code, detail, nextStep, ...(resetAt === undefined ? {} : { resetAt }) });

const words: Readonly<Record<number, string>> = { 400: 'Invalid input', 401: 'Not signed in', 402: 'Payment required', 403: 'Not permitted', 404: 'Not found', 405: 'Wrong method', 408: 'Too slow', 409: 'Conflict', 410: 'Expired', 412: 'Moved on', 413: 'Too big', 414: 'Too long', 415: 'Unsupported media type', 421: 'Misdirected', 422: 'Refused', 429: 'Too many', 431: 'Too big', 500: 'Our mistake', 503: 'Unavailable' };

/** What Fastify itself refuses: bodies too big, not JSON, and the like. */
const ofFramework = (error: { statusCode?: number; status?: number; getStatus?: () => number; message: string; code?: string }): Draft | undefined => {
  const status = error.statusCode ?? error.getStatus?.() ?? error.status;
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  if (status === 404) return noSuchCall().draft;
  return { status, code: status === 413 ? 'TooBig' : 'InvalidRequest', detail: error.message, nextStep: 'See /openapi.json for what is expected.' };
};

const draftOf = (error: unknown): Draft => {
  if (error instanceof HttpProblem) return error.draft;
  if (error instanceof CommandRejected) return ofRejection(error.rejection);
  if (error instanceof NotAllowed) return { status: 403, code: 'NotAllowed', detail: 'You are not permitted to do this.', nextStep: 'Ask the operator of this platform.' };
  if (error instanceof StaleRevision) return { status: 412, code: 'StaleRevision', detail: 'Somebody else was faster: what you decided on has changed.', nextStep: 'Read it again and decide anew.' };
  if (error instanceof IdempotencyKeyReused) return { status: 422, code: 'IdempotencyKeyReused', detail: error.message, nextStep: 'Use a new Idempotency-Key for another request.' };
  if (error instanceof RefusedOutside) return { status: error.code === 'SourceTooBig' ? 413 : 422, code: error.code, detail: error.message, nextStep: 'Correct it and try again.' };
  if (error instanceof HostUnavailable) return { status: 503, code: 'Unavailable', detail: error.message, nextStep: 'Try again in a moment.' };
  if (error instanceof Unavailable) return { status: 503, code: 'Unavailable', detail: 'A part of the system does not answer just now.', nextStep: 'Try again in a moment.' };
  if (error instanceof InvalidCursor) return { status: 400, code: 'InvalidInput', detail: 'cursor is not one that a list answered.', nextStep: 'Start again without a cursor.' };
  if (error instanceof UnknownPosition) return { status: 400, code: 'InvalidInput', detail: 'There is no event at this position.', nextStep: 'Give a position as answers name it, or leave it out.' };
  if (error instanceof BrokenChain) return { status: 500, code: 'DamagedEvent', detail: 'Stored data is damaged; nothing was decided on it.', nextStep: "The operator can find it with 'tollgate audit verify'." };
  if (typeof error === 'object' && error !== null && 'message' in error) {
    const framework = ofFramework(error as { message: string });
    if (framework) return framework;
  }
  return { status: 500, code: 'Internal', detail: 'Something went wrong on our side.', nextStep: 'Try again; if it stays, report the correlation id to the operator.' };
};

export const problemOf = (error: unknown, correlationId: string): Problem => {
  const draft = draftOf(error);
  return { type: `urn:tollgate:problem:${draft.code}`, title: words[draft.status] ?? 'Refused', ...draft, correlationId };
};

/** What a page says beside the form that was refused. */
export type Refused = Pick<Problem, 'status' | 'code' | 'detail' | 'nextStep'>;
/** A refusal to be shown where it happened; what is no refusal but a failure is thrown on. */
export const refusalOf = (error: unknown, correlationId: string): Refused => {
  const problem = problemOf(error, correlationId);
  if (problem.status >= 500) throw error;
  return problem;
};
