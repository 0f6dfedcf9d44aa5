/** What is refused before it is a request: bytes that are no HTTP, headers too big or too slow. Still a problem document. */
import type { Socket } from 'node:net';
import { problemOf, HttpProblem } from './problem.ts';

const refusalOf = (code: string | undefined): HttpProblem => {
  if (code === 'HPE_HEADER_OVERFLOW') return new HttpProblem(431, 'HeadersTooBig', 'The headers of this request are too big.', 'Send 16 KiB of headers at most.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new HttpProblem(408, 'TooSlow', 'This request took too long to arrive.', 'Send it again, faster.');
  if (code === 'HPE_INVALID_METHOD') return new HttpProblem(400, 'InvalidRequest', 'This is no HTTP method.', 'See /openapi.json for what is expected.');
  return new HttpProblem(400, 'InvalidRequest', 'This is no HTTP request.', 'See /openapi.json for what is expected.');
};
const words: Readonly<Record<number, string>> = { 400: 'Bad Request', 408: 'Request Timeout', 431: 'Request Header Fields Too Large' };

export const refuseRaw = (headers: Readonly<Record<string, string>>, correlationId: () => string) => (error: Error & { readonly code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(refusalOf(error.code), correlationId());
  const body = JSON.stringify(problem);
  const lines = Object.entries({ ...headers, 'x-correlation-id': problem.correlationId, 'content-type': 'application/problem+json; charset=utf-8', 'content-length': String(Buffer.byteLength(body)), connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${problem.status} ${words[problem.status]}\r\n${lines}\r\n${body}`);
};
