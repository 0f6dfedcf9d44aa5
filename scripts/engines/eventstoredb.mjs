/**
 * EventStoreDB: the real server where containers can be run, else our own server of its protocol, which is a stand-in for tests and no database.
 * What `scripts/engines.mjs` asks of every engine: `name`, `missing`, `up`, `health`, `down`, and which `suites` there are.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { nodePath, root } from '../prepare.mjs';

export const name = 'eventstoredb';
/** In compose.yaml, and where it is reached then. */
export const container = { service: 'eventstoredb', environment: { TOLLGATE_TEST_EVENTSTORE: 'esdb://127.0.0.1:2113?tls=false' } };
export const standIn = "this repository's own server of EventStoreDB's protocol (test/peers/eventstoredb): a stand-in for tests, no database to trust data to";
export const suites = [
  { says: 'the contract of the event store, and every fault of it', files: ['contracts/event-store.spec.js', 'contracts/eventstoredb.spec.js', 'commands/shared-log.spec.js'] },
  { says: 'stopped, killed, paused and slowed under load; several servers; every pair of engines: the demo, the server killed, engines that answer late, the simulator', files: ['engines/eventstoredb-*.spec.js', 'engines/pairs-*.spec.js', 'engines/replicas.spec.js'], withOthers: true },
  { says: 'every journey, end to end', files: ['e2e/*.spec.js'], environment: { TOLLGATE_TEST_EVENTSTORE: 'peer' } },
];
export const missing = () => undefined;

const patienceMs = 30_000;
const lookAgainMs = 100;
const noteIn = (folder) => join(folder, 'eventstoredb.json');
const noted = (folder) => (existsSync(noteIn(folder)) ? JSON.parse(readFileSync(noteIn(folder), 'utf8')) : undefined);
const alive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Whether a read of the log is answered. */
export const answers = async (url) => {
  const { EventStoreDb } = await import(pathToFileURL(join(root, 'dist/src/adapters/event-store/eventstoredb.js')).href);
  const { SystemRandom } = await import(pathToFileURL(join(root, 'dist/src/adapters/system/random.js')).href);
  const store = EventStoreDb.open(url, { random: new SystemRandom(), deadlineMs: 2_000 });
  try {
    await store.head();
    return true;
  } catch {
    return false;
  } finally {
    await store.close();
  }
};
export const health = async (folder) => {
  const note = noted(folder);
  return note !== undefined && answers(note.url);
};
/** Starts it, outliving this process; answers what to export. */
export const up = async (folder) => {
  if (await health(folder)) return { TOLLGATE_TEST_EVENTSTORE: noted(folder).url };
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'eventstoredb.log');
  writeFileSync(log, '');
  const output = openSync(log, 'a');
  const child = spawn(nodePath(), [join(root, 'dist/test/peers/eventstoredb/main.js'), '--data', join(folder, 'eventstoredb')], { detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  child.unref();
  for (let waitedMs = 0; waitedMs < patienceMs && child.exitCode === null; waitedMs += lookAgainMs) {
    const url = /(esdb:\/\/\S+)/.exec(readFileSync(log, 'utf8'))?.[1];
    if (url !== undefined) {
      writeFileSync(noteIn(folder), `${JSON.stringify({ pid: child.pid, url })}\n`);
      return { TOLLGATE_TEST_EVENTSTORE: url };
    }
    await sleep(lookAgainMs);
  }
  throw new Error(`the EventStoreDB stand-in did not start: ${readFileSync(log, 'utf8').slice(-2_000)}`);
};
/** Ends it and takes its data away. */
export const down = async (folder) => {
  const note = noted(folder);
  if (note === undefined) return;
  if (alive(note.pid)) {
    process.kill(note.pid, 'SIGCONT');
    process.kill(note.pid, 'SIGTERM');
  }
  for (let waitedMs = 0; waitedMs < patienceMs && alive(note.pid); waitedMs += lookAgainMs) await sleep(lookAgainMs);
  rmSync(noteIn(folder), { force: true });
  rmSync(join(folder, 'eventstoredb'), { recursive: true, force: true });
};
