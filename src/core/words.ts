// How numbers are written in all sentences for people: of the commands, the log, errors and the page's verdict. JSON, the lines of the
// monitor and the tables of a pipe have digits only.

/** A number to read: `1,203`; one below 10 with two digits: `0.4`. Without Intl, which takes Node 10 ms to load. */
export function numberText(value: number): string {
  if (Math.abs(value) < 10) return String(Number(value.toPrecision(2)));
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A count with its noun: `1 message`, `1,203 messages`. An irregular plural is the third argument. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}

/** `40,040 msg/s`. @param rate messages per second */
export function rateText(rate: number): string {
  return `${numberText(rate)} msg/s`;
}

/** `24 GB`, `512 MB`, `12 KB`, `53 bytes`. */
export function bytesText(bytes: number): string {
  if (bytes < 1_024) return plural(bytes, 'byte');
  if (bytes < 2 ** 20) return `${numberText(bytes / 1_024)} KB`;
  if (bytes < 2 ** 30) return `${numberText(bytes / 2 ** 20)} MB`;
  return `${numberText(bytes / 2 ** 30)} GB`;
}

/** About how long: `850 ms`, `45 s`, `12 min`, `5 h`, `3 days`. @param ms from 0 on */
export function aboutText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 36 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${numberText(Math.round(ms / 86_400_000))} days`;
}
