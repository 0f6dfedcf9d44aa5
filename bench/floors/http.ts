/**
 * Floor of the HTTP rows: bare Fastify in a process of its own. It believes everything it is sent, and writes the very
 * same bytes with the same SHA-256 chain through a tuned group commit; the gate hashes the bearer and looks in one Map.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import { beforeFirst, chained, openFloorDatabase } from './append.ts';

const [folder = '.'] = process.argv.slice(2);
/** What ours would say, put there by the benchmark: who the tenant is, the gate's answers by token hash, and the headers they have. */
const given = JSON.parse(readFileSync(join(folder, 'floor.json'), 'utf8')) as { tenant: string; actor: string; gate: [string, string][]; headers: Record<string, string> };

const database = openFloorDatabase(folder);
const begin = database.prepare('BEGIN IMMEDIATE');
const commit = database.prepare('COMMIT');
const insertStream = database.prepare('INSERT INTO streams (name) VALUES (?)');
const insertEvent = database.prepare('INSERT INTO events (stream, revision, id, type, data, meta) VALUES (?, ?, ?, ?, ?, ?)');

interface Stream {
  key: number;
  revision: number;
  hash: Buffer;
}
const streams = new Map<string, Stream>();
let waiting: { readonly apply: () => void; readonly answer: () => void }[] = [];
let position = 0;

/** What arrived in one turn of the event loop is one transaction, fsynced by its COMMIT. */
const flush = (): void => {
  const batch = waiting;
  waiting = [];
  begin.run();
  for (const { apply } of batch) apply();
  commit.run();
  for (const { answer } of batch) answer();
};
const written = '2026-11-21T07:52:26.000Z';

const append = (name: string, type: string, data: string, actor: string, causation: string | undefined): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const apply = (): void => {
      let stream = streams.get(name);
      if (!stream) {
        stream = { key: Number(insertStream.run(name).lastInsertRowid), revision: -1, hash: beforeFirst };
        streams.set(name, stream);
      }
      position += 1;
      stream.revision += 1;
      const serial = position.toString(16).padStart(12, '0');
      const id = `00000000-0000-5000-8000-${serial}`;
      const meta = `{"schema":1,"at":"${written}","commandId":"${id}","correlationId":"${id}","causationId":"${causation ?? id}","actor":"${actor}","tenant":"${given.tenant}","fingerprint":"0123456789${serial}"`;
      const event = chained(name, stream.revision, stream.hash, id, type, data, meta);
      stream.hash = event.hash;
      insertEvent.run(stream.key, stream.revision, id, type, data, event.meta);
      answer = `{"position":"${position}","stream":"${name}","revision":${stream.revision},"events":[{"type":"${type}","id":"${id}"}]}`;
    };
    if (waiting.length === 0) setImmediate(flush);
    waiting.push({ apply, answer: () => resolve(answer) });
  });

const app = Fastify({ logger: false });
const json = 'application/json; charset=utf-8';

app.post<{ Body: { planId: string; amount: number; currency: string } }>('/commands/RepricePlan', async (request, reply) => {
  const { planId, amount, currency } = request.body;
  const answer = await append(`plan-${given.tenant}.${planId}`, 'PlanRepriced', `{"planId":"${planId}","price":{"amount":${amount},"currency":"${currency}"}}`, given.actor, undefined);
  return reply.type(json).send(answer);
});

app.post<{ Body: { id: string; type: string; data: { object: { id: string } } } }>('/webhooks/stripe', async (request, reply) => {
  const { id, type, data: { object } } = request.body;
  // As long as the sealed body would be: 16 bytes of tag behind it, both as base64url.
  const body = Buffer.from(JSON.stringify(request.body)).toString('base64url');
  const data = `{"provider":"stripe","mode":"mock","eventId":"${id}","type":"${type}","object":{"kind":"other","id":"${object.id}"},"body":{"$p":["key_00000000000000000000",1,"webhookBody","0123456789abcdef","${body}0123456789abcdef01234_"]},"at":"${written}"}`;
  await append(`inbox-${given.tenant}.stripe.mock.${id}`, 'WebhookReceived', data, 'system:webhook-stripe', id);
  return reply.type(json).send(`{"received":true,"duplicate":false,"at":"${written}"}`);
});

const verdicts = new Map(given.gate);
app.get('/gate', (request, reply) => {
  const verdict = verdicts.get(hash('sha256', (request.headers.authorization ?? '').slice(7), 'base64'));
  if (verdict === undefined) return reply.code(401).send();
  return reply.headers(given.headers).send(verdict);
});
await app.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${app.listeningOrigin}\n`);
process.on('SIGTERM', () => process.exit(0));
