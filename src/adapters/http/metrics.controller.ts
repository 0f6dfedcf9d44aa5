import { isIP } from 'node:net';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf, requireOperator } from './caller.ts';
import { RIM, type Rim } from './rim.ts';
import { Watchers } from './watchers.ts';

const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];
/** From a program on this machine itself, as far as one can tell. */
const fromHere = ({ ip, headers }: FastifyRequest): boolean => isIP(ip) > 0 && /^(127\.|::1$|::ffff:127\.)/.test(ip) && !forwarded.some((name) => headers[name] !== undefined);

/** Prometheus text: how fast, how much, how far behind. It names no customer and holds no id. */
@Controller()
export class MetricsController {
  readonly #rim: Rim;
  readonly #watchers: Watchers;
  constructor(@Inject(RIM) rim: Rim, @Inject(Watchers) watchers: Watchers) {
    this.#rim = rim;
    this.#watchers = watchers;
  }

  @Get('metrics')
  async metrics(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { metrics } = this.#rim;
    if (!metrics.openToLoopback || !fromHere(request)) requireOperator(await callerOf(this.#rim, request));
    const { contentType, body } = await metrics.text(() => this.#watchers.count);
    reply.header('content-type', contentType).header('cache-control', 'no-store');
    return body;
  }
}
