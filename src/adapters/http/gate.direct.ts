/**
 * The gate's usual answer, given before the framework sees the request: it is asked before whatever a customer does, and
 * routing costs as much as the verdict. Whoever asks in another way, or is to be refused, is left to the route.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { callerNow } from './caller.ts';
import { verdictFor } from './gate.route.ts';
import type { Rim } from './rim.ts';
import { gateActions, type GateAction } from '../../domain/service-level.ts';

const actions = new Map<string, GateAction>([['/gate', 'read'], ...gateActions.map((action) => [`/gate?action=${action}`, action] as const)]);

/** Logs and counts an answer. */
export type Answered = (request: { readonly id: string; readonly method: string; readonly route: string }, status: number, ms: number, counts?: boolean) => void;
type Around = {
  readonly headers: Readonly<Record<string, string>>;
  readonly correlationId: (request: IncomingMessage) => string;
  readonly ownHost: (header: string | undefined) => boolean;
  readonly answered: Answered;
  /** A stopwatch. */
  readonly seconds: () => number;
};

/** Whether it was answered. */
export const answersGate = (rim: Rim, { headers, correlationId, ownHost, answered, seconds }: Around): ((request: IncomingMessage, response: ServerResponse) => boolean) => {
  // Filled in anew for each answer, and read before the next.
  const head = [...Object.entries(headers).flat(), 'cache-control', 'no-store', 'content-type', 'application/json; charset=utf-8', 'content-length', '', 'x-correlation-id', ''];
  return (request, response) => {
    const action = request.method === 'GET' ? actions.get(request.url ?? '') : undefined;
    if (action === undefined) return false;
    const begun = seconds();
    const { authorization, host, 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    if (authorization === undefined || length !== undefined || encoding !== undefined || !ownHost(host)) return false;
    const caller = callerNow(rim, authorization);
    if (caller === undefined) return false;
    const body = JSON.stringify(verdictFor(rim, caller, action));
    const id = correlationId(request);
    head[head.length - 3] = String(Buffer.byteLength(body));
    head[head.length - 1] = id;
    response.writeHead(200, head);
    response.end(body);
    answered({ id, method: 'GET', route: '/gate' }, 200, (seconds() - begun) * 1_000);
    return true;
  };
};
