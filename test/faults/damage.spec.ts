/** A flipped byte is found: when its stream is loaded, by the scrubber, and by the verifier on a stopped folder; nothing is decided on it, and a damaged read model is mended. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { Machine } from '../cli/run-cli.ts';
import { invite, linesOf, refusal, signUp, startSystem, storedEvents, withSystem, type Started } from '../e2e/system.ts';
import { Scrubber } from '../../src/scrubber.ts';

const verifier = fileURLToPath(new URL('../../src/verify.js', import.meta.url));
type Verified = { readonly status: number | null; readonly lines: any[] };
const verify = (data: string): Verified => {
  const { status, stdout } = spawnSync(process.execPath, [verifier, data], { encoding: 'utf8' });
  return { status, lines: stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as unknown) };
};
/** Changes stored text past every trigger, as a bad disk would. */
const flip = (data: string, type: string): { readonly stream: string; readonly revision: number } => {
  const database = new DatabaseSync(join(data, 'events.db'));
  try {
    database.exec('DROP TRIGGER events_stay');
    const row = database.prepare('SELECT position, name AS stream, revision, data FROM events JOIN streams ON key = stream WHERE type = ? ORDER BY position LIMIT 1').get(type) as { position: number; stream: string; revision: number; data: string };
    const middle = row.data.indexOf('2', row.data.indexOf(':'));
    database.prepare('UPDATE events SET data = ? WHERE position = ?').run(`${row.data.slice(0, middle)}3${row.data.slice(middle + 1)}`, row.position);
    return { stream: row.stream, revision: row.revision };
  } finally {
    database.close();
  }
};
/** Runs on a folder whose log has been damaged while nothing ran on it. */
const onDamaged = async (type: string, work: (started: Started, damaged: { stream: string; revision: number }) => Promise<void>): Promise<void> => {
  const first = await startSystem();
  await signUp(first, 'ada@example.com');
  await invite(first, 'bob@example.com');
  await first.stop({ keep: true });
  const damaged = flip(first.data, type);
  const started = await startSystem({ data: first.data, runtime: first.runtime });
  try {
    await work(started, damaged);
  } finally {
    await started.stop({ bugs: true });
  }
};

test('the verifier says of a stopped folder that it is whole, and which event is damaged', async () => {
  const started = await startSystem();
  await signUp(started, 'ada@example.com');
  const events = (await storedEvents(started)).length;
  await started.stop({ keep: true });
  try {
    const whole = verify(started.data);
    assert.equal(whole.status, 0);
    assert.partialDeepStrictEqual(whole.lines.at(-1), { done: true, ok: true, events, failures: [] });
    const damaged = flip(started.data, 'SubscriptionStarted');
    const { status, lines } = verify(started.data);
    assert.equal(status, 1);
    assert.partialDeepStrictEqual(lines.at(-1), { done: true, ok: false, events, failures: [{ ...damaged, problem: 'its hash does not match' }] });
  } finally {
    rmSync(started.data, { recursive: true, force: true });
  }
});

test('doctor --deep says the same of a folder on which nothing runs, with an exit code', async () => {
  const started = await startSystem();
  await signUp(started, 'ada@example.com');
  await started.stop({ keep: true });
  try {
    using machine = new Machine();
    const whole = await machine.run(['doctor', '--deep', '--data', started.data]);
    assert.equal(whole.code, 0, whole.stderr);
    assert.match(whole.stdout, /ok +log +\d+ events in \d+ streams/);
    const { stream, revision } = flip(started.data, 'SubscriptionStarted');
    const damaged = await machine.run(['doctor', '--deep', '--data', started.data, '--json']);
    assert.equal(damaged.code, 1);
    const { checks } = JSON.parse(damaged.stdout) as { checks: { name: string; status: string; detail: string }[] };
    assert.deepEqual(checks.map(({ name, status, detail }) => [name, status, detail]), [['log', 'fail', `event ${revision} of ${stream}: its hash does not match`]]);
    assert.equal((await machine.run(['doctor', '--deep', '--data', '/nowhere'])).code, 2);
  } finally {
    rmSync(started.data, { recursive: true, force: true });
  }
});

test('the verifier refuses what is no data folder', () => {
  const { status, stderr } = spawnSync(process.execPath, [verifier, '/nowhere'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /no log in \/nowhere/);
});

test('nothing is decided on a damaged stream, and everybody else goes on', () => onDamaged('InviteAdded', async (started, { stream }) => {
  refusal(await started.call('POST', '/commands/RevokeInvite', { token: started.operator, body: { email: 'ada@example.com' } }), 500, 'DamagedEvent');
  assert.equal((await storedEvents(started)).filter((event) => event.stream === stream).length, 1, 'nothing was appended to it');
  assert.equal((await started.call('POST', '/commands/RevokeInvite', { token: started.operator, body: { email: 'bob@example.com' } })).status, 200);
}));

test('the scrubber finds it by itself, names it once, and does not mind the rest', () => onDamaged('InviteAdded', async (started, damaged) => {
  const { rim } = started.system;
  const told: object[] = [];
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (facts: object) => void told.push(facts) };
  const scrubber = new Scrubber({ log: rim.log, store: rim.store, clock: rim.clock, logger }, { streamMs: 0, roundMs: 1 });
  scrubber.start();
  while (scrubber.roundEndedAt === undefined) await new Promise((resolve) => setImmediate(resolve));
  const first = scrubber.roundEndedAt;
  while (scrubber.roundEndedAt === first) await new Promise((resolve) => setTimeout(resolve, 1));
  await scrubber.stop();
  assert.deepEqual(scrubber.damaged.map(({ stream, revision }) => ({ stream, revision })), [damaged]);
  assert.equal(told.length, 1, 'once, in two rounds');
}));

test('a damaged read model is found by rebuild and compare, and mended when that is accepted', () => withSystem(async (started) => {
  await signUp(started, 'ada@example.com');
  await started.settled();
  const serving = (await started.adapters.readModels.serving('subscriptions')) as string;
  const collection = await started.adapters.readModels.open(serving);
  for await (const page of collection.all()) for (const { key, position, document } of page) await collection.put([{ key, position, document: { ...document, phase: 'limited' } }]);
  const rebuild = async (query = '') => linesOf(await started.call('POST', `/projections/subscriptions/rebuild${query}`, { token: started.operator })).at(-1);
  assert.partialDeepStrictEqual(await rebuild(), { done: true, equal: false, swapped: false, differences: [{ live: { phase: 'limited' }, rebuilt: { phase: 'active' } }] });
  assert.partialDeepStrictEqual(await rebuild('?acceptDifferences=true'), { done: true, equal: false, swapped: true });
  assert.partialDeepStrictEqual(await rebuild(), { done: true, equal: true });
}));
