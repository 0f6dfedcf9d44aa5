import { Controller, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { ownerOf } from './account.controller.ts';
import { answerOf, callerOf, contextOf, requireAccount, requireGate, send, type Caller } from './caller.ts';
import { RIM, type Rim } from './rim.ts';
import type { CommandMessage, Committed, Context, WouldAppend } from '../../commands/command-message.ts';
import { CancelSubscription, ResumeSubscription } from '../../commands/subscription.ts';
import { namespace } from '../../domain/namespace/decide.ts';
import { consequencesOf, type Consequences } from '../../domain/subscription/consequences.ts';
import { subscription } from '../../domain/subscription/decide.ts';
import type { SubscriptionEvent } from '../../domain/subscription/events.ts';
import type { ActiveSubscription } from '../../domain/subscription/state.ts';

/** Ending one's own subscription with its period, seen beforehand, and taking that back. */
@Controller('account')
export class CancellingController {
  readonly #rim: Rim;
  readonly #bus: CommandBus;
  constructor(@Inject(RIM) rim: Rim, @Inject(CommandBus) bus: CommandBus) {
    this.#rim = rim;
    this.#bus = bus;
  }

  /** With `?dryRun=true` the consequences only. */
  @Post('cancel')
  @HttpCode(200)
  async cancel(@Req() request: FastifyRequest) {
    const { answer, after } = await this.#ask(request, new CancelSubscription());
    return { ...answerOf(answer), cancelled: after.phase.name === 'ended' || after.cancellation !== undefined, ...(await consequencesFor(this.#rim, after)) };
  }

  @Post('resume')
  @HttpCode(200)
  async resume(@Req() request: FastifyRequest) {
    const { answer, after } = await this.#ask(request, new ResumeSubscription());
    return { ...answerOf(answer), cancelled: after.cancellation !== undefined, paidThrough: after.paidThrough };
  }

  async #ask(request: FastifyRequest, message: OwnSubscription): Promise<{ answer: Committed | WouldAppend; after: ActiveSubscription }> {
    const caller = await callerOf(this.#rim, request);
    return changeOwn(this.#rim, this.#bus, caller, contextOf(caller, request), message);
  }
}

export type OwnSubscription = CommandMessage & { readonly subscriptionId: string };
/** What the caller asks about their own subscription, and how it stands then; a dry run tells how it would. */
export const changeOwn = async (rim: Rim, bus: CommandBus, caller: Caller, context: Context, message: OwnSubscription): Promise<{ answer: Committed | WouldAppend; after: ActiveSubscription }> => {
  const { id } = requireAccount(caller);
  requireGate(caller, 'billing');
  const { paid } = await ownerOf(rim, id);
  const answer = await send(bus, Object.assign(message, { subscriptionId: paid.subscriptionId }), context);
  if (!('dryRun' in answer)) return { answer, after: (await ownerOf(rim, id)).paid };
  return { answer, after: answer.events.reduce<ActiveSubscription>((state, event) => subscription.evolve(state, event as SubscriptionEvent) as ActiveSubscription, paid) };
};

export const consequencesFor = async ({ handler }: Rim, after: ActiveSubscription): Promise<Partial<Consequences>> => {
  const home = await handler.lookup(namespace, after.namespaceId);
  return consequencesOf(after, home.status === 'active' ? home.slots.map(({ name }) => name) : []) ?? {};
};
