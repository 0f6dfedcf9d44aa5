import { Body, Controller, Get, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { checked, OtpBody, ResendBody, VerifyBody } from './bodies.ts';
import { commit, tokenHash } from './caller.ts';
import { dropCookie } from './cookies.ts';
import { anonymously, enter, flowOf, keepFlow } from './login-flow.ts';
import { field, html, nextPath, requireOwnForm, requireOwnOrigin, seeOther } from './page-forms.ts';
import { notSignedIn, refusalOf, type Refused } from './problem.ts';
import { RIM, type Rim } from './rim.ts';
import { presentOtp } from './signup-steps.ts';
import { openWebSession, signedInAs, viewerOf, type Side } from './web-session.ts';
import { loginPage, loginTokenPage, operatorLoginPage } from '../../../web/pages.ts';
import { SystemMessage } from '../../commands/command-message.ts';
import { ResendOtp, StartSignup } from '../../commands/signup.ts';
import { encodeId } from '../../domain/ids.ts';
import { plus } from '../../domain/instant.ts';
import { otpLifeMs } from '../../domain/signup/decide.ts';

const homes: Readonly<Record<Side, string>> = { customer: '/account', operator: '/admin' };
const notices: Readonly<Record<string, string>> = { reset: 'The new password is set, and you are signed out everywhere. Sign in with it.', out: 'You are signed out here.', everywhere: 'You are signed out everywhere.', ended: 'Your session has ended. Sign in again to go on.' };

/** Signing in and out on the pages. The rules, limits and words are those of `POST /sessions/...`. */
@Controller()
export class LoginPagesController {
  readonly #rim: Rim;
  readonly #bus: CommandBus;
  constructor(@Inject(RIM) rim: Rim, @Inject(CommandBus) bus: CommandBus) {
    this.#rim = rim;
    this.#bus = bus;
  }

  @Get('login')
  login(@Query() query: Readonly<Record<string, unknown>>, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string | undefined {
    const next = nextPath(query['next'], '');
    if (signedInAs(this.#rim, request, 'customer')) return seeOther(reply, next === '' ? homes.customer : next);
    if ('again' in query) dropCookie(this.#rim, reply, 'flow');
    const name = String(query['notice']);
    const notice = Object.hasOwn(notices, name) ? notices[name] : undefined;
    return html(reply, loginPage({ ...this.#frame(request), ...(next === '' ? {} : { next }), ...(notice === undefined ? {} : { notice }) }));
  }

  @Post('login')
  async start(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const [email, next] = [field(body, 'email'), nextPath(field(body, 'next'), '')];
    return this.#orAgain(request, async () => {
      checked(OtpBody, { email });
      const flowId = encodeId('flw', this.#rim.random.bytes(13));
      await commit(this.#bus, new StartSignup(email, flowId), anonymously(request));
      keepFlow(this.#rim, reply, { kind: 'otp', email, flowId, next, expiresAt: plus(this.#rim.clock.now(), otpLifeMs) });
      return seeOther(reply, '/login/token');
    }, (problem) => html(reply, loginPage({ ...this.#frame(request), email, problem, ...(next === '' ? {} : { next }) }), problem.status));
  }

  @Get('login/token')
  token(@Query('sent') sent: string | undefined, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string | undefined {
    const flow = flowOf(this.#rim, request, 'otp');
    if (!flow) return seeOther(reply, '/login');
    return html(reply, loginTokenPage({ ...this.#frame(request), ...flow, ...(sent === undefined ? {} : { notice: 'Another token is on its way; the newest one counts.' }) }));
  }

  @Post('login/resend')
  async resend(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const flow = flowOf(this.#rim, request, 'otp');
    if (!flow) return seeOther(reply, '/login');
    return this.#orAgain(request, async () => {
      const { email, flowId } = checked(ResendBody, { email: flow.email, flowId: flow.flowId });
      await commit(this.#bus, new ResendOtp(email, flowId), anonymously(request));
      keepFlow(this.#rim, reply, { ...flow, expiresAt: plus(this.#rim.clock.now(), otpLifeMs) });
      return seeOther(reply, '/login/token?sent');
    }, (problem) => html(reply, loginTokenPage({ ...this.#frame(request), ...flow, problem }), problem.status));
  }

  @Post('login/token')
  async verify(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const flow = flowOf(this.#rim, request, 'otp');
    if (!flow) return seeOther(reply, '/login');
    return this.#orAgain(request, async () => {
      const { email, flowId, token } = checked(VerifyBody, { email: flow.email, flowId: flow.flowId, token: field(body, 'token') });
      const { person } = await presentOtp(this.#rim, this.#bus, { email, flowId, token }, anonymously(request));
      return enter(this.#rim, this.#bus, person, flow.next, request, reply);
    }, (problem) => html(reply, loginTokenPage({ ...this.#frame(request), ...flow, problem }), problem.status));
  }

  @Get('admin/login')
  operator(@Query('next') given: string | undefined, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string | undefined {
    const next = nextPath(given, homes.operator);
    return signedInAs(this.#rim, request, 'operator') ? seeOther(reply, next) : html(reply, operatorLoginPage({ ...this.#frame(request), next }));
  }

  @Post('admin/login')
  async operatorToken(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const [token, next] = [field(body, 'token'), nextPath(field(body, 'next'), homes.operator)];
    return this.#orAgain(request, async () => {
      const hash = tokenHash(token);
      const operator = this.#rim.gate.operatorByHash(hash);
      if (!operator) throw notSignedIn('This operator token is not valid.', 'Copy the whole text of the file operator.token in the data folder.');
      await openWebSession(this.#rim, this.#bus, reply, { kind: 'operator', operatorId: operator.operatorId, tokenHash: hash }, anonymously(request));
      return seeOther(reply, next);
    }, (problem) => html(reply, operatorLoginPage({ ...this.#frame(request), next, problem }), problem.status));
  }

  @Post('logout')
  async logout(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<undefined> {
    requireOwnOrigin(request);
    const side = field(body, 'side') === 'operator' ? 'operator' : 'customer';
    const everywhere = field(body, 'everywhere') === 'yes';
    const signedIn = signedInAs(this.#rim, request, side);
    if (signedIn) {
      requireOwnForm(this.#rim, request, signedIn);
      const { actor } = signedIn.caller;
      const context = { ...anonymously(request), actor };
      if (everywhere && actor.kind === 'account') await commit(this.#bus, new SystemMessage('RevokeSessions', { accountId: actor.id }), context);
      await commit(this.#bus, new SystemMessage('CloseSession', { sessionId: signedIn.sessionId }), context);
    }
    dropCookie(this.#rim, reply, side);
    return seeOther(reply, side === 'operator' ? '/admin/login' : `/login?notice=${everywhere ? 'everywhere' : 'out'}`);
  }

  #frame(request: FastifyRequest) {
    return { mode: this.#rim.mode, viewer: viewerOf(this.#rim, request) };
  }
  /** A refusal belongs on the form that it is about. */
  async #orAgain(request: FastifyRequest, work: () => Promise<string | undefined>, again: (problem: Refused) => string): Promise<string | undefined> {
    try {
      return await work();
    } catch (error) {
      return again(refusalOf(error, request.id));
    }
  }
}
