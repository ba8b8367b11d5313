import type { Result } from '../core/consumer-store.js';
import type { OrderWindow } from '../core/order-window.js';
import type { Sink } from '../core/sink.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { commitOrdered, type LetOut, letOut } from './scripts/ordered.js';

/** What commits with an order need to know of a group. */
export interface OrderedCommitsOptions extends Sink {
  readonly group: string;
  /** Entries that the output keeps, about; 0 for all. */
  readonly maxLength: number;
  /** Is told how many results wait. */
  readonly window: Pick<OrderWindow, 'note' | 'most'>;
  /** Called with the ms that results had waited for earlier ones when they went out. */
  readonly onParked?: ((waits: readonly number[]) => void) | undefined;
}

/** Commits results with an order, with their times, or into a list; and lets out those that waited. */
export class OrderedCommits {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #options: OrderedCommitsOptions;

  constructor(connection: Connection, keys: Keys, options: OrderedCommitsOptions) {
    this.#connection = connection;
    this.#keys = keys;
    this.#options = options;
  }

  /** Settles results, as {@link ConsumerStore.commit}. */
  async commit(results: readonly Result[], maxLength: number): Promise<string[]> {
    const { group, list, order, timed } = this.#options;
    const request = { group, maxLength, list, order, timed, results };
    const reply = await this.#connection.run(commitOrdered, this.#keys, request);
    this.#note(reply);
    // They are settled, whatever comes of the rest: the next call, or the next beat, goes on with it.
    if (reply.more) await this.letOut().catch(() => {});
    return reply.late;
  }

  /** Lets out everything that waits for nothing any more; all results if there is no total order. */
  async letOut(): Promise<void> {
    const { group, maxLength, list, order } = this.#options;
    const request = { group, maxLength, list, order, window: this.#options.window.most };
    for (let more = true; more; ) {
      const reply = await this.#connection.run(letOut, this.#keys, request);
      this.#note(reply);
      more = reply.more;
    }
  }

  #note({ finished, ...waiting }: LetOut): void {
    this.#options.window.note(waiting);
    const now = Date.now();
    if (finished.length > 0) this.#options.onParked?.(finished.map((at) => Math.max(0, now - at)));
  }
}
