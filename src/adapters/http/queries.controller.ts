import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from './caller.ts';
import { HttpProblem, notSignedIn } from './problem.ts';
import { readList, readOne, type QueryString } from './queries.ts';
import { RIM, type Rim } from './rim.ts';
import { gateActions, gateVerdict, type GateAction } from '../../domain/service-level.ts';

/** Read models and the gate. Last in the router: named routes come before `:model`. */
@Controller()
export class QueriesController {
  readonly #rim: Rim;
  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
  }

  @Get('gate')
  async gate(@Query('action') action: string | undefined, @Req() request: FastifyRequest) {
    const asked = (action ?? 'read') as GateAction;
    if (!gateActions.includes(asked)) throw new HttpProblem(400, 'InvalidInput', `action must be one of ${gateActions.join(', ')}.`, 'For example /gate?action=run.', { errors: [{ field: 'action', message: 'unknown action' }] });
    const caller = await callerOf(this.#rim, request);
    if (caller.actor.kind === 'anonymous') throw notSignedIn();
    return { ...gateVerdict(caller.level, asked), position: String(this.#rim.gate.position) };
  }

  @Get(':model')
  list(@Param('model') model: string, @Query() query: QueryString, @Req() request: FastifyRequest) {
    return readList(this.#rim, model, query, request);
  }

  @Get(':model/:id')
  async one(@Param('model') model: string, @Param('id') id: string, @Query() query: QueryString, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const { document, revision } = await readOne(this.#rim, model, id, query, request);
    if (revision !== undefined) reply.header('ETag', `"${revision}"`);
    return document;
  }
}
