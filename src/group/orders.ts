import type { Control, Orders } from '../core/control.js';
import type { Logger } from '../log/logger.js';
import { repeatedWarnings, type ThrottledLog } from '../log/throttle.js';
import type { ConsumerPool } from './consumer-pool.js';
import type { Reports } from './events.js';

export interface OrderFollowerOptions {
  readonly consumers: ConsumerPool;
  readonly reports: Reports;
  readonly log: Logger;
}

/**
 * Does what Redis tells this process in reply to each heartbeat: how many consumers it runs, if it is managed, and whether
 * they are paused. Without a reply everything stays as it is.
 */
export class OrderFollower {
  readonly #options: OrderFollowerOptions;
  #control: Control | undefined;
  #packSize = 1;
  #older = false;
  readonly #otherLanes: ThrottledLog<void>;
  #lanes = 1;

  constructor(options: OrderFollowerOptions) {
    this.#options = options;
    this.#otherLanes = repeatedWarnings(options.log, () => [
      { lanes: this.#lanes },
      `another process of this group runs with --lanes ${this.#lanes}: messages wait in lanes that not all processes read. ` +
        'Stop it: all processes of a group need the same number',
    ]);
  }

  /** The control as it was at the last heartbeat; undefined before the first. */
  get control(): Control | undefined {
    return this.#control;
  }

  /** Most messages that a pack may hold; 1, which means no packs, before the first heartbeat. */
  get packSize(): number {
    return this.#packSize;
  }

  /** Whether a process of an older version was live at the last heartbeat, which reads no packs. */
  get older(): boolean {
    return this.#older;
  }

  follow({ packSize, older, otherLanes, share, control, healed }: Orders): void {
    const { consumers, reports, log } = this.#options;
    this.#packSize = packSize;
    this.#older = older;
    if (otherLanes !== undefined) {
      this.#lanes = otherLanes;
      this.#otherLanes.add();
    }
    const wasPaused = this.#control?.paused ?? false;
    this.#control = control;
    if (healed.length > 0)
      log.warn(
        { fields: healed },
        `another program changed the control of the group (${healed.join(', ')}): it is as before again`,
      );
    consumers.keep(share);
    if (control.paused) consumers.pause();
    else consumers.resume();
    if (control.paused !== wasPaused) reports.paused(control.paused);
  }
}
