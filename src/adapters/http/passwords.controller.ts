import { Body, Controller, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { checked, OtpBody, PasswordBody, ResetBody } from './bodies.ts';
import { callerOf, commit, contextOf, type Caller } from './caller.ts';
import { addresseeOf, checkedPassword, countRecovery, countReset, countResetToken, inTimeBand, keptPassword, requireGoodPassword } from './password-steps.ts';
import { HttpProblem, notSignedIn } from './problem.ts';
import { RIM, type Rim } from './rim.ts';
import { bySystem, SystemMessage, type Context } from '../../commands/command-message.ts';
import { CommandRejected } from '../../commands/handle.ts';
import { matchReset, ResetPassword } from '../../commands/password.ts';
import { encodeId, type PersonId } from '../../domain/ids.ts';
import { plus, type Instant } from '../../domain/instant.ts';
import { freshSessionMs, password, reject, resetLifeMs } from '../../domain/password/decide.ts';
import { signup } from '../../domain/signup/decide.ts';

const anonymous: Caller = { actor: { kind: 'anonymous', id: 'anon' }, level: 'none', namespaces: [] };

/** Changing and resetting passwords, and finding one's namespaces again. What is asked by address is answered alike, whoever has it. */
@Controller('sessions')
export class PasswordsController {
  readonly #rim: Rim;
  readonly #bus: CommandBus;
  constructor(@Inject(RIM) rim: Rim, @Inject(CommandBus) bus: CommandBus) {
    this.#rim = rim;
    this.#bus = bus;
  }

  /** With the old one; the first one right after logging in, or while signing up. */
  @Post('password/change')
  @HttpCode(200)
  async change(@Body() body: unknown, @Req() request: FastifyRequest) {
    return this.changeOf(await callerOf(this.#rim, request), body, request);
  }
  /** For whoever has proved to be this caller, by whatever credential. */
  async changeOf(caller: Caller, body: unknown, request: FastifyRequest) {
    const { password: given, old } = checked(PasswordBody, body);
    const person = this.#personOf(caller);
    const { email } = await this.#standing(person);
    const opened = email && (await this.#rim.vault.open(email));
    if (opened === undefined) throw new HttpProblem(409, 'Erased', 'This account has been erased.', 'Sign up again.');
    requireGoodPassword(given, opened);
    const right = await this.#rightToChange(caller, person, opened, old, request);
    const n = await keptPassword(this.#rim, person, given);
    await commit(this.#bus, new SystemMessage('ChangePassword', { person, n, ...right }), this.#context(caller, request));
    return { changed: true };
  }

  /** The same answer whether or not anybody has this address; a mail goes out only where somebody does. */
  @Post('password/reset')
  @HttpCode(200)
  async reset(@Body() body: unknown, @Req() request: FastifyRequest) {
    const { email } = checked(OtpBody, body);
    const addressee = await addresseeOf(this.#rim, email);
    await countReset(this.#rim, addressee, request);
    const flowId = encodeId('flw', this.#rim.random.bytes(13));
    const expiresAt = plus(this.#rim.clock.now(), resetLifeMs);
    await inTimeBand(async () => {
      const { person } = addressee;
      if (person && (await this.#standing(person)).verified) await commit(this.#bus, new SystemMessage('RequestPasswordReset', { person, flowId, kid: this.#rim.tokens.kid }), this.#context(anonymous, request));
    });
    return { flowId, expiresAt };
  }

  /** Ends every session there is; who did it logs in with the new password. */
  @Post('password/reset/confirm')
  @HttpCode(200)
  async confirm(@Body() body: unknown, @Req() request: FastifyRequest) {
    const { email, flowId, token, password: given } = checked(ResetBody, body);
    requireGoodPassword(given, email);
    const takeBack = await countResetToken(this.#rim, flowId);
    const { person } = await addresseeOf(this.#rim, email);
    const { handler, tokens } = this.#rim;
    const { matched } = person === undefined ? { matched: false } : await matchReset(person, flowId, token, { tokens, lookup: (decider, id) => handler.lookup(decider, id) });
    if (!matched || person === undefined) throw new CommandRejected(reject('ResetTokenWrong'));
    await takeBack();
    const n = await keptPassword(this.#rim, person, given);
    await commit(this.#bus, new ResetPassword(person, n, flowId, token), this.#context(anonymous, request));
    const { untold } = await handler.lookup(password, person);
    const { accountId } = await this.#standing(person);
    if (accountId) await this.#bySystem('RevokeSessions', { accountId, cutoff: untold?.at ?? this.#rim.clock.now() }, request);
    return { changed: true };
  }

  /** Mails the list of one's namespaces. */
  @Post('recover')
  @HttpCode(200)
  async recover(@Body() body: unknown, @Req() request: FastifyRequest) {
    const { email } = checked(OtpBody, body);
    const addressee = await addresseeOf(this.#rim, email);
    await countRecovery(this.#rim, addressee, request);
    await inTimeBand(() => this.#mailNamespaces(addressee.person, request));
    return { asked: true };
  }

  /** Who may change it, and under which number the right was checked. */
  async #rightToChange({ actor, session }: Caller, person: PersonId, email: string, old: string | undefined, request: FastifyRequest): Promise<{ from: number; by: 'signup' | 'session' | 'change' }> {
    const [{ n: from }, { accountId }] = [await this.#rim.handler.lookup(password, person), await this.#standing(person)];
    if (old !== undefined) return { from: (await checkedPassword(this.#rim, await addresseeOf(this.#rim, email), old, request, 'OldPasswordWrong')).n, by: 'change' };
    if (actor.kind === 'person' && accountId === undefined) return { from, by: 'signup' }; // verified by a one-time token, and nothing to protect yet
    if (from > 0) throw new CommandRejected(reject('OldPasswordNeeded'));
    const openedAt = session && this.#rim.gate.session(session)?.openedAt;
    if (openedAt === undefined || plus(openedAt as Instant, freshSessionMs) <= this.#rim.clock.now()) throw new CommandRejected(reject('LoginTooOld'));
    return { from, by: 'session' };
  }

  async #mailNamespaces(person: PersonId | undefined, request: FastifyRequest): Promise<void> {
    const { email, accountId } = person ? await this.#standing(person) : {};
    const account = accountId && this.#rim.gate.account(accountId);
    if (!person || !email || !account) return;
    const content = { template: 'namespaces', values: { namespaces: account.namespaces.map(({ name }) => name).join(', ') } };
    await this.#bySystem('QueueMail', { mailId: encodeId('mail', this.#rim.random.bytes(13)), person, to: email, content }, request);
  }

  #personOf({ actor }: Caller): PersonId {
    if (actor.kind === 'account') return actor.person;
    if (actor.kind === 'person') return actor.id;
    if (actor.kind === 'anonymous') throw notSignedIn();
    throw new HttpProblem(403, 'NotAnAccount', 'This is for customers; you are signed in as staff.', 'The operator token is replaced in the data folder.');
  }
  async #standing(person: PersonId) {
    const { email, stage, redemption, verifiedAt } = await this.#rim.handler.lookup(signup, person);
    return { email, verified: verifiedAt !== undefined, accountId: stage === 'completed' ? redemption?.accountId : undefined };
  }
  /** A repeat is a new try: none of this is answered from the record. */
  #context(caller: Caller, request: FastifyRequest): Context {
    const { idempotencyKey: _, ifMatch: __, ...context } = contextOf(caller, request);
    return context;
  }
  #bySystem(type: string, fields: object, request: FastifyRequest) {
    return commit(this.#bus, new SystemMessage(type, fields), { ...this.#context(anonymous, request), actor: bySystem('passwords', request.id).actor });
  }
}
