/** What must be true of an installation whatever was done to its server. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Load } from './load.ts';
import type { ServerProcess } from './server-process.ts';

type LogLine = { readonly id: string; readonly at: string; readonly type: string; readonly stream: string; readonly data: any };
const linesOf = (text: string): any[] => text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as unknown);
const settleMaxMs = 60_000;

/** Waits until every consumer has seen the log and nothing that is due is left. */
export const settled = async (server: ServerProcess): Promise<void> => {
  for (const giveUpMs = Date.now() + settleMaxMs; ; ) {
    const advanced = await server.ask('POST', '/clock/advance', { token: server.operator, body: { duration: '1s' } }); // answers when everything has settled
    const [models, reactors] = [await server.ask('GET', '/projections', { token: server.operator }), await server.ask('GET', '/reactors', { token: server.operator })];
    // While a killed server's lease runs, the consumers are said to run elsewhere: what has no lag then may still be to do.
    if (advanced.status === 200 && [...models.json.items, ...reactors.json.items].every(({ lag }: { lag: number }) => lag === 0)) return;
    assert.ok(Date.now() < giveUpMs, 'it does not come to rest');
    await sleep(50);
  }
};
export const logOf = async (server: ServerProcess): Promise<LogLine[]> => linesOf((await server.ask('GET', '/audit/log', { token: server.operator })).text);

const rows = (server: ServerProcess, file: string, sql: string): Record<string, any>[] => {
  const database = new DatabaseSync(join(server.data, file), { readOnly: true });
  try {
    return database.prepare(sql).all();
  } finally {
    database.close();
  }
};
const processesOfWorkloads = (server: ServerProcess): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      const id = /(?:^|\0)TOLLGATE_WORKLOAD=([^\0]+)/.exec(environment)?.[1];
      if (id !== undefined && environment.includes(server.data)) counts.set(id, (counts.get(id) ?? 0) + 1);
    } catch {
      // it has ended meanwhile
    }
  }
  return counts;
};

/** Every promise that a crash could break. `crashes`: how often the server was killed. */
export const assertIntact = async (server: ServerProcess, load: Load, crashes: number): Promise<void> => {
  await settled(server);
  const log = await logOf(server);
  const ids = new Set(log.map(({ id }) => id));
  assert.equal(ids.size, log.length, 'no event is there twice');
  for (const { what, stream, ids: acknowledged } of load.acknowledged) for (const id of acknowledged) assert.ok(ids.has(id), `${what} of ${stream} was acknowledged and is lost`);
  const verified = linesOf((await server.ask('GET', '/audit/verify', { token: server.operator })).text).at(-1);
  assert.partialDeepStrictEqual(verified, { done: true, ok: true, failures: [] });
  for (const { name } of (await server.ask('GET', '/projections', { token: server.operator })).json.items) {
    const rebuilt = linesOf((await server.ask('POST', `/projections/${name}/rebuild`, { token: server.operator })).text).at(-1);
    assert.partialDeepStrictEqual(rebuilt, { done: true, equal: true }, `${name}: ${JSON.stringify(rebuilt)}`);
  }
  assert.deepEqual((await server.ask('GET', '/reactors', { token: server.operator })).json.items.flatMap(({ parked }: { parked: unknown[] }) => parked), []);
  assertOnce(server, log, crashes);
};
const assertOnce = (server: ServerProcess, log: readonly LogLine[], crashes: number): void => {
  const twice = rows(server, 'mock-provider.db', "SELECT invoice, count(*) AS times FROM charges WHERE status <> 'failed' AND invoice IS NOT NULL GROUP BY invoice HAVING count(*) > 1");
  assert.deepEqual(twice, [], 'no invoice is charged twice');
  const started = log.filter(({ type }) => type === 'SubscriptionStarted').map(({ data }) => data.accountId as string);
  assert.equal(new Set(started).size, started.length, 'no account has two subscriptions');
  const repeats = rows(server, 'mock-mailbox.db', 'SELECT key, count(*) - 1 AS more FROM accepted GROUP BY key HAVING count(*) > 1').reduce((sum, { more }) => sum + Number(more), 0);
  assert.ok(repeats <= crashes, `${repeats} mails went out again in ${crashes} crashes`);
  for (const [id, count] of processesOfWorkloads(server)) assert.equal(count, 1, `${id} has ${count} processes`);
};
