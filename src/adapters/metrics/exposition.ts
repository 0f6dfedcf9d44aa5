/** The meters, and what is looked at only when asked, as Prometheus text. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { Distribution, type Family, type Labels, type Meters } from './meters.ts';

/** Something that is looked up at the moment of asking: a gauge with its values. */
export type Looked = { readonly name: string; readonly help: string; readonly labels: readonly string[]; readonly look: () => Promise<readonly { readonly labels: Labels; readonly value: number }[]> };
type Sample = { readonly metricName: string; readonly labels: Readonly<Record<string, string | number>>; readonly value: number };

const samplesOf = (name: string, labels: Labels, value: number | Distribution): readonly Sample[] => {
  if (!(value instanceof Distribution)) return [{ metricName: name, labels, value }];
  let count = 0;
  const buckets = value.counts.map((below, place) => {
    count += below;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: value.bounds[place] ?? '+Inf' }, value: count };
  });
  return [...buckets, { metricName: `${name}_sum`, labels, value: value.sum }, { metricName: `${name}_count`, labels, value: count }];
};
/** What the registry asks of a metric, answered from our own numbers. */
const registered = (family: Family<number> | Family<Distribution>, type: 'counter' | 'histogram') => ({
  name: family.name, help: family.help, type,
  get: async () => ({ name: family.name, help: family.help, type, aggregator: 'sum', values: [...family.entries.values()].flatMap(({ labels, value }) => samplesOf(family.name, labels, value)) }),
});

export const exposition = (meters: Meters, looked: readonly Looked[]): { text(): Promise<{ readonly contentType: string; readonly body: string }> } => {
  const registry = new Registry();
  for (const family of [meters.http, meters.commands, meters.commits, meters.batches]) registry.registerMetric(registered(family, 'histogram') as never);
  for (const family of [meters.events, meters.verdicts, meters.webhooks, meters.mails]) registry.registerMetric(registered(family, 'counter') as never);
  for (const { name, help, labels, look } of looked) {
    new Gauge({
      name, help, labelNames: [...labels], registers: [registry],
      async collect() {
        const found = await look();
        this.reset();
        for (const each of found) this.set(each.labels, each.value);
      },
    });
  }
  collectDefaultMetrics({ register: registry });
  return { text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }) };
};
