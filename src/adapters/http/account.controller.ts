import { Controller, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { callerOf, commit, requireAccount, requireGate } from './caller.ts';
import { HttpProblem, notFound } from './problem.ts';
import { RIM, type Rim } from './rim.ts';
import { bySystem, SystemMessage } from '../../commands/command-message.ts';
import { completeCheckout } from '../../commands/reactors/apply-webhooks.ts';
import { account } from '../../domain/account/decide.ts';
import type { AccountId } from '../../domain/ids.ts';
import type { Reference } from '../../domain/ports/payments.ts';
import { gateVerdict } from '../../domain/service-level.ts';
import { subscription } from '../../domain/subscription/decide.ts';
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
    const { id } = requireAccount(caller);
    const { owner, paid } = await this.#ownerOf(id);
    const { level, reason, nextStep } = gateVerdict(caller.level, 'run');
    const { phase } = paid;
    const inGrace = phase.name === 'grace';
    return {
      account: id, email: (await this.#rim.vault.open(owner.email)) ?? 'erased', level, since: caller.since,
      reason: inGrace ? `a payment was missed; everything works until ${phase.endsAt}` : reason,
      nextStep: inGrace ? "Pay with 'tollgate account pay' before then." : nextStep,
      plan: { id: paid.terms.planId, name: paid.terms.name, price: paid.terms.price, interval: paid.terms.interval, limits: paid.terms.limits },
      phase: phase.name, paidThrough: paid.paidThrough, subscription: paid.subscriptionId, cancelAtPeriodEnd: false, namespaces: caller.namespaces,
      isolation: this.#rim.runtime.isolation(),
    };
  }

  /** A page where another card is given; whatever is open is tried with it at once. */
  @Post('pay')
  @HttpCode(200)
  async pay(@Req() request: FastifyRequest) {
    const caller = await callerOf(this.#rim, request);
    const { id, person } = requireAccount(caller);
    requireGate(caller, 'billing');
    const { owner, paid } = await this.#ownerOf(id);
    const email = await this.#rim.vault.open(owner.email);
    if (email === undefined) throw new HttpProblem(409, 'Erased', 'This account has been erased.', 'Sign up again.');
    const origin = this.#rim.origin();
    const key = typeof request.headers['idempotency-key'] === 'string' ? `${id}.${request.headers['idempotency-key']}` : `${id}.${request.id}`;
    const checkout = await this.#rim.payments.createCheckout({ key: `pay.${key}`, reference: { purpose: 'pay', person, subscription: paid.subscriptionId }, email, returnUrl: `${origin}/subscribe/done`, cancelUrl: `${origin}/subscribe` });
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
    const { paid } = await this.#ownerOf(id);
    const done = paid.phase.name === 'active' && paid.method?.checkoutId === checkoutId && paid.method.attached;
    return { status: done ? 'done' : 'settling', level: caller.level };
  }

  async #completed(id: string, method: string, reference: Reference): Promise<void> {
    const key = `checkout.${id}`;
    const dispatch = (type: string, fields: object) => commit(this.#bus, new SystemMessage(type, fields), bySystem('account', key));
    await completeCheckout({ id, method, reference }, { tokens: this.#rim.tokens, dispatch });
  }

  async #ownerOf(id: AccountId): Promise<{ owner: Extract<Account, { status: 'active' }>; paid: ActiveSubscription }> {
    const { handler } = this.#rim;
    const owner = await handler.lookup(account, id);
    if (owner.status !== 'active') throw notFound('account');
    const paid = await handler.lookup(subscription, owner.subscriptionId);
    if (paid.status === 'none') throw notFound('subscription');
    return { owner, paid };
  }
}
