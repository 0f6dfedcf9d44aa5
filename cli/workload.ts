/** `run`, `status`, `update`, `kill`: a customer's workloads. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';
import type { Call } from './command.ts';
import { Failure, usage } from './exit-codes.ts';
import { clientFor, commandOrDryRun, wholeList } from './here.ts';
import { localTime, shown, type Output } from './output.ts';
import { codeShown, nameSourceOf, sourceOf, type Code, type Source } from './source.ts';
import { failIfFailed, progressRows, reasonShown, untilSettled, updateRows, type Progressing } from './workload-progress.ts';

export type Workload = Progressing & Code & {
  readonly id: string; readonly name: string; readonly address?: string; readonly incarnation: number; readonly at: string; readonly namespaceId: string;
};
const lookEveryMs = 300;
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

const showOne = (out: Output, { name, state, address, reason, at, id, incarnation, git }: Workload, more: object = {}): Promise<void> =>
  out.record({ name, state, address, reason, code: codeShown(git), since: at, restarts: incarnation > 1 ? incarnation - 1 : undefined, ...more, id });

/** Asks the gate before anything is packed or sent, so that a refusal comes at once. */
const requireRun = async (client: Client): Promise<void> => {
  const { allow, level, reason, nextStep } = await client.json({ path: '/gate', query: { action: 'run' } });
  if (allow) return;
  const { refusal } = await import('./client.ts');
  const code = level === 'unpaid' ? 'PaymentRequired' : 'ServiceLimited';
  throw refusal({ type: `urn:tollgate:problem:${code}`, title: 'Payment required', status: 402, detail: reason, code, nextStep, level });
};

/** `--env A=1 B=2` and `--env A=1 --env B=2` say the same; what is left is the source. */
const splitArguments = (args: readonly string[], flagged: readonly string[]): { readonly path: string | undefined; readonly env: Readonly<Record<string, string>> } => {
  const isPair = (text: string) => flagged.length > 0 && /^[A-Za-z_][A-Za-z0-9_]*=/.test(text);
  const [path, ...more] = args.filter((text) => !isPair(text));
  if (more.length > 0) throw usage(`one source at a time, not also '${more[0]}'`, "See 'tollgate run --help'.");
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
  if (path === undefined) throw usage('run needs a folder or a repository', "For example 'tollgate run ./hello' or 'tollgate run github.com/owner/repository'.");
  const source = await sourceOf(path);
  if (source.kind === 'folder') await (await import('./upload.ts')).requireFolder(source.path);
  const { labelOf } = await import('./pack.ts');
  const name: string = options['name'] ?? labelOf(nameSourceOf(source));
  if (!labelPattern.test(name)) throw usage(options['name'] === undefined ? `no name can be made of '${path}'` : `'${name}' is no name for a workload`, 'Give one: --name with 1 to 40 of a-z, 0-9 and -.');
  await requireRun(client);
  const code = await codeFor(client, source, out);
  const { command, retries } = options as { command?: string; retries?: number };
  const committed = await commandOrDryRun(client, 'RunWorkload', { name, ...code, ...(command === undefined ? {} : { command }), ...(Object.keys(env).length === 0 ? {} : { env }), ...(retries === undefined ? {} : { retries }) }, call);
  if (!committed) return out.note('The code was sent, and is not used.');
  const [found] = (await client.json<{ items: Workload[] }>({ path: '/workloads', query: { name, after: committed.position } })).items;
  if (!found) throw new Failure('notFound', `the workload '${name}' is gone already`, "See 'tollgate status'.", { code: 'WorkloadNotFound' });
  await finish(call, client, found);
};

/** What a command says of the code: a folder is sent first, a repository only named. */
const codeFor = async (client: Client, source: Source, out: Output): Promise<object> => {
  if (source.kind === 'git') return { git: source.git, ...(source.ref === undefined ? {} : { ref: source.ref }) };
  const { upload } = await import('./upload.ts');
  return { source: (await upload(client, source.path, out)).digest };
};

/** Shows where the workload stands, after it runs with --wait. */
const finish = async (call: Call, client: Client, workload: Workload, updated = false): Promise<void> => {
  const { options, out } = call;
  const settled = options['wait'] ? await untilSettled(workload, () => readWorkload(client, workload.id), options['timeout'], out) : workload;
  if (out.json) failIfFailed(settled, updated); // one document: the problem
  await out.result(settled, () => showOne(out, settled, updated ? updateRows(settled) : {}));
  failIfFailed(settled, updated);
  if (!options['wait']) out.note(`Watch it with 'tollgate status ${settled.name} --watch' or 'tollgate logs -f ${settled.name}'.`);
};

export const update = async (call: Call): Promise<void> => {
  const { args: [name, text], out } = call;
  const client = clientFor('customer', call);
  const given = text === undefined || /^@./.test(text) ? undefined : await sourceOf(text);
  if (given?.kind === 'folder') await (await import('./upload.ts')).requireFolder(given.path);
  await requireRun(client);
  const { id, git } = await findWorkload(client, name);
  if (!git && text?.startsWith('@')) throw usage(`'${name}' runs a folder, and folders have no '${text}'`, `Give a folder or a repository: 'tollgate update ${name} SOURCE'.`);
  const code = given || !git ? await codeFor(client, given ?? { kind: 'folder', path: '.' }, out) : text === undefined ? {} : { ref: text.slice(1) };
  const committed = await commandOrDryRun(client, 'UpdateWorkload', { workloadId: id, ...code }, call);
  if (!committed) return out.note('The code was sent, and is not used.');
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
  const committed = await commandOrDryRun(client, 'CancelBuild', { workloadId: id }, call);
  if (!committed) return;
  const seen = await client.json<Workload>({ path: `/workloads/${id}`, query: { after: committed.position } });
  await out.result(committed, () => out.data(seen.updateFailed ? `The update of '${name}' is given up; what ran before runs on.` : `The build of '${name}' is given up.`));
};

/** Ends when the workload is gone, its name free again. */
export const kill = async (call: Call): Promise<void> => {
  const { args: [name], options, out } = call;
  const client = clientFor('either', call);
  const { id } = await findWorkload(client, name);
  const committed = await commandOrDryRun(client, 'KillWorkload', { workloadId: id }, call);
  if (!committed) return;
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
export const statusTable = async (client: Client, out: Output, items: readonly Workload[]): Promise<void> => {
  const { staffColumns } = await import('./workload-owners.ts');
  return out.table(items, [...columns.slice(0, 1), ...(await staffColumns(client)), ...columns.slice(1)]);
};
export const status = async (call: Call): Promise<void> => {
  const { args: [name], options, out } = call;
  const client = clientFor('either', call);
  if (options['watch']) return (await import('./watch.ts')).watch(client, name, out);
  if (name !== undefined) {
    const found = await findWorkload(client, name);
    const { staffRows } = await import('./workload-owners.ts');
    return out.result(found, async () => showOne(out, found, { ...progressRows(found), ...(await staffRows(client, found)) }));
  }
  const list = await wholeList(client, '/workloads', {});
  await out.result(list, async () => {
    if (list.items.length === 0) return out.note("Nothing runs here. Run something: 'tollgate run SOURCE'.");
    return statusTable(client, out, list.items);
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
