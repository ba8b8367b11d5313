import type { ControlStore } from '../core/control.js';
import { CgroupError } from '../core/errors.js';
import { compareLetters, type LetterPlace, letterIn, letterPlaceIn, Newest } from '../core/letter-id.js';
import type { Source } from '../core/source.js';
import { nextId } from '../core/stream-id.js';
import { addedKeys, addedReading, addedTotals, type LaneRead } from './added-up.js';
import type { Gaps, GroupInspector, Owner } from './group-inspector.js';
import { HOTTEST_KEYS, type Inspector } from './inspect.js';
import { LanesHalts } from './lanes-halts.js';
import { mergedNewest, mergedPage } from './merged.js';
import type { CutDeadLetter, GroupTotals, OrderTotals, Reading, StreamEntry } from './reading.js';
import type { LiveConsumers } from './registry.js';
import type { KeyTotals } from './scripts/keyed.js';
import type { ServerMemory } from './server.js';

/** A dead letter, and where it is. */
interface Placed<Letter> {
  readonly place: LetterPlace;
  readonly letter: Letter;
}

/**
 * Reads a group that has several lanes: adds up what they hold, and finds dead letters in them. What belongs to the group as a
 * whole, such as bridges, gaps and control, stands under the name of the output itself: the base.
 */
export class LanesInspector implements GroupInspector {
  readonly control: ControlStore;
  readonly halts: LanesHalts;
  /** The lanes, and the base: there are the results of the time before the group had lanes. */
  readonly lanes: readonly Inspector[];
  readonly #base: Inspector;
  readonly #lanes: readonly Inspector[];
  /** The page of dead letters that was asked for last. */
  #lastPage: Promise<unknown> = Promise.resolve();

  constructor(base: Inspector, lanes: readonly Inspector[]) {
    this.#base = base;
    this.#lanes = lanes;
    this.lanes = [base, ...lanes];
    this.control = base.control;
    this.halts = new LanesHalts(lanes.map(({ halts }) => halts));
  }

  async read(): Promise<Reading> {
    const [base, lanes] = await this.#all((one) => one.read());
    return addedReading(base, lanes);
  }

  async totals(): Promise<GroupTotals> {
    const [base, lanes] = await this.#all((one) => one.totals());
    return addedTotals(base, lanes);
  }

  async #all<Totals extends GroupTotals>(
    read: (one: Inspector) => Promise<Totals>,
  ): Promise<[base: Totals, lanes: LaneRead<Totals>[]]> {
    const ofLane = async (lane: Inspector) => ({
      totals: await read(lane),
      output: lane.outputKey,
      node: lane.node,
    });
    return Promise.all([read(this.#base), Promise.all(this.#lanes.map(ofLane))]);
  }

  /** Lanes have no total order, of which this is asked. Several may have the id: it is that of the first one. */
  async holderOf(entryId: string): ReturnType<GroupInspector['holderOf']> {
    const found = await Promise.all(this.#lanes.map((lane) => lane.holderOf(entryId)));
    return found.find((one) => one !== undefined);
  }

  liveConsumers(): Promise<LiveConsumers> {
    return this.#base.liveConsumers();
  }

  get master(): string | null {
    return this.#base.master;
  }

  server(): Promise<ServerMemory> {
    return this.#base.server();
  }

  owner(): Promise<Owner | null> {
    return this.#base.owner();
  }

  waitingIn(source: Source): Promise<number | undefined> {
    return this.#base.waitingIn(source);
  }

  gaps(): Promise<Gaps> {
    return this.#base.gaps();
  }

  async keyTotals(kind: OrderTotals['kind']): Promise<KeyTotals> {
    return addedKeys(await Promise.all(this.#lanes.map((lane) => lane.keyTotals(kind))), HOTTEST_KEYS);
  }

  async *newestDeadLetters(most: number): AsyncGenerator<StreamEntry> {
    const sources = this.#lanes.map((lane, i) => placedAll(i, lane.newestDeadLetters(most)));
    let left = most;
    for await (const { letter } of mergedNewest(sources, inTime)) {
      if (left-- <= 0) return;
      yield letter;
    }
  }

  deadLettersBefore(before: string | undefined, count: number, longest: number): Promise<CutDeadLetter[]> {
    const read = () =>
      this.#readCut(before === undefined ? undefined : letterPlaceIn(before), count, longest);
    const page = this.#lastPage.then(read, read);
    this.#lastPage = page;
    return page;
  }

  async #readCut(before: LetterPlace | undefined, count: number, longest: number): Promise<CutDeadLetter[]> {
    const read = async (i: number, last: Placed<CutDeadLetter> | undefined, most: number) => {
      const from = last?.place.id ?? (before && firstBefore(before, i));
      const page = await this.#lane(i).deadLettersBefore(from, most, longest);
      return page.map((letter) => placed(i, letter));
    };
    const page = await mergedPage(this.#lanes.length, count, read, inTime);
    return page.map(({ letter }) => letter);
  }

  /** If the id names no lane, the first one with such a letter is meant. */
  async deadLetter(id: string): Promise<StreamEntry | undefined> {
    const place = letterPlaceIn(id);
    if (!place) return undefined;
    const found = await Promise.all(
      this.#lanesOf(place).map(async (lane) => {
        const letter = await this.#lane(lane).deadLetter(place.id);
        return letter && placed(lane, letter).letter;
      }),
    );
    return found.find((one) => one !== undefined);
  }

  async located(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (const id of ids) {
      const place = letterPlaceIn(id);
      if (place === undefined) continue;
      const lanes = place.lane === undefined ? await this.#lanesWith(place.id) : this.#lanesOf(place);
      const full = lanes.map((lane) => letterIn(lane, place.id));
      if (full.length > 1)
        throw new CgroupError(
          'NOT_FOUND',
          `${full.length} dead letters have the id ${id}, in different lanes: give one of ${full.join(', ')}`,
        );
      for (const letter of full) found.set(letter, id);
    }
    return found;
  }

  /** The numbers of the lanes that have a dead letter with this id. */
  async #lanesWith(id: string): Promise<number[]> {
    const found = await Promise.all(
      this.#lanes.map(async (lane) => (await lane.deadLettersBefore(nextId(id), 1, 1))[0]?.id === id),
    );
    return found.flatMap((has, lane) => (has ? [lane] : []));
  }

  async revive(ids: readonly string[], onProgress?: (found: number) => void): Promise<string[]> {
    const counts = this.#lanes.map(() => 0);
    const note = (lane: number, count: number) => {
      counts[lane] = count;
      onProgress?.(counts.reduce((sum, more) => sum + more, 0));
    };
    return this.#inLanes(ids, (lane, own) => this.#lane(lane).revive(own, (count) => note(lane, count)));
  }

  async purge(newest: string): Promise<number> {
    const last = new Newest(newest);
    const purged = await Promise.all(this.#lanes.map((lane, i) => lane.purge(last.idIn(i))));
    return purged.reduce((sum, more) => sum + more, 0);
  }

  purgeThese(ids: readonly string[]): Promise<string[]> {
    return this.#inLanes(ids, (lane, own) => this.#lane(lane).purgeThese(own));
  }

  /** Gives each lane the ids of its own dead letters. Ids without a lane are in none. */
  async #inLanes(
    ids: readonly string[],
    act: (lane: number, ids: readonly string[]) => Promise<string[]>,
  ): Promise<string[]> {
    const places = ids.flatMap((id) => letterPlaceIn(id) ?? []);
    const found = await Promise.all(
      this.#lanes.map(async (_, i) => {
        const own = places.filter(({ lane }) => lane === i).map(({ id }) => id);
        return own.length === 0 ? [] : (await act(i, own)).map((id) => letterIn(i, id));
      }),
    );
    return found.flat();
  }

  #lane(number: number): Inspector {
    return this.#lanes[number] as Inspector;
  }

  /** The numbers of the lanes in which a dead letter may be. */
  #lanesOf({ lane: wanted }: LetterPlace): number[] {
    return [...this.#lanes.keys()].filter((lane) => wanted === undefined || wanted === lane);
  }
}

/** Names the lane in the id of a dead letter. */
function placed<Letter extends StreamEntry>(lane: number, letter: Letter): Placed<Letter> {
  return { place: { id: letter.id, lane }, letter: { ...letter, id: letterIn(lane, letter.id) } };
}

async function* placedAll(
  lane: number,
  letters: AsyncIterable<StreamEntry>,
): AsyncGenerator<Placed<StreamEntry>> {
  for await (const letter of letters) yield placed(lane, letter);
}

function inTime(a: Placed<unknown>, b: Placed<unknown>): number {
  return compareLetters(a.place, b.place);
}

/** The first id of a lane that is not before a letter. */
function firstBefore({ id, lane }: LetterPlace, own: number): string {
  return lane !== undefined && own < lane ? nextId(id) : id;
}
