import { compareIds, isEntryId } from './stream-id.js';

// The ids of dead letters. A group with one lane has one stream of them, and their ids are those of the stream. With more lanes
// each has its own stream, at a node of its own. Two of them may well give the same id: so the lane stands behind it, as in
// 1795251095809-0@2.

/** Where a dead letter is. */
export interface LetterPlace {
  /** In the stream of its lane. */
  readonly id: string;
  /** The number of the lane, from 0 on; undefined if the id names none. */
  readonly lane: number | undefined;
}

/** The id of a dead letter in a group with several lanes. */
export function letterIn(lane: number, id: string): string {
  return `${id}@${lane}`;
}

/** What the id of a dead letter says; undefined for any other text. */
export function letterPlaceIn(text: string): LetterPlace | undefined {
  const [, id = '', lane] = /^(\d+-\d+)(?:@(\d{1,4}))?$/.exec(text) ?? [];
  if (!isEntryId(id)) return undefined;
  return { id, lane: lane === undefined ? undefined : Number(lane) };
}

/** Negative where `a` died before `b`, positive where it died after `b`; of two of one moment, that of the lower lane comes first. */
export function compareLetters(a: LetterPlace, b: LetterPlace): number {
  return compareIds(a.id, b.id) || (a.lane ?? -1) - (b.lane ?? -1);
}

/** The newest dead letters of lanes, in one text: what is up to them is known by {@link Newest}. */
export function newestOfEach(letters: readonly string[]): string {
  return letters.filter((letter) => letter !== '').join(',');
}

/** The newest dead letters of a group at some moment. */
export class Newest {
  readonly #places: readonly LetterPlace[];

  /** @param text the id of the newest, for all lanes if it names none; or those of several lanes, with commas; '' for none */
  constructor(text: string) {
    this.#places = text.split(',').flatMap((one) => letterPlaceIn(one) ?? []);
  }

  /** The id of the newest one of a lane, in its stream; '' for none. @param lane undefined in a group with one lane */
  idIn(lane: number | undefined): string {
    return this.#places.find((one) => one.lane === undefined || one.lane === lane)?.id ?? '';
  }

  /** Whether a dead letter is one of those up to the newest. */
  has(letter: string): boolean {
    const place = letterPlaceIn(letter);
    const last = place ? this.idIn(place.lane) : '';
    return place !== undefined && last !== '' && compareIds(place.id, last) <= 0;
  }
}
