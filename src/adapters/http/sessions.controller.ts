import { setTimeout as sleep } from 'node:timers/promises';
import { Body, Controller, Get, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { CloseBody, OtpBody, PasswordLoginBody, PaymentTokenBody, RefreshBody, ResendBody, VerifyBody, checked } from './bodies.ts';
import { bearerOf, callerOf, commit, contextOf, tokenHash, type Caller } from './caller.ts';
import { addresseeOf, checkedPassword } from './password-steps.ts';
import { HttpProblem, levelForbids, notSignedIn } from './problem.ts';
import { RIM, type Rim } from './rim.ts';
import { presentOtp, signupToken } from './signup-steps.ts';
import { RefreshSession } from '../../commands/account.ts';
import { SystemMessage, type Context } from '../../commands/command-message.ts';
import { paymentTokenText, RedeemPaymentToken, ResendOtp, StartSignup } from '../../commands/signup.ts';
import { account } from '../../domain/account/decide.ts';
import { encodeId, isId, type FlowId, type PersonId, type SessionId } from '../../domain/ids.ts';
import { minute, plus } from '../../domain/instant.ts';
import { password } from '../../domain/password/decide.ts';
import { session } from '../../domain/session/decide.ts';
import type { SessionHolder } from '../../domain/session/events.ts';
import { otpAttemptsMax, otpLifeMs, reject, signup } from '../../domain/signup/decide.ts';
import type { Signup } from '../../domain/signup/state.ts';

const accessLifeMs = 10 * minute;
const redeemWaitMs = 5_000;
const lookAgainMs = 25;

/** The steps of signing up and in. Each hands out a credential, so none is answered from the record: a repeat is a new try. */
@Controller('sessions')
export class SessionsController {
  readonly #rim: Rim;
  readonly #bus: CommandBus;
  constructor(@Inject(RIM) rim: Rim, @Inject(CommandBus) bus: CommandBus) {
    this.#rim = rim;
    this.#bus = bus;
  }

  @Post('otp')
  @HttpCode(200)
  async start(@Body() body: unknown, @Req() request: FastifyRequest) {
    const { email } = checked(OtpBody, body);
    const flowId = encodeId('flw', this.#rim.random.bytes(13));
    await commit(this.#bus, new StartSignup(email, flowId), this.#anonymous(request));
    return this.#flow(flowId);
  }

  @Post('otp/resend')
  @HttpCode(200)
  async resend(@Body() body: unknown, @Req() request: FastifyRequest) {
    const { email, flowId } = checked(ResendBody, body);
    await commit(this.#bus, new ResendOtp(email, flowId), this.#anonymous(request));
    return this.#flow(flowId);
  }

  @Post('otp/verify')
  @HttpCode(200)
  async verify(@Body() body: unknown, @Req() request: FastifyRequest) {
    const { email, flowId, token } = checked(VerifyBody, body);
    const { person } = await presentOtp(this.#rim, this.#bus, { email, flowId, token }, this.#anonymous(request));
    return this.#known(person, request);
  }

  @Post('password')
  @HttpCode(200)
  async password(@Body() body: unknown, @Req() request: FastifyRequest) {
    const { email, password: given } = checked(PasswordLoginBody, body);
    const { person } = await checkedPassword(this.#rim, await addresseeOf(this.#rim, email), given, request, 'PasswordWrong');
    return this.#known(person, request);
  }

  @Get('signup')
  async standing(@Req() request: FastifyRequest) {
    return this.#signup(await this.#person(request));
  }

  /** Redeems, then waits a little for the outcome, so that the common case is one call. */
  @Post('payment')
  @HttpCode(200)
  async payment(@Body() body: unknown, @Req() request: FastifyRequest) {
    const person = await this.#person(request);
    const { paymentToken } = checked(PaymentTokenBody, body);
    await commit(this.#bus, new RedeemPaymentToken(person, paymentToken), { ...this.#anonymous(request), actor: { kind: 'person', id: person } });
    for (let waitedMs = 0; waitedMs < redeemWaitMs; waitedMs += lookAgainMs) {
      const standing = await this.#signup(person);
      if (standing.status !== 'charging') return standing;
      await sleep(lookAgainMs);
    }
    return this.#signup(person);
  }

  @Post('open')
  @HttpCode(200)
  async open(@Req() request: FastifyRequest) {
    const person = await this.#person(request);
    const state = await this.#rim.handler.lookup(signup, person);
    if (state.stage !== 'completed' || !state.redemption) throw new HttpProblem(409, 'SignupNotComplete', 'This sign-up is not complete.', "Go on with 'tollgate login --otp EMAIL'.");
    return this.#open({ kind: 'account', accountId: state.redemption.accountId, person }, request);
  }

  @Post('refresh')
  @HttpCode(200)
  async refresh(@Body() body: unknown, @Req() request: FastifyRequest) {
    const { refreshToken } = checked(RefreshBody, body);
    const [sid, n] = refreshToken.trim().split('.');
    if (!isId(sid, 'ses')) throw notSignedIn('this is no refresh token');
    await commit(this.#bus, new RefreshSession(sid as SessionId, refreshToken.trim()), this.#anonymous(request));
    const state = await this.#rim.handler.lookup(session, sid);
    if (state.status !== 'open') throw new HttpProblem(401, 'SessionEnded', 'This session has ended: an old refresh token was used, which may mean that it was stolen.', "Sign in again: 'tollgate login help' says how.");
    return this.#credentials(sid as SessionId, state.holder, state.kid, Number(n) + 1);
  }

  @Post('close')
  @HttpCode(204)
  async close(@Body() body: unknown, @Req() request: FastifyRequest): Promise<void> {
    const caller = await callerOf(this.#rim, request);
    const { everywhere, sessionId = caller.session } = checked(CloseBody, body ?? {});
    if (caller.actor.kind === 'anonymous') throw notSignedIn();
    const context = this.#context(caller, request);
    if (everywhere && caller.actor.kind === 'account') await commit(this.#bus, new SystemMessage('RevokeSessions', { accountId: caller.actor.id }), context);
    if (sessionId) await commit(this.#bus, new SystemMessage('CloseSession', { sessionId }), context);
  }

  @Post('operator')
  @HttpCode(200)
  async operator(@Req() request: FastifyRequest) {
    const caller = await callerOf(this.#rim, request);
    const token = bearerOf(request);
    if (caller.actor.kind !== 'operator' || caller.session || token === undefined) throw notSignedIn('this needs the operator token');
    return this.#open({ kind: 'operator', operatorId: caller.actor.id, tokenHash: tokenHash(token) }, request);
  }

  @Get('whoami')
  async whoami(@Req() request: FastifyRequest) {
    const { actor, level, namespaces } = await callerOf(this.#rim, request);
    if (actor.kind === 'anonymous') throw notSignedIn();
    const named = request.headers['micro-namespace'];
    const namespace = namespaces.find(({ name }) => name === named) ?? namespaces[0];
    const person = actor.kind === 'account' ? actor.person : actor.kind === 'person' ? actor.id : undefined;
    return {
      account: actor.kind === 'account' ? actor.id : null, email: person === undefined ? null : await this.#email(person), namespace: namespace?.name ?? null, level,
      ...(actor.kind === 'operator' ? { operator: actor.id } : {}),
    };
  }

  #flow(flowId: FlowId) {
    return { flowId, expiresAt: plus(this.#rim.clock.now(), otpLifeMs), attempts: otpAttemptsMax };
  }
  #context(caller: Caller, request: FastifyRequest): Context {
    const { idempotencyKey: _, ...context } = contextOf(caller, request);
    return context;
  }
  #anonymous(request: FastifyRequest): Context {
    return this.#context({ actor: { kind: 'anonymous', id: 'anon' }, level: 'none', namespaces: [] }, request);
  }
  /** Somebody who has proved who they are: a session where there is an account, a sign-up token where there is none yet. */
  async #known(person: PersonId, request: FastifyRequest) {
    const state = await this.#rim.handler.lookup(signup, person);
    if (state.stage === 'completed' && state.redemption) return { status: 'signed-in', session: await this.#open({ kind: 'account', accountId: state.redemption.accountId, person }, request) };
    return { status: 'payment-required', signup: { ...(await this.#signup(person)), token: await signupToken(this.#rim, person) } };
  }
  async #email(person: PersonId): Promise<string> {
    const { email } = await this.#rim.handler.lookup(signup, person);
    return (email && (await this.#rim.vault.open(email))) ?? 'erased';
  }

  async #person(request: FastifyRequest): Promise<PersonId> {
    const { actor } = await callerOf(this.#rim, request);
    if (actor.kind === 'anonymous') throw notSignedIn('this needs a sign-up token');
    if (actor.kind !== 'person') throw new HttpProblem(409, 'AlreadySignedUp', 'You are signed in already.', "See 'tollgate whoami'.");
    return actor.id;
  }

  async #open(holder: SessionHolder, request: FastifyRequest) {
    const sessionId = encodeId('ses', this.#rim.random.bytes(13));
    const { kid } = this.#rim.tokens;
    const actor = holder.kind === 'account' ? ({ kind: 'person', id: holder.person } as const) : ({ kind: 'operator', id: holder.operatorId } as const);
    await commit(this.#bus, new SystemMessage('OpenSession', { sessionId, holder, kid }), { ...this.#anonymous(request), actor });
    return this.#credentials(sessionId, holder, kid, 0);
  }

  /** The session as its holder keeps it: a short access token, and the refresh token to use next. */
  async #credentials(sessionId: SessionId, holder: SessionHolder, kid: string, n: number) {
    const { clock, accessTokens, tokens, gate } = this.#rim;
    const now = clock.now();
    const expiresAt = plus(now, accessLifeMs);
    const base = { accessToken: await accessTokens.sign({ kind: 'access', sid: sessionId }, now, expiresAt), expiresAt, refreshToken: `${sessionId}.${n}.${tokens.derive(kid, 'refresh', sessionId, n, '')}`, sessionId };
    if (holder.kind === 'operator') return { ...base, operator: holder.operatorId, namespaces: [] };
    const owner = await this.#rim.handler.lookup(account, holder.accountId);
    const namespaces = (gate.account(holder.accountId)?.namespaces ?? []).map(({ name }) => name);
    return { ...base, account: holder.accountId, email: owner.status === 'active' ? ((await this.#rim.vault.open(owner.email)) ?? 'erased') : 'erased', namespace: namespaces[0], namespaces };
  }

  async #signup(person: PersonId) {
    const state = await this.#rim.handler.lookup(signup, person);
    return { signupId: person, email: await this.#email(person), password: (await this.#rim.handler.lookup(password, person)).n > 0, subscribeUrl: `${this.#rim.origin()}/subscribe`, ...standingOf(state, (token) => paymentTokenText(this.#rim.tokens, person, token), this.#rim.clock.now()) };
  }
}

/** Where a sign-up stands, in the words of every refusal. */
const standingOf = (state: Signup, text: (token: Signup['tokens'][number]) => string, now: string) => {
  if (state.stage === 'completed') return { status: 'completed' as const };
  if (state.stage === 'redeeming') return { status: state.redemption?.pending && !state.redemption.charge ? ('settling' as const) : ('charging' as const) };
  if (state.stage !== 'verified') throw levelForbids('none');
  const newest = state.tokens.at(-1);
  if (newest?.status === 'issued' && newest.expiresAt > now) return { status: 'verified' as const, paymentToken: text(newest) };
  if (newest?.status !== 'rejected') return { status: 'verified' as const };
  const refusal = reject('PaymentDeclined', { reason: newest.reason });
  return { status: 'declined' as const, detail: refusal.detail, nextStep: refusal.nextStep };
};
