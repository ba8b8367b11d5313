/** A count with its noun: `1 message`, `3 messages`. An irregular plural is the third argument. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A number to read: `1,203`; one below 10 with two digits: `0.4`. Without Intl, which takes Node 10 ms to load. */
export function numberText(value: number): string {
  if (Math.abs(value) < 10) return String(Number(value.toPrecision(2)));
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** About how long: `850 ms`, `45 s`, `12 min`, `5 h`, `3 days`. @param ms from 0 on */
export function aboutText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 36 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${numberText(Math.round(ms / 86_400_000))} days`;
}
