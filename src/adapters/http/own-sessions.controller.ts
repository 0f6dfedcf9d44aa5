import { Controller, Get, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf, requireAccount } from './caller.ts';
import { RIM, type Rim } from './rim.ts';
import { fromEpochMs, toEpochMs, type Instant } from '../../domain/instant.ts';
import { sessionLifeMs } from '../../domain/session/decide.ts';
import type { SessionView } from '../../projections/sessions.ts';

const shownMax = 500;

/** Where one is signed in. */
@Controller('account/sessions')
export class OwnSessionsController {
  readonly #rim: Rim;
  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
  }

  /** Newest first; what has ended by age or by logging out everywhere is left out. */
  @Get()
  async list(@Req() request: FastifyRequest) {
    const caller = await callerOf(this.#rim, request);
    const { id } = requireAccount(caller);
    const model = this.#rim.models.get('sessions');
    const page = await model?.collection.query({ where: { accountId: id }, limit: shownMax });
    const cutoff = this.#rim.gate.account(id)?.cutoff ?? '';
    const oldest = fromEpochMs(toEpochMs(this.#rim.clock.now()) - sessionLifeMs).slice(0, 10);
    const items = (page?.items ?? []).map(({ document }) => document as unknown as SessionView)
      .filter(({ id: sid, openedAt, lastUsed }) => this.#rim.gate.session(sid) !== undefined && (openedAt as Instant) > cutoff && lastUsed > oldest)
      .map(({ accountId: _, ...session }) => ({ ...session, current: session.id === caller.session }));
    return { items, position: String(model?.position ?? 0n) };
  }
}
