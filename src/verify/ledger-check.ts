import { canBeListed } from '../publish/ledger-file.js';
import { type Differences, type Examples, note } from './differences.js';
import { LOST, UNKNOWN } from './gaps.js';
import { IdIndex } from './id-index.js';

export interface LedgerResult extends Differences {
  /** Ids in the ledger, repeated ones included. */
  readonly ids: number;
  /** How many of the `lost` lie in a recorded gap. */
  readonly lostInGaps: number;
  /** Ids that were not found, but may have been trimmed or purged. Not counted as lost. */
  readonly untraceable: number;
  readonly examples: Examples;
}

/** What was found of some ids, or of all. */
export interface LedgerSums extends Pick<LedgerResult, 'ids' | 'doubled' | 'unexpected' | 'examples'> {
  /** How many listed ids were not found. */
  readonly missing: number;
}

/**
 * The result of all ids.
 *
 * @param inGaps how many of the missing lie in a recorded gap
 * @param deleted how many results were trimmed and dead letters purged, of unknown ids
 */
export function ledgerResultOf(
  { missing, ...sums }: LedgerSums,
  inGaps: number,
  deleted: number,
): LedgerResult {
  const lost = Math.max(0, missing - deleted);
  return { ...sums, lost, lostInGaps: Math.min(lost, inGaps), untraceable: missing - lost };
}

/** Compares the group with a ledger: each id is settled as often as it is listed, or not settled yet. */
export class LedgerCheck {
  readonly #ids = new IdIndex();
  /** Of each file: the numbers of its ids, and where they stand in it. */
  readonly #files: { readonly number: number; readonly at: number }[][] = [];
  /** By number: how often the id is listed, settled, and found on its way. */
  readonly #listed: number[] = [];
  #settled = new Uint32Array(0);
  #onTheWay = new Uint32Array(0);
  /** By number: when the id was first relayed, ms since 1970; 0 for never. */
  #relayedAt = new Float64Array(0);
  #unexpected = 0;
  readonly #unexpectedIds: string[] = [];

  /** Begins another file: the order of ids counts within one file only. */
  newFile(): void {
    this.#files.push([]);
  }

  /** Adds an id of the file, which stands there `at` that place. List all ids before {@link startOver}. */
  list(id: string, at: number): void {
    const number = this.#ids.add(id);
    this.#listed[number] = (this.#listed[number] ?? 0) + 1;
    this.#files.at(-1)?.push({ number, at });
  }

  /** Forgets all that was found, and keeps the list. Call it before each look at the group. */
  startOver(): void {
    const { size } = this.#ids;
    this.#settled = new Uint32Array(size);
    this.#onTheWay = new Uint32Array(size);
    this.#relayedAt = new Float64Array(size);
    this.#unexpected = 0;
    this.#unexpectedIds.length = 0;
  }

  /**
   * Takes a result or a dead letter.
   *
   * @param relayedAt ms since 1970; undefined if unknown
   */
  settled(id: string, relayedAt: number | undefined): void {
    const number = this.#ids.get(id);
    if (number !== undefined) {
      this.#settled[number] = (this.#settled[number] ?? 0) + 1;
      this.#found(number, relayedAt);
    } else if (canBeListed(id)) {
      this.#unexpected++;
      note(this.#unexpectedIds, id);
    }
  }

  /** Takes a message that is relayed and not settled, or was settled after the moment of the numbers. */
  onTheWay(id: string, relayedAt: number | undefined): void {
    const number = this.#ids.get(id);
    if (number === undefined) return;
    this.#onTheWay[number] = (this.#onTheWay[number] ?? 0) + 1;
    this.#found(number, relayedAt);
  }

  /** What was found, without gaps. */
  get sums(): LedgerSums {
    const lost: string[] = [];
    const doubledIds: string[] = [];
    let [number, ids, missing, doubled] = [0, 0, 0, 0];
    for (const id of this.#ids) {
      const listed = this.#listed[number] ?? 0;
      const absent = this.#missingOf(number);
      const surplus = Math.max(0, (this.#settled[number] ?? 0) - listed);
      if (absent > 0) note(lost, id);
      if (surplus > 0) note(doubledIds, id);
      ids += listed;
      missing += absent;
      doubled += surplus;
      number++;
    }
    const examples = { lost, doubled: doubledIds, unexpected: this.#unexpectedIds };
    return { ids, missing, doubled, unexpected: this.#unexpected, examples };
  }

  /**
   * Writes down for each listed id when it was relayed, as {@link lostInGaps} wants it.
   *
   * @param files for each ledger file, the time of each id in it
   */
  timesInto(files: readonly Float64Array[]): void {
    const seen = new Uint32Array(this.#ids.size);
    for (const [file, listings] of this.#files.entries())
      for (const { number, at } of listings) {
        const times = seen[number] ?? 0;
        seen[number] = times + 1;
        const time = this.#timeOf(number, times + 1);
        const into = files[file];
        if (into) into[at] = time;
      }
  }

  /** @param nth which listing of the id it is */
  #timeOf(number: number, nth: number): number {
    const listed = this.#listed[number] ?? 0;
    // If an id is listed twice, it is unknown which time belongs to which of the two.
    if (nth > listed - this.#missingOf(number)) return LOST;
    return listed > 1 ? UNKNOWN : (this.#relayedAt[number] ?? UNKNOWN);
  }

  #found(number: number, relayedAt: number | undefined): void {
    const before = this.#relayedAt[number] ?? 0;
    if (relayedAt !== undefined && (before === 0 || relayedAt < before)) this.#relayedAt[number] = relayedAt;
  }

  #missingOf(number: number): number {
    const found = (this.#settled[number] ?? 0) + (this.#onTheWay[number] ?? 0);
    return Math.max(0, (this.#listed[number] ?? 0) - found);
  }
}
