/** Reading models: waits, scopes, filters, opens personal values; one way for every model. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import { callerOf, namespaceOf, requireAccount, requireGate, type Caller } from './caller.ts';
import { withAddress } from './customers.ts';
import { HttpProblem, noSuchCall, notFound, notSignedIn } from './problem.ts';
import type { Rim } from './rim.ts';
import { catalog } from '../../commands/catalog.ts';
import { may } from '../../domain/access.ts';
import { categoryOf } from '../../domain/ids.ts';
import { parseInstant } from '../../domain/instant.ts';
import { isClear, isSealed, neverShown } from '../../domain/personal.ts';
import type { Position } from '../../domain/ports/event-store.ts';
import type { Vault } from '../../domain/ports/log.ts';
import type { Document } from '../../domain/ports/read-models.ts';
import { applyTo, streamOf } from '../../projections/projection.ts';
import type { ModelRunner } from '../../projections/runner.ts';

const waitMaxMs = 5_000;
const pageDefault = 100;
const pageMax = 1_000;
export type QueryString = Readonly<Record<string, string | undefined>>;

/** A copy with every personal value opened; `erased` where the key is gone, `sealed` where nobody is ever shown it again. */
export const opened = async (value: unknown, vault: Vault): Promise<unknown> => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Promise.all(value.map((item) => opened(item, vault)));
  if (isSealed(value) && neverShown.has(value.$p[2])) return 'sealed';
  if (isSealed(value) || isClear(value)) return (await vault.open(value)) ?? 'erased';
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) copy[key] = await opened(item, vault);
  return copy;
};

export const positionOf = (text: string, name: string): Position => {
  if (!/^\d{1,19}$/.test(text)) throw new HttpProblem(400, 'InvalidInput', `${name} must be a position, as answers give it.`, 'Leave it out to read the newest.');
  return BigInt(text);
};

/** Waits, bounded, until the model reflects `after`. */
export const waitFor = async (rim: Rim, model: ModelRunner, after: string | undefined): Promise<void> => {
  if (after === undefined) return;
  const head = await rim.log.head();
  const position = positionOf(after, 'after');
  if (position > head) throw new HttpProblem(400, 'InvalidInput', 'after is beyond the end of the log.', 'Use the position that the write answered.');
  if (!(await model.reached(position, sleep(waitMaxMs, undefined, { ref: false })))) throw new HttpProblem(503, 'NotCaughtUp', 'The view has not caught up yet.', 'Try again in a moment.');
};

/** The position that `asOf` names: a position, or the one before the first event that is later than a time. */
export const asOfPosition = async (rim: Rim, asOf: string): Promise<Position> => {
  if (/^\d{1,19}$/.test(asOf)) return BigInt(asOf);
  const instant = parseInstant(asOf);
  if (instant === undefined) throw new HttpProblem(400, 'InvalidInput', 'asOf must be a position or a time (ISO 8601).', 'For example 2026-11-21T08:00:00Z.');
  let last = 0n;
  for await (const page of rim.log.readAll(0n)) {
    for (const event of page) {
      if (event.meta.at > instant) return last;
      last = event.position;
    }
  }
  return last;
};

/** A document as it was: folded anew, from its own stream where it has one. */
export const documentAsOf = async (rim: Rim, model: ModelRunner, key: string, until: Position): Promise<Document | undefined> => {
  const documents = new Map<string, Document | undefined>();
  const stream = streamOf(model.model, rim.tenant, key);
  for await (const page of stream ? rim.log.read(stream) : rim.log.readAll(0n)) {
    applyTo(model.model, documents, page.filter((event) => event.position <= until));
    if ((page.at(-1)?.position ?? 0n) > until) break;
  }
  return documents.get(key);
};

/** A removed document as it was last: who may know that it is gone. Only where it has a stream of its own. */
export const documentBeforeItsEnd = async (rim: Rim, model: ModelRunner, key: string): Promise<Document | undefined> => {
  const stream = streamOf(model.model, rim.tenant, key);
  if (!stream) return undefined;
  const documents = new Map<string, Document | undefined>();
  let last: Document | undefined;
  for await (const page of rim.log.read(stream)) {
    for (const event of page) {
      applyTo(model.model, documents, [event]);
      last = documents.get(key) ?? last;
    }
  }
  return last;
};

/** What of a model this caller may see: everything, or equality on the field that makes it theirs. */
export const scopeOf = (runner: ModelRunner, caller: Caller, request: FastifyRequest): Readonly<Record<string, string>> => {
  const { model } = runner;
  if (model.scope === 'public' || caller.actor.kind === 'operator') return {};
  if (caller.actor.kind === 'anonymous') throw notSignedIn();
  if (model.scope === 'staff' || !may(caller.actor, model.readableBy)) {
    if (caller.actor.kind === 'person') requireGate(caller, 'read');
    throw new HttpProblem(403, 'NotAllowed', 'You are not permitted to read this.', 'Ask the operator of this platform.');
  }
  const account = requireAccount(caller);
  if (model.scope.own === 'account') return { [model.scope.field]: account.id };
  return { [model.scope.field]: namespaceOf(caller, request)?.id ?? 'none' };
};

/** Models that are read by their name: those with something to show. */
export const readableModels = (rim: Rim): readonly ModelRunner[] => [...rim.models.values()].filter(({ model }) => model.columns.length > 0);

const runnerOf = (rim: Rim, name: string): ModelRunner => {
  const runner = rim.models.get(name);
  if (!runner || runner.model.columns.length === 0) throw noSuchCall();
  return runner;
};

export const readList = async (rim: Rim, name: string, query: QueryString, request: FastifyRequest) => {
  const runner = runnerOf(rim, name);
  const scope = scopeOf(runner, await callerOf(rim, request), request);
  const { limit, cursor, after, asOf, ...filters } = query;
  if (asOf !== undefined) throw new HttpProblem(400, 'InvalidInput', 'Lists cannot be read as of the past yet.', 'Read one record with asOf.');
  const unknown = Object.keys(filters).find((field) => !runner.model.indexes.includes(field));
  if (unknown !== undefined) throw new HttpProblem(400, 'InvalidInput', `${name} cannot be filtered by '${unknown}'.`, runner.model.indexes.length > 0 ? `Filters are: ${runner.model.indexes.join(', ')}.` : 'Leave it out.', { errors: [{ field: unknown, message: 'not a filter' }] });
  const size = limit === undefined ? pageDefault : Number(limit);
  if (!Number.isInteger(size) || size < 1 || size > pageMax) throw new HttpProblem(400, 'InvalidInput', `limit must be 1 to ${pageMax}.`, 'Follow `next` for more.', { errors: [{ field: 'limit', message: 'out of range' }] });
  await waitFor(rim, runner, after);
  const where = { ...Object.fromEntries(Object.entries(filters).map(([field, value]) => [field, value === 'true' ? true : value === 'false' ? false : String(value)])), ...scope };
  const page = await runner.collection.query({ where, limit: size, ...(cursor === undefined ? {} : { cursor }) });
  return { items: await Promise.all(page.items.map(async ({ document }) => withAddress(rim, runner.model.customer, await opened(document, rim.vault)))), ...(page.next === undefined ? {} : { next: page.next }), position: String(runner.position) };
};

export const readOne = async (rim: Rim, name: string, key: string, query: QueryString, request: FastifyRequest): Promise<{ document: unknown; revision: number | undefined }> => {
  const runner = runnerOf(rim, name);
  const scope = scopeOf(runner, await callerOf(rim, request), request);
  const unknown = Object.keys(query).find((field) => field !== 'after' && field !== 'asOf');
  if (unknown !== undefined) throw new HttpProblem(400, 'InvalidInput', `One record takes no '${unknown.slice(0, 40)}'.`, 'Known are after and asOf.', { errors: [{ field: unknown.slice(0, 40), message: 'not a parameter' }] });
  await waitFor(rim, runner, query['after']);
  const revision = query['asOf'] === undefined ? await currentRevision(rim, runner, key) : undefined;
  const document = query['asOf'] === undefined ? (await runner.collection.load([key])).get(key)?.document : await documentAsOf(rim, runner, key, await asOfPosition(rim, query['asOf']));
  if (!document || Object.entries(scope).some(([field, value]) => document[field] !== value)) throw notFound(name.replace(/s$/, ''));
  return { document: await withAddress(rim, runner.model.customer, await opened(document, rim.vault)), revision };
};
/**
 * What `If-Match` has to say to a command on this record. The document is read after the model has come this far, so it is never
 * older than its ETag says; one that is newer makes an `If-Match` fail and an `If-None-Match` answer in full, which is safe.
 */
const currentRevision = async (rim: Rim, runner: ModelRunner, key: string): Promise<number | undefined> => {
  const stream = streamOf(runner.model, rim.tenant, key);
  const decider = stream && catalog.find((entry) => entry.decider.category === categoryOf(stream))?.decider;
  if (!stream || !decider) return undefined;
  const { revision } = (await rim.handler.streams.state(decider, stream)).head;
  return (await runner.reached(await rim.log.head(), sleep(waitMaxMs, undefined, { ref: false }))) ? revision : undefined;
};
/** Whether a client that holds these (`If-None-Match`) holds this one. */
export const holds = (header: string | undefined, etag: string): boolean => header !== undefined && header.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
