/**
 * A server of MongoDB's protocol for tests, where no `mongod` can be installed: mongo-java-server behind `test/engines/mongo/Server.java`.
 * Built once (Java 17 and Maven) and kept by content outside the repository. `up`, `down` and `health` are for `scripts/engines.mjs`;
 * `start` is for tests that stop, pause and kill servers of their own.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const name = 'mongodb';
/** In compose.yaml, and where it is reached then. */
export const container = { service: 'mongodb', environment: { TOLLGATE_TEST_MONGODB: 'mongodb://127.0.0.1:27017/?directConnection=true' } };
export const standIn = 'mongo-java-server with what it lacks (test/engines/mongo): a stand-in for tests, no database to trust data to';
export const suites = [
  { says: 'the contracts of all that is kept in it', files: ['contracts/read-models.spec.js', 'contracts/keyring.spec.js', 'contracts/counters.spec.js', 'contracts/leases.spec.js'] },
  { says: 'faults one by one, single and as a replica set; stopped, killed and paused under load; restored', files: ['engines/mongodb-*.spec.js'] },
  { says: 'every journey, end to end', files: ['e2e/*.spec.js'] },
];
const sources = fileURLToPath(new URL('../../test/engines/mongo/', import.meta.url));
const patienceMs = 30_000;
const lookAgainMs = 50;

const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
/** Why it cannot be had here, or undefined. */
export const missing = () => {
  if (!works('java', '-version') || !works('javac', '-version')) return 'the MongoDB stand-in needs Java 17 (a JDK); install it, or name a real server in TOLLGATE_TEST_MONGODB';
  if (!existsSync(classesOf()) && !works('mvn', '--version')) return 'the MongoDB stand-in needs Maven once, to fetch mongo-java-server; install it, or name a real server in TOLLGATE_TEST_MONGODB';
  return undefined;
};

const classesOf = () => {
  const digest = createHash('sha256').update(readFileSync(join(sources, 'pom.xml'))).update(readFileSync(join(sources, 'Server.java'))).digest('hex').slice(0, 16);
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tollgate', 'engines', `mongo-${digest}`);
};
const classpathOf = (folder) => [join(folder, 'classes'), ...readdirSync(join(folder, 'lib')).map((jar) => join(folder, 'lib', jar))].join(':');
const run = (command, args, cwd) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${command} failed: ${error?.message ?? `${stdout}${stderr}`.slice(-2_000)}`);
};
/** Answers the class path; builds what is not there yet. */
export const build = () => {
  const home = classesOf();
  if (!existsSync(home)) {
    mkdirSync(join(home, '..'), { recursive: true });
    const making = mkdtempSync(`${home}-`);
    try {
      for (const file of ['pom.xml', 'Server.java']) cpSync(join(sources, file), join(making, file));
      run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], making);
      mkdirSync(join(making, 'classes'));
      run('javac', ['-cp', classpathOf(making), '-d', 'classes', 'Server.java'], making);
      renameSync(making, home); // whole or not at all
    } catch (error) {
      rmSync(making, { recursive: true, force: true });
      if (!existsSync(home)) throw error; // else another was faster
    }
  }
  return classpathOf(home);
};

const accepts = (port) => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1', () => resolve(true) || socket.destroy()).once('error', () => resolve(false));
});

/** Starts one on loopback, its data in `folder`; resolves once it listens. `port` 0 takes a free one. */
export const start = async ({ folder, port = 0, replicaSet, version, wire, detached = false }) => {
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'server.log');
  writeFileSync(log, '');
  const output = openSync(log, 'a');
  const options = { port, file: join(folder, 'data.h2'), ...(replicaSet ? { 'replica-set': replicaSet } : {}), ...(version ? { version } : {}), ...(wire ? { wire } : {}) };
  const child = spawn('java', ['-Xmx768m', '-XX:+UseSerialGC', '-cp', build(), 'Server', ...Object.entries(options).flatMap(([option, value]) => [`--${option}`, String(value)])], { stdio: ['ignore', output, output], detached });
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookAgainMs) {
    const listening = /listening on 127\.0\.0\.1:(\d+)/.exec(readFileSync(log, 'utf8'))?.[1];
    if (listening) {
      if (detached) child.unref();
      return { child, pid: child.pid, port: Number(listening), url: `mongodb://127.0.0.1:${listening}${replicaSet ? `/?replicaSet=${replicaSet}` : ''}` };
    }
    if (child.exitCode !== null) break;
    await sleep(lookAgainMs);
  }
  child.kill('SIGKILL');
  throw new Error(`the MongoDB stand-in did not start: ${readFileSync(log, 'utf8').slice(-2_000)}`);
};

const noteIn = (folder) => join(folder, 'mongodb.json');
const noted = (folder) => (existsSync(noteIn(folder)) ? JSON.parse(readFileSync(noteIn(folder), 'utf8')) : undefined);
const environmentOf = (note) => ({ TOLLGATE_TEST_MONGODB: note.url, TOLLGATE_TEST_MONGODB_STANDIN: '1' });

/** Whether the one that `up` started answers. */
export const health = async (folder) => {
  const note = noted(folder);
  return note !== undefined && accepts(note.port);
};
/** Starts it, outliving this process; answers what to export. */
export const up = async (folder, options = {}) => {
  if (await health(folder)) return environmentOf(noted(folder));
  const { pid, port, url } = await start({ folder: join(folder, 'mongodb'), detached: true, ...options });
  writeFileSync(noteIn(folder), `${JSON.stringify({ pid, port, url })}\n`);
  return environmentOf({ url });
};
/** Ends it and takes its data away. */
export const down = async (folder) => {
  const note = noted(folder);
  if (note === undefined) return;
  try {
    process.kill(note.pid, 'SIGCONT');
    process.kill(note.pid, 'SIGTERM');
    for (let waitedMs = 0; waitedMs < patienceMs && (await accepts(note.port)); waitedMs += lookAgainMs) await sleep(lookAgainMs);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
  rmSync(noteIn(folder), { force: true });
  rmSync(join(folder, 'mongodb'), { recursive: true, force: true });
};
