import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { auditLog, auditShow, auditVerify } from './audit.ts';
import { checked, DurationBody } from './bodies.ts';
import { callerOf, requireOperator } from './caller.ts';
import { withAddress } from './customers.ts';
import { HttpProblem, noSuchCall, notFound } from './problem.ts';
import { Lines } from './lines.ts';
import { streamLines } from './streaming.ts';
import { RIM, type Rim } from './rim.ts';
import type { Pump } from '../../commands/reactors/pump.ts';
import { parseDuration } from '../../domain/instant.ts';

const differencesShown = 100;
type QueryString = Readonly<Record<string, string | undefined>>;

/** What an operator does to the installation itself: projections, reactors, audit, and in mock mode the clock. */
@Controller()
export class OperationsController {
  readonly #rim: Rim;
  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
  }

  @Get('projections')
  async projections(@Req() request: FastifyRequest) {
    requireOperator(await callerOf(this.#rim, request));
    const head = await this.#rim.log.head();
    const items = await Promise.all([...this.#rim.models.values()].map(async (runner) => ({
      name: runner.model.name, version: runner.model.version, position: String(runner.position), lag: Number(head - runner.position), count: await runner.collection.count(),
      status: runner.failure !== undefined ? `stopped: ${runner.failure}` : runner.rebuilding === undefined ? 'live' : `rebuilding (${runner.rebuilding} of ${head})`,
    })));
    return { items, position: String(head) };
  }

  @Post('projections/:name/rebuild')
  async rebuild(@Param('name') name: string, @Query() query: QueryString, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    requireOperator(await callerOf(this.#rim, request));
    const runner = this.#rim.models.get(name);
    if (!runner) throw notFound('projection');
    if (runner.rebuilding !== undefined) throw new HttpProblem(409, 'RebuildRunning', `${name} is being rebuilt already.`, "See 'tollgate projection list'.");
    const head = String(await this.#rim.log.head());
    const lines = new Lines();
    void runner.rebuild({ acceptDifferences: query['acceptDifferences'] === 'true', differencesMax: differencesShown, progress: (position) => lines.push({ position, head }) })
      .then((done) => lines.end({ done: true, ...done }), (error: unknown) => lines.fail(error));
    await streamLines(lines, request, reply, new AbortController().signal); // goes on when the reader leaves: a rebuild is not a view of it
  }

  @Get('reactors')
  async reactors(@Req() request: FastifyRequest) {
    requireOperator(await callerOf(this.#rim, request));
    const head = await this.#rim.log.head();
    return { items: await Promise.all(this.#rim.pumps.map(async (pump) => ({ name: pump.reactor.name, position: String(pump.position), lag: Number(head - pump.position), waiting: pump.waiting(), parked: await this.#parked(pump) }))), position: String(head) };
  }
  #parked(pump: Pump): Promise<unknown[]> {
    return Promise.all(pump.parked().map((work) => withAddress(this.#rim, 'owner', work)));
  }

  @Get('audit/log')
  async log(@Query() query: QueryString, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    requireOperator(await callerOf(this.#rim, request));
    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    await streamLines(await auditLog(this.#rim, query, gone.signal), request, reply, gone.signal);
  }

  @Get('audit/show')
  async show(@Query() query: QueryString, @Req() request: FastifyRequest) {
    requireOperator(await callerOf(this.#rim, request));
    return auditShow(this.#rim, query);
  }

  @Get('audit/verify')
  async verify(@Query() query: QueryString, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    requireOperator(await callerOf(this.#rim, request));
    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    await streamLines(auditVerify(this.#rim, query['stream']), request, reply, gone.signal);
  }

  @Get('clock')
  async clock(@Req() request: FastifyRequest) {
    requireOperator(await callerOf(this.#rim, request));
    return { now: this.#rim.clock.now(), offsetMs: this.#rim.clock.offsetMs };
  }

  @Post('clock/advance')
  async advance(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { mock } = this.#rim;
    if (!mock) throw noSuchCall();
    requireOperator(await callerOf(this.#rim, request));
    const { duration } = checked(DurationBody, body);
    const durationMs = parseDuration(duration);
    if (durationMs === undefined || durationMs <= 0) throw new HttpProblem(400, 'InvalidInput', 'duration must be like 90s, 10m, 2h, 40d or 6w.', 'For example 40d.', { errors: [{ field: 'duration', message: 'no duration' }] });
    const lines = new Lines();
    void mock.advance(durationMs, (now, due) => lines.push({ now, due })).then((done) => lines.end({ done: true, ...done }), (error: unknown) => lines.fail(error));
    await streamLines(lines, request, reply, new AbortController().signal);
  }
}
