import type { Result } from '../core/consumer-store.js';
import type { Logger } from '../log/logger.js';

/** Messages after which a wrong path shows. */
const LOOKED_AT = 20;

/** Warns once if none of the first messages has a key (order `key`): then the path to it is wrong, and nothing is in order. */
export class MissingKeys {
  readonly #orderKey: string;
  readonly #log: Logger;
  #without = 0;
  #isOver = false;

  constructor(orderKey: string, log: Logger) {
    this.#orderKey = orderKey;
    this.#log = log;
  }

  note(results: readonly Pick<Result, 'key'>[]): void {
    if (this.#isOver) return;
    this.#without += results.length;
    this.#isOver = this.#without >= LOOKED_AT;
    if (results.some(({ key }) => key !== undefined)) this.#isOver = true;
    else if (this.#isOver)
      this.#log.warn(
        { orderKey: this.#orderKey },
        `none of the first ${this.#without} messages has a key at ${this.#orderKey}, so they have no order: set orderKey ` +
          '(--order-key) to where the key is, names with dots between them',
      );
  }
}
