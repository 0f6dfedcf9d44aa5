import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { html } from './page-forms.ts';
import { RIM, type Rim } from './rim.ts';
import { viewerOf } from './web-session.ts';
import { apiDocsPage, type ApiDocsProps } from '../../../web/pages.ts';

/** The API as a page. */
@Controller()
export class DocsController {
  readonly #rim: Rim;
  /** The same for everybody, and for as long as this server runs. */
  #described: Pick<ApiDocsProps, 'subjects' | 'records'> | undefined;
  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
  }

  @Get('docs')
  async docs(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { mode, version, origin } = this.#rim;
    const { apiDocs } = await import('./api-docs.ts'); // only who asks pays for loading it
    this.#described ??= apiDocs(version, origin());
    return html(reply, apiDocsPage({ mode, viewer: viewerOf(this.#rim, request), ...this.#described }));
  }
}
