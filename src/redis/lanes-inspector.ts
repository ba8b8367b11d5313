import type { ControlStore } from '../core/control.js';
import {
  compareDeadLetters,
  type DeadLetterPlace,
  deadLetterIdIn,
  deadLetterPlaceIn,
  NewestDeadLetters,
} from '../core/dead-letter-id.js';
import { CgroupError } from '../core/errors.js';
import type { Source } from '../core/source.js';
import { nextId } from '../core/stream-id.js';
import { addedKeys, addedReading, addedTotals, type GroupRead } from './added-up.js';
import type { Gaps, GroupInspector, Owner } from './group-inspector.js';
import { HOTTEST_KEYS, type Inspector } from './inspect.js';
import { LaneAnswers } from './lane-answers.js';
import { type LaneOf, LanesHalts } from './lanes-halts.js';
import { mergedNewest, mergedPage } from './merged.js';
import type { CutDeadLetter, GroupTotals, OrderTotals, Reading, StreamEntry } from './reading.js';
import type { LiveConsumers } from './registry.js';
import type { KeyTotals } from './scripts/keyed.js';
import type { ServerMemory } from './server.js';

/** A dead letter, and where it is. */
interface Placed<Entry> {
  readonly place: DeadLetterPlace;
  readonly deadLetter: Entry;
}

/** A lane that the group had before it had fewer. */
interface FormerInspector {
  readonly lane: number;
  readonly inspector: Inspector;
}

/**
 * Reads a group that has several lanes, or had them: adds up what they hold, and finds dead letters in them. What belongs to the
 * group as a whole, such as bridges, gaps and control, stands under the name of the output itself: the base. Numbers are read of
 * the lanes that answer; all else fails while a lane is away.
 */
export class LanesInspector implements GroupInspector {
  readonly control: ControlStore;
  readonly halts: LanesHalts;
  /** All lanes that ever were, those that are now last. The base has results too, of the time when there was one lane. */
  readonly lanes: readonly Inspector[];
  readonly laneNumbers: readonly number[];
  readonly #base: Inspector;
  readonly #lanes: readonly Inspector[];
  readonly #former: readonly FormerInspector[];
  /** Those that processes work on. */
  readonly #current: readonly LaneOf<Inspector>[];
  readonly #answers = new LaneAnswers<Inspector>();
  /** Nothing happens in former lanes: while one is away, what was read last still counts. */
  readonly #formerReadings = new Map<Inspector, Reading>();
  readonly #formerTotals = new Map<Inspector, GroupTotals>();
  /** All that may have dead letters. */
  readonly #all: readonly LaneOf<Inspector>[];
  /** The page of dead letters that was asked for last. */
  #lastPage: Promise<unknown> = Promise.resolve();

  /**
   * @param lanes none if the group has one lane, which is the base
   * @param former lanes that it had before, by their numbers
   */
  constructor(base: Inspector, lanes: readonly Inspector[], former: readonly FormerInspector[]) {
    this.#base = base;
    this.#lanes = lanes;
    this.#former = former;
    const ofBase = { lane: undefined, of: base };
    const ofFormer = former.map(({ lane, inspector }) => ({ lane, of: inspector }));
    this.#current = lanes.length === 0 ? [ofBase] : lanes.map((of, lane) => ({ lane, of }));
    this.#all = [...(lanes.length === 0 ? [] : [ofBase]), ...ofFormer, ...this.#current];
    this.lanes = this.#all.map(({ of }) => of);
    this.laneNumbers = this.#all.flatMap(({ lane }) => lane ?? []);
    this.control = base.control;
    this.halts = new LanesHalts(this.#current, this.#answers);
  }

  async read(): Promise<Reading> {
    return addedReading(await this.#each((one) => one.read(), this.#formerReadings));
  }

  async totals(): Promise<GroupTotals> {
    return addedTotals(await this.#each((one) => one.totals(), this.#formerTotals));
  }

  /** @param before what former lanes said last */
  async #each<Totals>(
    read: (one: Inspector) => Promise<Totals>,
    before: Map<Inspector, Totals>,
  ): Promise<GroupRead<Totals>> {
    const ofLane = async (lane: Inspector) => {
      const totals = await this.#answers.of(lane, read);
      return { totals: lane.node === null ? undefined : totals, output: lane.outputKey, node: lane.node };
    };
    const ofFormer = async ({ lane, inspector }: FormerInspector) => {
      const { totals = before.get(inspector), ...where } = await ofLane(inspector);
      if (totals) before.set(inspector, totals);
      return { lane, totals, ...where };
    };
    const [base, lanes, former] = await Promise.all([
      read(this.#base),
      Promise.all(this.#lanes.map(ofLane)),
      Promise.all(this.#former.map(ofFormer)),
    ]);
    return { base, lanes, former };
  }

  /** Several lanes have no total order, of which this is asked. Several may have the id: it is that of the first one. */
  async holderOf(entryId: string): ReturnType<GroupInspector['holderOf']> {
    const found = await Promise.all(this.#current.map(({ of }) => of.holderOf(entryId)));
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
    const ofLane = ({ of }: LaneOf<Inspector>) => this.#answers.of(of, () => of.keyTotals(kind));
    const found = await Promise.all(this.#current.map(ofLane));
    return addedKeys(
      found.flatMap((one) => one ?? []),
      HOTTEST_KEYS,
    );
  }

  async *newestDeadLetters(most: number): AsyncGenerator<StreamEntry> {
    const sources = this.#all.map(({ lane, of }) => placedAll(lane, of.newestDeadLetters(most)));
    let left = most;
    for await (const { deadLetter } of mergedNewest(sources, inTime)) {
      if (left-- <= 0) return;
      yield deadLetter;
    }
  }

  deadLettersBefore(before: string | undefined, count: number, longest: number): Promise<CutDeadLetter[]> {
    const read = () =>
      this.#readCut(before === undefined ? undefined : deadLetterPlaceIn(before), count, longest);
    const page = this.#lastPage.then(read, read);
    this.#lastPage = page;
    return page;
  }

  async #readCut(
    before: DeadLetterPlace | undefined,
    count: number,
    longest: number,
  ): Promise<CutDeadLetter[]> {
    const read = async (i: number, last: Placed<CutDeadLetter> | undefined, most: number) => {
      const { lane, of } = this.#all[i] as LaneOf<Inspector>;
      const from = last?.place.id ?? (before && firstBefore(before, lane));
      const page = await of.deadLettersBefore(from, most, longest);
      return page.map((entry) => placed(lane, entry));
    };
    const page = await mergedPage(this.#all.length, count, read, inTime);
    return page.map(({ deadLetter }) => deadLetter);
  }

  /** If the id names no lane, the first one with such a dead letter is meant. */
  async deadLetter(id: string): Promise<StreamEntry | undefined> {
    const place = deadLetterPlaceIn(id);
    if (!place) return undefined;
    const found = await Promise.all(
      this.#allWith(place).map(async ({ lane, of }) => {
        const entry = await of.deadLetter(place.id);
        return entry && placed(lane, entry).deadLetter;
      }),
    );
    return found.find((one) => one !== undefined);
  }

  async located(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (const id of ids) {
      const place = deadLetterPlaceIn(id);
      if (place === undefined) continue;
      const lanes = place.lane === undefined ? await this.#lanesWith(place.id) : this.#allWith(place);
      const full = lanes.map(({ lane }) => deadLetterIdIn(lane, place.id));
      if (full.length > 1)
        throw new CgroupError(
          'NOT_FOUND',
          `${full.length} dead letters have the id ${id}, in different lanes: give one of ${full.join(', ')}`,
        );
      for (const one of full) found.set(one, id);
    }
    return found;
  }

  /** The lanes that have a dead letter with this id. */
  async #lanesWith(id: string): Promise<LaneOf<Inspector>[]> {
    const found = await Promise.all(
      this.#all.map(async ({ of }) => (await of.deadLettersBefore(nextId(id), 1, 1))[0]?.id === id),
    );
    return this.#all.filter((_, i) => found[i]);
  }

  /** @throws {CgroupError} STATE if all of them are in lanes that the group has no more: what goes back there has no reader */
  async revive(ids: readonly string[], onProgress?: (found: number) => void): Promise<string[]> {
    const counts = new Map<Inspector, number>();
    const note = (lane: Inspector, count: number) => {
      counts.set(lane, count);
      onProgress?.([...counts.values()].reduce((sum, more) => sum + more, 0));
    };
    const own = idsOfEach(this.#current, ids);
    if (own.size === 0 && idsOfEach(this.#all, ids).size > 0)
      throw new CgroupError(
        'STATE',
        `the dead letter ${ids[0]} is in a lane that the group has no more, and nothing reads what goes back there: ` +
          'purge it, or start the group with as many lanes as it had then',
      );
    return inEach(own, ({ of }, own) => of.revive(own, (count) => note(of, count)));
  }

  async purge(newest: string): Promise<number> {
    const last = new NewestDeadLetters(newest);
    const purged = await Promise.all(this.#all.map(({ lane, of }) => of.purge(last.idIn(lane))));
    return purged.reduce((sum, more) => sum + more, 0);
  }

  purgeThese(ids: readonly string[]): Promise<string[]> {
    return inEach(idsOfEach(this.#all, ids), ({ of }, own) => of.purgeThese(own));
  }

  /** The lanes in which a dead letter may be. */
  #allWith({ lane: wanted }: DeadLetterPlace): LaneOf<Inspector>[] {
    return this.#all.filter(({ lane }) => wanted === undefined || wanted === lane);
  }
}

type IdsOfEach = ReadonlyMap<LaneOf<Inspector>, readonly string[]>;

/** The ids of dead letters, in the streams of their own lanes. */
function idsOfEach(lanes: readonly LaneOf<Inspector>[], ids: readonly string[]): IdsOfEach {
  const places = ids.flatMap((id) => deadLetterPlaceIn(id) ?? []);
  const own = lanes.map(
    (one) => [one, places.filter(({ lane }) => lane === one.lane).map(({ id }) => id)] as const,
  );
  return new Map(own.filter(([, of]) => of.length > 0));
}

/** Acts on the dead letters of each lane, and returns the ids of those that were found. */
async function inEach(
  ids: IdsOfEach,
  act: (lane: LaneOf<Inspector>, ids: readonly string[]) => Promise<string[]>,
): Promise<string[]> {
  const found = await Promise.all(
    [...ids].map(async ([one, own]) => (await act(one, own)).map((id) => deadLetterIdIn(one.lane, id))),
  );
  return found.flat();
}

/** Names the lane in the id of a dead letter. */
function placed<Entry extends StreamEntry>(lane: number | undefined, entry: Entry): Placed<Entry> {
  return { place: { id: entry.id, lane }, deadLetter: { ...entry, id: deadLetterIdIn(lane, entry.id) } };
}

async function* placedAll(
  lane: number | undefined,
  entries: AsyncIterable<StreamEntry>,
): AsyncGenerator<Placed<StreamEntry>> {
  for await (const entry of entries) yield placed(lane, entry);
}

function inTime(a: Placed<unknown>, b: Placed<unknown>): number {
  return compareDeadLetters(a.place, b.place);
}

/** The first id of a lane that is not before a dead letter. */
function firstBefore({ id, lane }: DeadLetterPlace, own: number | undefined): string {
  return lane !== undefined && (own === undefined || own < lane) ? nextId(id) : id;
}
