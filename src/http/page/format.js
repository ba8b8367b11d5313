/** The formats of numbers, times and messages on the page. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const compactly = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** `1,203` @param {number} value */
export function count(value) {
  return whole.format(value);
}

/** A number per second: `1,203`, `0.4`; `–` if it is not known. @param {number | null} value */
export function rate(value) {
  if (value === null || value === undefined) return '–';
  return value < 10 ? short.format(value) : whole.format(value);
}

/** `1.2K`, `3M` @param {number} value */
export function compact(value) {
  return compactly.format(value);
}

/** `1 message`, `2 messages`, `3 processes` */
export function counted(value, what, many = `${what}s`) {
  return `${count(value)} ${value === 1 ? what : many}`;
}

/** `40 %`; never 100 if it is less, or 0 if it is more. @param {number} share from 0 to 1 */
export function percent(share) {
  if (share > 0 && share < 0.01) return '< 1 %';
  return `${share > 0.99 && share < 1 ? 99 : Math.round(share * 100)} %`;
}

/** `850 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `3 days`. @param {number} ms */
export function duration(ms) {
  if (ms < 10) return `${short.format(ms)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${count(Math.floor(hours / 24))} days`;
}

/** `45 s`, `12 min`, `5 h`, `3 days`. @param {number} ms */
export function roughly(ms) {
  const steps = [
    [60_000, 1_000, 's'],
    [3_600_000, 60_000, 'min'],
    [172_800_000, 3_600_000, 'h'],
    [Number.POSITIVE_INFINITY, 86_400_000, 'days'],
  ];
  const [, size, unit] = steps.find(([end]) => ms < end);
  return `${count(Math.floor(ms / size))} ${unit}`;
}

/** In the reader's time zone: `12:00:03`, or `29 Nov 12:00:03` if it is another day. @param {string} iso */
export function when(iso, now = new Date()) {
  const time = new Date(iso);
  const today = time.toDateString() === now.toDateString();
  return `${today ? '' : `${day.format(time)} `}${clock.format(time)}`;
}

/**
 * A JSON text with a line for each member. Only blanks differ: numbers and texts stay as they were written. A text that is no JSON
 * stays as it is.
 *
 * @param {string} text
 */
export function prettyJson(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let [depth, out] = [0, ''];
  const line = (change) => {
    depth += change;
    return `\n${'  '.repeat(depth)}`;
  };
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[\]{},:]|[^\s[\]{},:"]+/g)) {
    if (token.length > 1 && '[{'.includes(token[0])) out += token[0] + token.at(-1);
    else if (token === '{' || token === '[') out += token + line(1);
    else if (token === '}' || token === ']') out += line(-1) + token;
    else if (token === ',') out += token + line(0);
    else out += token === ':' ? ': ' : token;
  }
  return out;
}
