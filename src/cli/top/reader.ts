import { performance } from 'node:perf_hooks';
import { isPartial } from '../../core/away-lanes.js';
import type { GroupClient } from '../../observe/client.js';
import type { ShownDeadLetter } from '../../observe/dead-letters.js';
import type { TopHistory } from './history.js';

/** Reads the status, and the dead letters (they may be long) only if they changed. */
export class TopReader {
  readonly #client: GroupClient;
  #deadLetters: ShownDeadLetter[] = [];
  #version = '';

  constructor(client: GroupClient) {
    this.#client = client;
  }

  /** @param limit how many dead letters, the newest */
  async readInto(history: TopHistory, limit: number): Promise<void> {
    const status = await this.#client.status();
    const { dead, purged, revived } = status.counters;
    // Another program may have deleted some: then only their number changes.
    const version = [dead, purged, revived, status.deadLetters, status.haltedCount, limit].join();
    // All lanes are needed to list them.
    if (version !== this.#version && !isPartial(status)) {
      this.#deadLetters = await this.#client.deadLetters.previews({ limit });
      this.#version = version;
    }
    history.add(status, this.#deadLetters, performance.now(), (await this.#client.misnamed())?.what);
  }
}
