import type { Halt } from '../core/consumer-store.js';
import { letterIn } from '../core/letter-id.js';
import type { Halts, HaltsFound } from './halts.js';

/** The dead letters that stop the keys of a group with several lanes. */
export class LanesHalts implements Pick<Halts, 'first' | 'all' | 'skip'> {
  readonly #lanes: readonly Halts[];

  constructor(lanes: readonly Halts[]) {
    this.#lanes = lanes;
  }

  /** Some of each lane, as many as are asked for in all. */
  async first(most: number): Promise<HaltsFound> {
    const found = await Promise.all(this.#lanes.map((lane) => lane.first(most)));
    return {
      halts: found.flatMap(({ halts }, lane) => halts.map((halt) => haltInLane(lane, halt))).slice(0, most),
      foreign: found.flatMap(({ foreign }) => foreign),
    };
  }

  async all(): Promise<Halt[]> {
    return this.#ofEach((lane) => lane.all());
  }

  /** @throws {CgroupError} what Redis answers; the places before it, and those of other lanes, are given up */
  async skip(wanted: (halt: Halt) => boolean): Promise<Halt[]> {
    return this.#ofEach((halts, lane) => halts.skip((halt) => wanted(haltInLane(lane, halt))));
  }

  async #ofEach(read: (halts: Halts, lane: number) => Promise<Halt[]>): Promise<Halt[]> {
    const found = await Promise.all(this.#lanes.map(read));
    return found.flatMap((halts, lane) => halts.map((halt) => haltInLane(lane, halt)));
  }
}

/** Names the lane in the id of the dead letter, if there is one. */
export function haltInLane(lane: number, halt: Halt): Halt {
  return halt.deadId === '' ? halt : { ...halt, deadId: letterIn(lane, halt.deadId) };
}
