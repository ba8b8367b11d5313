/** More are not remembered: the oldest are forgotten first. */
const MOST = 10_000;

/**
 * The messages that were with a worker when it ended, and of which any may be to blame: each is given out alone, until one
 * ends its worker again. One list for all workers of a process.
 */
export class Suspects {
  readonly #inboxIds = new Set<string>();

  has(inboxId: string): boolean {
    return this.#inboxIds.has(inboxId);
  }

  add(inboxIds: readonly string[]): void {
    for (const inboxId of inboxIds) this.#inboxIds.add(inboxId);
    for (const oldest of this.#inboxIds) {
      if (this.#inboxIds.size <= MOST) break;
      this.#inboxIds.delete(oldest);
    }
  }

  /** It did not end its worker, or it has failed for it. */
  clear(inboxId: string): void {
    if (this.#inboxIds.size > 0) this.#inboxIds.delete(inboxId);
  }
}
