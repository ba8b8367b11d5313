import type { KeyCursor, KeyStore } from '../core/key-store.js';
import { Loop, type Service } from '../core/service.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, repeatedWarnings, type ThrottledLog } from '../log/throttle.js';

/** ms between two calls, and the keys of one call, about: a search is over within seconds unless there are many keys. */
const LOOK_EVERY = 500;
const KEYS_AT_ONCE = 200;
/** The same without order by key: nothing is left to do but once. */
const SELDOM = 10_000;

const BEGINNING: KeyCursor = { busy: '0', held: '-' };

export interface KeyKeeperOptions {
  readonly store: KeyStore;
  /** Whether the group has order `key`. */
  readonly keyed: boolean;
  readonly log: Logger;
}

/**
 * Looks after keys whose message in work is gone, because another program deleted it: those behind it would wait for ever. In a
 * group that has another order now, it lets all of them go.
 */
export class KeyKeeper implements Service {
  readonly #options: KeyKeeperOptions;
  readonly #loop: Loop;
  readonly #failures: ThrottledLog<unknown>;
  readonly #freed: ThrottledLog<void>;
  readonly #disbanded: ThrottledLog<void>;
  #next = BEGINNING;
  #stopping = false;

  constructor(options: KeyKeeperOptions) {
    const { keyed, log } = options;
    this.#options = options;
    this.#failures = repeatedFailures(log, 'keys cannot be searched for messages that are gone');
    this.#freed = repeatedWarnings(log, (keys) => [
      { keys },
      `${plural(keys, 'key')} went on: another program deleted the message in work (XDEL, XTRIM, DEL)`,
    ]);
    this.#disbanded = repeatedWarnings(log, (messages) => [
      { messages },
      `${plural(messages, 'message')} waited behind others of their key: they go on without order, because the group has no ` +
        'order by key any more',
    ]);
    this.#loop = new Loop(
      keyed ? LOOK_EVERY : SELDOM,
      async () => {
        if (keyed) await this.#search();
        else await this.#disband();
        this.#failures.over();
      },
      (error) => this.#failures.add(error),
    );
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#loop.stop();
    this.#freed.flush();
    this.#disbanded.flush();
  }

  async #search(): Promise<void> {
    const { freed, next } = await this.#options.store.search(this.#next, KEYS_AT_ONCE);
    this.#next = next.busy === undefined && next.held === undefined ? BEGINNING : next;
    if (freed > 0) this.#freed.add(undefined, freed);
  }

  async #disband(): Promise<void> {
    for (let more = true; more && !this.#stopping; ) {
      const reply = await this.#options.store.disband();
      if (reply.messages > 0) this.#disbanded.add(undefined, reply.messages);
      more = reply.more;
    }
  }
}
