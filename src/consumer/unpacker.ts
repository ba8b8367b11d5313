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
  readonly log: Logger;
}

/**
 * While a process of an older version is live, which reads no packs: gives the messages of packs that wait back to the inbox.
 * Else they would wait for ever, once all processes are of that version.
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
      `unpacked ${plural(messages, 'message')}: a process of an older version runs, and cannot read packs`,
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
      `${what}. The processes of an older version do not read them: start a process of this version, and stop it when the ` +
        'backlog is gone',
    );
  }

  /** Resolves to whether there may be more. */
  async #unpack(): Promise<boolean> {
    const { store, older } = this.#options;
    if (!older()) return false;
    const { messages, more } = await store.unpack();
    if (messages > 0) this.#unpacked.add(undefined, messages);
    return more;
  }
}
