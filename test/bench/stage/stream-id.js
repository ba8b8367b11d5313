/** ms since 1970, by Redis's clock, from the id of an entry of a stream. */
export function millisecondsOf(id) {
  return Number(id.slice(0, id.indexOf('-')));
}
