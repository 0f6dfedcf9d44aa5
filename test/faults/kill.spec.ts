/** The server is killed at random instants under mixed load; nothing acknowledged is lost, nothing happens twice. */
import test from 'node:test';
import { killedUnderLoad } from './kill.ts';

const kills = Number(process.env['TOLLGATE_TEST_KILLS'] ?? 200);
const seed = process.env['TOLLGATE_TEST_SEED'] ?? String(Date.now());

test(`killed ${kills} times under load (TOLLGATE_TEST_SEED=${seed})`, async () => {
  console.log(await killedUnderLoad({ kills, seed, uptimeMaxMs: 900, readyMs: 3_000 }));
});
