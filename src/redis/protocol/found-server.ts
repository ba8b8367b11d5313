import type { CgroupError } from '../../core/errors.js';
import { type HostPort, hostAndPort } from '../../core/redis-address.js';
import type { RedisPlace } from './place.js';
import { moreTelling, unreachable } from './unreachable.js';

/** The server of one connection: where it was found last, what it says of itself, and why it could not be used. */
export class FoundServer {
  readonly #place: RedisPlace;
  readonly #slot: number | undefined;
  #at: HostPort | undefined;
  #runId: string | undefined;
  #lastError: unknown;
  #wasReady = false;

  /** @param slot whose master it is; undefined for the server of the URL */
  constructor(place: RedisPlace, slot: number | undefined) {
    this.#place = place;
    this.#slot = slot;
  }

  /** Undefined while it is looked for. */
  get at(): HostPort | undefined {
    return this.#at;
  }

  /** The `run_id` of the server that it is connected to; undefined if it is not known. */
  get runId(): string | undefined {
    return this.#runId;
  }

  /** For messages: without user and password. */
  get name(): string {
    return this.#at ? `Redis at ${hostAndPort(this.#at)}` : this.#place.name;
  }

  /** Finds it, anew for each connection. */
  async find(): Promise<HostPort> {
    const before = this.#at;
    this.#at = undefined;
    const at = await this.#place.find(this.#slot);
    // What another server said says nothing of this one.
    if (before && hostAndPort(before) !== hostAndPort(at)) this.#lastError = undefined;
    this.#at = at;
    return at;
  }

  /** It has said what it is. What this throws ends the connection, which then looks for another one. */
  met(facts: ReadonlyMap<string, string>): void {
    this.#place.check(facts, this.#slot, this.#at !== this.#place.address);
    this.#runId = facts.get('run_id');
  }

  connected(): void {
    this.#wasReady = true;
    this.#place.log.connected(this.name, this.#place.name);
  }

  closed(): void {
    this.#runId = undefined;
  }

  failed(error: unknown): void {
    this.#lastError = moreTelling(this.#lastError, error);
    // Of the first connection the caller gets the error.
    if (this.#wasReady) this.#place.failed(this.name, error);
  }

  /** @param timeout ms for which it was tried */
  unreachable(timeout: number): CgroupError {
    const { name, address, isCluster, tls } = this.#place;
    const isFound = this.#at !== undefined && this.#at !== address;
    const sought = isFound ? `${this.name}, ${isCluster ? 'a node of' : 'which is'} ${name},` : name;
    return unreachable({ name: sought, tls }, timeout, this.#lastError);
  }
}
