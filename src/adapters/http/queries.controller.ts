import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { holds, readList, readOne, type QueryString } from './queries.ts';
import { RIM, type Rim } from './rim.ts';

/** May be kept by who asked, and asked for again each time. */
const keptByCaller = 'private, no-cache';

/** Read models. Last in the router: named routes come before `:model`. */
@Controller()
export class QueriesController {
  readonly #rim: Rim;
  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
  }

  @Get(':model')
  async list(@Param('model') model: string, @Query() query: QueryString, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const list = await readList(this.#rim, model, query, request);
    reply.header('Cache-Control', keptByCaller);
    if (list.next !== undefined) reply.header('Link', `<${nextPage(request.url, list.next)}>; rel="next"`);
    return list;
  }

  @Get(':model/:id')
  async one(@Param('model') model: string, @Param('id') id: string, @Query() query: QueryString, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const { document, revision } = await readOne(this.#rim, model, id, query, request);
    reply.header('Cache-Control', keptByCaller);
    if (revision === undefined) return document;
    const etag = `"${revision}"`;
    reply.header('ETag', etag);
    if (!holds(request.headers['if-none-match'], etag)) return document;
    reply.status(304);
    return undefined;
  }
}

/** The same address with the cursor of the next page. */
const nextPage = (url: string, cursor: string): string => {
  const [path = '', search = ''] = url.split('?');
  const query = new URLSearchParams(search);
  query.set('cursor', cursor);
  query.delete('after'); // what was waited for is there
  return `${path}?${query}`;
};
