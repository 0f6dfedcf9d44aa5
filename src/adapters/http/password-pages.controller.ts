import { Body, Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConstraints } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { checked, OtpBody, PasswordLoginBody, ResetBody } from './bodies.ts';
import { requireAccount } from './caller.ts';
import { dropCookie } from './cookies.ts';
import { enter, flowOf, keepFlow } from './login-flow.ts';
import { field, html, nextPath, requireOwnForm, requireOwnOrigin, secretField, seeOther } from './page-forms.ts';
import { PasswordsController } from './passwords.controller.ts';
import { addresseeOf, checkedPassword } from './password-steps.ts';
import { HttpProblem, refusalOf, type Refused } from './problem.ts';
import { RIM, type Rim } from './rim.ts';
import { requireSignedIn, viewerOf } from './web-session.ts';
import { passwordLoginPage, passwordPage, resetPage, resetTokenPage } from '../../../web/pages.ts';
import { password } from '../../domain/password/decide.ts';

/** Passwords on the pages: signing in with one, setting it, and a new one by mail. The steps are those of `POST /sessions/password...`. */
@Controller()
export class PasswordPagesController {
  readonly #rim: Rim;
  readonly #bus: CommandBus;
  readonly #steps: PasswordsController;
  constructor(@Inject(RIM) rim: Rim, @Inject(CommandBus) bus: CommandBus) {
    this.#rim = rim;
    this.#bus = bus;
    this.#steps = new PasswordsController(rim, bus);
  }

  @Post('login/password')
  async login(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const [email, next] = [field(body, 'email'), nextPath(field(body, 'next'), '')];
    return this.#orAgain(request, async () => {
      const { password: given } = checked(PasswordLoginBody, { email, password: secretField(body, 'password') });
      const { person } = await checkedPassword(this.#rim, await addresseeOf(this.#rim, email), given, request, 'PasswordWrong');
      return enter(this.#rim, this.#bus, person, next, request, reply);
    }, (problem) => html(reply, passwordLoginPage({ ...this.#frame(request), email, problem, ...(next === '' ? {} : { next }) }), problem.status));
  }

  @Get('login/reset')
  reset(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string {
    return html(reply, resetPage(this.#frame(request)));
  }
  @Post('login/reset')
  async askForReset(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const email = field(body, 'email');
    return this.#orAgain(request, async () => {
      checked(OtpBody, { email });
      keepFlow(this.#rim, reply, { kind: 'reset', email, next: '', ...(await this.#steps.reset({ email }, request)) });
      return seeOther(reply, '/login/reset/token');
    }, (problem) => html(reply, resetPage({ ...this.#frame(request), email, problem }), problem.status));
  }

  @Get('login/reset/token')
  resetToken(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string | undefined {
    const flow = flowOf(this.#rim, request, 'reset');
    return flow ? html(reply, resetTokenPage({ ...this.#frame(request), ...flow })) : seeOther(reply, '/login/reset');
  }
  @Post('login/reset/token')
  async confirmReset(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const flow = flowOf(this.#rim, request, 'reset');
    if (!flow) return seeOther(reply, '/login/reset');
    return this.#orAgain(request, async () => {
      const given = twice(body);
      await this.#steps.confirm(checked(ResetBody, { email: flow.email, flowId: flow.flowId, token: field(body, 'token'), password: given }), request);
      for (const jar of ['flow', 'customer'] as const) dropCookie(this.#rim, reply, jar);
      return seeOther(reply, '/login?notice=reset');
    }, (problem) => html(reply, resetTokenPage({ ...this.#frame(request), ...flow, problem }), problem.status));
  }

  @Get('account/password')
  async own(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return this.#own(request, reply);
  }
  @Post('account/password')
  @RouteConstraints({ page: true })
  async change(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    const signedIn = requireSignedIn(this.#rim, request, 'customer');
    requireOwnForm(this.#rim, request, signedIn);
    const old = secretField(body, 'old');
    return this.#orAgain(request, async () => {
      await this.#steps.changeOf(signedIn.caller, { password: twice(body), ...(old === '' ? {} : { old }) }, request);
      return seeOther(reply, '/account?done=password');
    }, (problem) => this.#own(request, reply, problem));
  }

  async #own(request: FastifyRequest, reply: FastifyReply, problem?: Refused): Promise<string> {
    const { person } = requireAccount(requireSignedIn(this.#rim, request, 'customer').caller);
    const { n } = await this.#rim.handler.lookup(password, person);
    return html(reply, passwordPage({ ...this.#frame(request), set: n > 0, ...(problem ? { problem } : {}) }), problem?.status ?? 200);
  }

  #frame(request: FastifyRequest) {
    return { mode: this.#rim.mode, viewer: viewerOf(this.#rim, request) };
  }
  /** A refusal belongs on the form that it is about. */
  async #orAgain(request: FastifyRequest, work: () => Promise<string | undefined>, again: (problem: Refused) => string | Promise<string>): Promise<string | undefined> {
    try {
      return await work();
    } catch (error) {
      return again(refusalOf(error, request.id));
    }
  }
}

/** The new one, which was typed twice alike. */
const twice = (body: unknown): string => {
  const given = secretField(body, 'password');
  if (given !== secretField(body, 'again')) throw new HttpProblem(400, 'InvalidInput', 'The two new passwords are not the same.', 'Type the new one twice.', { errors: [{ field: 'again', message: 'not the same' }] });
  return given;
};
