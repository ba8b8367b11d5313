import { pause } from '../core/service.js';
import { isAway } from './protocol/failure.js';

/** ms after which a lane that has not answered counts as away: a node that only is slow has that long. */
const PATIENCE = 2_000;
/** The same for one that did not answer the last time either, or has no connection. */
const LITTLE = 250;

/** A lane, and the node where it is read; null without a connection. */
interface Asked {
  readonly node: string | null;
}

/** Asks lanes at several nodes: one that is away holds up none of the others. */
export class LaneAnswers<Lane extends Asked> {
  readonly #away = new Set<Lane>();

  /**
   * What a lane replies; undefined while it is away.
   *
   * @throws {CgroupError} what Redis answers
   */
  async of<T>(lane: Lane, ask: (lane: Lane) => Promise<T>): Promise<T | undefined> {
    const patience = this.#away.has(lane) || lane.node === null ? LITTLE : PATIENCE;
    const asked = ask(lane).then(
      (reply) => {
        // Also one that comes too late: the next one is waited for again.
        this.#away.delete(lane);
        return reply;
      },
      (error: unknown) => {
        if (!isAway(error)) throw error;
        this.#away.add(lane);
        return undefined;
      },
    );
    const over = new AbortController();
    const tooLate = pause(patience, over.signal).then(() => {
      if (!over.signal.aborted) this.#away.add(lane);
      return undefined;
    });
    try {
      return await Promise.race([asked, tooLate]);
    } finally {
      over.abort();
      // An answer that comes too late may be an error.
      asked.catch(() => {});
    }
  }
}
