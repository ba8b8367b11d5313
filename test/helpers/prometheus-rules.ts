/** Durations as Prometheus writes them, in seconds. */
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/**
 * Divides all durations of the rules, or of a configuration, by `times`: intervals, `for`, ranges, and the maximum age
 * of a message. The alerts stay the same.
 */
export function hastened(yaml: string, times: number): string {
  const faster = (amount: string, unit: string) =>
    `${Math.max(1, Math.round((Number(amount) * (SECONDS[unit] ?? 1)) / times))}s`;
  return yaml
    .replace(/(for|_interval): (\d+)([smh])\b/g, (_, key, amount, unit) => `${key}: ${faster(amount, unit)}`)
    .replace(/\[(\d+)([smh])\]/g, (_, amount, unit) => `[${faster(amount, unit)}]`)
    .replace(/(_seconds\) > )(\d+)/g, (_, left, amount) => `${left}${faster(amount, 's').slice(0, -1)}`);
}

/** The names of all metrics of cgroup in a PromQL expression. */
export function metricsIn(expression: string): string[] {
  return expression.match(/\bcgroup_[a-z_]+/g) ?? [];
}
