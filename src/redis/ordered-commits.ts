import type { PackSettlement, Result } from '../core/consumer-store.js';
import { cutError } from '../core/errors.js';
import type { OrderWindow } from '../core/order-window.js';
import type { Sink } from '../core/sink.js';
import { hashesOf, type Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { RecordRelease, type RecordReleaseOptions } from './record-release.js';
import { free, settleKeyed } from './scripts/keyed.js';
import { commitOrdered, type LetOut, letOut } from './scripts/ordered.js';

/** What commits with an order need to know of a group. */
export interface OrderedCommitsOptions extends Sink {
  readonly group: string;
  /** Entries that the output keeps, about; 0 for all. */
  readonly maxLength: number;
  /** Most messages of a key that may go out together; 1 for one by one. */
  readonly run?: () => number;
  /** Gets how many results wait. */
  readonly window?: Pick<OrderWindow, 'note' | 'most'> | undefined;
  /** Called with the ms that results had waited for earlier ones when they went out. */
  readonly onParked?: ((waits: readonly number[]) => void) | undefined;
  /** Where results that are parked in total order go before they go out. */
  readonly record?: RecordReleaseOptions | undefined;
  /**
   * Has results become dead letters whose hash cannot be written (record redis).
   *
   * @param errors what is wrong, by inbox id
   */
  readonly onRefused?: (results: readonly Result[], errors: ReadonlyMap<string, string>) => Promise<void>;
}

/** Commits results with an order, with their times, or into a list; and lets out those that waited. */
export class OrderedCommits {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #options: OrderedCommitsOptions;
  readonly #release: RecordRelease | undefined;

  constructor(connection: Connection, keys: Keys, options: OrderedCommitsOptions) {
    this.#connection = connection;
    this.#keys = keys;
    this.#options = options;
    this.#release = options.record && new RecordRelease(connection, keys, options.record);
  }

  /** Settles results, as {@link ConsumerStore.commit}. */
  async commit(results: readonly Result[], maxLength: number): Promise<string[]> {
    const { group, list, order, timed, hashed } = this.#options;
    const record = order === 'total' && this.#release !== undefined;
    const hashes = hashed ? hashesOf(this.#keys) : undefined;
    const request = { group, maxLength, list, order, timed, results, run: this.run, record, hashes };
    const reply = await this.#connection.run(commitOrdered, this.#keys, request);
    this.#note(reply);
    if (reply.busy.length > 0) await this.free(reply.busy).catch(() => {});
    // They are settled, whatever comes of the rest: the next call, or the next beat, goes on with it.
    if (reply.more) await this.letOutSoon();
    if (reply.foreign.size > 0) await this.#refuse(results, reply.foreign);
    return reply.late;
  }

  async #refuse(results: readonly Result[], foreign: ReadonlyMap<string, string>): Promise<void> {
    const refused = results.filter(({ entryId }) => foreign.has(entryId));
    const errors = refused.map(({ entryId, inboxId, messageId }) => {
      const holds = `the key ${hashesOf(this.#keys)}${messageId} holds a ${foreign.get(entryId)}, not a hash`;
      return [
        inboxId,
        cutError(
          `${holds}: the result cannot be recorded; rename or delete that key, then cgroup dead retry`,
        ),
      ] as const;
    });
    await this.#options.onRefused?.(refused, new Map(errors));
  }

  /** Most messages of a key that may go out together now. */
  get run(): number {
    return this.#options.run?.() ?? 1;
  }

  /** Settles packs, as {@link ConsumerStore.settlePacks}. */
  async settlePacks(packs: readonly PackSettlement[], maxLength: number): Promise<string[]> {
    const { group, list, timed } = this.#options;
    const request = { group, maxLength, list, timed, packs, run: this.run };
    const { late, busy } = await this.#connection.run(settleKeyed, this.#keys, request);
    if (busy.length > 0) await this.free(busy).catch(() => {});
    return late;
  }

  /** Frees keys whose messages are settled: one call moves a limited amount. */
  async free(keys: readonly string[]): Promise<void> {
    for (let left = keys; left.length > 0; ) {
      const request = { group: this.#options.group, run: this.run, keys: left };
      const { busy } = await this.#connection.run(free, this.#keys, request);
      // Redis refuses them: the search for such keys goes on with them.
      if (busy.length === left.length) return;
      left = busy;
    }
  }

  /** Lets out what waits for nothing any more, or has it done: whatever comes of it, the next call goes on with it. */
  async letOutSoon(): Promise<void> {
    const { record } = this.#options;
    if (record) record.onMore();
    else await this.letOut().catch(() => {});
  }

  /**
   * Lets out everything that waits for nothing any more; all results if there is no total order.
   *
   * @param goOn asked before each further call
   */
  async letOut(goOn: () => boolean = () => true): Promise<void> {
    const { group, maxLength, list, order, timed } = this.#options;
    const request = { group, maxLength, list, order, window: this.#options.window?.most };
    if (this.#release) return this.#release.letOut({ ...request, timed }, (reply) => this.#note(reply), goOn);
    for (let more = true; more; more &&= goOn()) {
      const reply = await this.#connection.run(letOut, this.#keys, request);
      this.#note(reply);
      more = reply.more;
    }
  }

  #note({ finished, ...waiting }: LetOut): void {
    this.#options.window?.note(waiting);
    const now = Date.now();
    if (finished.length > 0) this.#options.onParked?.(finished.map((at) => Math.max(0, now - at)));
  }
}
