import { Body, Controller, Get, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { checked, OtpBody, ResendBody, VerifyBody } from './bodies.ts';
import { commit, tokenHash } from './caller.ts';
import { dropCookie, readCookie, setCookie } from './cookies.ts';
import { field, html, nextPath, requireOwnForm, requireOwnOrigin, seeOther } from './page-forms.ts';
import { notSignedIn, refusalOf, type Refused } from './problem.ts';
import { RIM, type Rim } from './rim.ts';
import { presentOtp, signupToken } from './signup-steps.ts';
import { openWebSession, signedInAs, viewerOf, type Side } from './web-session.ts';
import { loginPage, loginTokenPage, operatorLoginPage } from '../../../web/pages.ts';
import { SystemMessage, type Context } from '../../commands/command-message.ts';
import { ResendOtp, StartSignup } from '../../commands/signup.ts';
import { encodeId, type FlowId } from '../../domain/ids.ts';
import { plus, type Instant } from '../../domain/instant.ts';
import { otpLifeMs } from '../../domain/signup/decide.ts';

/** A sign-in under way, kept in the browser that began it: the flow's id is known to nobody else. */
type Flow = { readonly email: string; readonly flowId: FlowId; readonly expiresAt: Instant; readonly next: string };
const homes: Readonly<Record<Side, string>> = { customer: '/account', operator: '/admin' };
const notices: Readonly<Record<string, string>> = { out: 'You are signed out here.', everywhere: 'You are signed out everywhere.', ended: 'Your session has ended. Sign in again to go on.' };

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
    const notice = notices[String(query['notice'])];
    return html(reply, loginPage({ ...this.#frame(request), ...(next === '' ? {} : { next }), ...(notice === undefined ? {} : { notice }) }));
  }

  @Post('login')
  async start(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const [email, next] = [field(body, 'email'), nextPath(field(body, 'next'), '')];
    return this.#orAgain(request, async () => {
      checked(OtpBody, { email });
      const flowId = encodeId('flw', this.#rim.random.bytes(13));
      await commit(this.#bus, new StartSignup(email, flowId), this.#anonymous(request));
      this.#keep(reply, { email, flowId, next, expiresAt: plus(this.#rim.clock.now(), otpLifeMs) });
      return seeOther(reply, '/login/token');
    }, (problem) => html(reply, loginPage({ ...this.#frame(request), email, problem, ...(next === '' ? {} : { next }) }), problem.status));
  }

  @Get('login/token')
  token(@Query('sent') sent: string | undefined, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string | undefined {
    const flow = this.#flow(request);
    if (!flow) return seeOther(reply, '/login');
    return html(reply, loginTokenPage({ ...this.#frame(request), ...flow, ...(sent === undefined ? {} : { notice: 'Another token is on its way; the newest one counts.' }) }));
  }

  @Post('login/resend')
  async resend(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const flow = this.#flow(request);
    if (!flow) return seeOther(reply, '/login');
    return this.#orAgain(request, async () => {
      const { email, flowId } = checked(ResendBody, { email: flow.email, flowId: flow.flowId });
      await commit(this.#bus, new ResendOtp(email, flowId), this.#anonymous(request));
      this.#keep(reply, { ...flow, expiresAt: plus(this.#rim.clock.now(), otpLifeMs) });
      return seeOther(reply, '/login/token?sent');
    }, (problem) => html(reply, loginTokenPage({ ...this.#frame(request), ...flow, problem }), problem.status));
  }

  /** With an account: signed in, and on to where they were going. Without one: verified, and on to paying. */
  @Post('login/token')
  async verify(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnOrigin(request);
    const flow = this.#flow(request);
    if (!flow) return seeOther(reply, '/login');
    return this.#orAgain(request, async () => {
      const { email, flowId, token } = checked(VerifyBody, { email: flow.email, flowId: flow.flowId, token: field(body, 'token') });
      const { person, state } = await presentOtp(this.#rim, this.#bus, { email, flowId, token }, this.#anonymous(request));
      if (state.stage === 'completed' && state.redemption) {
        await openWebSession(this.#rim, this.#bus, reply, { kind: 'account', accountId: state.redemption.accountId, person }, this.#anonymous(request));
        return seeOther(reply, nextPath(flow.next, homes.customer));
      }
      setCookie(this.#rim, reply, 'signup', await signupToken(this.#rim, person));
      dropCookie(this.#rim, reply, 'flow');
      return seeOther(reply, '/subscribe');
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
      await openWebSession(this.#rim, this.#bus, reply, { kind: 'operator', operatorId: operator.operatorId, tokenHash: hash }, this.#anonymous(request));
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
      const context = { ...this.#anonymous(request), actor };
      if (everywhere && actor.kind === 'account') await commit(this.#bus, new SystemMessage('RevokeSessions', { accountId: actor.id }), context);
      await commit(this.#bus, new SystemMessage('CloseSession', { sessionId: signedIn.sessionId }), context);
    }
    dropCookie(this.#rim, reply, side);
    return seeOther(reply, side === 'operator' ? '/admin/login' : `/login?notice=${everywhere ? 'everywhere' : 'out'}`);
  }

  #frame(request: FastifyRequest) {
    return { mode: this.#rim.mode, viewer: viewerOf(this.#rim, request) };
  }
  #anonymous(request: FastifyRequest): Context {
    return { actor: { kind: 'anonymous', id: 'anon' }, correlationId: request.id, causationId: request.id, ip: request.ip };
  }
  #keep(reply: FastifyReply, flow: Flow): void {
    setCookie(this.#rim, reply, 'flow', Buffer.from(JSON.stringify(flow)).toString('base64url'));
  }
  #flow(request: FastifyRequest): Flow | undefined {
    const text = readCookie(this.#rim, request, 'flow');
    if (text === undefined) return undefined;
    try {
      const { email, flowId, expiresAt, next } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Record<string, unknown>;
      return typeof email === 'string' && typeof flowId === 'string' && typeof expiresAt === 'string' ? { email, flowId: flowId as FlowId, expiresAt: expiresAt as Instant, next: String(next) } : undefined;
    } catch {
      return undefined;
    }
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
