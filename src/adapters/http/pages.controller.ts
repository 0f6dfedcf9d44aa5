import { readFile } from 'node:fs/promises';
import { Body, Controller, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply } from 'fastify';
import { commit } from './caller.ts';
import { mailsCarried } from './mailbox.ts';
import { notFound } from './problem.ts';
import { RIM, type MockWorld, type Rim } from './rim.ts';
import { assets, checkoutPage, homePage, mailboxPage, paymentDonePage, paymentTokenPage, subscribePage } from '../../../web/pages.ts';
import { bySystem, SystemMessage } from '../../commands/command-message.ts';
import { CommandRejected } from '../../commands/handle.ts';
import { completeCheckout } from '../../commands/reactors/apply-webhooks.ts';
import { paymentTokenText } from '../../commands/signup.ts';
import type { PersonId } from '../../domain/ids.ts';
import { formatMoney } from '../../domain/money.ts';
import { signup } from '../../domain/signup/decide.ts';
import type { Signup } from '../../domain/signup/state.ts';

const html = (reply: FastifyReply, text: string, status = 200): string => {
  reply.status(status).header('content-type', 'text/html; charset=utf-8').header('cache-control', 'no-store');
  return text;
};
type Form = Readonly<Record<string, unknown>>;
const field = (body: unknown, name: string): string => {
  const value = (body as Form | undefined)?.[name];
  return typeof value === 'string' ? value.trim().slice(0, 254) : '';
};
const plansShown = 100;

/** The pages: every deed is a form that works without JavaScript and goes through the same commands as the CLI. */
@Controller()
export class PagesController {
  readonly #rim: Rim;
  readonly #bus: CommandBus;
  constructor(@Inject(RIM) rim: Rim, @Inject(CommandBus) bus: CommandBus) {
    this.#rim = rim;
    this.#bus = bus;
  }

  @Get()
  home(@Res({ passthrough: true }) reply: FastifyReply): string {
    return html(reply, homePage({ mode: this.#rim.mode }));
  }

  @Get('assets/:name')
  async asset(@Param('name') name: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Buffer> {
    const found = assets[`/assets/${name}`];
    if (!found) throw notFound('file');
    reply.header('content-type', found.type).header('cache-control', 'public, max-age=300');
    return readFile(found.file);
  }

  @Get('subscribe')
  async subscribe(@Query('email') email: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return html(reply, subscribePage({ mode: this.#rim.mode, plans: await this.#plans(), ...(typeof email === 'string' ? { email } : {}) }));
  }

  /** Tells only that a verified, unpaid sign-up waits, by going on; every other address gets one and the same page. */
  @Post('subscribe')
  async choose(@Body() body: unknown, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    const [email, planId] = [field(body, 'email'), field(body, 'plan')];
    const plans = await this.#plans();
    const page = (more: object, status: number) => html(reply, subscribePage({ mode: this.#rim.mode, plans, ...more }), status);
    if (!email.includes('@')) return page({ email, plan: planId, problem: 'Give the e-mail address that you verified.' }, 400);
    const chosen = planId === '' && plans.length === 1 ? plans[0]?.id : planId;
    if (!plans.some(({ id }) => id === chosen)) return page({ email, problem: 'Choose one of the plans.' }, 400);
    const url = await this.#checkout(email, chosen as string);
    if (url === undefined) return page({ notice: true }, 200);
    reply.status(303).header('location', url);
    return undefined;
  }

  async #checkout(email: string, planId: string): Promise<string | undefined> {
    const { keyring, payments, origin } = this.#rim;
    const person = await keyring.find(email);
    if (!person) return undefined;
    try {
      await this.#dispatch('StartCheckout', { person, planId });
      const n = (await this.#signup(person)).checkouts.at(-1)?.n;
      const { id, url } = await payments.createCheckout({ key: `signup.${person}.${n}`, reference: { purpose: 'signup', person }, email, returnUrl: `${origin()}/subscribe/done`, cancelUrl: `${origin()}/subscribe` });
      await this.#dispatch('RecordCheckout', { person, n, checkoutId: id });
      return url;
    } catch (error) {
      if (error instanceof CommandRejected) return undefined;
      throw error;
    }
  }

  /** Where the provider sends the browser back to: the checkout is read again, the URL proves nothing by itself. */
  @Get('subscribe/done')
  async done(@Query('checkout') id: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { mode, payments, tokens } = this.#rim;
    const checkout = typeof id === 'string' ? await payments.readCheckout(id) : undefined;
    if (!checkout?.method || checkout.status !== 'complete') throw notFound('completed checkout');
    try {
      await completeCheckout({ id: checkout.id, method: checkout.method, reference: checkout.reference }, { tokens, dispatch: (type, fields) => this.#dispatch(type, fields) });
    } catch (error) {
      if (!(error instanceof CommandRejected)) throw error;
      return html(reply, paymentDonePage({ mode, message: error.rejection.detail }));
    }
    if (checkout.reference.purpose === 'pay') return html(reply, paymentDonePage({ mode, message: 'The card is stored, and what was open is being charged with it.' }));
    const person = checkout.reference.person as PersonId;
    const state = await this.#signup(person);
    const token = state.tokens.find((candidate) => candidate.checkoutId === checkout.id);
    if (token?.status !== 'issued') return html(reply, paymentDonePage({ mode, message: token?.status === 'redeemed' ? 'The payment token of this checkout has been redeemed.' : 'The payment token of this checkout is no longer valid.' }));
    const email = state.email && (await this.#rim.vault.open(state.email));
    return html(reply, paymentTokenPage({ mode, token: paymentTokenText(tokens, person, token), expiresAt: token.expiresAt, ...(email === undefined ? {} : { email }) }));
  }

  @Get('checkout/:id')
  async checkout(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return this.#desk(reply, this.#mock(), id, {}, 200);
  }

  @Post('checkout/:id')
  async card(@Param('id') id: string, @Body() body: unknown, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    const mock = this.#mock();
    const card = field(body, 'card');
    const answer = await mock.desk.submit(id, card, field(body, 'confirmed') === 'yes');
    switch (answer.outcome) {
      case 'complete': reply.status(303).header('location', answer.returnUrl); return undefined;
      case 'confirm': return this.#desk(reply, mock, id, { askConfirmation: true, card }, 200);
      case 'refused': return this.#desk(reply, mock, id, { card, problem: answer.message }, 402);
      case 'closed': throw notFound('open checkout');
    }
  }

  @Get('mailbox')
  async mailbox(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return html(reply, mailboxPage({ mails: await mailsCarried(this.#rim, this.#mock(), undefined) }));
  }

  @Get('mailbox.json')
  async mailboxJson(@Query('to') to: string | undefined) {
    return mailsCarried(this.#rim, this.#mock(), to);
  }

  #mock(): MockWorld {
    if (!this.#rim.mock) throw notFound('page or call');
    return this.#rim.mock;
  }

  async #desk(reply: FastifyReply, mock: MockWorld, id: string, more: { askConfirmation?: boolean; card?: string; problem?: string }, status: number): Promise<string> {
    const view = await mock.desk.view(id);
    if (view?.status !== 'open') throw notFound('open checkout');
    return html(reply, checkoutPage({ mode: this.#rim.mode, id, purpose: view.purpose, amount: await this.#amount(id), askConfirmation: false, cards: [...mock.desk.cards], ...more }), status);
  }

  /** What the card is for: the plan's price, in words. */
  async #amount(id: string): Promise<string> {
    const { reference } = (await this.#rim.payments.readCheckout(id)) ?? {};
    if (!reference) return '';
    const state = await this.#signup(reference.person as PersonId);
    const terms = (reference.purpose === 'pay' ? state.tokens.find(({ status }) => status === 'redeemed') : state.checkouts.find(({ checkoutId }) => checkoutId === id))?.terms;
    return terms ? `${formatMoney(terms.price)} a ${terms.interval}` : '';
  }

  async #plans() {
    const { items } = await (this.#rim.models.get('plans')?.collection.query({ where: { onSale: true }, limit: plansShown }) ?? { items: [] });
    return items.map(({ document }) => document as unknown as Parameters<typeof subscribePage>[0]['plans'][number]);
  }

  #signup(person: PersonId): Promise<Signup> {
    return this.#rim.handler.lookup(signup, person);
  }

  #dispatch(type: string, fields: object) {
    const id = `page.${Buffer.from(this.#rim.random.bytes(9)).toString('base64url')}`;
    return commit(this.#bus, new SystemMessage(type, fields), bySystem('pages', id));
  }
}
