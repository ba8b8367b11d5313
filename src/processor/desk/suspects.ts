/** More are not remembered: the oldest are forgotten first. */
const MOST = 10_000;
/** From so many returns on, a message is suspected. Workers that are restarted leave behind what they have, too. */
const MANY_RETURNS = 3;

/**
 * The messages that were with a worker when it ended, and of which any may be to blame: each is given out alone, until one
 * ends its worker again. Then the others of its group are free. One list for all workers of a process.
 */
export class Suspects {
  /** By inbox id. Those that were with the same worker have the same number. */
  readonly #groups = new Map<string, number>();
  #lastGroup = 0;
  /** How often a message came back from a worker that left without an answer to it. */
  readonly #returns = new Map<string, number>();

  has(inboxId: string): boolean {
    return this.#groups.size > 0 && this.#groups.has(inboxId);
  }

  add(inboxIds: readonly string[]): void {
    const group = ++this.#lastGroup;
    for (const inboxId of inboxIds) {
      this.#groups.delete(inboxId); // the newest come last
      this.#groups.set(inboxId, group);
    }
    for (const oldest of this.#groups.keys()) {
      if (this.#groups.size <= MOST) break;
      this.#groups.delete(oldest);
    }
  }

  /** Their worker has left without an answer to them. Those that came back again and again are suspected from now on. */
  addReturned(inboxIds: readonly string[]): void {
    const many = inboxIds.filter((inboxId) => {
      const returns = (this.#returns.get(inboxId) ?? 0) + 1;
      this.#returns.delete(inboxId); // the newest come last
      this.#returns.set(inboxId, returns);
      return returns >= MANY_RETURNS;
    });
    for (const oldest of this.#returns.keys()) {
      if (this.#returns.size <= MOST) break;
      this.#returns.delete(oldest);
    }
    if (many.length > 0) this.add(many);
  }

  /** It did not end its worker, or it has failed for it. */
  clear(inboxId: string): void {
    if (this.#groups.size > 0) this.#groups.delete(inboxId);
    if (this.#returns.size > 0) this.#returns.delete(inboxId);
  }

  /** It has ended its worker, alone: so the others of its group are free. */
  found(inboxId: string): void {
    const found = this.#groups.get(inboxId);
    for (const [other, group] of this.#groups) if (group === found) this.#groups.delete(other);
  }
}
