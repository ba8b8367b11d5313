import { Counter, Gauge, Histogram as PromHistogram, Registry } from 'prom-client';
import type { Histogram } from '../observe/histogram.js';
import {
  type GroupMetric,
  type MetricDefinition,
  type MetricSource,
  metricDefinitions,
  type ProcessMetric,
  type RoleMetric,
} from './metrics-list.js';

/** The metrics of a process for Prometheus. Their values are read at each scrape. */
export function metricsRegistry(source: MetricSource): Registry {
  const registry = new Registry();
  const { group, output } = source.view;
  registry.setDefaultLabels({ group, output });
  for (const definition of metricDefinitions) register(registry, definition, source);
  return registry;
}

function register(registry: Registry, definition: MetricDefinition, source: MetricSource): void {
  const { name, meaning, unit } = definition;
  const common = { name, help: `${meaning} (${unit})`, registers: [registry] };
  if (definition.type === 'histogram') {
    const counted = definition.read(source.view);
    new CountedHistogram({ ...common, buckets: [...counted.bounds] }, counted);
  } else if (definition.of === 'role') registerRoles(common, definition, source);
  else if (definition.type === 'gauge')
    new Gauge({
      ...common,
      collect() {
        const value = read(definition, source);
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  else
    new Counter({
      ...common,
      collect() {
        const value = read(definition, source);
        this.reset();
        if (value === undefined) this.remove();
        else this.inc(value);
      },
    });
}

function registerRoles(
  common: { readonly name: string; readonly help: string; readonly registers: Registry[] },
  { read }: RoleMetric,
  { view }: MetricSource,
): void {
  new Counter({
    ...common,
    labelNames: ['role'],
    collect() {
      this.reset();
      for (const [role, counts] of view.stats.connections) this.inc({ role }, read(counts));
    },
  });
}

/** Undefined if the value is not known at the moment: then it is not served, because an old value would mislead. */
function read(definition: GroupMetric | ProcessMetric, { view, totals }: MetricSource): number | undefined {
  if (definition.of === 'process') return definition.read(view);
  const sums = totals();
  return sums && definition.read(sums);
}

/** Serves a histogram that is counted elsewhere: prom-client's own `observe` costs too much per message. */
class CountedHistogram extends PromHistogram {
  readonly #counted: Histogram;
  readonly #config: { readonly name: string; readonly help: string };

  constructor(config: ConstructorParameters<typeof PromHistogram>[0], counted: Histogram) {
    super(config);
    this.#counted = counted;
    this.#config = config;
  }

  override async get(): ReturnType<PromHistogram['get']> {
    const { bounds, counts, sum } = this.#counted;
    const { name, help } = this.#config;
    const value = (metricName: string, labels: object, number: number) => ({
      metricName: `${name}_${metricName}`,
      labels,
      value: number,
      exemplar: null,
    });
    let count = 0;
    const values = [...counts].map((more, i) => {
      count += more;
      return value('bucket', { le: bounds[i] ?? '+Inf' }, count);
    });
    values.push(value('sum', {}, sum), value('count', {}, count));
    const histogram = { name, help, type: 'histogram', values, aggregator: 'sum' };
    return histogram as unknown as Awaited<ReturnType<PromHistogram['get']>>;
  }

  /** prom-client calls this to make the text. */
  getForPromString(): ReturnType<PromHistogram['get']> {
    return this.get();
  }
}
