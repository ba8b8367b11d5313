/** The formats of numbers and times on the page. */

const whole = new Intl.NumberFormat();

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

/** `1 message`, `2 messages`. @param {number} value @param {string} what a noun in the singular */
export function counted(value, what) {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}

/** `850 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`. @param {number} ms */
export function duration(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Date and time in the reader's time zone. @param {string} iso */
export function when(iso) {
  return new Date(iso).toLocaleString();
}
