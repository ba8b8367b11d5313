import { CgroupError } from '../core/errors.js';
import { parseMessage } from '../core/message.js';
import { canBeListed } from './ledger-file.js';

/** ms without any of the awaited messages, after which they will not come any more. */
const SILENCE = 10_000;

/**
 * Writes down the ids of a channel's messages as a subscriber hears them, those of other publishers too, and
 * knows which of our own have not come back yet.
 */
export class Recorder {
  readonly #write: (id: string) => void;
  readonly #silence: number;
  readonly #awaited = new Set<string>();
  #unlisted = 0;
  #heard = 0;
  #lost = false;
  #wake: (() => void) | undefined;
  /** Whoever waits is woken when so few are awaited. */
  #wakeAt = 0;

  /**
   * @param write takes the ids, in the order of the channel
   * @param silence ms, for tests
   */
  constructor(write: (id: string) => void, silence = SILENCE) {
    this.#write = write;
    this.#silence = silence;
  }

  /** Messages heard that a ledger cannot hold: they have no id, or one with a line break in it. */
  get unlisted(): number {
    return this.#unlisted;
  }

  /** Our own messages that were not heard yet. */
  get awaited(): number {
    return this.#awaited.size;
  }

  /** Our own message is about to be published. */
  expect(id: string): void {
    this.#awaited.add(id);
  }

  hear(message: Buffer): void {
    const parsed = parseMessage(message);
    if (!parsed.valid || !canBeListed(parsed.messageId)) {
      this.#unlisted++;
      return;
    }
    this.#write(parsed.messageId);
    if (!this.#awaited.delete(parsed.messageId)) return;
    this.#heard++;
    if (this.#awaited.size <= this.#wakeAt) this.#wake?.();
  }

  /** The subscription is gone: nothing more is heard. */
  lose(): void {
    this.#lost = true;
    this.#wake?.();
  }

  /**
   * Waits until at most `most` of our own messages are awaited.
   *
   * @throws {CgroupError} OUTCOME_UNKNOWN where they will not come: the subscription is gone, or silent for
   *   10 s
   */
  async until(most: number): Promise<void> {
    while (this.#awaited.size > most) {
      const heard = this.#heard;
      if (!this.#lost) await this.#change(most);
      if (this.#heard === heard) throw this.#incomplete();
    }
  }

  #change(most: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), this.#silence);
      this.#wakeAt = most;
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #incomplete(): CgroupError {
    const why = this.#lost
      ? 'its subscription was cut off (by the network, or by the client-output-buffer-limit of Redis)'
      : `its subscription heard nothing for ${this.#silence / 1_000} s`;
    const missing = `${this.#awaited.size} published messages are missing in it`;
    const text = `the ledger is not complete, ${missing}: ${why}`;
    return new CgroupError('OUTCOME_UNKNOWN', `${text}; publish again, slower (--rate)`);
  }
}
