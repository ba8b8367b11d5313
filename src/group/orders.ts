import type { Control, Orders } from '../core/control.js';
import type { Logger } from '../log/logger.js';
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

  constructor(options: OrderFollowerOptions) {
    this.#options = options;
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

  follow({ packSize, older, share, control, healed }: Orders): void {
    const { consumers, reports, log } = this.#options;
    this.#packSize = packSize;
    this.#older = older;
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
