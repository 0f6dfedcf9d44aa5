import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConstraints } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { accountFacts, cardOf, invoicesOf, limitsOf, sessionsOf, workloadsOf } from './account-facts.ts';
import { commit, requireGate, type Caller } from './caller.ts';
import { changeOwn, consequencesFor } from './cancelling.controller.ts';
import { field, html, requireOwnForm, sameName, seeOther } from './page-forms.ts';
import { openPayment } from './paying.ts';
import { notFound } from './problem.ts';
import { waitFor } from './queries.ts';
import { RIM, type Rim } from './rim.ts';
import { streamLines } from './streaming.ts';
import { requireSignedIn, viewerOf, type SignedIn } from './web-session.ts';
import { accountPage, cancelPage, workloadPage } from '../../../web/pages.ts';
import { SystemMessage, type Context } from '../../commands/command-message.ts';
import { CancelSubscription, ResumeSubscription } from '../../commands/subscription.ts';
import { mayTouch } from '../../domain/access.ts';
import { isId, type WorkloadId } from '../../domain/ids.ts';
import type { LogLine } from '../../domain/ports/runtime.ts';
import { cancelledEnd } from '../../domain/subscription/policy.ts';
import { workload } from '../../domain/workload/decide.ts';
import type { ModelRunner } from '../../projections/runner.ts';

const settleWaitMs = 5_000;
const lookAgainMs = 50;
const tailShown = 100;
/** What is said after a form has done its work; by name, so that nobody's link can put words on the page. */
const outcomes: Readonly<Record<string, string>> = {
  welcome: 'Welcome: the payment went through and your account is open.',
  paid: 'Thank you: the card is stored, and nothing is open.',
  cancelled: 'The subscription is cancelled. Until it ends everything works, and you can take it back here.',
  resumed: 'The subscription goes on.',
  closed: 'That session is closed.',
  password: 'The password is set.',
};
type Asked = Readonly<Record<string, string | undefined>>;

/** The customer's pages. The same addresses without `Accept: text/html` are the API's. */
@Controller('account')
export class AccountPagesController {
  readonly #rim: Rim;
  readonly #bus: CommandBus;
  constructor(@Inject(RIM) rim: Rim, @Inject(CommandBus) bus: CommandBus) {
    this.#rim = rim;
    this.#bus = bus;
  }

  @Get()
  @RouteConstraints({ page: true })
  async account(@Query() query: Asked, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { caller } = requireSignedIn(this.#rim, request, 'customer');
    const settled = query['paid'] === undefined || (await this.#settled(caller, query['paid']));
    const outcome = query['paid'] === undefined ? outcomes[query['done'] ?? ''] : settled ? outcomes['paid'] : undefined;
    const standing = requireSignedIn(this.#rim, request, 'customer').caller; // as it is after the wait
    const { owner, paid, reason, nextStep, payable } = await accountFacts(this.#rim, standing);
    const { terms } = paid;
    const card = await cardOf(this.#rim, paid);
    return html(reply, accountPage({
      ...this.#frame(request), level: standing.level, reason, nextStep, payable: payable && settled, ...(standing.since === undefined ? {} : { since: standing.since }),
      email: (await this.#rim.vault.open(owner.email)) ?? 'erased', plan: { name: terms.name, price: terms.price, interval: terms.interval, limits: limitsOf(terms.limits) }, paidThrough: cancelledEnd(paid) ?? paid.paidThrough,
      cancelAtPeriodEnd: paid.cancellation !== undefined, cancellable: paid.phase.name !== 'ended' && paid.cancellation === undefined, resumable: paid.phase.name !== 'ended' && paid.cancellation !== undefined && !paid.cancellation.final,
      card, namespaces: standing.namespaces, workloads: await workloadsOf(this.#rim, standing, query['after']),
      invoices: await invoicesOf(this.#rim, paid.accountId), sessions: await sessionsOf(this.#rim, standing),
      ...(outcome === undefined ? {} : { done: outcome }), ...(settled ? {} : { pending: 'The card is stored; the payment is under way. This page changes as soon as the bank has answered.' }),
    }));
  }

  /** Whether a finished checkout has had its effect; waits a little for it, so that the common case is one page. */
  async #settled(caller: Caller, checkoutId: string): Promise<boolean> {
    for (let waitedMs = 0; ; waitedMs += lookAgainMs) {
      const { paid } = await accountFacts(this.#rim, caller);
      const chosen = paid.method?.checkoutId === checkoutId;
      if (!chosen) return true; // an older one: whatever it did is done
      if (paid.phase.name === 'active' && paid.method.attached) return true;
      if (waitedMs >= settleWaitMs) return false;
      await sleep(lookAgainMs);
    }
  }

  @Post('pay')
  @RouteConstraints({ page: true })
  async pay(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<undefined> {
    const { caller } = this.#own(request);
    requireGate(caller, 'billing');
    const { owner, paid } = await accountFacts(this.#rim, caller);
    const { url } = await openPayment(this.#rim, owner, paid, `${paid.accountId}.${request.id}`);
    return seeOther(reply, sameName(this.#rim, request, url));
  }

  /** What would stop and what is kept, from a dry run of the very command. */
  @Get('cancel')
  async consequences(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    const { caller } = requireSignedIn(this.#rim, request, 'customer');
    const { after } = await changeOwn(this.#rim, this.#bus, caller, { ...this.#context(caller, request), dryRun: true }, new CancelSubscription());
    const { says = [] } = await consequencesFor(this.#rim, after);
    return html(reply, cancelPage({ ...this.#frame(request), plan: after.terms.name, consequences: says }));
  }

  @Post('cancel')
  @RouteConstraints({ page: true })
  async cancel(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    const { caller } = this.#own(request);
    if (field(request.body, 'sure') !== 'yes') return this.consequences(request, reply);
    await changeOwn(this.#rim, this.#bus, caller, this.#context(caller, request), new CancelSubscription());
    return seeOther(reply, '/account?done=cancelled');
  }

  @Post('resume')
  @RouteConstraints({ page: true })
  async resume(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<undefined> {
    const { caller } = this.#own(request);
    await changeOwn(this.#rim, this.#bus, caller, this.#context(caller, request), new ResumeSubscription());
    return seeOther(reply, '/account?done=resumed');
  }

  @Post('sessions/:id/close')
  async close(@Param('id') id: string, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<undefined> {
    const { caller } = this.#own(request);
    if (!isId(id, 'ses')) throw notFound('session');
    const { position } = await commit(this.#bus, new SystemMessage('CloseSession', { sessionId: id }), this.#context(caller, request));
    await waitFor(this.#rim, this.#rim.models.get('sessions') as ModelRunner, String(position));
    return seeOther(reply, '/account?done=closed');
  }

  @Get('workloads/:id')
  async workload(@Param('id') id: string, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { caller } = requireSignedIn(this.#rim, request, 'customer');
    requireGate(caller, 'billing');
    await this.#theirs(caller, id);
    const document = (await this.#rim.models.get('workloads')?.collection.load([id]))?.get(id)?.document as Parameters<typeof workloadPage>[0]['workload'] & { readonly namespaceId: string } | undefined;
    if (!document) throw notFound('workload');
    const { paid } = await accountFacts(this.#rim, caller);
    const lines: LogLine[] = [];
    for await (const line of this.#rim.runtime.logs(id as WorkloadId, { tail: tailShown })) lines.push(line);
    const namespace = caller.namespaces.find((each) => each.id === document.namespaceId)?.name ?? '';
    return html(reply, workloadPage({ ...this.#frame(request), workload: { ...document, namespace }, limits: limitsOf(paid.terms.limits), isolation: this.#rim.runtime.isolation(), lines, tail: tailShown }));
  }

  /** Lines as they come, for the page that shows them; a browser that comes back says after which line. */
  @Get('workloads/:id/log')
  async log(@Param('id') id: string, @Query('after') given: string | undefined, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { caller } = requireSignedIn(this.#rim, request, 'customer');
    requireGate(caller, 'billing');
    await this.#theirs(caller, id);
    const after = Number(request.headers['last-event-id'] ?? given ?? 0);
    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    await streamLines(this.#rim.runtime.logs(id as WorkloadId, { ...(Number.isSafeInteger(after) && after > 0 ? { after } : { tail: tailShown }), follow: true, signal: gone.signal }), request, reply, gone.signal);
  }

  async #theirs({ actor }: Caller, id: string): Promise<void> {
    const state = await this.#rim.handler.lookup(workload, id);
    if (state.status === 'none' || state.removed || !mayTouch(actor, state.namespaceId)) throw notFound('workload');
  }

  /** Who sends a form of theirs. */
  #own(request: FastifyRequest): SignedIn {
    const signedIn = requireSignedIn(this.#rim, request, 'customer');
    requireOwnForm(this.#rim, request, signedIn);
    return signedIn;
  }
  #context({ actor }: Caller, request: FastifyRequest): Context {
    return { actor, correlationId: request.id, causationId: request.id, ip: request.ip };
  }
  #frame(request: FastifyRequest) {
    return { mode: this.#rim.mode, viewer: viewerOf(this.#rim, request) };
  }
}
