import { Counter, Gauge, Histogram as PromHistogram, Registry } from 'prom-client';
import type { Histogram } from '../observe/histogram.js';
import { type MetricDefinition, type MetricSource, metricDefinitions } from './metrics-list.js';

/** The metrics of a process for Prometheus. Their values are read at each scrape. */
export function metricsRegistry(source: MetricSource): Registry {
  const registry = new Registry();
  const { group, output } = source.view;
  registry.setDefaultLabels({ group, output });
  for (const definition of metricDefinitions) register(registry, definition, source);
  return registry;
}

function register(registry: Registry, definition: MetricDefinition, source: MetricSource): void {
  const { type, name, meaning, unit } = definition;
  const common = { name, help: `${meaning} (${unit})`, registers: [registry] };
  if (type === 'histogram') {
    const read = definition.read(source.view);
    const counted: Labelled[] =
      'bounds' in read
        ? [{ labels: {}, histogram: read }]
        : [...read].map(([step, histogram]) => ({ labels: { step }, histogram }));
    new CountedHistogram({ ...common, buckets: [...(counted[0]?.histogram.bounds ?? [])] }, counted);
    return;
  }
  const { label = 'role' } = definition;
  const Metric = type === 'gauge' ? Gauge : Counter;
  new Metric({
    ...common,
    // A metric without labels would be served as 0 after `reset`; an old value, or 0, would mislead.
    labelNames: [label],
    collect() {
      const value = definition.read(source);
      this.reset();
      if (typeof value === 'number') this.inc(value);
      else for (const [which, one] of value ?? []) this.inc({ [label]: which }, one);
    },
  });
}

/** A histogram, with the labels that tell it from others of the same name. */
interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
  readonly histogram: Histogram;
}

/** Serves histograms of one name that are counted elsewhere: prom-client's own `observe` costs too much per message. */
class CountedHistogram extends PromHistogram {
  readonly #counted: readonly Labelled[];
  readonly #config: { readonly name: string; readonly help: string };

  constructor(config: ConstructorParameters<typeof PromHistogram>[0], counted: readonly Labelled[]) {
    super(config);
    this.#counted = counted;
    this.#config = config;
  }

  override async get(): ReturnType<PromHistogram['get']> {
    const { name, help } = this.#config;
    const values = this.#counted.flatMap(({ labels: own, histogram: { bounds, counts, sum } }) => {
      const value = (metricName: string, labels: object, number: number) => ({
        metricName: `${name}_${metricName}`,
        labels: { ...own, ...labels },
        value: number,
        exemplar: null,
      });
      let count = 0;
      const buckets = [...counts].map((more, i) => {
        count += more;
        return value('bucket', { le: bounds[i] ?? '+Inf' }, count);
      });
      return [...buckets, value('sum', {}, sum), value('count', {}, count)];
    });
    const histogram = { name, help, type: 'histogram', values, aggregator: 'sum' };
    return histogram as unknown as Awaited<ReturnType<PromHistogram['get']>>;
  }

  /** prom-client calls this to make the text. */
  getForPromString(): ReturnType<PromHistogram['get']> {
    return this.get();
  }
}
