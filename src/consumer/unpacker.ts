import type { ConsumerStore } from '../core/consumer-store.js';
import { messageOf } from '../core/errors.js';
import { Loop, type Service } from '../core/service.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, repeatedWarnings, type ThrottledLog } from '../log/throttle.js';

/** ms between two looks: one takes about 1,000 messages, so that Redis has time for others. */
const LOOK_EVERY = 250;

export interface UnpackerOptions {
  readonly store: Pick<ConsumerStore, 'unpack'>;
  /** Whether a process of an older version is live. */
  readonly older: () => boolean;
  /** Whether this group has an order, a record or a list as output: then it reads only packs of one key, and unpacks the others. */
  readonly onlyRuns: boolean;
  /** Whether it leaves packs of one key as they are, if no process of an older version is live. */
  readonly keepRuns: boolean;
  readonly log: Logger;
}

/**
 * Gives the messages of packs that wait back to the inbox, while a process of an older version is live, which reads no packs: else
 * they would wait for ever, once all processes are of that version. And in a group that settles no packs.
 */
export class Unpacker implements Service {
  readonly #options: UnpackerOptions;
  readonly #loop: Loop;
  readonly #failures: ThrottledLog<unknown>;
  readonly #unpacked: ThrottledLog<void>;

  constructor(options: UnpackerOptions) {
    this.#options = options;
    this.#failures = repeatedFailures(options.log, 'packs cannot be unpacked');
    this.#unpacked = repeatedWarnings(options.log, (messages) => [
      { messages },
      `unpacked ${plural(messages, 'message')}: ${
        options.onlyRuns
          ? 'they were relayed when the group had no order, no record and no list as output'
          : 'a process of an older version runs, and cannot read packs'
      }`,
    ]);
    this.#loop = new Loop(
      LOOK_EVERY,
      async () => {
        await this.#unpack();
        this.#failures.over();
      },
      (error) => this.#failures.add(error),
    );
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    this.#unpacked.flush();
  }

  /**
   * The last look, once this process relays and reads nothing more: takes all that waits.
   *
   * @param abandon what is left then stays in packs
   */
  async finish(abandon: AbortSignal): Promise<void> {
    try {
      while (await this.#unpack()) {
        if (!abandon.aborted) continue;
        this.#left({}, 'messages are left in packs');
        break;
      }
    } catch (error) {
      this.#left({ error }, `messages may be left in packs: ${messageOf(error)}`);
    }
    this.#unpacked.flush();
  }

  #left(fields: object, what: string): void {
    this.#options.log.warn(
      fields,
      this.#options.onlyRuns
        ? `${what}. The next process of the group unpacks them`
        : `${what}. The processes of an older version do not read them: start a process of this version, and stop it when ` +
            'the backlog is gone',
    );
  }

  /** Resolves to whether there may be more. */
  async #unpack(): Promise<boolean> {
    const { store, older, onlyRuns, keepRuns } = this.#options;
    const isOlder = older();
    if (!isOlder && !onlyRuns) return false;
    const { messages, more } = await store.unpack(keepRuns && !isOlder);
    if (messages > 0) this.#unpacked.add(undefined, messages);
    return more;
  }
}
