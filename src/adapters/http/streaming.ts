/** Answers that come line by line: JSON lines, or server-sent events where they are asked for; at the reader's pace. */
import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemOf } from './problem.ts';

const json = (value: unknown): string => JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item));

/** Resolves when there is room again, or nobody reads any more; whichever does not come is not waited for any longer. */
const writable = async (raw: FastifyReply['raw']): Promise<void> => {
  const enough = new AbortController();
  const seen = (event: string) => once(raw, event, { signal: enough.signal }).catch(() => undefined);
  await Promise.race([seen('drain'), seen('close')]);
  enough.abort();
};

export const streamLines = async (lines: AsyncIterable<object>, request: FastifyRequest, reply: FastifyReply, signal: AbortSignal): Promise<void> => {
  const events = (request.headers.accept ?? '').includes('text/event-stream');
  const iterator = lines[Symbol.asyncIterator]();
  // The first line decides whether it is an answer at all: an error before it is an ordinary problem.
  const first = iterator.next();
  const early = await Promise.race([first, new Promise<'waiting'>((resolve) => setImmediate(resolve, 'waiting'))]);
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { ...reply.getHeaders() as Record<string, string>, 'content-type': events ? 'text/event-stream' : 'application/x-ndjson', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  raw.flushHeaders();
  try {
    if (request.method === 'HEAD') return;
    for (let step = early === 'waiting' ? await first : early; !step.done && !signal.aborted; step = await iterator.next()) {
      const { value } = step as { value: { id?: number } };
      const text = events ? `${value.id === undefined ? '' : `id: ${value.id}\n`}data: ${json(value)}\n\n` : `${json(value)}\n`;
      if (!raw.write(text)) await writable(raw);
    }
  } catch (error) {
    if (!signal.aborted) raw.write(`${json({ problem: problemOf(error, request.id) })}\n`);
  } finally {
    raw.end();
    await iterator.return?.();
  }
};
