import { setTimeout as sleep } from 'node:timers/promises';
import { Body, Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { checked } from './bodies.ts';
import { commit } from './caller.ts';
import { field, requireOwnForm, seeOther } from './page-forms.ts';
import { HttpProblem, notFound } from './problem.ts';
import { RIM, type Rim } from './rim.ts';
import { requireSignedIn } from './web-session.ts';
import type { CommandMessage, Context } from '../../commands/command-message.ts';
import { RetryMail } from '../../commands/inbox.ts';
import { AddInvite, RevokeInvite } from '../../commands/invite.ts';
import { ReleaseWork } from '../../commands/work.ts';
import { KillWorkload } from '../../commands/workload.ts';

const rebuildWaitMs = 4_000;

/** What operators do on their pages: the commands of the CLI, with the reason they give, then back to the list. */
@Controller('admin')
export class AdminDeedsController {
  readonly #rim: Rim;
  readonly #bus: CommandBus;
  constructor(@Inject(RIM) rim: Rim, @Inject(CommandBus) bus: CommandBus) {
    this.#rim = rim;
    this.#bus = bus;
  }

  @Post('invites/add')
  invite(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<undefined> {
    return this.#command(request, reply, () => checked(AddInvite, { email: field(body, 'email') }), '/admin/invites', 'invited');
  }
  @Post('invites/revoke')
  revoke(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<undefined> {
    return this.#command(request, reply, () => checked(RevokeInvite, { email: field(body, 'email') }), '/admin/invites', 'revoked');
  }
  @Post('mails/retry')
  retry(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<undefined> {
    return this.#command(request, reply, () => checked(RetryMail, { mailId: field(body, 'mailId') }), '/admin/mails', 'retried');
  }
  @Post('workloads/kill')
  kill(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<undefined> {
    return this.#command(request, reply, () => checked(KillWorkload, { workloadId: field(body, 'workloadId') }), '/admin/workloads', 'killed');
  }
  @Post('system/release')
  release(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<undefined> {
    return this.#command(request, reply, () => checked(ReleaseWork, { reactor: field(body, 'reactor'), subject: field(body, 'subject') }), '/admin/system', 'released');
  }

  /** Goes on when the page does not wait for it: a rebuild is not a view of it. */
  @Post('system/rebuild')
  async rebuild(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<undefined> {
    this.#operator(request);
    const name = field(body, 'name');
    const runner = this.#rim.models.get(name);
    if (!runner) throw notFound('projection');
    if (runner.rebuilding !== undefined) throw new HttpProblem(409, 'RebuildRunning', `${name} is being rebuilt already.`, "See 'tollgate projection list'.");
    const rebuilt = runner.rebuild({ acceptDifferences: false, differencesMax: 1, progress: () => undefined });
    rebuilt.catch(() => undefined); // told to who still waits, and by the model's status to everybody else
    const outcome = await Promise.race([rebuilt, sleep(rebuildWaitMs, undefined, { ref: false })]);
    return seeOther(reply, `/admin/system?did=${outcome === undefined ? 'rebuilding' : outcome.swapped ? 'rebuilt' : 'differs'}&about=${encodeURIComponent(name)}`);
  }

  async #command(request: FastifyRequest, reply: FastifyReply, message: () => CommandMessage, back: string, did: string): Promise<undefined> {
    const context = this.#operator(request); // first: who may not ask learns nothing about the form
    const { position } = await commit(this.#bus, message(), context);
    return seeOther(reply, `${back}?did=${did}&after=${position}`);
  }

  #operator(request: FastifyRequest): Context {
    const signedIn = requireSignedIn(this.#rim, request, 'operator');
    requireOwnForm(this.#rim, request, signedIn);
    const reason = field(request.body, 'reason', 500);
    return { actor: signedIn.caller.actor, correlationId: request.id, causationId: request.id, ...(reason === '' ? {} : { reason }) };
  }
}
