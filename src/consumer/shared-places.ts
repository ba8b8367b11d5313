import type { ConsumerExecutor } from '../core/executor.js';
import { Pace } from './pace.js';

/** A lane of a consumer, as the other lanes see it. */
export interface SharingLane {
  /** Messages that it holds and that are not processed. */
  readonly unprocessed: number;
  /** Begins one attempt if it can; returns whether it did. */
  beginOne(): boolean;
  /** There may be room for a read. @param unprocessed messages of all lanes */
  wake(unprocessed: number): void;
  /** Ends a read that waits in Redis: what it brought could not begin soon. */
  recall(): void;
}

/** ms after which a read counts no more: a lane whose Redis does not answer keeps no other from reading. */
const LATE = 250;

/**
 * What the lanes of one consumer share: the places of its executor, and the room for messages that it has read. Whatever becomes
 * free is offered to the lanes in turn. So a lane with few messages does not wait for another that always has some, and a lane with
 * none takes nothing.
 */
export class SharedPlaces {
  /** How long its processor takes, whichever lane a message is in. */
  readonly pace = new Pace();
  readonly #executor: Pick<ConsumerExecutor, 'quiet' | 'resume'>;
  readonly #lanes: SharingLane[] = [];
  readonly #paused = new Set<SharingLane>();
  /** Whose turn it is to begin an attempt, and to read. */
  #next = 0;
  #nextReader = 0;
  #taken = 0;
  #asked = 0;
  #offering = false;

  constructor(executor: Pick<ConsumerExecutor, 'quiet' | 'resume'>) {
    this.#executor = executor;
  }

  /** A lane joins, paused. All of them join before the first is resumed. */
  join(lane: SharingLane): void {
    this.#lanes.push(lane);
    this.#paused.add(lane);
  }

  /** Attempts that the executor has. */
  get taken(): number {
    return this.#taken;
  }

  /** Messages of all lanes that are held and not processed. */
  get held(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.unprocessed, 0);
  }

  /** The same with those that reads under way have asked for. */
  get unprocessed(): number {
    return this.held + this.#asked;
  }

  /** An attempt begins. */
  take(): void {
    this.#taken++;
  }

  /** An attempt has ended. */
  free(): void {
    this.#taken--;
    this.#offer();
    this.#wakeReaders();
  }

  /**
   * A read of a lane asks for so many messages, which wait already.
   *
   * @returns to be called when the read is over, whatever it brought
   */
  ask(lane: SharingLane, count: number): () => void {
    this.#asked += count;
    this.#nextReader = this.#lanes.indexOf(lane) + 1;
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      clearTimeout(late);
      this.#asked -= count;
      this.#wakeReaders();
    };
    const late = setTimeout(end, LATE);
    return end;
  }

  /** Ends the reads of the other lanes that wait in Redis. */
  recallOthers(than: SharingLane): void {
    for (const lane of this.#lanes) if (lane !== than) lane.recall();
  }

  /** The executor is quiet once all lanes are paused: until then it would give its deliveries to one that is not. */
  pause(lane: SharingLane): void {
    if (this.#paused.has(lane)) return;
    this.#paused.add(lane);
    if (this.#paused.size === this.#lanes.length) this.#executor.quiet();
  }

  resume(lane: SharingLane): void {
    if (this.#paused.size === this.#lanes.length) this.#executor.resume();
    this.#paused.delete(lane);
  }

  /** An attempt may end at once, and free its place within this loop. */
  #offer(): void {
    if (this.#offering) return;
    this.#offering = true;
    const count = this.#lanes.length;
    for (let refused = 0; refused < count; ) {
      const lane = this.#lanes[this.#next] as SharingLane;
      this.#next = (this.#next + 1) % count;
      refused = lane.beginOne() ? 0 : refused + 1;
    }
    this.#offering = false;
  }

  #wakeReaders(): void {
    const { unprocessed } = this;
    const count = this.#lanes.length;
    for (let i = 0; i < count; i++) this.#lanes[(this.#nextReader + i) % count]?.wake(unprocessed);
  }
}
