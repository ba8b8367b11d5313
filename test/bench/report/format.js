/** 12,345 */
export function whole(number) {
  return Math.round(number).toLocaleString('en');
}

/** Three significant digits: 0.0123, 1.23, 12.3, 123 */
export function short(number) {
  return number >= 1_000 ? whole(number) : String(Number(number.toPrecision(3)));
}

export function megabytes(bytes) {
  return `${whole(bytes / 1e6)} MB`;
}

/** `median (least – most)`, or just the median if they are alike; a dash for nothing */
export function spreadText(spread, format) {
  if (spread === undefined) return '–';
  if (format(spread.least) === format(spread.most)) return format(spread.median);
  return `${format(spread.median)} (${format(spread.least)} – ${format(spread.most)})`;
}
