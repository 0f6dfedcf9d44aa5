/** One HTTP call over node:http, small because every invocation pays for what it loads. */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Failure } from './exit-codes.ts';
import { tellCall } from './verbose.ts';

export type Call = {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  /** How long no answer may come; streams are waited for as long as they live. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
};

/** No answer came. `lost` is one that was cut off on the way: the deed may have been done, so only a repeatable call is repeated. */
export class NoAnswer extends Failure {
  readonly lost: boolean;
  constructor(url: string, why: string, lost: boolean) {
    super('unavailable', `cannot reach '${url}' (${why})`, lost ? 'Try again in a moment.' : "Is the server running? Start it with 'npm start', or choose another: 'tollgate env list'.", { code: lost ? 'ConnectionLost' : 'Unreachable' });
    this.lost = lost;
  }
}
const whys: Readonly<Record<string, string>> = { ECONNREFUSED: 'connection refused', ENOTFOUND: 'no such host', EAI_AGAIN: 'the name cannot be looked up now', ETIMEDOUT: 'timed out', EHOSTUNREACH: 'no route to it', ECONNRESET: 'connection lost', EPIPE: 'connection lost', ABORT_ERR: 'interrupted' };
const lostCodes = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'HPE_INVALID_EOF_STATE']);
export const noAnswer = (url: URL, error: unknown): Failure => {
  if (error instanceof Failure) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  return new NoAnswer(url.origin, whys[code] ?? (message || code), lostCodes.has(code));
};

export const exchange = async ({ method, url, headers, body, timeoutMs, signal }: Call): Promise<IncomingMessage> => {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const all: OutgoingHttpHeaders = { accept: 'application/json', 'user-agent': 'tollgate-cli', ...headers };
  if (typeof body === 'string') Object.assign(all, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  const startedMs = performance.now();
  return new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(url, { method, headers: all, ...(signal === undefined ? {} : { signal }) });
    sent.setTimeout(timeoutMs, () => sent.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })));
    sent.once('response', (answer) => {
      sent.setTimeout(0);
      tellCall(method, url, startedMs, { status: answer.statusCode, correlationId: answer.headers['x-correlation-id'] as string | undefined });
      resolve(answer); // also when the body is not sent whole: a refusal may come first
      if (typeof body === 'object' && !body.readableEnded) answer.once('end', () => body.destroy());
    });
    sent.on('error', (error) => {
      tellCall(method, url, startedMs, { error: error.message || 'no answer' });
      reject(noAnswer(url, error));
      if (typeof body === 'object') body.destroy();
    });
    if (typeof body === 'object') {
      body.once('error', (error) => {
        reject(error);
        sent.destroy();
      });
      body.pipe(sent);
    } else sent.end(body);
  });
};

export const textOf = async (answer: IncomingMessage, url: URL): Promise<string> => {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
  } catch (error) {
    throw noAnswer(url, error);
  }
  return Buffer.concat(chunks).toString('utf8');
};

/** Lines of an answer as they come. A connection cut off in the middle is a `NoAnswer` that was lost. */
export async function* linesOf(answer: IncomingMessage, url: URL): AsyncGenerator<string> {
  let rest = '';
  answer.setEncoding('utf8');
  try {
    for await (const chunk of answer) {
      rest += chunk as string;
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') yield line;
    }
  } catch (error) {
    throw noAnswer(url, error);
  }
  if (rest.trim() !== '') yield rest;
}
