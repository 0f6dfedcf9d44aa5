/** Rows over HTTP: a real server process and a real client process on loopback, 64 connections, against bare Fastify, and against Fastify that keeps the same promises. */
import { createHash, createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inTurns, median, progress, rowOf, type Row } from './measure.ts';
import { built, Client, start, type Running } from './processes.ts';
import { makeWorld, type World } from './world.ts';

const plansCount = 1_000;
const customersCount = 1_000;
/** A throughput row says nothing unless the server was what everybody waited for. */
const busyMin = 0.9;

const setByNode = new Set(['date', 'connection', 'keep-alive', 'content-length']);
const ask = (port: number, path: string, token: string): Promise<{ readonly text: string; readonly headers: IncomingHttpHeaders }> =>
  new Promise((resolve, reject) => {
    request({ port, path, host: '127.0.0.1', headers: { authorization: `Bearer ${token}` } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve({ text, headers: answer.headers }));
    }).on('error', reject).end();
  });
const get = async (port: number, path: string, token: string): Promise<string> => (await ask(port, path, token)).text;

interface Arena {
  readonly world: World;
  readonly ours: Running;
  readonly client: Client;
}
/** What our server does after its answers (read models, reactors) must not slow the floor's turn. */
const settled = async ({ ours, world }: Arena): Promise<void> => {
  for (let quiet = 0; quiet < 3; ) {
    await sleep(20);
    const models = JSON.parse(await get(ours.port, '/projections', world.operatorToken)) as { items: { lag: number }[] };
    const reactors = JSON.parse(await get(ours.port, '/reactors', world.operatorToken)) as { items: { lag: number; waiting: number }[] };
    quiet = models.items.every(({ lag }) => lag === 0) && reactors.items.every(({ lag, waiting }) => lag === 0 && waiting === 0) ? quiet + 1 : 0;
  }
};

const head = (line: string, token: string | undefined): string => `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n${token === undefined ? '' : `Authorization: Bearer ${token}\r\n`}`;
const post = (path: string, token: string | undefined, body: string, more = ''): string => `${head(`POST ${path}`, token)}Content-Type: application/json\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

interface Sport {
  readonly row: Pick<Row, 'name' | 'goal' | 'sent'>;
  /** A round's requests; all rounds may share them. */
  readonly requests: () => readonly string[];
  readonly count: number;
  /** Whether the client may use a whole core: the server leaves it one where it works with one thread. */
  readonly awake: boolean;
  /** Whether there is a row beside the floor that keeps the same promises, too. */
  readonly promises: boolean;
}
const contest = async (arena: Arena, floor: Running, { row, requests, count, awake }: Sport): Promise<Row> => {
  const { client, ours } = arena;
  const busy: number[] = [];
  const side = (server: Running, watched: boolean) => async (): Promise<number> => {
    await settled(arena);
    const found = await client.load(server, requests(), count, awake);
    if (watched) busy.push(found.busy);
    progress(`  ${watched ? 'ours ' : 'floor'} ${Math.round(found.rate)}/s, server ${Math.round(found.busy * 100)}%, client ${Math.round((found.cpuSeconds / found.seconds) * 100)}%, p99 ${found.p99Ms.toFixed(1)} ms`);
    return found.rate;
  };
  for (const server of [floor, ours]) await client.load(server, requests(), count, awake); // warm-up
  const rounds = await inTurns({ ours: side(ours, true), floor: side(floor, false) });
  const usual = median(busy);
  return rowOf({ ...row, better: 'higher', unit: '1/s', ...(usual < busyMin ? { void: `the server's core was only ${Math.round(usual * 100)}% busy` } : {}) }, rounds);
};

const commandSport = ({ world }: Arena): Sport => {
  // Two prices in turns, so that every command changes something.
  const bodies = [3900, 4200].flatMap((amount) => world.plans.map((planId) => JSON.stringify({ planId, amount, currency: 'USD' })));
  const all = bodies.map((body) => post('/commands/RepricePlan', world.operatorToken, body, 'Idempotency-Key: 00000000-0000-4000-8000-{n}\r\n'));
  return {
    row: { name: 'whole command over HTTP, 64 connections', goal: 0.6, sent: `RepricePlan on ${plansCount} plans in turn, body of ${bodies[0]?.length} bytes, each with its own Idempotency-Key; signed in as operator with a session's access token` },
    requests: () => all, count: 20_000, awake: false, promises: true,
  };
};

const gateSport = ({ world }: Arena): Sport => {
  const all = world.customerTokens.map((token) => `${head('GET /gate?action=run', token)}\r\n`);
  return {
    row: { name: 'gate answers, 1,000 different valid tokens', goal: 0.8, sent: `GET /gate?action=run, 64 connections, access tokens (${world.customerTokens[0]?.length} bytes) of ${customersCount} customers' sessions in turn` },
    requests: () => all, count: 40_000, awake: true, promises: false,
  };
};

const webhookSport = ({ world }: Arena): Sport => {
  let serial = 0;
  const sign = (body: string): string => {
    const at = Math.floor(Date.now() / 1_000);
    return `Stripe-Signature: t=${at},v1=${createHmac('sha256', world.webhookSecret).update(`${at}.${body}`).digest('hex')}\r\n`;
  };
  const one = (): string => {
    serial += 1;
    const object = { id: `cus_${serial}`, object: 'customer', address: null, balance: 0, created: 1_795_251_600, currency: 'usd', default_source: null, delinquent: false, description: 'x'.repeat(400), email: null, livemode: false, metadata: {} };
    const body = JSON.stringify({ id: `evt_${process.pid}x${serial}`, object: 'event', api_version: '2025-03-31.basil', created: 1_795_251_600, data: { object, previous_attributes: {} }, livemode: false, pending_webhooks: 1, request: { id: null, idempotency_key: null }, type: 'customer.updated' });
    return post('/webhooks/stripe', undefined, body, sign(body));
  };
  const count = 8_000;
  return {
    row: { name: 'webhook accept', goal: 0.6, sent: `customer.updated events of Stripe's shape, ${one().split('\r\n\r\n')[1]?.length} bytes, each signed and with its own event id; 64 connections` },
    requests: () => Array.from({ length: count }, one), count, awake: false, promises: true,
  };
};

const sports = { command: commandSport, gate: gateSport, webhook: webhookSport } as const;
export type HttpRow = keyof typeof sports;

export const httpRows = async (wanted: readonly HttpRow[]): Promise<Row[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-bench-'));
  const [data, below, beside] = [join(folder, 'data'), join(folder, 'floor'), join(folder, 'whole')];
  for (const each of [below, beside]) mkdirSync(each);
  const running: { stop(): Promise<void> }[] = [];
  try {
    const world = await makeWorld(data, { plans: plansCount, customers: customersCount });
    const ours = await start(built('src/main.js'), ['--port', '0', '--data', data], folder);
    running.push(ours);
    const gate = await Promise.all(world.customerTokens.map(async (token) => [createHash('sha256').update(token).digest('base64'), await get(ours.port, '/gate?action=run', token)]));
    const { headers: answered } = await ask(ours.port, '/gate?action=run', world.customerTokens[0] ?? '');
    const headers = Object.fromEntries(Object.entries(answered).filter(([name]) => !setByNode.has(name)));
    for (const each of [below, beside]) writeFileSync(join(each, 'floor.json'), JSON.stringify({ tenant: world.tenant, actor: world.operator, operatorToken: world.operatorToken, webhookSecret: world.webhookSecret, gate, headers }));
    const [floor, whole] = [await start(built('bench/floors/http.js'), [below], folder), await start(built('bench/floors/whole.js'), [beside], folder)];
    running.push(floor, whole);
    const client = new Client();
    running.push(client);
    const rows: Row[] = [];
    for (const name of wanted) {
      progress(name);
      const arena = { world, ours, client };
      const sport = sports[name](arena);
      rows.push(await contest(arena, floor, sport));
      if (!sport.promises) continue;
      progress(`${name}, beside the same promises`);
      rows.push(await contest(arena, whole, { ...sport, row: { ...sport.row, name: `${sport.row.name}, beside the same promises` } }));
    }
    return rows;
  } finally {
    for (const each of running) await each.stop();
    await rm(folder, { recursive: true, force: true });
  }
};
