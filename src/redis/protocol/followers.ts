import { type HostPort, hostAndPort } from '../../core/redis-address.js';

/** A connection that is to stay with the master of its slot. */
export interface Follower {
  readonly slot: number | undefined;
  /** Where it is connected; undefined while it is not. */
  readonly at: HostPort | undefined;
  /** Ends the connection and makes it again. */
  renew(): void;
}

/** The names of the master of a slot; undefined if it is not known. */
export type NamesOf = (slot: number | undefined) => readonly HostPort[] | undefined;

/** ms between two looks at who is the master. */
const LOOK_EVERY = 500;

/**
 * The connections to masters that others may replace. It looks again and again who the master is: a master that was stopped, or a link
 * that was cut, says nothing.
 */
export class Followers {
  readonly #all = new Set<Follower>();
  readonly #look: () => Promise<NamesOf>;
  readonly #onFailed: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param look finds out who the masters are; `onFailed` gets what it throws */
  constructor(look: () => Promise<NamesOf>, onFailed: (error: unknown) => void) {
    this.#look = look;
    this.#onFailed = onFailed;
  }

  get slots(): (number | undefined)[] {
    return [...this.#all].map(({ slot }) => slot);
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  add(follower: Follower): void {
    this.#all.add(follower);
  }

  delete(follower: Follower): void {
    this.#all.delete(follower);
    if (this.isEmpty) this.#end();
  }

  /** Looks from now on, while there are any. Idempotent. */
  watch(): void {
    if (!this.isEmpty) this.#timer ??= setInterval(() => void this.#check(), LOOK_EVERY).unref();
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Renews the connections to servers that are no longer the masters. */
  async #check(): Promise<void> {
    try {
      const namesOf = await this.#look();
      for (const follower of this.#all) {
        const { at } = follower;
        const names = namesOf(follower.slot);
        if (at && names && names.length > 0 && !isAmong(at, names)) follower.renew();
      }
    } catch (error) {
      this.#onFailed(error);
    }
  }
}

/** Whether a server is among those named. */
export function isAmong(server: HostPort, names: readonly HostPort[]): boolean {
  return names.some((name) => hostAndPort(name) === hostAndPort(server));
}
