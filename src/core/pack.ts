/** Most messages of a pack. */
export const MOST_IN_PACK = 250;
/** Most bytes of a pack, about: a longer message goes alone. */
export const LARGEST_PACK = 65_536;

/** The sequence numbers of packs begin here: those that Redis gives to entries of one message are smaller. */
const FIRST = 1_000_000;
/** Each pack has a block of so many sequence numbers. */
const BLOCK = 1_000;

/**
 * How many messages an entry holds, from its id. The last digits of a pack's sequence number are the count, so its own id is
 * the id of its last message. An entry of one message has a small sequence number.
 */
export function countIn(entryId: string): number {
  const sequence = sequenceOf(entryId);
  return sequence < FIRST ? 1 : Math.max(sequence % BLOCK, 1);
}

/** Whether a pack may have this id. */
export function isPackId(entryId: string): boolean {
  const sequence = sequenceOf(entryId);
  const count = sequence % BLOCK;
  return sequence >= FIRST && Number.isSafeInteger(sequence) && count > 0 && count <= MOST_IN_PACK;
}

/** The id of the message `number`, from 1, of a pack. */
export function identityIn(packId: string, number: number): string {
  const sequence = sequenceOf(packId);
  return `${packId.slice(0, packId.indexOf('-'))}-${sequence - (sequence % BLOCK) + number}`;
}

/** The ids of the first `count` messages of a pack: cheaper than one by one. */
export function identitiesIn(packId: string, count: number): string[] {
  const sequence = sequenceOf(packId);
  const first = sequence - (sequence % BLOCK) + 1;
  const prefix = packId.slice(0, packId.indexOf('-') + 1);
  return Array.from({ length: count }, (_, i) => prefix + (first + i));
}

function sequenceOf(entryId: string): number {
  return Number(entryId.slice(entryId.indexOf('-') + 1));
}
