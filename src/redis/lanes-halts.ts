import type { Halt } from '../core/consumer-store.js';
import { deadLetterIdIn } from '../core/dead-letter-id.js';
import type { ForeignValue } from './foreign.js';
import type { Halts, HaltsFound } from './halts.js';
import type { LaneAnswers } from './lane-answers.js';

/** What is of a lane, and the number of that; undefined for what is of the group itself. */
export interface LaneOf<T> {
  readonly lane: number | undefined;
  readonly of: T;
}

/** The dead letters that stop the keys of a lane, and the node that has it. */
interface HaltsOfLane {
  readonly halts: Halts;
  readonly node: string | null;
}

/** The dead letters that stop the keys of a group that has or had several lanes. */
export class LanesHalts implements Pick<Halts, 'first' | 'all' | 'skip'> {
  readonly #lanes: readonly LaneOf<HaltsOfLane>[];
  readonly #answers: LaneAnswers<HaltsOfLane>;

  constructor(lanes: readonly LaneOf<HaltsOfLane>[], answers: LaneAnswers<HaltsOfLane>) {
    this.#lanes = lanes;
    this.#answers = answers;
  }

  /** Some of each lane that answers, as many as are asked for in all. */
  async first(most: number): Promise<HaltsFound> {
    const foreign: ForeignValue[] = [];
    const halts = await this.#ofEach(async (lane) => {
      const found = await this.#answers.of(lane, ({ halts }) => halts.first(most));
      foreign.push(...(found?.foreign ?? []));
      return found?.halts ?? [];
    });
    return { halts: halts.slice(0, most), foreign };
  }

  async all(): Promise<Halt[]> {
    return this.#ofEach(({ halts }) => halts.all());
  }

  /** @throws {CgroupError} what Redis answers; the places before it, and those of other lanes, are given up */
  async skip(wanted: (halt: Halt) => boolean): Promise<Halt[]> {
    return this.#ofEach(({ halts }, lane) => halts.skip((halt) => wanted(haltInLane(lane, halt))));
  }

  async #ofEach(
    read: (of: HaltsOfLane, lane: number | undefined) => Promise<readonly Halt[]>,
  ): Promise<Halt[]> {
    const found = await Promise.all(
      this.#lanes.map(async ({ lane, of }) => (await read(of, lane)).map((halt) => haltInLane(lane, halt))),
    );
    return found.flat();
  }
}

/** Names the lane in the id of the dead letter, if there is one. */
export function haltInLane(lane: number | undefined, halt: Halt): Halt {
  return halt.deadId === '' ? halt : { ...halt, deadId: deadLetterIdIn(lane, halt.deadId) };
}
