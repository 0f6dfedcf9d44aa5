/** `run`, `status`, `update`, `kill`: a customer's workloads. */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';
import type { Call } from './command.ts';
import { Failure, usage } from './exit-codes.ts';
import { clientFor, sendCommand, wholeList } from './here.ts';
import { onInterrupt } from './interrupt.ts';
import { localTime, shown, type Output } from './output.ts';
import { failIfFailed, progressRows, reasonShown, untilSettled, updateRows, type Progressing } from './workload-progress.ts';

export type Workload = Progressing & {
  readonly id: string; readonly name: string; readonly address?: string; readonly incarnation: number; readonly at: string; readonly namespaceId: string;
};
const lookEveryMs = 300;
const watchEveryMs = 1_000;
const labelPattern = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

/** By name in the namespace, or by id. */
export const findWorkload = async (client: Client, name: string): Promise<Workload> => {
  if (/^wl_[0-9a-z]{20}$/.test(name)) return client.json<Workload>({ path: `/workloads/${name}` });
  const { items } = await wholeList(client, '/workloads', { name });
  const [found, other] = items as Workload[];
  if (!found) throw new Failure('notFound', `there is no workload '${name}'`, "See 'tollgate status'.", { code: 'WorkloadNotFound' });
  if (other) throw usage(`several workloads are named '${name}': ${items.map(({ id }) => id as string).join(', ')}`, 'Give the id instead of the name.');
  return found;
};
export const readWorkload = (client: Client, id: string): Promise<Workload | undefined> => unlessGone(client.json<Workload>({ path: `/workloads/${id}` }));
const unlessGone = async <T>(reading: Promise<T>): Promise<T | undefined> => {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Failure && error.kind === 'notFound') return undefined;
    throw error;
  }
};

const showOne = (out: Output, { name, state, address, reason, at, id, incarnation }: Workload, more: object = {}): Promise<void> =>
  out.record({ name, state, address, reason, since: at, restarts: incarnation > 1 ? incarnation - 1 : undefined, ...more, id });

/** Asks the gate before anything is packed or sent, so that a refusal comes at once. */
const requireRun = async (client: Client): Promise<void> => {
  const { allow, level, reason, nextStep } = await client.json({ path: '/gate', query: { action: 'run' } });
  if (allow) return;
  const { refusal } = await import('./client.ts');
  const code = level === 'unpaid' ? 'PaymentRequired' : 'ServiceLimited';
  throw refusal({ type: `urn:tollgate:problem:${code}`, title: 'Payment required', status: 402, detail: reason, code, nextStep, level });
};

/** `--env A=1 B=2` and `--env A=1 --env B=2` say the same; what is left is the folder. */
const splitArguments = (args: readonly string[], flagged: readonly string[]): { readonly path: string | undefined; readonly env: Readonly<Record<string, string>> } => {
  const isPair = (text: string) => flagged.length > 0 && /^[A-Za-z_][A-Za-z0-9_]*=/.test(text);
  const [path, ...more] = args.filter((text) => !isPair(text));
  if (more.length > 0) throw usage(`one folder at a time, not also '${more[0]}'`, "See 'tollgate run --help'.");
  const pairs = [...flagged, ...args.filter(isPair)].map((text) => {
    const cut = text.indexOf('=');
    if (cut < 1) throw usage(`--env takes NAME=VALUE, not '${text}'`, "For example --env COLOUR=blue.");
    return [text.slice(0, cut), text.slice(cut + 1)] as const;
  });
  return { path, env: Object.fromEntries(pairs) };
};

/** What is given by itself counts more than what a file says. */
const environmentOf = async (files: readonly string[] = []): Promise<Readonly<Record<string, string>>> => {
  const { readEnvironment } = await import('./env-file.ts');
  let environment: Readonly<Record<string, string>> = {};
  for (const file of files) environment = { ...environment, ...(await readEnvironment(file)) };
  return environment;
};

export const run = async (call: Call): Promise<void> => {
  const { args: [words], options, out } = call;
  const client = clientFor('customer', call);
  const { path, env: given } = splitArguments(words as string[], (options['env'] as string[] | undefined) ?? []);
  const env = { ...(await environmentOf(options['envFile'])), ...given };
  if (path === undefined) throw usage('run needs a folder', "For example 'tollgate run ./hello'.");
  const { requireFolder, upload } = await import('./upload.ts');
  await requireFolder(path);
  const { labelOf } = await import('./pack.ts');
  const name: string = options['name'] ?? labelOf(resolve(path));
  if (!labelPattern.test(name)) throw usage(options['name'] === undefined ? `no name can be made of '${path}'` : `'${name}' is no name for a workload`, 'Give one: --name with 1 to 40 of a-z, 0-9 and -.');
  await requireRun(client);
  const { digest } = await upload(client, path, out);
  const { command, retries } = options as { command?: string; retries?: number };
  const committed = await sendCommand(client, 'RunWorkload', { name, source: digest, ...(command === undefined ? {} : { command }), ...(Object.keys(env).length === 0 ? {} : { env }), ...(retries === undefined ? {} : { retries }) }, call);
  const [found] = (await client.json<{ items: Workload[] }>({ path: '/workloads', query: { name, after: committed.position } })).items;
  if (!found) throw new Failure('notFound', `the workload '${name}' is gone already`, "See 'tollgate status'.", { code: 'WorkloadNotFound' });
  await finish(call, client, found);
};

/** Shows where the workload stands, after it runs with --wait. */
const finish = async (call: Call, client: Client, workload: Workload, updated = false): Promise<void> => {
  const { options, out } = call;
  const settled = options['wait'] ? await untilSettled(workload, () => readWorkload(client, workload.id), options['timeout'], out) : workload;
  await out.result(settled, () => showOne(out, settled, updated ? updateRows(settled) : {}));
  failIfFailed(settled, updated);
  if (!options['wait']) out.note(`Watch it with 'tollgate status ${settled.name} --watch' or 'tollgate logs -f ${settled.name}'.`);
};

export const update = async (call: Call): Promise<void> => {
  const { args: [name, path = '.'], out } = call;
  const client = clientFor('customer', call);
  const { requireFolder, upload } = await import('./upload.ts');
  await requireFolder(path);
  await requireRun(client);
  const { id } = await findWorkload(client, name);
  const { digest } = await upload(client, path, out);
  const committed = await sendCommand(client, 'UpdateWorkload', { workloadId: id, source: digest }, call);
  const found = await client.json<Workload>({ path: `/workloads/${id}`, query: { after: committed.position } });
  const underWay = found.update !== undefined;
  if (committed.events.length === 0) out.note(underWay ? `'${name}' is being updated to this source already.` : `'${name}' runs this source already.`);
  await finish(call, client, found, committed.events.length > 0 || underWay);
};

/** Gives up a build or an update; what ran before runs on. */
export const cancel = async (call: Call): Promise<void> => {
  const { args: [name], out } = call;
  const client = clientFor('either', call);
  const { id } = await findWorkload(client, name);
  const committed = await sendCommand(client, 'CancelBuild', { workloadId: id }, call);
  const seen = await client.json<Workload>({ path: `/workloads/${id}`, query: { after: committed.position } });
  await out.result(committed, () => out.data(seen.updateFailed ? `The update of '${name}' is given up; what ran before runs on.` : `The build of '${name}' is given up.`));
};

/** Ends when the workload is gone, its name free again. */
export const kill = async (call: Call): Promise<void> => {
  const { args: [name], options, out } = call;
  const client = clientFor('either', call);
  const { id } = await findWorkload(client, name);
  const committed = await sendCommand(client, 'KillWorkload', { workloadId: id }, call);
  const deadlineMs = Date.now() + (options['timeout'] as number);
  while (await readWorkload(client, id)) {
    if (Date.now() >= deadlineMs) throw new Failure('gaveUp', `'${name}' is still stopping`, `See 'tollgate status ${name}'.`, { code: 'GaveUpWaiting' });
    await sleep(lookEveryMs);
  }
  await out.result(committed, () => out.data(`'${name}' is stopped and removed.`));
};

const columns = [
  { title: 'name', value: ({ name }: Workload) => name },
  { title: 'state', value: ({ state }: Workload) => state },
  { title: 'address', value: ({ address = '' }: Workload) => address },
  { title: 'since', value: ({ at }: Workload) => localTime(at) },
  { title: 'reason', value: (item: Workload) => shown(reasonShown(item)) },
];
export const status = async (call: Call): Promise<void> => {
  const { args: [name], options, out } = call;
  const client = clientFor('either', call);
  if (options['watch']) return watch(client, name, out);
  if (name !== undefined) {
    const found = await findWorkload(client, name);
    const { staffRows } = await import('./workload-owners.ts');
    return out.result(found, async () => showOne(out, found, { ...progressRows(found), ...(await staffRows(client, found)) }));
  }
  const list = await wholeList(client, '/workloads', {});
  await out.result(list, async () => {
    if (list.items.length === 0) return out.note("Nothing runs here. Run something: 'tollgate run PATH'.");
    const { staffColumns } = await import('./workload-owners.ts');
    return out.table(list.items, [...columns.slice(0, 1), ...(await staffColumns(client)), ...columns.slice(1)]);
  });
  if (!out.json) await noteIsolation(client, out);
};
/** How far workloads are kept apart on this server; nothing to say where it is not known. */
const noteIsolation = async (client: Client, out: Output): Promise<void> => {
  try {
    const { isolation } = await client.json<{ isolation?: string }>({ path: '/account' });
    if (isolation) out.note(`Isolation: ${isolation}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
};

/** Prints every change until it is interrupted, or the one workload is gone. */
const watch = async (client: Client, name: string | undefined, out: Output): Promise<void> => {
  onInterrupt('');
  const id = name === undefined ? undefined : (await findWorkload(client, name)).id;
  const before = new Map<string, string>();
  for (;;) {
    const only = id === undefined ? undefined : await readWorkload(client, id);
    const items: readonly Workload[] = id === undefined ? (await wholeList(client, '/workloads', {})).items : only ? [only] : [];
    for (const item of items) if (before.get(item.id) !== JSON.stringify(item)) await watchLine(item, out);
    for (const gone of [...before.keys()].filter((key) => !items.some((item) => item.id === key))) out.note(`${(JSON.parse(before.get(gone) as string) as Workload).name} is removed.`);
    before.clear();
    for (const item of items) before.set(item.id, JSON.stringify(item));
    if (id !== undefined && !only) return;
    await sleep(watchEveryMs);
  }
};
const watchLine = (item: Workload, out: Output): Promise<void> =>
  out.json ? out.jsonLine(item) : out.data([localTime(item.at), item.name, out.state(item.state), item.address, shown(reasonShown(item))].filter(Boolean).join('  '));
