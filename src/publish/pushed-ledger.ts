/**
 * Records the message ids of a list or a stream as Redis confirms their batches: our own only, because no subscriber receives
 * what others append.
 */
export class PushedLedger {
  readonly #write: (id: string) => void;
  #sent: string[] = [];

  /** @param write called with each id, in the order of the list or stream */
  constructor(write: (id: string) => void) {
    this.#write = write;
  }

  /** Call it before a message is appended. */
  expect(id: string): void {
    this.#sent.push(id);
  }

  /** The oldest batch of so many messages has its reply: they are appended, or it is not known. */
  answered(messages: number, appended: boolean): void {
    const ids = this.#sent.splice(0, messages);
    if (appended) for (const id of ids) this.#write(id);
  }

  /** Nothing else has to come. */
  until(): Promise<void> {
    return Promise.resolve();
  }
}
