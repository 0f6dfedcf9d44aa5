import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { customerOf, customersOf, listOf, parkedOf, runnerOf, soughtAccount, tally, withNamespaces, type Asked } from './admin-facts.ts';
import { checksOf, type Check } from './checks.ts';
import { field, html, requireOwnForm, seeOther } from './page-forms.ts';
import { notFound } from './problem.ts';
import { opened, waitFor } from './queries.ts';
import { RIM, type Rim } from './rim.ts';
import { requireSignedIn, viewerOf } from './web-session.ts';
import {
  customerPage, customersPage, invitesPage, mailsPage, overviewPage, phases, signupsPage, signupStages, systemPage, webhooksPage, workloadsPage,
  type InviteRow, type MailRow, type Need, type SignupRow, type WebhookRow,
} from '../../../web/pages.ts';
import type { AccountId } from '../../domain/ids.ts';
import type { Document } from '../../domain/ports/read-models.ts';
import { gateVerdict } from '../../domain/service-level.ts';
import { levelOf } from '../../domain/subscription/state.ts';

const refusalsShown = 10;
const failedShown = 20;
/** Where a check's trouble can be looked at. */
const places: Readonly<Record<string, string>> = { 'read models': '/admin/system', lag: '/admin/system', webhooks: '/admin/webhooks', mails: '/admin/mails?status=given+up' };
/** What is said after a deed; `about` names a read model, nothing else. */
const outcomes: Readonly<Record<string, (about: string) => { readonly done?: string; readonly undone?: string }>> = {
  invited: () => ({ done: 'The address is invited.' }),
  revoked: () => ({ done: 'The invite is taken back.' }),
  retried: () => ({ done: 'The mail is on its way again.' }),
  killed: () => ({ done: 'The workload is being stopped and removed.' }),
  released: () => ({ done: 'The work is released; it is being done again.' }),
  rebuilt: (about) => ({ done: `‘${about}’ is rebuilt and in use: the same as before.` }),
  rebuilding: (about) => ({ done: `‘${about}’ is being rebuilt beside the live one; its status says how far.` }),
  differs: (about) => ({ undone: `The rebuilt ‘${about}’ differs from the live one, and was not put in use. 'tollgate projection rebuild ${about}' lists the differences.` }),
};

/** What operators look at. Deeds are in `admin-deeds.controller.ts`. */
@Controller('admin')
export class AdminPagesController {
  readonly #rim: Rim;
  constructor(@Inject(RIM) rim: Rim) {
    this.#rim = rim;
  }

  @Get()
  async overview(@Query() query: Asked, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const frame = this.#frame(request, query);
    const [byPhase, byStage, byStatus, byState] = await Promise.all([tally(runnerOf(this.#rim, 'subscriptions'), 'phase'), tally(runnerOf(this.#rim, 'signups'), 'stage'), tally(runnerOf(this.#rim, 'mails'), 'status'), tally(runnerOf(this.#rim, 'workloads'), 'state')]);
    const work = [
      ...Object.entries(byState).map(([state, count]) => ({ name: `workloads ${state}`, count, href: `/admin/workloads?state=${state}` })),
      ...Object.entries(byStatus).map(([status, count]) => ({ name: `mails ${status}`, count, href: `/admin/mails?status=${encodeURIComponent(status)}` })),
    ];
    return html(reply, overviewPage({
      ...frame, ...(await this.#needs()), work, now: this.#rim.clock.now(),
      levels: phases.filter((phase) => (byPhase[phase] ?? 0) > 0).map((phase) => ({ level: levelOf[phase], count: byPhase[phase] ?? 0, href: `/admin/customers?phase=${phase}` })),
      funnel: signupStages.filter((stage) => (byStage[stage] ?? 0) > 0).map((stage) => ({ name: stage, count: byStage[stage] ?? 0, href: `/admin/signups?stage=${encodeURIComponent(stage)}` })),
      ...(await this.#newestWebhook()),
    }));
  }

  /** Parked work by its customer, then what the server's own checks find: those that fail wait for somebody, the others are worth knowing. */
  async #needs(): Promise<{ readonly needs: readonly Need[]; readonly notes: readonly Need[] }> {
    const [parked, checks] = await Promise.all([parkedOf(this.#rim), checksOf(this.#rim)]);
    const needOf = ({ name, detail, fix }: Check): Need => ({ what: `${name}: ${detail}`, ...(Object.hasOwn(places, name) ? { href: places[name] as string } : {}), ...(fix === undefined ? {} : { fix }) });
    const found = checks.filter(({ name, status }) => status !== 'ok' && name !== 'parked work');
    return {
      needs: [
        ...parked.map(({ reactor, customer, error, since }) => ({ what: `${reactor}: work ${customer === undefined ? 'that is no customer’s' : `of ${customer.name}`} is parked: ${error}`, href: '/admin/system', since })),
        ...found.filter(({ name, status }) => status === 'fail' || name === 'mails').map(needOf),
      ],
      notes: found.filter(({ name, status }) => status === 'warn' && name !== 'mails').map(needOf),
    };
  }

  async #newestWebhook(): Promise<{ readonly newestWebhook?: string }> {
    const { items } = await runnerOf(this.#rim, 'webhooks').collection.query({ limit: 1 });
    const at = items[0]?.document['at'];
    return typeof at === 'string' ? { newestWebhook: at } : {};
  }

  @Get('customers')
  async customers(@Query() query: Asked, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const frame = this.#frame(request, query);
    return html(reply, customersPage({ ...frame, ...(await customersOf(this.#rim, query)) }));
  }

  /** A form and not an address to be typed: what is sought is personal, and addresses of pages end up in histories. */
  @Post('customers/find')
  async find(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | undefined> {
    requireOwnForm(this.#rim, request, requireSignedIn(this.#rim, request, 'operator'));
    const sought = field(body, 'sought');
    const id = await soughtAccount(this.#rim, sought);
    if (id !== undefined) return seeOther(reply, `/admin/customers/${id}`);
    const problem = { detail: 'No account has this address, id or namespace.', nextStep: 'Give the whole address. A sign-up that is not complete is under Sign-ups.' };
    return html(reply, customersPage({ ...this.#frame(request, {}), ...(await customersOf(this.#rim, {})), problem, sought }), 404);
  }

  @Get('customers/:id')
  async customer(@Param('id') id: string, @Query() query: Asked, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const frame = this.#frame(request, query);
    const found = await customerOf(this.#rim, id as AccountId);
    if (!found) throw notFound('customer');
    const { paid, homes, ...rest } = found;
    return html(reply, customerPage({
      ...frame, ...rest, accountId: id, reason: gateVerdict(found.level, 'run').reason, plan: paid.terms.name, price: paid.terms.price, phase: paid.phase.name, paidThrough: paid.paidThrough, subscriptionId: paid.subscriptionId,
      namespaces: homes.map((home) => ({ id: String(home['id']), name: String(home['name']), level: String(home['level']), workloads: Number(home['workloads']) })),
    }));
  }

  @Get('signups')
  async signups(@Query() query: Asked, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const frame = this.#frame(request, query);
    const listed = await listOf<SignupRow>(this.#rim, 'signups', 'stage', query);
    return html(reply, signupsPage({ ...frame, ...listed, refusals: await this.#refusals() }));
  }

  async #refusals(): Promise<readonly { readonly email: string; readonly reason: string; readonly at: string }[]> {
    const refused: Document[] = [];
    for await (const page of runnerOf(this.#rim, 'signups').collection.all()) refused.push(...page.map(({ document }) => document).filter(({ lastRefusal }) => lastRefusal !== undefined));
    const newest = refused.toSorted((a, b) => (String(a['at']) < String(b['at']) ? 1 : -1)).slice(0, refusalsShown);
    return Promise.all(newest.map(async (document) => ({ email: String(await opened(document['email'], this.#rim.vault)), reason: String(document['lastRefusal']), at: String(document['at']) })));
  }

  @Get('invites')
  async invites(@Query() query: Asked, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const frame = this.#frame(request, query);
    return html(reply, invitesPage({ ...frame, ...(await listOf<InviteRow>(this.#rim, 'invites', 'status', query)) }));
  }

  @Get('mails')
  async mails(@Query() query: Asked, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const frame = this.#frame(request, query);
    const listed = await listOf<MailRow>(this.#rim, 'mails', 'status', query);
    const failed = query['status'] === undefined && query['cursor'] === undefined ? (await listOf<MailRow>(this.#rim, 'mails', 'status', { status: 'given up' })).items.slice(0, failedShown) : [];
    return html(reply, mailsPage({ ...frame, ...listed, failed }));
  }

  @Get('webhooks')
  async webhooks(@Query() query: Asked, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const frame = this.#frame(request, query);
    const { newestWebhook } = await this.#newestWebhook();
    return html(reply, webhooksPage({ ...frame, ...(await listOf<WebhookRow>(this.#rim, 'webhooks', 'status', query)), now: this.#rim.clock.now(), ...(newestWebhook === undefined ? {} : { newest: newestWebhook }) }));
  }

  @Get('workloads')
  async workloads(@Query() query: Asked, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const frame = this.#frame(request, query);
    const { items, ...rest } = await listOf<Document>(this.#rim, 'workloads', 'state', query);
    return html(reply, workloadsPage({ ...frame, ...rest, items: await withNamespaces(this.#rim, items) }));
  }

  @Get('system')
  async system(@Query() query: Asked, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const frame = this.#frame(request, query);
    await waitFor(this.#rim, runnerOf(this.#rim, 'parked'), query['after']);
    const head = await this.#rim.log.head();
    const projections = await Promise.all([...this.#rim.models.values()].map(async (runner) => ({
      name: runner.model.name, version: runner.model.version, position: String(runner.position), lag: Math.max(0, Number(head - runner.position)), count: await runner.collection.count(),
      status: runner.failure !== undefined ? `stopped: ${runner.failure}` : runner.rebuilding === undefined ? 'live' : `rebuilding, ${runner.rebuilding} of ${head}`,
    })));
    const reactors = this.#rim.pumps.map((pump) => ({ name: pump.reactor.name, lag: Math.max(0, Number(head - pump.position)), waiting: pump.waiting() }));
    return html(reply, systemPage({ ...frame, projections, reactors, parked: await parkedOf(this.#rim), head: String(head) }));
  }

  /** Nobody but a signed-in operator sees anything of these pages. */
  #frame(request: FastifyRequest, { did, about }: Asked) {
    requireSignedIn(this.#rim, request, 'operator');
    const outcome = Object.hasOwn(outcomes, did ?? '') ? outcomes[did as string] : undefined;
    const known = about !== undefined && this.#rim.models.has(about) ? about : '';
    return { mode: this.#rim.mode, viewer: viewerOf(this.#rim, request), ...outcome?.(known) };
  }
}
