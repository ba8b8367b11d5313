import { compareIds } from '../../src/core/stream-id.js';

/** What a group with total order must hold, told by what was done to it. */
export class OrderModel {
  /** Unsettled entries, as they came in. */
  readonly inbox: string[] = [];
  /** Those that another client deleted, and that the group takes for pending. */
  readonly deleted = new Set<string>();
  /** Results that wait: entry id and data. */
  readonly parked = new Map<string, string>();
  /** What went out, in turn. */
  readonly output: { readonly id: string; readonly data: string }[] = [];
  relayed = 0;
  dead = 0;
  lost = 0;
  /** Those that are lost, and that no counter shows: an entry was deleted, and acknowledged with others. */
  vanished = 0;

  add(id: string): void {
    this.inbox.push(id);
    this.relayed++;
  }

  /** Whether a result counts: its entry is unsettled, and no later one went out. */
  isOpen(id: string): boolean {
    if (this.inbox.includes(id)) return true;
    const last = this.output.at(-1)?.id ?? '0-0';
    return this.deleted.has(id) && compareIds(id, last) > 0;
  }

  /** Settles results; returns the ids of those that do not count. */
  commit(results: readonly { readonly id: string; readonly data: string }[]): string[] {
    const late = results.filter(({ id }) => !this.isOpen(id));
    for (const { id, data } of results) {
      if (!this.isOpen(id)) continue;
      this.#remove(id);
      this.parked.set(id, data);
    }
    // A call that settles nothing changes nothing.
    if (late.length < results.length) this.letOut();
    return late.map(({ id }) => id);
  }

  bury(id: string): boolean {
    if (!this.inbox.includes(id) && !this.deleted.has(id)) return false;
    this.#remove(id);
    this.dead++;
    return true;
  }

  /** Another client deletes an entry that a consumer holds. */
  delete(id: string): void {
    this.inbox.splice(this.inbox.indexOf(id), 1);
    this.deleted.add(id);
  }

  /** An entry that was deleted is pending no more. */
  vanish(id: string): void {
    if (this.deleted.delete(id)) this.vanished++;
  }

  /** The group finds out that an entry was deleted. */
  lose(id: string): void {
    if (this.deleted.delete(id)) this.lost++;
  }

  /** The results go out that no unsettled entry precedes. */
  letOut(): void {
    const limit = this.inbox[0];
    const free = [...this.parked].filter(([id]) => limit === undefined || compareIds(id, limit) < 0);
    for (const [id, data] of free.sort(([a], [b]) => compareIds(a, b))) {
      this.parked.delete(id);
      this.output.push({ id, data });
    }
  }

  #remove(id: string): void {
    const at = this.inbox.indexOf(id);
    if (at >= 0) this.inbox.splice(at, 1);
    this.deleted.delete(id);
  }
}
