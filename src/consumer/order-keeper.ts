import type { OrderWindow } from '../core/order-window.js';
import { Loop, type Service } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';

/** ms between two looks while the window is full: another process may have settled what the order waits for. */
const WHILE_FULL = 50;
/** ms that the last look may take, about: what it leaves goes out with the commits of other processes, or at the next start. */
const LAST_LOOK = 2_000;

export interface OrderKeeperOptions {
  readonly store: { letOut(goOn: () => boolean): Promise<void> };
  readonly window: Pick<OrderWindow, 'full'>;
  /** ms between two looks. */
  readonly heartbeat: number;
  readonly log: Logger;
}

/**
 * Lets out results that no commit lets out (total order): what they waited for became a dead letter, or another program deleted it,
 * or the process that should have let them out ended.
 */
export class OrderKeeper implements Service {
  readonly #options: OrderKeeperOptions;
  readonly #loop: Loop;
  readonly #failures: ThrottledLog<unknown>;
  /** ms to the next look, unless the window is full. */
  #rest = 0;
  #stopping = false;

  constructor(options: OrderKeeperOptions) {
    this.#options = options;
    this.#failures = repeatedFailures(options.log, 'results that wait for their turn are not let out');
    this.#loop = new Loop(
      WHILE_FULL,
      () => this.#look(),
      (error) => this.#failures.add(error),
    );
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  /** Looks at once: something was settled without a commit. */
  hurry(): void {
    this.#rest = 0;
    this.#loop.hurry();
  }

  /** Looks for the last time. Call it when the consumers have stopped. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#loop.stop();
    const end = performance.now() + LAST_LOOK;
    await this.#options.store
      .letOut(() => performance.now() < end)
      .catch((error) => this.#failures.add(error));
  }

  async #look(): Promise<void> {
    const { store, window, heartbeat } = this.#options;
    this.#rest -= WHILE_FULL;
    if (!window.full && this.#rest > 0) return;
    this.#rest = heartbeat;
    await store.letOut(() => !this.#stopping);
    this.#failures.over();
  }
}
