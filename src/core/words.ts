/** A count with its noun: `1 message`, `3 messages`. An irregular plural is the third argument. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });

/** A number to read: `1,203`; one below 10 with two digits: `0.4`. */
export function numberText(value: number): string {
  return Math.abs(value) < 10 ? short.format(value) : grouped.format(value);
}

/** About how long: `850 ms`, `45 s`, `12 min`, `5 h`, `3 days`. @param ms from 0 on */
export function aboutText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 36 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${numberText(Math.round(ms / 86_400_000))} days`;
}
