import { Controller, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { callerOf, commit, requireAccount, requireGate } from './caller.ts';
import { openPayment } from './paying.ts';
import { notFound } from './problem.ts';
import { RIM, type Rim } from './rim.ts';
import { bySystem, SystemMessage } from '../../commands/command-message.ts';
import { completeCheckout } from '../../commands/reactors/apply-webhooks.ts';
import { account } from '../../domain/account/decide.ts';
import type { AccountId } from '../../domain/ids.ts';
import type { Reference } from '../../domain/ports/payments.ts';
import type { Instant } from '../../domain/instant.ts';
import { gateVerdict, type ServiceLevel } from '../../domain/service-level.ts';
import { password } from '../../domain/password/decide.ts';
import { subscription } from '../../domain/subscription/decide.ts';
import { cancelledEnd } from '../../domain/subscription/policy.ts';
import type { ActiveSubscription } from '../../domain/subscription/state.ts';
import type { Account } from '../../domain/account/state.ts';

/** A customer's own account: level, plan, paying. */
@Controller('account')
export class AccountController {
  readonly #rim: Rim;
  readonly #bus: CommandBus;
  constructor(@Inject(RIM) rim: Rim, @Inject(CommandBus) bus: CommandBus) {
    this.#rim = rim;
    this.#bus = bus;
  }

  @Get()
  async show(@Req() request: FastifyRequest) {
    const caller = await callerOf(this.#rim, request);
    const { id, person } = requireAccount(caller);
    const { owner, paid } = await ownerOf(this.#rim, id);
    const { level } = caller;
    return {
      account: id, email: (await this.#rim.vault.open(owner.email)) ?? 'erased', level, since: caller.since, ...standingOf(paid, level),
      plan: { id: paid.terms.planId, name: paid.terms.name, price: paid.terms.price, interval: paid.terms.interval, limits: paid.terms.limits },
      phase: paid.phase.name, paidThrough: paid.paidThrough, subscription: paid.subscriptionId, cancelAtPeriodEnd: paid.cancellation !== undefined, ...endOf(paid), namespaces: caller.namespaces, password: (await this.#rim.handler.lookup(password, person)).n > 0,
      isolation: this.#rim.runtime.isolation(),
    };
  }

  /** A page where another card is given; whatever is open is tried with it at once. */
  @Post('pay')
  @HttpCode(200)
  async pay(@Req() request: FastifyRequest) {
    const caller = await callerOf(this.#rim, request);
    const { id } = requireAccount(caller);
    requireGate(caller, 'billing');
    const { owner, paid } = await ownerOf(this.#rim, id);
    const key = typeof request.headers['idempotency-key'] === 'string' ? `${id}.${request.headers['idempotency-key']}` : `${id}.${request.id}`;
    const checkout = await openPayment(this.#rim, owner, paid, key);
    return { url: checkout.url, checkoutId: checkout.id };
  }

  @Get('pay/:checkout')
  async paying(@Param('checkout') checkoutId: string, @Req() request: FastifyRequest) {
    const caller = await callerOf(this.#rim, request);
    const { person, id } = requireAccount(caller);
    const checkout = await this.#rim.payments.readCheckout(checkoutId);
    if (!checkout || checkout.reference.person !== person) throw notFound('checkout');
    if (checkout.status !== 'complete') return { status: checkout.status, level: caller.level };
    if (checkout.method !== undefined) await this.#completed(checkout.id, checkout.method, checkout.reference); // in case its webhook was lost
    const { paid } = await ownerOf(this.#rim, id);
    const done = paid.phase.name === 'active' && paid.method?.checkoutId === checkoutId && paid.method.attached;
    return { status: done ? 'done' : 'settling', level: caller.level };
  }

  async #completed(id: string, method: string, reference: Reference): Promise<void> {
    const key = `checkout.${id}`;
    const dispatch = (type: string, fields: object) => commit(this.#bus, new SystemMessage(type, fields), bySystem('account', key));
    await completeCheckout({ id, method, reference }, { tokens: this.#rim.tokens, dispatch });
  }
}

/** An account, and what it pays for. */
export const ownerOf = async ({ handler }: Rim, id: AccountId): Promise<{ owner: Extract<Account, { status: 'active' }>; paid: ActiveSubscription }> => {
  const owner = await handler.lookup(account, id);
  if (owner.status !== 'active') throw notFound('account');
  const paid = await handler.lookup(subscription, owner.subscriptionId);
  if (paid.status === 'none') throw notFound('subscription');
  return { owner, paid };
};

/** When it ends or ended, and until when what ran is kept. */
const endOf = (paid: ActiveSubscription): { endsAt?: Instant; endedAt?: Instant; keptUntil?: Instant } => {
  const endsAt = cancelledEnd(paid);
  if (paid.phase.name !== 'ended') return endsAt === undefined ? {} : { endsAt };
  return { endedAt: paid.phase.at, ...(paid.phase.keptUntil === undefined ? {} : { keptUntil: paid.phase.keptUntil }) };
};

/** Why the level is what it is, and what to do: the gate's words, or better ones where the subscription knows more. */
export const standingOf = (paid: ActiveSubscription, level: ServiceLevel): { reason: string; nextStep: string } => {
  const { phase, cancellation } = paid;
  const payAgain = "Begin again with 'tollgate account pay'";
  if (phase.name === 'grace') return { reason: `a payment was missed; everything works until ${phase.endsAt}`, nextStep: "Pay with 'tollgate account pay' before then." };
  if (phase.name === 'active' && cancellation) return { reason: `cancelled; everything works until ${cancelledEnd(paid)}`, nextStep: cancellation.final ? `${payAgain} after that.` : "Take it back with 'tollgate account resume' before then." };
  if (phase.name === 'ended' && phase.keptUntil !== undefined) return { reason: `the subscription has ended; workloads are stopped, and kept until ${phase.keptUntil}`, nextStep: `${payAgain}; workloads start again by themselves.` };
  if (phase.name === 'ended') return { reason: 'the subscription has ended; workloads have been removed', nextStep: `${payAgain}.` };
  const { reason, nextStep } = gateVerdict(level, 'run');
  return { reason, nextStep };
};
