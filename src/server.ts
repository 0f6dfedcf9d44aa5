/** Nest on Fastify around an assembled system: limits, headers, correlation ids, access log. */
import 'reflect-metadata';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import cookies from '@fastify/cookie';
import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { serveCommands } from './adapters/http/commands.route.ts';
import { hideDevelopment } from './adapters/http/development.ts';
import { ProblemFilter } from './adapters/http/problem.filter.ts';
import { serveForwardAuth } from './adapters/http/forward-auth.ts';
import { answersGate, type Answered } from './adapters/http/gate.direct.ts';
import { serveGate } from './adapters/http/gate.route.ts';
import { asksForPage } from './adapters/http/page-forms.ts';
import { noteRoutes, requireJson } from './adapters/http/methods.ts';
import { HttpProblem } from './adapters/http/problem.ts';
import { refuseRaw } from './adapters/http/raw-refusals.ts';
import { readableModels } from './adapters/http/queries.ts';
import { securityHeaders } from './adapters/http/security-headers.ts';
import { serveWebhooks } from './adapters/http/webhooks.route.ts';
import { monotonicSeconds } from './adapters/system/stopwatch.ts';
import { AppModule } from './app.module.ts';
import type { Assembled, Logger } from './assembly.ts';
import { isLoopback, type Config } from './config.ts';
import type { Random } from './domain/ports/random.ts';
import { contentSecurityPolicy } from '../web/pages.ts';

const bodyMaxBytes = 1024 * 1024;
const headersMaxMs = 15_000;
const idleMaxMs = 72_000;
const correlation = /^[\w.:-]{1,100}$/;

/** The caller's own id for the call where it is a sane one, else a fresh one. */
const correlationIds = (random: Random) => (request: Pick<IncomingMessage, 'headers'>): string => {
  const given = request.headers['x-correlation-id'];
  return typeof given === 'string' && correlation.test(given) ? given : Buffer.from(random.bytes(12)).toString('base64url');
};

/** Bodies are checked by the catalog's classes; a start need not load Fastify's own way of checking. */
const noSchemas = (): never => {
  throw new Error('no route has a schema of its own');
};

/** Asked before whatever a customer does: verdicts are counted, and would be most of the log. */
const verdicts: ReadonlySet<string> = new Set(['/gate', '/gate/forward-auth']);

/** The name in a Host header, without port and brackets. */
const hostName = (header: string | undefined): string => (header ?? '').toLowerCase().replace(/:\d+$/, '').replaceAll(/[[\]]/g, '');

/** Some addresses are a page for people and an answer for programs: who asks for HTML gets the page. */
const pageOrNot = {
  name: 'page',
  storage: () => {
    const handlers = new Map<unknown, unknown>();
    return { get: (key: unknown) => handlers.get(key) ?? null, set: (key: unknown, handler: unknown) => void handlers.set(key, handler) };
  },
  deriveConstraint: ({ headers }: FastifyRequest['raw']) => asksForPage(headers) || undefined,
};
/** Logs and events: how long they were read says nothing of how fast we answer. */
const goesOn = ({ raw }: FastifyReply): boolean => /event-stream|ndjson/.test(String(raw.getHeader('content-type') ?? ''));

export type Served = { readonly app: NestFastifyApplication; readonly close: () => Promise<void> };

export const serve = async ({ rim }: Assembled, config: Pick<Config, 'hostNames' | 'host'>, logger: Logger): Promise<Served> => {
  const headers = { ...securityHeaders, 'content-security-policy': contentSecurityPolicy(rim.mode) };
  const correlationId = correlationIds(rim.random);
  const ownHost = (header: string | undefined): boolean => {
    const name = hostName(header);
    return isLoopback(name) || name === config.host || config.hostNames.includes(name);
  };
  // What is logged names the route, not the address typed: a query may hold personal data.
  const answered: Answered = ({ id, method, route }, status, ms, counts = true): void => {
    if (counts) rim.metrics.answered(method, route, status, ms / 1_000);
    const line = { correlationId: id, method, route, status, ms: Math.round(ms * 10) / 10 };
    if (status === 200 && verdicts.has(route)) logger.debug(line, 'request');
    else logger.info(line, 'request');
  };
  const adapter = new FastifyAdapter({
    bodyLimit: bodyMaxBytes, genReqId: correlationId, requestIdHeader: false, trustProxy: false, logger: false, keepAliveTimeout: idleMaxMs, routerOptions: { maxParamLength: 300 },
    http: { headersTimeout: headersMaxMs, maxHeaderSize: 16_384, requireHostHeader: false },
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    clientErrorHandler: refuseRaw(headers, () => correlationId({ headers: {} })),
    // What Fastify refuses before any hook: an address that is none, or a part of one that is too long.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => filter.answer(error, request, reply.headers(headers).header('x-correlation-id', request.id)),
  } as ConstructorParameters<typeof FastifyAdapter>[0]);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(rim), adapter, { logger: false, rawBody: true, abortOnError: false });
  const filter = new ProblemFilter(rim, (error, correlationId) => logger.error({ correlationId, error: error instanceof Error ? error.message : String(error), stack: error instanceof Error ? error.stack : undefined }, 'a bug'));
  app.useGlobalFilters(filter);
  const fastify = adapter.getInstance();
  fastify.addConstraintStrategy(pageOrNot as never);
  await app.register(cookies as never, { hook: false } as never); // parsed where a page asks, not on every call
  const answerOtherMethods = noteRoutes(fastify as never, filter);
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    reply.headers(headers).header('x-correlation-id', request.id);
    if (ownHost(request.headers.host)) return done();
    if (request.headers.host === undefined) return filter.answer(new HttpProblem(400, 'InvalidRequest', 'The Host header is missing.', 'Send HTTP/1.1 with a Host header.'), request, reply);
    filter.answer(new HttpProblem(421, 'WrongHost', `This server does not answer for '${hostName(request.headers.host)}'.`, 'Use its own name, or add it with --host-names.'), request, reply);
  });
  fastify.addHook('onRequest', hideDevelopment(rim, filter) as never);
  fastify.addHook('onRequest', requireJson(filter) as never);
  fastify.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    answered({ id: request.id, method: request.method, route: request.routeOptions.url ?? 'unknown' }, reply.statusCode, reply.elapsedTime, !goesOn(reply));
    done();
  });
  const bus = app.get(CommandBus, { strict: false });
  serveGate(fastify as never, rim, filter);
  serveCommands(fastify as never, rim, bus, filter);
  serveWebhooks(fastify as never, rim, bus, filter);
  serveForwardAuth(fastify as never, rim, filter);
  fastify.addContentTypeParser(['application/gzip', 'application/x-gzip', 'application/octet-stream'], ((_request: unknown, payload: unknown, done: (error: null, body: unknown) => void) => done(null, payload)) as never);
  await app.init();
  serveFirst(app.getHttpServer() as Server, answersGate(rim, { headers, correlationId, ownHost, answered, seconds: monotonicSeconds }));
  answerOtherMethods(readableModels(rim).map(({ model }) => model.name));
  return { app, close: () => closeAll(app) };
};

/** Before the framework sees a request, `direct` may answer it. */
const serveFirst = (server: Server, direct: (request: IncomingMessage, response: ServerResponse) => boolean): void => {
  const usual = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request').on('request', (request, response) => {
    if (!direct(request, response)) for (const listener of usual) listener(request, response);
  });
};

const lookAgainMs = 25;
const answeringMaxMs = 2_000;
/** Answers what has been asked, then lets go: a connection that was answering when this began is kept alive by its client, and one that follows a log never ends by itself. */
const closeAll = async (app: NestFastifyApplication): Promise<void> => {
  const server = app.getHttpServer() as Server;
  const letGo = setInterval(() => server.closeIdleConnections(), lookAgainMs);
  const enough = setTimeout(() => server.closeAllConnections(), answeringMaxMs);
  try {
    await app.close();
  } finally {
    clearInterval(letGo);
    clearTimeout(enough);
  }
};
