import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readList, readOne, type QueryString } from './queries.ts';
import { RIM, type Rim } from './rim.ts';

/** Read models. Last in the router: named routes come before `:model`. */
@Controller()
export class QueriesController {
  readonly #rim: Rim;
  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
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
