/** The kill loop of `test/faults` on every pair of engines, with fewer kills: nothing acknowledged is lost, nothing happens twice. */
import { killedUnderLoad } from '../faults/kill.ts';
import { onEachPair } from './pairs.ts';

const seed = process.env['TOLLGATE_TEST_SEED'] ?? String(Date.now());
const given = process.env['TOLLGATE_TEST_KILLS'];
/** Where consumers run by a lease, a start lasts until that of the killed server has run out: fewer kills, and more time between them for customers to get through. */
const lives = (leased: boolean) => ({ kills: Number(given ?? (leased ? 6 : 10)), uptimeMaxMs: leased ? 4_000 : 1_500 });

onEachPair(`the server is killed again and again under load (TOLLGATE_TEST_SEED=${seed})`, 170_000, async ({ arguments: args, leased }, t) => {
  const { kills, uptimeMaxMs } = lives(leased);
  t.diagnostic(`${kills} kills: ${await killedUnderLoad({ kills, seed, uptimeMaxMs, arguments: args })}`);
}, 3);
