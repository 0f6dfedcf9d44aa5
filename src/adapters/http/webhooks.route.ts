import type { CommandBus } from '@nestjs/cqrs';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { bare } from './bare-route.ts';
import { commit } from './caller.ts';
import { HttpProblem, notFound } from './problem.ts';
import type { ProblemFilter } from './problem.filter.ts';
import type { Rim } from './rim.ts';
import { bySystem, SystemMessage } from '../../commands/command-message.ts';
import { personal } from '../../domain/personal.ts';
import { Refused } from '../../domain/ports/failures.ts';
import type { ProviderEvent } from '../../domain/ports/payments.ts';

type Webhook = Pick<FastifyRequest, 'id' | 'headers'> & { readonly rawBody?: Buffer };

/** Raw in, verified, stored under the provider's event id, 2xx: acted on later, by a reactor. */
export const receiveWebhook = async (rim: Rim, bus: CommandBus, provider: string, request: Webhook) => {
  const { payments, keyring, clock } = rim;
  if (provider !== payments.provider) throw notFound('webhook provider');
  const raw = request.rawBody ?? Buffer.alloc(0);
  const event = await verified(rim, raw, request);
  const owner = await keyring.takePooledKey();
  const message = new SystemMessage('IngestWebhook', { provider, mode: payments.mode, eventId: event.id, webhookType: event.type, object: event.object, body: personal(owner, 'webhookBody', raw.toString('utf8')) });
  const { events } = await commit(bus, message, bySystem(`webhook-${provider}`, request.id, event.id));
  return { received: true, duplicate: events.length === 0, at: clock.now() };
};

const verified = async ({ payments, clock }: Rim, raw: Buffer, request: Webhook): Promise<ProviderEvent> => {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]));
  try {
    return await payments.verifyWebhook(raw, headers, clock.now());
  } catch (error) {
    if (error instanceof Refused) throw new HttpProblem(400, 'BadSignature', 'The signature of this webhook does not match, or it is too old.', 'Check the webhook secret at the provider.');
    throw error;
  }
};

export const serveWebhooks = (fastify: FastifyInstance, rim: Rim, bus: CommandBus, filter: ProblemFilter): void => {
  fastify.post('/webhooks/:provider', bare(filter, (request) => receiveWebhook(rim, bus, (request.params as { provider: string }).provider, request as Webhook)));
};
