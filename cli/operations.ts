/** What operators do to the installation itself: projections, reactors, audit, and in mock mode the clock. */
import type { Call } from './command.ts';
import { Failure } from './exit-codes.ts';
import { clientFor, commandOrDryRun } from './here.ts';
import { localTime, shown } from './output.ts';

export const projectionList = async (call: Call): Promise<void> => {
  const list = await clientFor('operator', call).json({ path: '/projections' });
  await call.out.result(list, () => call.out.table(list.items, ['name', 'version', 'status', 'position', 'lag', 'count'].map((title) => ({ title, value: (row) => shown(row[title]) }))));
};

type Rebuilt = { readonly done: true; readonly equal: boolean; readonly swapped: boolean; readonly differences: readonly unknown[] };
export const projectionRebuild = async (call: Call): Promise<void> => {
  const { args: [name], options, out } = call;
  let last: Rebuilt | undefined;
  for await (const line of clientFor('operator', call).lines({ method: 'POST', path: `/projections/${encodeURIComponent(name)}/rebuild`, query: { acceptDifferences: options['acceptDifferences'] ? true : undefined } })) {
    if (out.json) await out.jsonLine(line);
    if (line.done) last = line as Rebuilt;
    else out.progress(`${name}: ${line.position} of ${line.head}`);
  }
  out.progressEnd();
  if (!last) throw new Failure('unavailable', `the rebuild of '${name}' was cut off; it goes on at the server`, "See 'tollgate projection list'.");
  if (!out.json) for (const difference of last.differences) await out.data(JSON.stringify(difference));
  if (!last.swapped) throw new Failure('refused', `'${name}' was rebuilt and differs in ${last.differences.length} documents, so the old one stays`, `If the new one is right: 'tollgate projection rebuild ${name} --accept-differences'.`, { code: 'RebuildDiffers' });
  if (!out.json) await out.data(`'${name}' is rebuilt and in use: ${last.equal ? 'the same as before' : `${last.differences.length} documents differ`}.`);
};

type ParkedDeed = { readonly subject: string; readonly key: string; readonly deed?: string; readonly owner?: string; readonly email?: string; readonly error: string; readonly since: string; readonly attempts: number };
type Reactor = { readonly name: string; readonly position: string; readonly lag: number; readonly waiting: number; readonly parked: readonly ParkedDeed[] };
export const reactorList = async (call: Call): Promise<void> => {
  const { out } = call;
  const list = await clientFor('operator', call).json<{ items: readonly Reactor[] }>({ path: '/reactors' });
  await out.result(list, async () => {
    await out.table(list.items, [...(['name', 'position', 'lag', 'waiting'] as const).map((title) => ({ title, value: (row: Reactor) => shown(row[title]) })), { title: 'parked', value: (row: Reactor) => String(row.parked.length) }]);
    const parked = list.items.flatMap((reactor) => reactor.parked.map((work) => ({ reactor: reactor.name, ...work, customer: work.email ?? work.owner })));
    if (parked.length === 0) return;
    await out.data('');
    await out.table(parked, [...(['reactor', 'subject', 'customer', 'deed', 'since', 'attempts', 'error'] as const).map((title) => ({ title: title === 'reactor' ? 'parked at' : title, value: (row: (typeof parked)[number]) => shown(row[title]) }))]);
    out.note("Try again what waits: 'tollgate reactor retry REACTOR SUBJECT', or one deed of it with --key KEY ('tollgate parked list --json' has the keys).");
  });
};
export const reactorRetry = async (call: Call): Promise<void> => {
  const { args: [name, subject], options, out } = call;
  const key: string | undefined = options['key'];
  const answer = await commandOrDryRun(clientFor('operator', call), 'ReleaseWork', { reactor: name, subject, ...(key === undefined ? {} : { key }) }, call);
  if (answer) await out.result(answer, () => out.data(`'${subject}' is tried again by '${name}'.`));
};

export const auditLog = async (call: Call): Promise<void> => {
  const { options, out } = call;
  const { stream, type, since, limit } = options as Record<string, string | number | undefined>;
  for await (const event of clientFor('operator', call).lines({ path: '/audit/log', query: { stream, type, since, limit, follow: options['follow'] ? true : undefined } })) {
    await (out.json ? out.jsonLine(event) : out.data([localTime(event.at), `${event.stream} ${event.revision}`, out.style(event.type, 'bold'), actorOf(event.actor), JSON.stringify(event.data)].join('  ')));
  }
};
const actorOf = (actor: unknown): string => (typeof actor === 'string' ? actor : shown((actor as { id?: string } | undefined)?.id));

export const auditShow = async (call: Call): Promise<void> => {
  const { args: [subject], options, out } = call;
  const found = await clientFor('operator', call).json({ path: '/audit/show', query: { subject, asOf: options['asOf'] } });
  await out.result(found, async () => {
    for (const { stream, events } of found.streams) {
      await out.data(out.style(stream, 'bold'));
      await out.table(events, [{ title: 'revision', value: (event) => String(event.revision) }, { title: 'at', value: (event) => localTime(event.at) }, { title: 'type', value: (event) => event.type }, { title: 'actor', value: (event) => actorOf(event.actor) }, { title: 'data', value: (event) => JSON.stringify(event.data) }]);
      await out.data('');
    }
    for (const { model, document } of found.documents) {
      await out.data(out.style(`${model}, as of ${found.asOf}`, 'bold'));
      await out.record(document);
      await out.data('');
    }
  });
};

export const auditVerify = async (call: Call): Promise<void> => {
  const { options, out } = call;
  let last: { ok: boolean; events: number; streams: number; failures: readonly { stream: string; revision: number; problem: string }[] } | undefined;
  for await (const line of clientFor('operator', call).lines({ path: '/audit/verify', query: { stream: options['stream'] } })) {
    if (out.json) await out.jsonLine(line);
    if (line.done) last = line;
    else out.progress(`${line.streams} of ${line.of ?? '?'} streams, ${line.events} events`);
  }
  out.progressEnd();
  if (!last) throw new Failure('unavailable', 'the verification was cut off', "Try again: 'tollgate audit verify'.");
  const { ok, events, streams, failures } = last;
  if (!out.json) for (const { stream, revision, problem } of failures) await out.data(`${stream} ${revision}: ${problem}`);
  if (!ok) throw new Failure('ours', `the log does not verify: ${failures.length} of ${streams} streams are broken`, 'Keep the data folder as it is, and compare with the last backup.', { code: 'LogDamaged' });
  if (!out.json) await out.data(`The log verifies: ${events} events in ${streams} streams, every hash as it was written.`);
};

export const clockShow = async (call: Call): Promise<void> => {
  const clock = await clientFor('operator', call).json({ path: '/clock' });
  await call.out.result(clock, () => call.out.record({ now: clock.now, ahead: clock.offsetMs === 0 ? 'not at all' : span(clock.offsetMs) }));
};
const span = (ms: number): string => {
  const units = [['days', 86_400_000], ['hours', 3_600_000], ['minutes', 60_000], ['seconds', 1_000]] as const;
  let rest = ms;
  return units.flatMap(([name, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? [] : [`${count} ${name}`];
  }).join(', ') || '0 seconds';
};
export const clockAdvance = async (call: Call): Promise<void> => {
  const { args: [duration], out } = call;
  let last: { now: string; steps?: number } | undefined;
  for await (const line of clientFor('operator', call).lines({ method: 'POST', path: '/clock/advance', body: { duration } })) {
    if (line.done) last = line;
    else out.progress(`now ${localTime(line.now)}`);
  }
  out.progressEnd();
  if (!last) throw new Failure('unavailable', 'the answer was cut off; the clock goes on by itself', "See 'tollgate clock show'.");
  const { now, steps } = last;
  await out.result(last, () => out.data(`It is ${localTime(now)}${steps === undefined ? '' : `; ${steps === 1 ? '1 thing' : `${steps} things`} fell due`}.`));
};
