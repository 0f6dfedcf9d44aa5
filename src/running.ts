/** The server as a process: configuration, folder, system, HTTP; and stops it in order. */
import './short-lived.ts';
import { join, relative } from 'node:path';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import pino from 'pino';
import { openAdapters, type Adapters } from './adapters.ts';
import { shown } from './adapters/mongodb/address.ts';
import { assemble, type Assembled, type Logger } from './assembly.ts';
import { readConfig, StartRefused, type Config } from './config.ts';
import { operatorToken } from './founding.ts';
import { gatheringLines } from './log-lines.ts';
import { usualPauses } from './scrubber.ts';
import { serve, type Served } from './server.ts';

const stopMaxMs = 9_000;
/** npm and the terminal may both deliver the first signal: a second one counts only after this. */
const secondSignalMs = 1_000;

/** What colours the lines is a program of pino's that it looks for beside itself, which it is not in a bundle. */
const openLogger = ({ log }: Config): Logger => {
  const level = process.env['TOLLGATE_LOG_LEVEL'] ?? 'info';
  if (log === 'pretty') return pino({ base: null, level }, (createRequire(import.meta.url)('pino') as typeof pino).transport({ target: 'pino-pretty', options: { destination: 2 } }) as pino.DestinationStream);
  return pino({ base: null, level }, gatheringLines(2));
};

const versionOf = (): string => {
  const file = new URL(import.meta.url.includes('/dist/') ? '../../package.json' : '../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
};

/** Known ways to fail are one line that says what to do. */
const refusal = (error: unknown, config: Config | undefined): string | undefined => {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (error instanceof StartRefused) return message;
  if (code === 'EADDRINUSE') return `port ${config?.port} on ${config?.host} is taken; stop what listens there, or choose another with --port (0 takes any free one)`;
  if (code === 'EACCES' && config && config.port < 1024) return `port ${config.port} needs more rights; choose one above 1023 with --port`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `cannot listen on ${config?.host}; check --host`;
  if (name === 'BrokenChain') return `${message}; nothing is decided on a damaged log: put back events.db from a backup`;
  if (name === 'Unavailable') return `${message}; it must answer before this can start`;
  if (name === 'Refused') return message;
  if (name === 'DatabaseUnusable') return `${message}; check the folder's rights and the disk`;
  return undefined;
};

const announce = (config: Config, origin: string, isolation: string): void => {
  const data = relative(process.cwd(), config.data) || '.';
  const folder = data.startsWith('..') ? config.data : `./${data}`;
  const { mail } = config;
  const mock = mail.carrier === 'smtp' ? `mock mode: no real money or cluster; mails go to ${mail.shown} on this machine` : 'mock mode: no real mail, money or cluster';
  const words = config.mode === 'mock' ? mock : `${config.mode} mode`;
  const tokenFile = join(folder, 'operator.token');
  const elsewhere = config.port === 8081 ? '' : `TOLLGATE_URL=${origin} `;
  process.stdout.write([
    `Tollgate is ready at ${origin} (${words}). Data in ${folder}${config.readModels === 'embedded' ? '' : `; read models and keys in MongoDB at ${shown(config.readModels)}`}`, '',
    'In a second terminal, in this folder:',
    `  ${elsewhere}npx tollgate invite add you@example.com --token-file ${tokenFile}`,
    `  ${elsewhere}npx tollgate login --otp you@example.com`,
    `The mail with the one-time token is at ${origin}/mailbox; the card that pays is 'succeeds'. Then:`,
    `  ${elsewhere}npx tollgate run examples/hello-node --wait`, '',
    `Workloads: ${isolation}.`, '',
  ].join('\n'));
};

type Running = { readonly config: Config; readonly adapters: Adapters; readonly system: Assembled; readonly served: Served; readonly origin: string };

const start = async (config: Config): Promise<Running> => {
  const logger = openLogger(config);
  let origin = `http://${config.host}:${config.port}`;
  const adapters = await openAdapters(config, () => origin);
  void adapters.sourceHost.unusable(); // git says its version while everything else is made
  const post = async (body: string, headers: Record<string, string>): Promise<number> => (await fetch(`${origin}/webhooks/stripe`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers }, signal: AbortSignal.timeout(10_000) })).status;
  const system = await assemble(adapters, { mode: config.mode, data: config.data, version: versionOf(), origin: () => origin, logger, post, metricsOpen: config.metrics === 'loopback', scrub: usualPauses });
  await operatorToken(system.handler, system.identity, config.data, adapters.random, !adapters.exclusive);
  const served = await serve(system, config, logger);
  await served.app.listen(config.port, config.host);
  const { port } = served.app.getHttpServer().address() as { port: number };
  origin = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  await system.start();
  return { config: { ...config, port }, adapters, system, served, origin };
};

/** Finishes what was acknowledged, then lets go: workloads keep running unless told otherwise. */
const stop = async ({ config, adapters, system, served }: Running): Promise<void> => {
  const alive = (await adapters.runtime.list()).filter(({ state }) => state === 'running' || state === 'starting' || state === 'building');
  const running = [...new Set(alive.map(({ workload }) => workload))];
  await served.close();
  await system.stop();
  if (config.stopWorkloads) for (const workload of running) await adapters.runtime.stop(workload);
  else if (running.length > 0) process.stdout.write(`${running.length} workload${running.length === 1 ? ' keeps' : 's keep'} running; the next start finds them again. To stop them too: npm start -- --stop-workloads\n`);
  await adapters.close();
};

let config: Config | undefined;
try {
  config = readConfig(process.argv.slice(2), process.env);
  const running = await start(config);
  let signals: 'none' | 'first' | 'counting' = 'none';
  const onSignal = (): void => {
    if (signals === 'counting') process.exit(1);
    if (signals === 'first') return;
    signals = 'first';
    setTimeout(() => (signals = 'counting'), secondSignalMs).unref();
    setTimeout(() => process.exit(1), stopMaxMs).unref();
    void stop(running).then(() => process.exit(0), (error: unknown) => {
      process.stderr.write(`stopping failed: ${String(error)}\n`);
      process.exit(1);
    });
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  announce(running.config, running.origin, running.adapters.runtime.isolation()); // from here on somebody may stop us
  const off = await running.adapters.sourceHost.unusable();
  if (off !== undefined) process.stdout.write(`Running from git is off: ${off}.\n`);
  process.on('disconnect', () => process.exit(1)); // the launcher died: nobody could stop us any more
} catch (error) {
  const line = refusal(error, config);
  process.stderr.write(line === undefined ? `${error instanceof Error ? error.stack : String(error)}\n` : `tollgate: ${line}\n`);
  process.exit(1);
}
