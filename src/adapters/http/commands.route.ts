import type { CommandBus } from '@nestjs/cqrs';
import type { FastifyInstance } from 'fastify';
import { bare } from './bare-route.ts';
import { checked } from './bodies.ts';
import { answerOf, callerOf, contextOf, namespaceOf, requireGate, send } from './caller.ts';
import { HttpProblem, notSignedIn } from './problem.ts';
import type { ProblemFilter } from './problem.filter.ts';
import type { Rim } from './rim.ts';
import { catalog } from '../../commands/catalog.ts';
import type { CatalogEntry } from '../../commands/catalog-entry.ts';
import type { CommandMessage } from '../../commands/command-message.ts';
import { describedFields } from '../../commands/describe.ts';
import { NotAllowed } from '../../commands/handle.ts';
import { may } from '../../domain/access.ts';

type OpenEntry = CatalogEntry & { readonly message: new () => CommandMessage; readonly open: NonNullable<CatalogEntry['open']> };
const openEntries = new Map(catalog.flatMap((entry) => (entry.open && entry.message ? [[entry.type, entry as OpenEntry] as const] : [])));
const takesNamespace = new Set([...openEntries.values()].filter((entry) => describedFields(entry.message).some(({ name }) => name === 'namespaceId')).map(({ type }) => type));

/** Every command there is, under its name. */
export const serveCommands = (fastify: FastifyInstance, rim: Rim, bus: CommandBus, filter: ProblemFilter): void => {
  fastify.post('/commands/:name', bare(filter, async (request) => {
    const { name } = request.params as { name: string };
    const entry = openEntries.get(name);
    const caller = await callerOf(rim, request);
    if (!entry) throw caller.actor.kind === 'anonymous' ? notSignedIn() : new HttpProblem(404, 'CommandUnknown', `There is no command '${name}'.`, 'See /openapi.json for the commands there are.');
    if (entry.open.gate) requireGate(caller, entry.open.gate);
    if (caller.actor.kind === 'anonymous') throw notSignedIn();
    if (!may(caller.actor, entry.permission)) throw new NotAllowed(`${entry.permission} is not permitted`); // before the body is looked at: who may not ask learns nothing from it
    const unknown = Object.keys((request.query ?? {}) as object).find((name) => name !== 'dryRun');
    if (unknown !== undefined) throw new HttpProblem(400, 'InvalidInput', `A command takes no '${unknown.slice(0, 40)}' in its address.`, 'Only ?dryRun=true is known; fields go into the body.', { errors: [{ field: unknown.slice(0, 40), message: 'not a parameter' }] });
    const context = contextOf(caller, request);
    if (context.dryRun && entry.open.secret) throw new HttpProblem(400, 'NoDryRun', 'A command with a secret in its body has no dry run.', 'Send it without dryRun.');
    const { body } = request;
    const home = takesNamespace.has(name) ? namespaceOf(caller, request) : undefined;
    const fields = home && typeof body === 'object' && body !== null && !('namespaceId' in body) ? { ...body, namespaceId: home.id } : (body ?? {});
    return answerOf(await send(bus, checked(entry.message, fields), context));
  }));
};
