/**
 * `npm run engines -- up|down|status`: starts what this machine can offer of the engines Tollgate runs on, on loopback, waits until they answer, and
 * prints the environment to export. One module an engine in `scripts/engines`; what runs is remembered in `.cache/engines`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { root } from './prepare.mjs';

const cache = join(root, '.cache', 'engines');
/** Engines that run in containers, by name. */
const containersFile = join(cache, 'containers.json');
/** What a server of Tollgate is told, by what its tests are told. */
const serverVariable = { TOLLGATE_TEST_EVENTSTORE: 'TOLLGATE_EVENTSTORE', TOLLGATE_TEST_MONGODB: 'TOLLGATE_READMODELS' };
const healthyMaxMs = 60_000;
const lookAgainMs = 250;

export const engines = () => {
  const folder = join(root, 'scripts', 'engines');
  return Promise.all(readdirSync(folder).filter((file) => file.endsWith('.mjs')).sort().map((file) => import(pathToFileURL(join(folder, file)).href)));
};
const inContainers = () => (existsSync(containersFile) ? JSON.parse(readFileSync(containersFile, 'utf8')) : []);
const remember = (names) => {
  mkdirSync(cache, { recursive: true });
  writeFileSync(containersFile, `${JSON.stringify(names)}\n`);
};
/** Containers need a daemon that answers: the client alone does nothing. */
const containers = () => spawnSync('docker', ['info', '--format', '{{.ServerVersion}}'], { stdio: 'ignore', timeout: 5_000 }).status === 0;
const compose = (...args) => spawnSync('docker', ['compose', '-p', 'tollgate-engines', '-f', join(root, 'compose.yaml'), ...args], { stdio: ['ignore', 2, 2] }).status === 0;

const say = (text) => void process.stderr.write(`${text}\n`);
const loudly = (text) => say(`\n*** ${text} ***\n`);

const startOne = async (engine) => {
  if (engine.container && (inContainers().includes(engine.name) || containers())) {
    if (compose('up', '-d', '--wait', engine.container.service)) {
      remember([...new Set([...inContainers(), engine.name])]);
      return { environment: engine.container.environment, real: true };
    }
    say(`${engine.name}: its container did not start`);
  }
  const why = await engine.missing();
  if (why !== undefined) throw new Error(why);
  const environment = await engine.up(cache);
  for (let waitedMs = 0; !(await engine.health(cache)); waitedMs += lookAgainMs) {
    if (waitedMs > healthyMaxMs) throw new Error('it was started and does not answer');
    await sleep(lookAgainMs);
  }
  return { environment, real: false };
};

/** What is up, with what to export; what was started, and what is missing, is said on stderr. */
export const up = async () => {
  const running = [];
  for (const engine of await engines()) {
    try {
      const { environment, real } = await startOne(engine);
      running.push({ engine, environment, real });
      say(`${engine.name} answers: ${Object.values(environment)[0]}`);
      if (!real) loudly(`${engine.name} is ${engine.standIn ?? 'a stand-in for tests, not the real server'}`);
    } catch (error) {
      loudly(`${engine.name} is NOT THERE: ${error.message}`);
    }
  }
  return running;
};
export const down = async () => {
  for (const engine of await engines()) {
    if (inContainers().includes(engine.name)) compose('rm', '-sfv', engine.container.service);
    await engine.down(cache);
    say(`${engine.name} is stopped, and what it held is gone`);
  }
  rmSync(containersFile, { force: true });
};
/** Whether any is up already. */
export const anyUp = async () => {
  for (const engine of await engines()) if (inContainers().includes(engine.name) || (await engine.health(cache))) return true;
  return false;
};
const status = async () => {
  let missing = 0;
  for (const engine of await engines()) {
    const container = inContainers().includes(engine.name);
    const healthy = container || (await engine.health(cache));
    if (!healthy) missing += 1;
    process.stdout.write(`${engine.name.padEnd(14)}  ${healthy ? (container ? 'up, in a container' : 'up (stand-in)') : 'down'}\n`);
  }
  return missing;
};

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [verb = 'status'] = process.argv.slice(2);
  if (verb === 'up') {
    const running = await up();
    for (const { environment } of running) {
      for (const [variable, value] of Object.entries(environment)) process.stdout.write(`export ${variable}='${value}'\n${serverVariable[variable] ? `export ${serverVariable[variable]}='${value}'\n` : ''}`);
    }
    process.exitCode = running.length > 0 ? 0 : 1;
  } else if (verb === 'down') await down();
  else if (verb === 'status') process.exitCode = (await status()) === 0 ? 0 : 3;
  else {
    say(`npm run engines -- up|down|status, not '${verb}'`);
    process.exitCode = 2;
  }
}
