import { MOST_LANES } from './lanes.js';
import { compareIds, isEntryId, previousId } from './stream-id.js';

// The ids of dead letters. A group with one lane has one stream of them, and their ids are those of the stream. With more lanes
// each has its own stream, at a node of its own. Two of them may well give the same id: so the lane stands behind it, as in
// 1795251095809-0@2.

/** Where a dead letter is. */
export interface DeadLetterPlace {
  /** In the stream of its lane. */
  readonly id: string;
  /** The number of the lane, from 0 on; undefined if the id names none. */
  readonly lane: number | undefined;
}

/** The id of a dead letter in a group that has or had several lanes. @param lane undefined for one of the group itself */
export function deadLetterIdIn(lane: number | undefined, id: string): string {
  return lane === undefined ? id : `${id}@${lane}`;
}

/** What the id of a dead letter says; undefined for any other text. */
export function deadLetterPlaceIn(text: string): DeadLetterPlace | undefined {
  const [, id = '', lane] = /^(\d+-\d+)(?:@(0|[1-9]\d?))?$/.exec(text) ?? [];
  if (!isEntryId(id) || Number(lane ?? 0) >= MOST_LANES) return undefined;
  return { id, lane: lane === undefined ? undefined : Number(lane) };
}

/** Negative where `a` died before `b`, positive where it died after `b`; of two of one moment, that of the lower lane comes first. */
export function compareDeadLetters(a: DeadLetterPlace, b: DeadLetterPlace): number {
  return compareIds(a.id, b.id) || (a.lane ?? -1) - (b.lane ?? -1);
}

/**
 * The newest dead letters of lanes, in one text, which {@link NewestDeadLetters} takes. If only one lane has any, a comma follows its id: it
 * counts in its own lane.
 *
 * @param ids '' for a lane without dead letters
 */
export function newestOfEach(ids: readonly string[]): string {
  const there = ids.filter((id) => id !== '');
  return there.length === 1 ? `${there[0]},` : there.join(',');
}

/** The newest dead letters of a group at some moment. */
export class NewestDeadLetters {
  readonly #places: readonly DeadLetterPlace[];
  readonly #isOfEach: boolean;

  /**
   * @param text what {@link newestOfEach} gives; or one id, for all up to it: in the order of {@link compareDeadLetters}, or, without a
   *   lane, in each lane. '' for none
   */
  constructor(text: string) {
    this.#places = text.split(',').flatMap((one) => deadLetterPlaceIn(one) ?? []);
    this.#isOfEach = text.includes(',');
  }

  /** The id up to which those of a lane are meant, in its stream; '' for none. @param lane undefined for the group itself */
  idIn(lane: number | undefined): string {
    if (this.#isOfEach) return this.#places.find((one) => one.lane === lane)?.id ?? '';
    const [one] = this.#places;
    if (!one) return '';
    const comesAfter = one.lane !== undefined && (lane ?? -1) > one.lane;
    return (comesAfter ? previousId(one.id) : one.id) ?? '';
  }

  /** Whether a dead letter is one of those up to the newest. */
  has(deadLetterId: string): boolean {
    const place = deadLetterPlaceIn(deadLetterId);
    const last = place ? this.idIn(place.lane) : '';
    return place !== undefined && last !== '' && compareIds(place.id, last) <= 0;
  }
}
