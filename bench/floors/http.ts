/**
 * Floor of the HTTP rows: bare Fastify in a process of its own. It believes everything it is sent, and writes the very
 * same bytes with the same SHA-256 chain through a tuned group commit; the gate hashes the bearer and looks in one Map.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import { answerOf, openLog, written } from './log.ts';

const [folder = '.'] = process.argv.slice(2);
/** What ours would say, put there by the benchmark: who the tenant is, the gate's answers by token hash, and the headers they have. */
const given = JSON.parse(readFileSync(join(folder, 'floor.json'), 'utf8')) as { tenant: string; actor: string; gate: [string, string][]; headers: Record<string, string> };

const append = openLog(folder, given.tenant);
const app = Fastify({ logger: false });
const json = 'application/json; charset=utf-8';

app.post<{ Body: { planId: string; amount: number; currency: string } }>('/commands/RepricePlan', async (request, reply) => {
  const { planId, amount, currency } = request.body;
  const appended = await append({ stream: `plan-${given.tenant}.${planId}`, type: 'PlanRepriced', data: `{"planId":"${planId}","price":{"amount":${amount},"currency":"${currency}"}}`, actor: given.actor });
  return reply.type(json).send(answerOf(appended));
});

app.post<{ Body: { id: string; type: string; data: { object: { id: string } } } }>('/webhooks/stripe', async (request, reply) => {
  const { id, type, data: { object } } = request.body;
  // As long as the sealed body would be: 16 bytes of tag behind it, both as base64url.
  const body = Buffer.from(JSON.stringify(request.body)).toString('base64url');
  const data = `{"provider":"stripe","mode":"mock","eventId":"${id}","type":"${type}","object":{"kind":"other","id":"${object.id}"},"body":{"$p":["key_00000000000000000000",1,"webhookBody","0123456789abcdef","${body}0123456789abcdef01234_"]},"at":"${written}"}`;
  await append({ stream: `inbox-${given.tenant}.stripe.mock.${id}`, type: 'WebhookReceived', data, actor: 'system:webhook-stripe', causation: id });
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
