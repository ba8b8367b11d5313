import { CgroupError } from '../core/errors.js';
import { parseMessage } from '../core/message.js';
import { canBeListed } from './ledger-file.js';

/** ms without an awaited message, after which none is expected any more. */
const SILENCE = 10_000;

/**
 * Records the message ids of a channel as a subscriber receives them, those of other publishers too, and knows which
 * of our own messages are still to come.
 */
export class LedgerRecorder {
  readonly #write: (id: string) => void;
  readonly #silence: number;
  readonly #awaited = new Set<string>();
  #unlisted = 0;
  /** Our own messages received. */
  #received = 0;
  #lost = false;
  #wake: (() => void) | undefined;
  /** Wake the waiting call when so few are awaited. */
  #wakeAt = 0;

  /**
   * @param write called with each id, in the order of the channel
   * @param silence ms, for tests
   */
  constructor(write: (id: string) => void, silence = SILENCE) {
    this.#write = write;
    this.#silence = silence;
  }

  /** Received messages that a ledger cannot hold: they have no id, or one with a line break. */
  get unlisted(): number {
    return this.#unlisted;
  }

  /** Our own messages that are still to come. */
  get awaited(): number {
    return this.#awaited.size;
  }

  /** Call it before our own message is published. */
  expect(id: string): void {
    this.#awaited.add(id);
  }

  receive(message: Buffer): void {
    const parsed = parseMessage(message);
    if (!parsed.valid || !canBeListed(parsed.messageId)) {
      this.#unlisted++;
      return;
    }
    this.#write(parsed.messageId);
    if (!this.#awaited.delete(parsed.messageId)) return;
    this.#received++;
    if (this.#awaited.size <= this.#wakeAt) this.#wake?.();
  }

  /** Call it when the subscription is gone: nothing more is received. */
  lose(): void {
    this.#lost = true;
    this.#wake?.();
  }

  /**
   * Waits until at most `most` of our own messages are awaited.
   *
   * @throws {CgroupError} OUTCOME_UNKNOWN if the subscription is gone, or brings none of them for 10 s
   */
  async until(most: number): Promise<void> {
    while (this.#awaited.size > most) {
      const received = this.#received;
      if (!this.#lost) await this.#change(most);
      if (this.#received === received) throw this.#incomplete();
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
      : `its subscription received nothing for ${this.#silence / 1_000} s`;
    const missing = `${this.#awaited.size} published messages are missing in it`;
    const text = `the ledger is not complete, ${missing}: ${why}`;
    return new CgroupError('OUTCOME_UNKNOWN', `${text}; publish again, slower (--rate)`);
  }
}
