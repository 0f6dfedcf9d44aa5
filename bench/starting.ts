/** Rows of things that start: the CLI for one short call, and the server on a folder that was founded before. Medians of milliseconds. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { million } from './million.ts';
import { withFolder } from './folder.ts';
import { inTurns, median, rowOf, type Row } from './measure.ts';
import { built, start } from './processes.ts';
import { makeWorld, type World } from './world.ts';

const callsPerRound = 9;
const cli = built('cli-bundle/main.js');
const better = 'lower';
const unit = 'ms';

/** Milliseconds from spawning until everything was printed and the process gone. */
const runMs = (args: readonly string[], environment: NodeJS.ProcessEnv = process.env): Promise<number> =>
  new Promise((resolve, reject) => {
    const startedAt = performance.now();
    let text = '';
    const child = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.once('error', reject).once('close', (code) => (code === 0 ? resolve(performance.now() - startedAt) : reject(new Error(`node ${args.join(' ')} ended with ${code}: ${text}`))));
  });
/** The median of some calls, one after the other; the first is thrown away. */
const callsMs = async (args: readonly string[], environment?: NodeJS.ProcessEnv): Promise<number> => {
  const found: number[] = [];
  for (let call = 0; call <= callsPerRound; call += 1) found.push(await runMs(args, environment));
  return median(found.slice(1));
};

const shortCall = async (args: readonly string[], home: NodeJS.ProcessEnv): Promise<Row> =>
  rowOf({ name: `CLI ${args.join(' ')}`, goal: 1.5, better, unit, sent: `node cli-bundle/main.js ${args.join(' ')} against node -e 0, ${callsPerRound} calls a round` }, await inTurns({ ours: () => callsMs([cli, ...args], home), floor: () => callsMs(['-e', '0']) }));

/** A customer's session, as the CLI keeps it. */
const signedIn = (folder: string, url: string, { customerTokens: [accessToken] }: World): NodeJS.ProcessEnv => {
  mkdirSync(join(folder, 'tollgate'), { recursive: true });
  const customer = { accessToken, expiresAt: '2999-01-01T00:00:00.000Z', refreshToken: 'none', sessionId: 'none', namespaces: [] };
  writeFileSync(join(folder, 'tollgate', 'config.json'), JSON.stringify({ format: 1, env: 'server', envs: {}, credentials: { [url]: { customer } } }), { mode: 0o600 });
  return { ...process.env, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder, TOLLGATE_URL: url };
};

export const cliRows = (): Promise<Row[]> =>
  withFolder(async (folder) => {
    if (!existsSync(cli)) throw new Error(`${cli} is missing; build first`);
    const world = await makeWorld(join(folder, 'data'), { plans: 0, customers: 1 });
    const rows = [await shortCall(['--help'], { ...process.env, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder }), await shortCall(['version'], { ...process.env, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder })];
    const server = await start(built('src/main.js'), ['--port', '0', '--data', join(folder, 'data')], folder);
    try {
      const url = `http://127.0.0.1:${server.port}`;
      const environment = signedIn(folder, url, world);
      const ours = () => callsMs([cli, 'whoami'], environment);
      const floor = () => callsMs([built('bench/floors/whoami.js'), url, world.customerTokens[0] ?? '']);
      rows.push(rowOf({ name: 'CLI whoami', goal: 1.4, better, unit, sent: `signed in as a customer with a stored session, against a plain script that makes the same request; ${callsPerRound} calls a round` }, await inTurns({ ours, floor })));
    } finally {
      await server.stop();
    }
    return rows;
  });

const statusOf = (port: number): Promise<number> =>
  new Promise((resolve, reject) => get({ port, host: '127.0.0.1', path: '/readyz', agent: false }, (answer) => void answer.resume().on('end', () => resolve(answer.statusCode ?? 0))).on('error', reject));
/** Milliseconds from spawning until /readyz says 200. */
const readyMs = async (file: string, args: readonly string[], folder: string): Promise<number> => {
  const spawnedAt = performance.now();
  const server = await start(file, args, folder);
  try {
    while ((await statusOf(server.port)) !== 200) await sleep(1);
    return performance.now() - spawnedAt;
  } finally {
    await server.stop();
  }
};

/** One file out of everything: what Nest looks for and does without stays outside. */
const bundle = async (file: string, folder: string): Promise<string> => {
  const { build } = await import('esbuild');
  const outfile = join(folder, 'start.mjs');
  const external = ['@nestjs/platform-express', '@nestjs/microservices', '@nestjs/microservices/*', '@nestjs/websockets', '@nestjs/websockets/*', '@fastify/static', '@fastify/view', '@fastify/multipart', 'class-transformer', 'class-transformer/*', 'class-validator'];
  await build({ entryPoints: [file], outfile, external, bundle: true, format: 'esm', platform: 'node', target: 'node26', logLevel: 'error', banner: { js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);" } });
  return outfile;
};

const against = 'against Nest on Fastify with 15 providers, bundled, that opens SQLite and commits once';
/** Three starts a side and round, on a folder that was founded before. */
const startOn = async (data: string, folder: string, facts: Pick<Row, 'name' | 'goal' | 'sent'>): Promise<Row> => {
  const below = await bundle(built('bench/floors/start.js'), folder);
  const several = async (once: () => Promise<number>): Promise<number> => median([await once(), await once(), await once()]);
  const ours = () => several(() => readyMs(built('src/main.js'), ['--port', '0', '--data', data], folder));
  const floor = () => several(() => readyMs(below, [folder], folder));
  await ours();
  return rowOf({ ...facts, better, unit }, await inTurns({ ours, floor }));
};
export const startRows = (): Promise<Row[]> =>
  withFolder(async (folder) => {
    const data = join(folder, 'data');
    await makeWorld(data, { plans: 1, customers: 10 });
    return [await startOn(data, folder, { name: 'server start to the first 200 on /readyz', goal: 1.5, sent: `second start of a founded folder, ${against}` })];
  });
export const startMillionRows = (): Promise<Row[]> =>
  withFolder(async (folder) => {
    const { data } = await million();
    return [await startOn(data, folder, { name: 'server start to the first 200 on /readyz, with 1,000,000 events of 10,000 accounts', goal: 3, sent: `later starts of that folder, ${against}` })];
  });
