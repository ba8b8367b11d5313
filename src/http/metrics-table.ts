import { type MetricDefinition, metricDefinitions } from './metrics-list.js';

/** The table of all metrics in Markdown. docs/metrics.md holds it between its marks. */
export function metricsMarkdown(): string {
  const head = ['metric', 'type', 'of', 'unit', 'meaning'];
  const rows = metricDefinitions.map((one) => [
    `\`${one.name}\``,
    one.type,
    one.of === 'group' ? 'group' : 'process',
    one.unit,
    one.meaning,
  ]);
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** The names of all series that a metric is served as. */
export function seriesOf({ name, type }: MetricDefinition): string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
