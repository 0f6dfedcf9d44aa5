import { Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { commit } from './caller.ts';
import { HttpProblem, notFound } from './problem.ts';
import { RIM, type Rim } from './rim.ts';
import { bySystem, SystemMessage } from '../../commands/command-message.ts';
import { personal } from '../../domain/personal.ts';
import { Refused } from '../../domain/ports/failures.ts';
import type { ProviderEvent } from '../../domain/ports/payments.ts';

/** Raw in, verified, stored under the provider's event id, 2xx: acted on later, by a reactor. */
@Controller('webhooks')
export class WebhooksController {
  readonly #rim: Rim;
  readonly #bus: CommandBus;
  constructor(@Inject(RIM) rim: Rim, @Inject(CommandBus) bus: CommandBus) {
    this.#rim = rim;
    this.#bus = bus;
  }

  @Post(':provider')
  @HttpCode(200)
  async receive(@Param('provider') provider: string, @Req() request: FastifyRequest & { rawBody?: Buffer }) {
    const { payments, keyring, clock } = this.#rim;
    if (provider !== payments.provider) throw notFound('webhook provider');
    const raw = request.rawBody ?? Buffer.alloc(0);
    const event = await this.#verify(raw, request);
    const owner = await keyring.takePooledKey();
    const message = new SystemMessage('IngestWebhook', { provider, mode: payments.mode, eventId: event.id, webhookType: event.type, object: event.object, body: personal(owner, 'webhookBody', raw.toString('utf8')) });
    const { events } = await commit(this.#bus, message, bySystem(`webhook-${provider}`, request.id, event.id));
    return { received: true, duplicate: events.length === 0, at: clock.now() };
  }

  async #verify(raw: Buffer, request: FastifyRequest): Promise<ProviderEvent> {
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]));
    try {
      return await this.#rim.payments.verifyWebhook(raw, headers, this.#rim.clock.now());
    } catch (error) {
      if (error instanceof Refused) throw new HttpProblem(400, 'BadSignature', 'The signature of this webhook does not match, or it is too old.', 'Check the webhook secret at the provider.');
      throw error;
    }
  }
}
