/**
 * `npm run engines -- up|down|status`: starts what this machine can offer of the engines Tollgate runs on, on loopback, waits until they answer,
 * and prints the environment to export. One module an engine in `scripts/engines`. What runs is remembered in `.cache/engines`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { nodePath, root } from './prepare.mjs';

const cache = join(root, '.cache', 'engines');
const stateFile = join(cache, 'state.json');
const healthyMaxMs = 60_000;
const lookAgainMs = 250;

export const engines = async () => {
  const folder = join(root, 'scripts', 'engines');
  return Promise.all(readdirSync(folder).filter((file) => file.endsWith('.mjs')).sort().map(async (file) => ({ id: file.slice(0, -4), ...(await import(pathToFileURL(join(folder, file)).href)).default })));
};
const readState = () => (existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, 'utf8')) : {});
const writeState = (state) => {
  mkdirSync(cache, { recursive: true });
  writeFileSync(stateFile, `${JSON.stringify(state, null, 1)}\n`);
};
const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
/** Containers need a daemon that answers: the client alone does nothing. */
const containers = () => spawnSync('docker', ['info', '--format', '{{.ServerVersion}}'], { stdio: 'ignore', timeout: 5_000 }).status === 0;
const compose = (...args) => spawnSync('docker', ['compose', '-p', 'tollgate-engines', '-f', join(root, 'compose.yaml'), ...args], { stdio: ['ignore', 2, 2] }).status === 0;

const say = (text) => void process.stderr.write(`${text}\n`);
const loudly = (text) => say(`\n*** ${text} ***\n`);

/** Until the program has printed where it is reached; undefined when it ends before. */
const urlIn = async (log, ready, pid) => {
  for (let waitedMs = 0; waitedMs < healthyMaxMs; waitedMs += lookAgainMs) {
    const found = ready.exec(readFileSync(log, 'utf8'));
    if (found) return found[1];
    if (!alive(pid)) return undefined;
    await sleep(lookAgainMs);
  }
  return undefined;
};
const startStandIn = async (engine) => {
  const folder = join(cache, engine.id);
  mkdirSync(folder, { recursive: true });
  const log = join(cache, `${engine.id}.log`);
  writeFileSync(log, '');
  const output = openSync(log, 'a');
  const [command, ...args] = await engine.standIn.command({ node: nodePath(), root, folder, cache });
  const child = spawn(command, args, { detached: true, stdio: ['ignore', output, output] });
  child.on('error', () => undefined);
  closeSync(output);
  child.unref();
  const url = child.pid === undefined ? undefined : await urlIn(log, engine.standIn.ready, child.pid);
  if (url === undefined) return say(`${engine.name}: did not start; see ${log}`);
  return { url, pid: child.pid, standIn: true };
};

/** Starts one engine, or finds it running; undefined, said loudly, where the machine has none to offer. */
const startOne = async (engine, before) => {
  if (before && (await engine.healthy(before.url, root))) return before;
  if (engine.container && containers()) {
    if (compose('up', '-d', '--wait', engine.container.service)) return { url: engine.container.url, container: engine.container.service, standIn: false };
    say(`${engine.name}: its container did not start`);
  }
  const missing = engine.standIn === undefined ? 'nothing to stand in for it' : await engine.standIn.missing?.({ root, cache });
  if (missing !== undefined) return loudly(`${engine.name} is NOT THERE: ${missing}`);
  return startStandIn(engine);
};

/** Engines that answer, with where; what was started and what is missing is said on stderr. */
export const up = async () => {
  const state = readState();
  for (const engine of await engines()) {
    const running = await startOne(engine, state[engine.id]);
    delete state[engine.id];
    if (!running) continue;
    state[engine.id] = running;
    writeState(state);
    let healthy = false;
    for (let waitedMs = 0; !healthy && waitedMs < healthyMaxMs; waitedMs += lookAgainMs) {
      healthy = await engine.healthy(running.url, root);
      if (!healthy) await sleep(lookAgainMs);
    }
    if (!healthy) {
      loudly(`${engine.name} was started and does NOT ANSWER at ${running.url}`);
      continue;
    }
    say(`${engine.name} answers at ${running.url}`);
    if (running.standIn) loudly(`${engine.name} is ${engine.standIn.says}`);
  }
  writeState(state);
  return state;
};
export const down = async () => {
  const state = readState();
  const found = await engines();
  for (const [id, { pid, container }] of Object.entries(state)) {
    const name = found.find((engine) => engine.id === id)?.name ?? id;
    if (container !== undefined) compose('rm', '-sf', container);
    else if (alive(pid)) {
      process.kill(pid, 'SIGTERM');
      for (let waitedMs = 0; alive(pid) && waitedMs < healthyMaxMs; waitedMs += lookAgainMs) await sleep(lookAgainMs);
      if (alive(pid)) process.kill(pid, 'SIGKILL');
    }
    rmSync(join(cache, id), { recursive: true, force: true });
    say(`${name} is stopped, and what it held is gone`);
  }
  rmSync(stateFile, { force: true });
};
const status = async () => {
  const state = readState();
  let missing = 0;
  for (const engine of await engines()) {
    const running = state[engine.id];
    const healthy = running !== undefined && (await engine.healthy(running.url, root));
    if (!healthy) missing += 1;
    process.stdout.write(`${engine.name.padEnd(14)}  ${healthy ? 'up' : running === undefined ? 'down' : 'does not answer'}${healthy ? `  ${running.url}${running.standIn ? '  (stand-in)' : ''}` : ''}\n`);
  }
  return missing;
};
const environmentOf = async (state) => (await engines()).filter(({ id }) => state[id]).map(({ id, variable, testVariable }) => `export ${variable}='${state[id].url}'${testVariable === undefined ? '' : ` ${testVariable}='${state[id].url}'`}`);

const isMain = process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href;
if (isMain) {
  const [verb = 'status'] = process.argv.slice(2);
  if (verb === 'up') {
    const state = await up();
    process.stdout.write(`${(await environmentOf(state)).join('\n')}\n`);
    process.exitCode = Object.keys(state).length > 0 ? 0 : 1;
  } else if (verb === 'down') await down();
  else if (verb === 'status') process.exitCode = (await status()) === 0 ? 0 : 3;
  else {
    say(`npm run engines -- up|down|status, not '${verb}'`);
    process.exitCode = 2;
  }
}
