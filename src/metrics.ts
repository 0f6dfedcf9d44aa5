/** What `/metrics` looks at when it is asked: lags, waiting and parked work, how many of what. */
import type { Looked } from './adapters/metrics/exposition.ts';
import type { Meters } from './adapters/metrics/meters.ts';
import type { Rim } from './adapters/http/rim.ts';
import { toEpochMs } from './domain/instant.ts';
import type { WorkloadState } from './domain/workload/state.ts';
import type { ModelRunner } from './projections/runner.ts';

type Parts = Pick<Rim, 'models' | 'pumps' | 'log' | 'clock' | 'version' | 'mode'> & { readonly streams: () => number };
const workloadStates: readonly WorkloadState[] = ['pending', 'building', 'starting', 'running', 'stopping', 'stopped', 'error'];
const phases = ['active', 'grace', 'limited', 'suspended', 'ended'];

/** How long the oldest event that a model has not folded has been waiting for it. */
const lagSeconds = async ({ log, clock }: Parts, { position }: ModelRunner): Promise<number> => {
  if (position >= (await log.head())) return 0;
  for await (const [next] of log.readAll(position, 1)) return next ? Math.max(0, (toEpochMs(clock.now()) - toEpochMs(next.meta.at)) / 1_000) : 0;
  return 0;
};
/** Known values are there from the beginning, so that a graph has no holes. */
const tally = async (model: ModelRunner | undefined, field: string, label: string, known: readonly string[]) => {
  const counts = new Map<string, number>(known.map((value) => [value, 0]));
  for (const [value, count] of (await model?.collection.tally(field)) ?? []) counts.set(String(value), count);
  return [...counts].map(([value, count]) => ({ labels: { [label]: value }, value: count }));
};

const lookedAt = (parts: Parts): readonly Looked[] => {
  const { models, pumps, log, version, mode, streams } = parts;
  const perModel = (value: (runner: ModelRunner) => number | Promise<number>) => () => Promise.all([...models.values()].map(async (runner) => ({ labels: { model: runner.model.name }, value: await value(runner) })));
  const perReactor = (value: (pump: (typeof pumps)[number]) => number) => async () => pumps.map((pump) => ({ labels: { reactor: pump.reactor.name }, value: value(pump) }));
  const reactorLag = async () => {
    const head = await log.head();
    return perReactor((pump) => Number(head - pump.position))();
  };
  return [
    { name: 'tollgate_info', help: 'Version and mode; always 1', labels: ['version', 'mode'], look: async () => [{ labels: { version, mode }, value: 1 }] },
    { name: 'tollgate_log_position', help: 'Position of the last durable event', labels: [], look: async () => [{ labels: {}, value: Number(await log.head()) }] },
    { name: 'tollgate_projection_up', help: '0: the read model has stopped; see its failure with tollgate projection list', labels: ['model'], look: perModel(({ failure }) => (failure === undefined ? 1 : 0)) },
    { name: 'tollgate_projection_lag_events', help: 'Events that the read model has not folded yet', labels: ['model'], look: perModel(async (runner) => Number((await log.head()) - runner.position)) },
    { name: 'tollgate_projection_lag_seconds', help: 'How long the oldest of them has been waiting', labels: ['model'], look: perModel((runner) => lagSeconds(parts, runner)) },
    { name: 'tollgate_reactor_lag_events', help: 'Events that the reactor has not seen yet', labels: ['reactor'], look: reactorLag },
    { name: 'tollgate_reactor_waiting', help: 'Streams with something still to be done, now or later', labels: ['reactor'], look: perReactor((pump) => pump.waiting()) },
    { name: 'tollgate_reactor_parked', help: 'Deeds that were given up and wait for staff: tollgate reactor list', labels: ['reactor'], look: perReactor((pump) => pump.parked().length) },
    { name: 'tollgate_workloads', help: 'Workloads by state', labels: ['state'], look: () => tally(models.get('workloads'), 'state', 'state', workloadStates) },
    { name: 'tollgate_subscriptions', help: 'Subscriptions by phase', labels: ['phase'], look: () => tally(models.get('subscriptions'), 'phase', 'phase', phases) },
    { name: 'tollgate_event_streams', help: 'Open streams of GET /events', labels: [], look: async () => [{ labels: {}, value: streams() }] },
  ];
};

/** The meters as the rim knows them; `rim` gives what is looked at when somebody asks. */
export const metricsOf = (meters: Meters, rim: () => Omit<Parts, 'streams'>, openToLoopback: boolean): Rim['metrics'] => {
  let exposed: { text(): ReturnType<Rim['metrics']['text']> } | undefined;
  return {
    openToLoopback, verdict: (...verdict) => meters.verdict(...verdict), answered: (...answer) => meters.answered(...answer),
    text: async (streams) => {
      const { exposition } = await import('./adapters/metrics/exposition.ts'); // only who asks pays for loading it
      exposed ??= exposition(meters, lookedAt({ ...rim(), streams }));
      return exposed.text();
    },
  };
};
