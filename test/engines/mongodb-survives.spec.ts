/** MongoDB is stopped, killed, paused and without a primary in the middle of a load on the real server; the server is killed, too; and what a restore brings back. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { copyKeys, mongoUrl } from '../contracts/mongodb.ts';
import { intact } from './intact.ts';
import { StandIn, withStandIn } from './mongo-server.ts';
import { ask, ended, Load, startServer, untilReady } from './processes.ts';

const between = 30;
type Mishap = { readonly away: (server: StandIn) => Promise<void>; readonly back: (server: StandIn) => Promise<void> };
const mishaps: Readonly<Record<string, Mishap>> = {
  'stopped and started again': { away: (server) => server.end('SIGTERM'), back: (server) => server.start() },
  'killed and started again': { away: (server) => server.end('SIGKILL'), back: (server) => server.start() },
  'paused and continued': { away: async (server) => server.signal('SIGSTOP'), back: async (server) => server.signal('SIGCONT') },
};
withStandIn(() => {
  for (const replicaSet of [undefined, 'rs']) {
    const name = replicaSet === undefined ? 'mongodb, single' : 'mongodb, replica set';
    test(`${name}: away under load, it costs nothing acknowledged; /readyz tells the truth; all goes on by itself`, { timeout: 170_000 }, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'tollgate-survives-'));
      const mongo = await StandIn.start(replicaSet === undefined ? {} : { replicaSet });
      const server = await startServer(folder, ['--readmodels', mongoUrl(mongo.url, 'tollgate')]);
      const load = new Load([server], 6);
      try {
        await load.more(between);
        for (const [what, { away, back }] of Object.entries(mishaps)) {
          const unavailable = load.unavailable;
          await away(mongo);
          assert.match(await untilReady(server, 503), /no answer from: MongoDB|after an interruption/, `${what}: said`);
          while (load.unavailable === unavailable) await sleep(20);
          await back(mongo);
          await untilReady(server, 200);
          await load.more(between);
          t.diagnostic(`${what}: ${load.acknowledged.size} acknowledged, ${load.unavailable} asked again so far`);
        }
        if (replicaSet !== undefined) {
          await mongo.command({ replSetStepDown: 2 });
          await load.more(between);
        }
        await load.stop();
        assert.deepEqual(load.wrong, [], server.errors().slice(-4_000));
        assert.equal(server.child.exitCode, null, 'the same process went through all of it');
        await intact(server, load.acknowledged);
      } finally {
        load.abandon();
        await ended(server.child, 'SIGKILL');
        await mongo.stop();
        await rm(folder, { recursive: true, force: true });
      }
    });
  }

  test('mongodb, single: the server is killed again and again in the middle of writing: nothing acknowledged is lost, nothing folded twice', { timeout: 170_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-killed-'));
    const mongo = await StandIn.start();
    const args = ['--readmodels', mongoUrl(mongo.url, 'tollgate')];
    let server = await startServer(folder, args);
    // The load asks whichever process is there.
    const load = new Load([{ get origin() { return server.origin; }, get token() { return server.token; } }], 6);
    try {
      for (let round = 0; round < 6; round += 1) {
        await load.more(10 + round * 3);
        await ended(server.child, 'SIGKILL');
        server = await startServer(folder, args);
      }
      await load.more(between);
      await load.stop();
      assert.deepEqual(load.wrong, []);
      await intact(server, load.acknowledged);
    } finally {
      load.abandon();
      await ended(server.child, 'SIGKILL');
      await mongo.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('mongodb: restored from the keys and the log alone, everything is as it was; restored beside newer read models, those are made anew', { timeout: 120_000 }, async () => {
    const [folder, backup] = [await mkdtemp(join(tmpdir(), 'tollgate-drill-')), await mkdtemp(join(tmpdir(), 'tollgate-backup-'))];
    const mongo = await StandIn.start();
    const at = (database: string): string[] => ['--readmodels', mongoUrl(mongo.url, database)];
    let server = await startServer(folder, at('live_x'));
    const invite = (email: string) => ask(server, 'POST', '/commands/AddInvite', { body: { email } });
    try {
      for (let n = 0; n < 5; n += 1) await invite(`before${n}@example.com`);
      // The order: the log first, then the keys: whoever is in the log has keys in the backup.
      await ended(server.child);
      await cp(folder, backup, { recursive: true });
      await copyKeys(mongoUrl(mongo.url, 'live_x'), mongoUrl(mongo.url, 'restored_x'));
      server = await startServer(folder, at('live_x'));
      for (let n = 0; n < 5; n += 1) await invite(`after${n}@example.com`);
      await ended(server.child);
      const before = new Set(Array.from({ length: 5 }, (_, n) => `before${n}@example.com`));

      server = await startServer(backup, at('restored_x'));
      await intact(server, before);
      await ended(server.child);
      // The log of the backup beside read models that are ahead of it.
      server = await startServer(backup, at('live_x'));
      await intact(server, before);
    } finally {
      await ended(server.child, 'SIGKILL');
      await mongo.stop();
      for (const each of [folder, backup]) await rm(each, { recursive: true, force: true });
    }
  });

  test('mongodb: what cannot be started is said in one line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-refused-'));
    const mongo = await StandIn.start();
    try {
      const refused = (args: readonly string[], words: RegExp): Promise<void> => assert.rejects(startServer(folder, args), ({ message }: Error) => words.test(message) && !message.includes('    at ') && !message.includes('s3cret'));
      await refused(['--readmodels', 'mongodb://ada:s3cret@127.0.0.1:9/x?serverSelectionTimeoutMS=300'], /tollgate: MongoDB at mongodb:\/\/127\.0\.0\.1:9\/x does not answer/);
      await refused(['--readmodels', 'postgres://ada:s3cret@x'], /tollgate: --readmodels must be 'embedded' or begin with mongodb:\/\/host/);
      await refused(['--readmodels', mongo.url, '--readmodels-password-file', join(folder, 'none')], /tollgate: the password file .*none cannot be read/);
      const first = await startServer(folder, []);
      await ask(first, 'POST', '/commands/AddInvite', { body: { email: 'ada@example.com' } });
      await ended(first.child);
      await refused(['--readmodels', mongo.url], /tollgate: the keys of this log are not in mongodb:.*put them back from a backup, or start it with --readmodels as it was founded/);
      await rm(join(folder, 'keys.db'));
      await refused([], /holds a log but not its keys \(keys\.db\)/);
    } finally {
      await mongo.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
