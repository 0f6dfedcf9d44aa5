import { readFile } from 'node:fs/promises';
import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { commit } from './caller.ts';
import { mailsCarried } from './mailbox.ts';
import { field, html, requireOwnOrigin, sameName, seeOther } from './page-forms.ts';
import { noSuchCall, notFound } from './problem.ts';
import { RIM, type MockWorld, type Rim } from './rim.ts';
import { redeemCheckout } from './signup-steps.ts';
import { openWebSession, signedInAs, signingUpAs, viewerOf } from './web-session.ts';
import { assets, checkoutPage, homePage, mailboxPage, paymentDonePage, paymentPendingPage, paymentTokenPage, subscribePage } from '../../../web/pages.ts';
import { bySystem, SystemMessage } from '../../commands/command-message.ts';
import { CommandRejected } from '../../commands/handle.ts';
import { completeCheckout } from '../../commands/reactors/apply-webhooks.ts';
import { paymentTokenText } from '../../commands/signup.ts';
import type { PersonId } from '../../domain/ids.ts';
import { formatMoney } from '../../domain/money.ts';
import { signup } from '../../domain/signup/decide.ts';
import type { Signup } from '../../domain/signup/state.ts';

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
  home(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string {
    return html(reply, homePage(this.#frame(request)));
  }

  @Get('assets/:name')
  async asset(@Param('name') name: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Buffer> {
    const found = assets[`/assets/${name}`];
    if (!found) throw notFound('file');
    reply.header('content-type', found.type).header('cache-control', 'public, max-age=300');
    return readFile(found.file);
  }

  @Get('subscribe')
  async subscribe(@Query('email') given: string | undefined, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const confirmed = await this.#confirmed(request);
    const email = typeof given === 'string' ? given : confirmed;
    return html(reply, subscribePage({ ...this.#frame(request), plans: await this.#plans(), ...(email === undefined ? {} : { email }), confirmed: email !== undefined && email === confirmed }));
  }

  /** Tells only that a verified, unpaid sign-up waits, by going on; every other address gets one and the same page. */
  @Post('subscribe')
  async choose(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const [email, planId] = [field(body, 'email'), field(body, 'plan')];
    const plans = await this.#plans();
    const page = (more: object, status: number) => html(reply, subscribePage({ ...this.#frame(request), plans, ...more }), status);
    if (!email.includes('@')) return page({ email, plan: planId, problem: 'Give the e-mail address that you verified.' }, 400);
    const chosen = planId === '' && plans.length === 1 ? plans[0]?.id : planId;
    if (!plans.some(({ id }) => id === chosen)) return page({ email, problem: 'Choose one of the plans.' }, 400);
    const url = await this.#checkout(email, chosen as string);
    return url === undefined ? page({ notice: true }, 200) : seeOther(reply, sameName(this.#rim, request, url));
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
  async done(@Query('checkout') id: string | undefined, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    const { payments, tokens } = this.#rim;
    const frame = this.#frame(request);
    const checkout = typeof id === 'string' ? await payments.readCheckout(id) : undefined;
    if (!checkout?.method || checkout.status !== 'complete') throw notFound('completed checkout');
    try {
      await completeCheckout({ id: checkout.id, method: checkout.method, reference: checkout.reference }, { tokens, dispatch: (type, fields) => this.#dispatch(type, fields) });
    } catch (error) {
      if (!(error instanceof CommandRejected)) throw error;
      return html(reply, paymentDonePage({ ...frame, message: error.rejection.detail }));
    }
    if (checkout.reference.purpose === 'pay' && this.#isSignedIn(request, checkout.reference.person)) return seeOther(reply, `/account?paid=${encodeURIComponent(checkout.id)}`);
    if (checkout.reference.purpose === 'pay') return html(reply, paymentDonePage({ ...frame, message: 'The card is stored, and what was open is being charged with it.' }));
    const person = checkout.reference.person as PersonId;
    if ((await signingUpAs(this.#rim, request)) === person) return this.#openAccount(person, checkout.id, request, reply);
    const state = await this.#signup(person);
    const token = state.tokens.find((candidate) => candidate.checkoutId === checkout.id);
    if (token?.status !== 'issued') return html(reply, paymentDonePage({ ...frame, message: token?.status === 'redeemed' ? 'The payment token of this checkout has been redeemed.' : 'The payment token of this checkout is no longer valid.' }));
    const email = state.email && (await this.#rim.vault.open(state.email));
    return html(reply, paymentTokenPage({ ...frame, token: paymentTokenText(tokens, person, token), expiresAt: token.expiresAt, ...(email === undefined ? {} : { email }) }));
  }

  /** The browser that confirmed the address needs no terminal: it redeems the token by itself, waits for the outcome, and is signed in. */
  async #openAccount(person: PersonId, checkoutId: string, request: FastifyRequest, reply: FastifyReply): Promise<string | undefined> {
    const context = { actor: { kind: 'person', id: person }, correlationId: request.id, causationId: request.id, ip: request.ip } as const;
    const { stage, redemption, tokens } = await redeemCheckout(this.#rim, this.#bus, person, checkoutId, context);
    if (stage === 'completed' && redemption) {
      await openWebSession(this.#rim, this.#bus, reply, { kind: 'account', accountId: redemption.accountId, person }, context);
      return seeOther(reply, '/account?done=welcome');
    }
    if (stage === 'redeeming') return html(reply, paymentPendingPage({ ...this.#frame(request), again: request.url }), 202);
    const refusal = tokens.find((token) => token.checkoutId === checkoutId);
    const email = await this.#confirmed(request);
    const problem = { detail: refusal?.status === 'rejected' ? `The payment was declined: ${refusal.reason}.` : 'The payment token of this checkout is no longer valid.', nextStep: 'Go on to the checkout once more, and use another card.' };
    return html(reply, subscribePage({ ...this.#frame(request), plans: await this.#plans(), ...(email === undefined ? {} : { email }), confirmed: email !== undefined, problem }), 402);
  }

  @Get('checkout/:id')
  async checkout(@Param('id') id: string, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return this.#desk(request, reply, id, {}, 200);
  }

  @Post('checkout/:id')
  async card(@Param('id') id: string, @Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const card = field(body, 'card');
    const answer = await this.#mock().desk.submit(id, card, field(body, 'confirmed') === 'yes');
    switch (answer.outcome) {
      case 'complete': return seeOther(reply, sameName(this.#rim, request, answer.returnUrl));
      case 'confirm': return this.#desk(request, reply, id, { askConfirmation: true, card }, 200);
      case 'refused': return this.#desk(request, reply, id, { card, problem: answer.message }, 402);
      case 'closed': throw notFound('open checkout');
    }
  }

  @Get('mailbox')
  async mailbox(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const mails = await mailsCarried(this.#rim, this.#mock(), undefined);
    return html(reply, mailboxPage({ viewer: viewerOf(this.#rim, request), mails }));
  }

  @Get('mailbox.json')
  async mailboxJson(@Query('to') to: string | undefined) {
    return mailsCarried(this.#rim, this.#mock(), to);
  }

  #mock(): MockWorld {
    if (!this.#rim.mock) throw noSuchCall();
    return this.#rim.mock;
  }

  #frame(request: FastifyRequest) {
    return { mode: this.#rim.mode, viewer: viewerOf(this.#rim, request) };
  }
  #isSignedIn(request: FastifyRequest, person: string): boolean {
    const actor = signedInAs(this.#rim, request, 'customer')?.caller.actor;
    return actor?.kind === 'account' && actor.person === person;
  }
  /** The address that this browser has confirmed and not paid for yet. */
  async #confirmed(request: FastifyRequest): Promise<string | undefined> {
    const person = await signingUpAs(this.#rim, request);
    const { email, stage } = person === undefined ? {} as Partial<Signup> : await this.#signup(person);
    return email && stage !== 'completed' ? this.#rim.vault.open(email) : undefined;
  }

  async #desk(request: FastifyRequest, reply: FastifyReply, id: string, more: { askConfirmation?: boolean; card?: string; problem?: string }, status: number): Promise<string> {
    const { desk } = this.#mock();
    const view = await desk.view(id);
    if (view?.status !== 'open') throw notFound('open checkout');
    return html(reply, checkoutPage({ ...this.#frame(request), id, purpose: view.purpose, amount: await this.#amount(id), askConfirmation: false, goesOn: (await signingUpAs(this.#rim, request)) !== undefined, cards: [...desk.cards], ...more }), status);
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
