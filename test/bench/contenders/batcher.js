/**
 * Collects the messages of a subscriber into batches, one under way at a time: the messages that come meanwhile are the
 * next one. So a single message does not wait, and a flood goes in bulk.
 */
export class Batcher {
  #most;
  #write;
  #waiting = [];
  #busy = false;

  /** @param {number} most in one batch @param {(messages: string[]) => Promise<unknown>} write */
  constructor(most, write) {
    this.#most = most;
    this.#write = write;
  }

  add(message) {
    this.#waiting.push(message);
    if (!this.#busy) void this.#run();
  }

  async #run() {
    this.#busy = true;
    // Messages of the same turn of the event loop join the batch.
    await new Promise((resolve) => setImmediate(resolve));
    let next = 0;
    while (next < this.#waiting.length) {
      const batch = this.#waiting.slice(next, next + this.#most);
      next += batch.length;
      await this.#write(batch);
      // Not for each batch: it moves the rest.
      if (next > this.#waiting.length / 2) {
        this.#waiting = this.#waiting.slice(next);
        next = 0;
      }
    }
    this.#busy = false;
  }
}
