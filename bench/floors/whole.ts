/**
 * Floor of the rows "beside the same promises": the HTTP floor, and what FORMAT.md makes a command and a webhook cost besides,
 * each written once, plainly, for these two calls only. Nothing is shared, named, checked at run time or replaceable:
 * - who calls is looked up by the token's hash; the body is checked; the answer has the headers and a correlation id of its own
 * - command id and fingerprint are HMACs, an event's id is a UUIDv5; a key that comes again gets its first answer
 * - a webhook's signature is verified; its body is sealed under a key of its own, which is wrapped and durable before the event is
 * - what was appended is folded into documents of a second database, with a checkpoint; a webhook is acted on, by a second event
 * - each answer is counted, and is a line of the access log
 */
import { createCipheriv, createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import pino from 'pino';
import { answerOf, openLog, written, type Appended } from './log.ts';

const [folder = '.'] = process.argv.slice(2);
const given = JSON.parse(readFileSync(join(folder, 'floor.json'), 'utf8')) as { tenant: string; actor: string; operatorToken: string; webhookSecret: string; headers: Record<string, string> };

const opened = (name: string, synchronous: 'FULL' | 'NORMAL'): DatabaseSync => {
  const database = new DatabaseSync(join(folder, name));
  database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=${synchronous}; PRAGMA wal_autocheckpoint=16000; PRAGMA cache_size=-32768`);
  return database;
};

// Keys of personal data: wrapped, and durable before what they seal.
const keys = opened('keys.db', 'FULL');
keys.exec('CREATE TABLE keys (owner TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID');
const [beginKeys, commitKeys, insertKey] = [keys.prepare('BEGIN IMMEDIATE'), keys.prepare('COMMIT'), keys.prepare('INSERT INTO keys (owner, wrapped) VALUES (?, ?)')];
const [masterKey, idsKey] = [randomBytes(32), randomBytes(32)];
const sealed = (key: Buffer, text: Buffer, about: string): Buffer[] => {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(about));
  return [iv, cipher.update(text), cipher.final(), cipher.getAuthTag()];
};
const newKeys: { readonly owner: string; readonly wrapped: Buffer }[] = [];
const makeDurable = (): void => {
  if (newKeys.length === 0) return;
  beginKeys.run();
  for (const { owner, wrapped } of newKeys.splice(0)) insertKey.run(owner, wrapped);
  commitKeys.run();
};

// Read models: a document each, and how far they are, in one step.
const models = opened('models.db', 'NORMAL');
models.exec('CREATE TABLE documents (key TEXT PRIMARY KEY, position INTEGER NOT NULL, document TEXT NOT NULL) STRICT, WITHOUT ROWID; CREATE TABLE checkpoints (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT');
const [begin, commit] = [models.prepare('BEGIN IMMEDIATE'), models.prepare('COMMIT')];
const load = models.prepare('SELECT document FROM documents WHERE key = ?');
const put = models.prepare('INSERT INTO documents (key, position, document) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET position = ?2, document = ?3');
const reach = models.prepare("INSERT INTO checkpoints (name, position) VALUES ('all', ?1) ON CONFLICT DO UPDATE SET position = ?1");
const fold = (events: readonly (Appended & { readonly data: string })[]): void => {
  begin.run();
  for (const { stream, position, type, data } of events) {
    const known = load.get(stream) as { document: string } | undefined;
    const event = JSON.parse(data) as Record<string, unknown>;
    const document = { ...(known ? (JSON.parse(known.document) as object) : {}), ...event, last: type, at: written };
    put.run(stream, position, JSON.stringify(document));
  }
  reach.run(events.at(-1)?.position ?? 0);
  commit.run();
};
/** Webhooks that were received and not acted on yet. */
const act = (events: readonly (Appended & { readonly data: string })[]): void => {
  for (const { stream, type, id } of events) {
    if (type !== 'WebhookReceived') continue;
    const commandId = uuid(createHmac('sha256', idsKey).update(`apply|${id}`).digest('hex'), 8);
    void append({ stream, type: 'WebhookIgnored', data: `{"inboxId":"${stream}","reason":"nothing here depends on a customer","at":"${written}"}`, actor: 'system:apply-webhooks', causation: id, ids: idsOf(commandId, id, '') });
  }
};
const append = openLog(folder, given.tenant, {
  before: makeDurable,
  after: (events) => setImmediate(() => {
    fold(events);
    act(events);
  }),
});

const uuid = (hex: string, version: number): string => `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${version}${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
const idsOf = (commandId: string, correlationId: string, fingerprint: string) => ({
  commandId, correlationId, fingerprint,
  eventId: (stream: string) => uuid(hash('sha1', Buffer.concat([Buffer.from(commandId.replaceAll('-', ''), 'hex'), Buffer.from(`${stream}|0`)]), 'hex'), 5),
});
const actors = new Map([[hash('sha256', given.operatorToken, 'base64'), given.actor]]);
const answers = new Map<string, { readonly fingerprint: string; readonly answer: string }>();
const counts = new Map<string, number>();
const log = pino({ base: null }, pino.destination({ dest: join(folder, 'access.log'), sync: false, minLength: 8_192 }));

const app = Fastify({ logger: false, genReqId: () => randomBytes(12).toString('base64url') });
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
  (request as unknown as { raw_: Buffer }).raw_ = body as Buffer;
  done(null, JSON.parse(body.toString()));
});
const said = (request: FastifyRequest, reply: FastifyReply, route: string, answer: string): FastifyReply => {
  counts.set(`${route} 200`, (counts.get(`${route} 200`) ?? 0) + 1);
  log.info({ correlationId: request.id, method: 'POST', route, status: 200, ms: Math.round(reply.elapsedTime * 10) / 10 }, 'request');
  return reply.headers(given.headers).header('x-correlation-id', request.id).header('content-type', 'application/json; charset=utf-8').send(answer);
};

app.post<{ Body: Record<string, unknown> }>('/commands/RepricePlan', async (request, reply) => {
  const actor = actors.get(hash('sha256', (request.headers.authorization ?? '').slice(7), 'base64'));
  if (actor === undefined) return reply.code(401).send();
  const { planId, amount, currency, ...others } = request.body;
  if (typeof planId !== 'string' || !Number.isSafeInteger(amount) || (amount as number) < 0 || typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency) || Object.keys(others).length > 0) return reply.code(400).send();
  const commandId = uuid(createHmac('sha256', idsKey).update(`${actor}|RepricePlan|${String(request.headers['idempotency-key'])}`).digest('hex'), 8);
  const fingerprint = createHmac('sha256', idsKey).update(`body|${JSON.stringify({ amount, currency, planId })}`).digest('base64url').slice(0, 22);
  const before = answers.get(commandId);
  if (before) return before.fingerprint === fingerprint ? said(request, reply, '/commands/RepricePlan', before.answer) : reply.code(409).send();
  const appended = await append({ stream: `plan-${given.tenant}.${planId}`, type: 'PlanRepriced', data: `{"planId":"${planId}","price":{"amount":${String(amount)},"currency":"${currency}"}}`, actor, ids: idsOf(commandId, request.id, fingerprint) });
  const answer = answerOf(appended);
  answers.set(commandId, { fingerprint, answer });
  return said(request, reply, '/commands/RepricePlan', answer);
});

app.post<{ Body: { id: string; type: string; data: { object: { id: string } } } }>('/webhooks/stripe', async (request, reply) => {
  const raw = (request as unknown as { raw_: Buffer }).raw_;
  const [, at = '', signature = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request.headers['stripe-signature'])) ?? [];
  const genuine = createHmac('sha256', given.webhookSecret).update(`${at}.`).update(raw).digest();
  if (signature === '' || !timingSafeEqual(genuine, Buffer.from(signature, 'hex')) || Math.abs(Date.now() / 1_000 - Number(at)) > 300) return reply.code(400).send();
  const { id, type, data: { object } } = request.body;
  const [owner, key] = [`key_${randomBytes(13).toString('hex')}`, randomBytes(32)];
  newKeys.push({ owner, wrapped: Buffer.concat(sealed(masterKey, key, owner)) });
  const [iv, ...rest] = sealed(key, raw, `${owner}|webhookBody`);
  const data = `{"provider":"stripe","mode":"mock","eventId":"${id}","type":"${type}","object":{"kind":"other","id":"${object.id}"},"body":{"$p":["${owner}",1,"webhookBody","${iv!.toString('base64url')}","${Buffer.concat(rest).toString('base64url')}"]},"at":"${written}"}`;
  const commandId = uuid(createHmac('sha256', idsKey).update(`system|IngestWebhook|${id}`).digest('hex'), 8);
  const fingerprint = createHmac('sha256', idsKey).update(`body|${id}`).digest('base64url').slice(0, 22);
  await append({ stream: `inbox-${given.tenant}.stripe.mock.${id}`, type: 'WebhookReceived', data, actor: 'system:webhook-stripe', causation: id, ids: idsOf(commandId, request.id, fingerprint) });
  return said(request, reply, '/webhooks/stripe', `{"received":true,"duplicate":false,"at":"${written}"}`);
});
await app.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${app.listeningOrigin}\n`);
process.on('SIGTERM', () => process.exit(0));
