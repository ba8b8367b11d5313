/** More are not remembered: the oldest are forgotten first. */
const MOST = 10_000;
/** So often a message comes back from workers that closed their connections before it is suspected of being the reason. */
const MOST_RETURNS = 3;

/**
 * The messages that were with a worker when it ended, and of which any may be to blame: each is given out alone, until one
 * ends its worker again. Then the others of its group are free. One list for all workers of a process.
 */
export class Suspects {
  /** By inbox id. Those that were with the same worker have the same number. */
  readonly #groups = new Map<string, number>();
  #lastGroup = 0;
  /** How often messages came back, by inbox id. */
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
    forgetOldest(this.#groups);
  }

  /** A worker has closed its connection, and had these messages. Those that come back again and again are suspected. */
  returned(inboxIds: readonly string[]): void {
    for (const inboxId of inboxIds) {
      const returns = (this.#returns.get(inboxId) ?? 0) + 1;
      this.#returns.delete(inboxId); // the newest come last
      this.#returns.set(inboxId, returns);
    }
    forgetOldest(this.#returns);
    this.add(inboxIds.filter((inboxId) => this.returnsOften(inboxId)));
  }

  /** Whether it has come back so often that it is to blame, if it comes back again, alone. */
  returnsOften(inboxId: string): boolean {
    return (this.#returns.get(inboxId) ?? 0) >= MOST_RETURNS;
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

function forgetOldest(map: Map<string, number>): void {
  for (const oldest of map.keys()) {
    if (map.size <= MOST) return;
    map.delete(oldest);
  }
}
