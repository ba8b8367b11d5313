/** Ids of stream entries, MILLISECONDS-SEQUENCE (https://redis.io/docs/latest/commands/xadd/). */

/** Each part of an id has 64 bits. */
const BITS = 64;

/** Whether Redis accepts it as the id of an entry. There is no entry 0-0. */
export function isEntryId(text: string): boolean {
  const [, ...parts] = /^(\d{1,20})-(\d{1,20})$/.exec(text) ?? [];
  const numbers = parts.map(BigInt);
  return numbers.some((part) => part > 0n) && numbers.every((part) => BigInt.asUintN(BITS, part) === part);
}

/** Whether it has the form of an id. Much cheaper than {@link isEntryId}, which also knows the largest one. */
export function looksLikeEntryId(text: string): boolean {
  return /^\d+-\d+$/.test(text);
}

/** When the entry was written: ms since 1970, by the clock of Redis. */
export function timeOfId(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}

/** Negative where `a` is before `b`, 0 where they are the same, positive where `a` is after `b`. */
export function compareIds(a: string, b: string): number {
  // Ids of the same length compare as their digits do.
  if (a.length === b.length) return a < b ? -1 : Number(a > b);
  return timeOfId(a) - timeOfId(b) || sequenceOf(a) - sequenceOf(b);
}

/** The first id after this one. */
export function nextId(id: string): string {
  const [time = 0n, sequence = 0n] = id.split('-').map(BigInt);
  const next = BigInt.asUintN(BITS, sequence + 1n);
  return `${next === 0n ? time + 1n : time}-${next}`;
}

/** The last id before this one; undefined if it is the first that an entry can have. */
export function previousId(id: string): string | undefined {
  const [time = 0n, sequence = 0n] = id.split('-').map(BigInt);
  if (sequence === 0n) return `${time - 1n}-${BigInt.asUintN(BITS, -1n)}`;
  return time === 0n && sequence === 1n ? undefined : `${time}-${sequence - 1n}`;
}

function sequenceOf(id: string): number {
  return Number(id.slice(id.indexOf('-') + 1));
}
