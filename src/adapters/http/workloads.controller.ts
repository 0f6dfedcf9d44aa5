import { Controller, Get, HttpCode, Inject, Param, Put, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf, requireAccount, requireGate } from './caller.ts';
import { HttpProblem, notFound } from './problem.ts';
import { streamLines } from './streaming.ts';
import { RIM, type Rim } from './rim.ts';
import { mayTouch } from '../../domain/access.ts';
import type { WorkloadId } from '../../domain/ids.ts';
import { parseDuration, parseInstant, plus, type Instant } from '../../domain/instant.ts';
import { workload } from '../../domain/workload/decide.ts';

const whole = (name: string, text: string | undefined, max: number): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > max) throw new HttpProblem(400, 'InvalidInput', `${name} must be a whole number of 0 to ${max}.`, 'Leave it out for the default.', { errors: [{ field: name, message: 'out of range' }] });
  return value;
};

@Controller()
export class WorkloadsController {
  readonly #rim: Rim;
  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
  }

  /** tar+gzip in, as a stream; refused as soon as something is wrong with it. */
  @Put('sources')
  @HttpCode(200)
  async upload(@Req() request: FastifyRequest) {
    const caller = await callerOf(this.#rim, request);
    requireGate(caller, 'run');
    requireAccount(caller);
    const body = request.body as AsyncIterable<Uint8Array> | undefined;
    if (!body || typeof body !== 'object' || !(Symbol.asyncIterator in body)) throw new HttpProblem(415, 'NotGzip', 'A source is sent as tar+gzip with Content-Type: application/gzip.', 'Pack the folder with tar -cz.');
    return this.#rim.sources.put(body);
  }

  @Get('workloads/:id/logs')
  async logs(@Param('id') id: string, @Query() query: Readonly<Record<string, string | undefined>>, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const caller = await callerOf(this.#rim, request);
    requireGate(caller, 'read');
    const state = await this.#rim.handler.lookup(workload, id);
    if (state.status === 'none' || state.removed || !mayTouch(caller.actor, state.namespaceId)) throw notFound('workload');
    const [tail, after, since] = [whole('tail', query['tail'], 1_000_000), whole('after', query['after'], Number.MAX_SAFE_INTEGER), this.#since(query['since'])];
    const log = query['log'] ?? 'run';
    if (log !== 'run' && log !== 'build') throw new HttpProblem(400, 'InvalidInput', "log must be 'run' or 'build'.", 'Leave it out for what the workload prints while it runs.', { errors: [{ field: 'log', message: 'neither run nor build' }] });
    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    const lines = this.#rim.runtime.logs(id as WorkloadId, {
      log, ...(tail === undefined ? {} : { tail }), ...(after === undefined ? {} : { after }), ...(since === undefined ? {} : { since }), ...(query['follow'] === 'true' ? { follow: true } : {}), signal: gone.signal,
    });
    await streamLines(lines, request, reply, gone.signal);
  }

  /** A time, or a duration back from now: from the wall clock's now, because the machine's own programs know no other. */
  #since(text: string | undefined): Instant | undefined {
    if (text === undefined) return undefined;
    const duration = parseDuration(text);
    const instant = duration === undefined ? parseInstant(text) : plus(this.#rim.clock.now(), -duration - this.#rim.clock.offsetMs);
    if (instant === undefined) throw new HttpProblem(400, 'InvalidInput', 'since must be a time (ISO 8601) or a duration like 10m.', 'For example ?since=10m.', { errors: [{ field: 'since', message: 'no time or duration' }] });
    return instant;
  }
}
