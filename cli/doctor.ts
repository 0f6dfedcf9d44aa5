/** `doctor`: is everything as it should be, here and there? Each check with what was found and what to do; exit 1 when one fails. */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Client } from './client.ts';
import type { Call } from './command.ts';
import { configPath, readConfig, type Config } from './config-file.ts';
import { credentialFor } from './credentials.ts';
import { Failure, Said } from './exit-codes.ts';
import { targetOf, type Target } from './target.ts';
import { exchange, textOf } from './transport.ts';
import { versionText } from './version.ts';
import type { Output } from './output.ts';

export type Check = { readonly name: string; readonly status: 'ok' | 'warn' | 'fail'; readonly detail: string; readonly fix?: string };
const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail });
const warn = (name: string, detail: string, fix: string): Check => ({ name, status: 'warn', detail, fix });
const fail = (name: string, detail: string, fix: string): Check => ({ name, status: 'fail', detail, fix });
const failed = (name: string, error: unknown, fix = "See 'tollgate config explain'."): Check => {
  const { message, problem } = error instanceof Failure ? error : { message: String(error), problem: undefined };
  return fail(name, message, problem?.nextStep || fix);
};

const nodeMin = 20;
const answerMaxMs = 5_000;
const skewWarnMs = 30_000;
const skewFailMs = 300_000;
const othersBits = 0o077;

export const nodeCheck = (version = process.versions.node): Check =>
  Number(version.split('.')[0]) >= nodeMin ? ok('node', `Node ${version}`) : fail('node', `Node ${version} is too old`, `Install Node ${nodeMin} or newer.`);

const modeOf = (path: string): number | undefined => {
  try {
    return statSync(path).mode & 0o777;
  } catch {
    return undefined;
  }
};
const configCheck = (path: string): Check => {
  const [file, folder] = [modeOf(path), modeOf(dirname(path))];
  if (file === undefined) return ok('config file', `none yet at ${path}`);
  try {
    readConfig(path);
  } catch (error) {
    return failed('config file', error, `Repair or delete '${path}'.`);
  }
  const open = process.platform !== 'win32' && ((file | (folder ?? 0)) & othersBits) !== 0;
  return open ? fail('config file', `others on this machine may look into ${path} (${file.toString(8).padStart(4, '0')}), which holds your sessions`, `chmod 700 ${dirname(path)} && chmod 600 ${path}`) : ok('config file', path);
};

type Server = { readonly checks: readonly Check[]; readonly up: boolean };
/** Reachable, ready, of which version, and with which clock; from two plain calls that need no session. */
const serverChecks = async ({ url, env }: Target): Promise<Server> => {
  const ask = async (path: string) => {
    const address = new URL(path, url);
    const answer = await exchange({ method: 'GET', url: address, headers: {}, timeoutMs: answerMaxMs });
    return { answer, text: await textOf(answer, address) };
  };
  const startedMs = Date.now();
  try {
    const { answer, text } = await ask('/healthz');
    const roundTripMs = Date.now() - startedMs;
    const { status, version, mode } = JSON.parse(text) as { status?: string; version?: string; mode?: string };
    if (status !== 'ok') throw new Error('no Tollgate');
    const ready = await ask('/readyz');
    const problem = ready.answer.statusCode === 200 ? undefined : (JSON.parse(ready.text) as { detail?: string; nextStep?: string });
    return { up: true, checks: [
      ok('server', `env '${env}' at '${url}' answers in ${roundTripMs} ms (${mode} mode)`),
      problem ? fail('ready', `the server is not ready: ${problem.detail}`, problem.nextStep ?? 'Wait, or look at its log.') : ok('ready', 'the server is ready'),
      versionCheck(version),
      clockCheck(answer.headers.date, startedMs + roundTripMs / 2),
    ] };
  } catch (error) {
    const fix = "Start it ('npm start' in its folder), or choose another: 'tollgate env list'.";
    const check = error instanceof Failure ? fail('server', `${error.message}; nothing that needs it was checked`, fix) : fail('server', `what answers at '${url}' is no Tollgate server; nothing that needs it was checked`, "Check the address: 'tollgate config explain'.");
    return { up: false, checks: [check] };
  }
};
const versionCheck = (theirs = 'unknown', ours = versionText()): Check =>
  theirs === ours ? ok('version', `${ours}, here and there`) : warn('version', `this program is ${ours}, the server ${theirs}`, 'Update the older one; what both know keeps working.');
/** A Date header is of whole seconds. */
export const clockCheck = (date: string | undefined, nowMs: number): Check => {
  const skewMs = date === undefined ? Number.NaN : Math.max(0, Math.abs(Date.parse(date) + 500 - nowMs) - 500);
  if (Number.isNaN(skewMs)) return warn('clock', 'the server does not say what time it is', 'Is there a proxy in between that takes the Date header away?');
  const seconds = Math.round(skewMs / 1_000);
  if (skewMs < skewWarnMs) return ok('clock', 'the same here and there, to a few seconds');
  return (skewMs < skewFailMs ? warn : fail)('clock', `this machine's clock and the server's are ${seconds} seconds apart`, 'Set the one that is wrong: timedatectl set-ntp true');
};

/** Whether what is kept is still worth anything, at which level, in which namespace. */
const sessionChecks = async (target: Target, config: Config, options: Call['options']): Promise<readonly Check[]> => {
  let client: Client;
  try {
    client = new Client(target, credentialFor(target, { audience: 'either', tokenFile: options['tokenFile'] }, config));
  } catch (error) {
    return [error instanceof Failure && error.problem.code === 'NotSignedIn' ? warn('session', `not logged in to env '${target.env}'`, 'tollgate login --otp EMAIL') : failed('session', error)];
  }
  try {
    const { email, operator, level, namespace } = await client.json<{ email?: string; operator?: string; level?: string; namespace?: string }>({ path: '/sessions/whoami', timeoutMs: answerMaxMs });
    const session = ok('session', operator === undefined ? `logged in as ${email ?? 'somebody on the way to an account'}` : `operator ${operator}`);
    return [session, ...(operator === undefined ? [await levelCheck(client, level), namespaceCheck(target, config, namespace)] : [])];
  } catch (error) {
    return [failed('session', error, 'tollgate login --otp EMAIL')];
  }
};
const levelCheck = async (client: Client, level = 'none'): Promise<Check> => {
  if (level === 'full') return ok('service level', level);
  const { reason, nextStep } = await client.json<{ reason: string; nextStep: string }>({ path: '/gate', query: { action: 'run' } });
  return warn('service level', `${level}: ${reason}`, nextStep);
};
const namespaceCheck = ({ url }: Target, config: Config, namespace: string | undefined): Check => {
  const { customer } = config.credentials[url] ?? {};
  const used = customer?.namespace ?? namespace;
  if (used === undefined) return warn('namespace', 'none is in use', 'tollgate namespace list');
  return !customer || customer.namespaces.includes(used) ? ok('namespace', used) : fail('namespace', `'${used}' is in use here and is not yours`, 'tollgate namespace list');
};

/** What the server says of itself, to operators only. */
const operatorChecks = async (target: Target, config: Config, options: Call['options'], environ = process.env): Promise<readonly Check[]> => {
  const { operator } = config.credentials[target.url] ?? {};
  if (options['tokenFile'] === undefined && !environ['TOLLGATE_TOKEN_FILE'] && !operator) return [];
  try {
    const client = new Client(target, credentialFor(target, { audience: 'operator', tokenFile: options['tokenFile'] }, config));
    const { checks } = await client.json<{ checks: readonly Check[] }>({ path: '/doctor' });
    return checks.map((check) => ({ ...check, name: `server: ${check.name}` }));
  } catch (error) {
    return [failed('server: checks', error)];
  }
};

const checksOf = async ({ options }: Call): Promise<readonly Check[]> => {
  const local = [nodeCheck(), configCheck(configPath())];
  let config: Config;
  let target: Target;
  try {
    config = readConfig();
    target = targetOf(config);
  } catch (error) {
    return local.some(({ status }) => status === 'fail') ? local : [...local, failed('env', error)];
  }
  const env = ok('env', `'${target.env}' (${target.envFrom}), '${target.url}' (${target.urlFrom})`);
  const { checks, up } = await serverChecks(target);
  if (!up) return [...local, env, ...checks];
  return [...local, env, ...checks, ...(await sessionChecks(target, config, options)), ...(await operatorChecks(target, config, options))];
};

const styles = { ok: 'green', warn: 'yellow', fail: 'red' } as const;
const show = async (out: Output, checks: readonly Check[]): Promise<void> => {
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, status, detail, fix } of checks) {
    await out.data(`${out.style(status.padEnd(4), styles[status])}  ${name.padEnd(width)}  ${out.wrapped(detail, width + 8)}`);
    if (fix !== undefined) await out.data(`${' '.repeat(width + 8)}${out.wrapped(`-> ${fix}`, width + 8)}`);
  }
};

/** A flipped byte says where it is; nothing else is looked at, since no server needs to run. */
const deepChecks = async ({ options, out }: Call): Promise<readonly Check[]> => {
  const { verifyFolder } = await import('./deep.ts');
  const { events, streams, failures } = await verifyFolder(String(options['data'] ?? './data'), out);
  if (failures.length === 0) return [ok('log', `${events} events in ${streams} streams, every hash as it was written`)];
  return failures.map(({ stream, revision, problem }) => fail('log', `event ${revision} of ${stream}: ${problem}`, 'Stop the server and put events.db back from a backup; nothing is decided on this stream until then.'));
};

export const doctor = async (call: Call): Promise<void> => {
  const checks = call.options['deep'] ? await deepChecks(call) : await checksOf(call);
  const bad = checks.filter(({ status }) => status === 'fail').length;
  await call.out.result({ ok: bad === 0, checks }, () => show(call.out, checks));
  const warned = checks.filter(({ status }) => status === 'warn').length;
  if (!call.out.json) call.out.note(bad > 0 ? `${bad === 1 ? '1 check fails' : `${bad} checks fail`}.` : warned > 0 ? `Nothing fails; ${warned === 1 ? '1 thing' : `${warned} things`} to look at.` : 'All is well.');
  if (bad > 0) throw new Said('ours');
};
