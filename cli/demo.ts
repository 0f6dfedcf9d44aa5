/** `tollgate demo`: the whole journey against a server of its own, each step typed and answered as its user would see it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Failure } from './exit-codes.ts';

const email = 'ada@example.com';
const patienceMs = 30_000;
const lookAgainMs = 200;

class DemoFailed extends Error {}

const rootOf = (folder: string): string => (existsSync(join(folder, 'package-lock.json')) || folder === dirname(folder) ? folder : rootOf(dirname(folder)));
const root = rootOf(dirname(fileURLToPath(import.meta.url)));
/** The Node of the lockfile: the server needs it, whatever Node runs this. */
const node = existsSync(join(root, 'node_modules', '.bin', 'node')) ? join(root, 'node_modules', '.bin', 'node') : process.execPath;

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };
type Stage = { readonly origin: string; readonly home: string; readonly tokenFile: string; readonly server: ChildProcess };

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const title = (text: string): void => say(`\n== ${text}`);

const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookAgainMs) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(lookAgainMs);
  }
  throw new DemoFailed(`waited ${patienceMs / 1000} s in vain for ${what}`);
};

/** A database belongs to one log for ever: where read models are kept in MongoDB, each demo takes a database of its own. */
const databaseOf = (home: string): string | undefined => (process.env['TOLLGATE_READMODELS']?.startsWith('mongodb') ? basename(home).replaceAll(/\W/g, '_') : undefined);
const ownDatabase = (home: string): { readonly TOLLGATE_READMODELS?: string } => {
  const database = databaseOf(home);
  return database === undefined ? {} : { TOLLGATE_READMODELS: (process.env['TOLLGATE_READMODELS'] as string).replace(/^([a-z+]+:\/\/[^/?]+)(?:\/[^?]*)?/i, `$1/${database}`) };
};

const startServer = (home: string): Promise<{ server: ChildProcess; origin: string }> =>
  new Promise((resolve, reject) => {
    const data = join(home, 'data');
    const server = spawn(node, [join(root, 'dist', 'src', 'main.js'), '--port', '0', '--data', data, '--stop-workloads'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...ownDatabase(home), TOLLGATE_LOG_LEVEL: 'error' } });
    let output = '';
    let errors = '';
    server.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    server.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const line = /^Tollgate is ready at (\S+) .*$/m.exec(output);
      if (!line?.[1]) return;
      server.stdout.removeAllListeners('data').resume();
      say(line[0]);
      resolve({ server, origin: line[1] });
    });
    server.once('exit', (code) => reject(new DemoFailed(`the server ended with ${code}: ${errors.trim()}`)));
  });

/** Types a command as its user would; `answers` are fed to its prompts as they become known. */
const type = (stage: Stage, args: readonly string[], options: { readonly operator?: boolean; readonly expect?: number; readonly quiet?: boolean; readonly answers?: (line: (text: string) => void) => Promise<void> } = {}): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const { operator = false, expect = 0, quiet = false, answers } = options;
    if (!quiet) say(`$ tollgate ${args.join(' ')}`);
    const { TOLLGATE_TOKEN_FILE: _, TOLLGATE_ENV: __, ...environment } = process.env;
    const child = spawn(process.execPath, [process.argv[1] as string, ...args], {
      cwd: root, stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...environment, TOLLGATE_URL: stage.origin, XDG_CONFIG_HOME: join(stage.home, 'config'), XDG_STATE_HOME: join(stage.home, 'state'), XDG_CACHE_HOME: join(stage.home, 'cache'), NO_COLOR: '1', ...(operator ? { TOLLGATE_TOKEN_FILE: stage.tokenFile } : {}) },
    });
    const ran = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        ran[name] += chunk.toString();
        if (!quiet) process.stdout.write(chunk.toString().replaceAll(/^(?=.)/gm, '  '));
      });
    }
    child.stdin.on('error', () => undefined);
    if (answers) answers((text) => void child.stdin.write(`${text}\n`)).catch(reject);
    else child.stdin.end();
    child.once('error', reject);
    child.once('close', (code) => (code === expect ? resolve({ code, ...ran }) : reject(new DemoFailed(`'tollgate ${args.join(' ')}' ended with ${code}, not ${expect}${quiet ? `: ${ran.stderr}` : ''}`))));
  });

const mailedToken = ({ origin }: Stage): Promise<string> =>
  until('the mail with the one-time token', async () => {
    const mails = (await (await fetch(`${origin}/mailbox.json?to=${encodeURIComponent(email)}`)).json()) as { text: string }[];
    return mails.map(({ text }) => /[0-9a-f]{40}/.exec(text)?.[0]).find((token) => token !== undefined);
  });

/** Fills a page's form in, as a browser without JavaScript would; answers where it leads. */
const submit = async (url: string, fields: Record<string, string>): Promise<string> => {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  const location = response.headers.get('location');
  if (response.status !== 303 || location === null) throw new DemoFailed(`the form at ${url} answered ${response.status}`);
  return new URL(location, url).href;
};

const subscribeWith = async ({ origin }: Stage, card: string): Promise<string> => {
  const page = await (await fetch(`${origin}/subscribe`)).text();
  const plan = /name="plan"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="plan"/.exec(page);
  say(`  [browser] ${origin}/subscribe: ${email}, plan 'developer'`);
  const checkout = await submit(`${origin}/subscribe`, { email, plan: plan?.[1] ?? plan?.[2] ?? '' });
  say(`  [browser] checkout: card '${card}'`);
  const done = await (await fetch(await submit(checkout, { card }))).text();
  const token = /data-payment-token[^>]*>([^<]+)</.exec(done)?.[1];
  if (token === undefined) throw new DemoFailed('the page shows no payment token');
  say(`  [browser] the page shows the payment token ${token.slice(0, 16)}...`);
  return token;
};

const json = async (stage: Stage, args: readonly string[], operator = false): Promise<any> => JSON.parse((await type(stage, [...args, '--json'], { quiet: true, operator })).stdout);
const expectThat = (condition: boolean, what: string): void => {
  if (!condition) throw new DemoFailed(`not so: ${what}`);
  say(`  -> ${what}`);
};

const signUp = async (stage: Stage): Promise<void> => {
  title('Not signed in, not invited');
  await type(stage, ['run', 'examples/hello-node'], { expect: 5 });
  await type(stage, ['login', '--otp', email], { expect: 5 });
  title('The operator invites');
  await type(stage, ['invite', 'add', email], { operator: true });
  title('Sign-up: a one-time token by mail, then a payment token from the page');
  await type(stage, ['login', '--otp', email], {
    answers: async (line) => {
      const token = await mailedToken(stage);
      say(`\n  [mailbox] the one-time token is ${token}`);
      line(token);
      line(await subscribeWith(stage, 'succeeds-once'));
    },
  });
  await type(stage, ['whoami']);
};

const runSomething = async (stage: Stage): Promise<void> => {
  title('A workload');
  await type(stage, ['run', 'examples/hello-node', '--name', 'hello', '--wait']);
  const { address } = (await json(stage, ['status', 'hello'])) as { address: string };
  const body = await (await fetch(address)).text();
  expectThat(body.length > 0, `GET ${address} answers: ${body.trim().split('\n')[0]}`);
  await sleep(1_200); // it prints a line a second
  await type(stage, ['logs', 'hello', '-n', '5']);
};

const lapse = async (stage: Stage): Promise<void> => {
  title('A month later the card is declined: grace');
  await type(stage, ['clock', 'advance', '32d'], { operator: true });
  await type(stage, ['account', 'show']);
  expectThat((await json(stage, ['account', 'show'])).level === 'full', 'everything still works during the grace period');
  title('Grace is over: limited');
  await type(stage, ['clock', 'advance', '8d'], { operator: true });
  await type(stage, ['run', 'examples/hello-node', '--name', 'second'], { expect: 6 });
  await type(stage, ['status', 'hello']);
  title('Two more weeks: suspended');
  await type(stage, ['clock', 'advance', '15d'], { operator: true });
  await type(stage, ['run', 'examples/hello-node', '--name', 'second'], { expect: 6 });
  const state = await until('the workload to stop', async () => {
    const { items } = (await json(stage, ['workload', 'list'], true)) as { items: { state: string }[] };
    return items[0]?.state === 'stopped' ? items[0].state : undefined;
  });
  expectThat(state === 'stopped', 'the workload is stopped, its data kept');
};

const restore = async (stage: Stage): Promise<void> => {
  title('Another card: full again');
  const { stdout } = await type(stage, ['account', 'pay', '--no-wait']);
  const url = /https?:\/\/\S+\/checkout\/\S+/.exec(stdout)?.[0];
  if (url === undefined) throw new DemoFailed('account pay printed no checkout address');
  say("  [browser] checkout: card 'succeeds'");
  await submit(url, { card: 'succeeds' });
  await until('the level to be full', async () => ((await json(stage, ['account', 'show'])).level === 'full' ? true : undefined));
  await type(stage, ['account', 'show']);
  const back = await until('the workload to run again', async () => {
    const status = (await json(stage, ['status', 'hello'])) as { state: string; address?: string };
    return status.state === 'running' && status.address ? status : undefined;
  });
  expectThat((await fetch(back.address as string)).ok, `the workload is back at ${back.address}`);
  await type(stage, ['status', 'hello']);
};

const prove = async (stage: Stage): Promise<void> => {
  title('Proof: a read model rebuilt equal, the chain verified');
  const { items } = (await json(stage, ['projection', 'list'], true)) as { items: { name: string }[] };
  for (const { name } of items) await type(stage, ['projection', 'rebuild', name], { operator: true });
  await type(stage, ['audit', 'verify'], { operator: true });
};

/** Plays everything; anything that comes out otherwise than said is a failure. */
export const demo = async (): Promise<void> => {
  const began = performance.now();
  const home = await mkdtemp(join(tmpdir(), 'tollgate-demo-'));
  let server: ChildProcess | undefined;
  try {
    title('A server of its own');
    const started = await startServer(home);
    server = started.server;
    const stage: Stage = { ...started, home, tokenFile: join(home, 'data', 'operator.token') };
    for (const act of [signUp, runSomething, lapse, restore, prove]) await act(stage);
    say(`\nThe whole journey in ${Math.round((performance.now() - began) / 1000)} s. ${databaseOf(home) === undefined ? 'Nothing of it is left behind' : `Left behind: the databases ${databaseOf(home)} and ${databaseOf(home)}_keyring`}.`);
  } catch (error) {
    if (error instanceof DemoFailed) throw new Failure('ours', `the demo failed: ${error.message}`, 'What came before is above.');
    throw error;
  } finally {
    if (server && server.exitCode === null) {
      const ended = new Promise((resolve) => server?.once('exit', resolve));
      server.kill('SIGTERM');
      await Promise.race([ended, sleep(10_000)]);
    }
    await rm(home, { recursive: true, force: true });
  }
};
