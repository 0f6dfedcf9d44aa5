import { Controller, Get, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf, requireAccount, type Caller } from './caller.ts';
import { RIM, type Rim } from './rim.ts';
import { plus, type Instant } from '../../domain/instant.ts';
import { sessionLifeMs, webSessionLifeMs } from '../../domain/session/decide.ts';
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
    return { items: await ownSessions(this.#rim, await callerOf(this.#rim, request)), position: String(this.#rim.models.get('sessions')?.position ?? 0n) };
  }
}

export const ownSessions = async (rim: Rim, caller: Caller) => {
  const { id } = requireAccount(caller);
  const page = await rim.models.get('sessions')?.collection.query({ where: { accountId: id }, limit: shownMax });
  const cutoff = rim.gate.account(id)?.cutoff ?? '';
  const now = rim.clock.now();
  const oldest = plus(now, -sessionLifeMs).slice(0, 10);
  const alive = ({ kind, openedAt, lastUsed }: SessionView): boolean => (kind === 'web' ? plus(openedAt as Instant, webSessionLifeMs) > now : lastUsed > oldest);
  return (page?.items ?? []).map(({ document }) => document as unknown as SessionView)
    .filter((session) => rim.gate.session(session.id) !== undefined && (session.openedAt as Instant) > cutoff && alive(session))
    .map(({ accountId: _, ...session }) => ({ ...session, current: session.id === caller.session }));
};
