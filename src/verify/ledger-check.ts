import { canBeListed } from '../publish/ledger-file.js';
import { type Differences, type Examples, note } from './differences.js';
import { type GapTimes, LOST, lostInGaps, UNKNOWN } from './gaps.js';
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

/** Compares the group with a ledger: each id is settled as often as it is listed, or not settled yet. */
export class LedgerCheck {
  readonly #ids = new IdIndex();
  /** The numbers of the ids of each file, in the order of the channel. */
  readonly #files: number[][] = [];
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

  /** Adds an id of the file. List all ids before {@link startOver}. */
  list(id: string): void {
    const number = this.#ids.add(id);
    this.#listed[number] = (this.#listed[number] ?? 0) + 1;
    this.#files.at(-1)?.push(number);
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

  /** How many listed ids were not found. */
  get missing(): number {
    let missing = 0;
    for (let number = 0; number < this.#ids.size; number++) missing += this.#missingOf(number);
    return missing;
  }

  /**
   * @param gaps when messages may have been missed
   * @param deleted how many results were trimmed and dead letters purged, of unknown ids
   */
  result(gaps: readonly GapTimes[], deleted: number): LedgerResult {
    const lostIds: string[] = [];
    const doubledIds: string[] = [];
    let [number, ids, missing, doubled] = [0, 0, 0, 0];
    for (const id of this.#ids) {
      const listed = this.#listed[number] ?? 0;
      const absent = this.#missingOf(number);
      const surplus = Math.max(0, (this.#settled[number] ?? 0) - listed);
      if (absent > 0) note(lostIds, id);
      if (surplus > 0) note(doubledIds, id);
      ids += listed;
      missing += absent;
      doubled += surplus;
      number++;
    }
    const lost = Math.max(0, missing - deleted);
    const inGaps = missing > 0 && gaps.length > 0 ? this.#missingInGaps(gaps) : 0;
    return {
      ids,
      lost,
      lostInGaps: Math.min(lost, inGaps),
      untraceable: missing - lost,
      doubled,
      unexpected: this.#unexpected,
      examples: { lost: lostIds, doubled: doubledIds, unexpected: this.#unexpectedIds },
    };
  }

  #found(number: number, relayedAt: number | undefined): void {
    const before = this.#relayedAt[number] ?? 0;
    if (relayedAt !== undefined && (before === 0 || relayedAt < before)) this.#relayedAt[number] = relayedAt;
  }

  #missingOf(number: number): number {
    const found = (this.#settled[number] ?? 0) + (this.#onTheWay[number] ?? 0);
    return Math.max(0, (this.#listed[number] ?? 0) - found);
  }

  #missingInGaps(gaps: readonly GapTimes[]): number {
    const seen = new Uint32Array(this.#ids.size);
    let inGaps = 0;
    for (const file of this.#files) {
      const at = file.map((number) => {
        seen[number] = (seen[number] ?? 0) + 1;
        const listed = this.#listed[number] ?? 0;
        // If an id is listed twice, it is unknown which time belongs to which of the two.
        if ((seen[number] ?? 0) > listed - this.#missingOf(number)) return LOST;
        return listed > 1 ? UNKNOWN : (this.#relayedAt[number] ?? UNKNOWN);
      });
      inGaps += lostInGaps(Float64Array.from(at), gaps);
    }
    return inGaps;
  }
}
